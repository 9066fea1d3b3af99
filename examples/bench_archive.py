"""What `ecgpipe archive` costs and survives: its speed beside `ecgpipe digitize`, its memory, kills.

    python -m examples.bench_archive speed PICTURES --copies 8    # a folder's pictures, each so many times
    python -m examples.bench_archive memory --pages 4000          # of a reader that reads nothing
    python -m examples.bench_archive kills --kills 10 --pages 600
    python -m examples.bench_archive whole PICTURES --pages 2000  # all of it with pages that are read

`speed` reads the same pages in two processes of `archive` and by two runs of `digitize` side by side, one after the
other; what they take of the cores says more than the clock where other work runs too. `memory` adds up what the driver,
Ray and all workers have to themselves (PSS) and compares the first quarter of the run with the last. `kills` ends a
worker or the driver at random again and again, and tells how often pages were begun and what is in the shards at the
end. `whole` reads pages in earnest: kills in the first half, and after the last of them as many pages a second as two
runs of `digitize` before, or not. Linux only.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq

WORKER = "ray::_Actor"


def main() -> None:
    parser = argparse.ArgumentParser(description="What `ecgpipe archive` costs and survives.")
    tries = parser.add_subparsers(required=True)
    speed = tries.add_parser("speed")
    speed.add_argument("pictures", type=Path)
    speed.add_argument("--copies", type=int, default=8)
    speed.set_defaults(run=_speed)
    memory = tries.add_parser("memory")
    memory.add_argument("--pages", type=int, default=4000)
    memory.set_defaults(run=_memory)
    kill = tries.add_parser("kills")
    kill.add_argument("--kills", type=int, default=10)
    kill.add_argument("--pages", type=int, default=600)
    kill.set_defaults(run=_kills)
    whole = tries.add_parser("whole")
    whole.add_argument("pictures", type=Path)
    whole.add_argument("--pages", type=int, default=2000)
    whole.add_argument("--kills", type=int, default=10)
    whole.add_argument("--beside", type=int, default=100, help="pages of each of the two runs of digitize")
    whole.set_defaults(run=_whole)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-archive-") as folder:
        options.run(options, Path(folder))


# ---- speed


def _speed(options: argparse.Namespace, folder: Path) -> None:
    pictures = _pictures(options.pictures)
    halves = [folder / "one", folder / "two"]
    for copy in range(options.copies):
        for number, picture in enumerate(pictures):
            _put(picture, halves[(number + copy) % 2] / f"{copy}-{picture.name}")
    pages = len(pictures) * options.copies
    archive = ["archive", str(folder), "--output", str(folder / "out"), "--workers", "2"]
    ours = _timed([archive])
    theirs = _timed([["digitize", str(half), "--output", f"{half}-out"] for half in halves])
    for name, (wall_s, cpu_s) in {"archive": ours, "two of digitize": theirs}.items():
        print(f"{name}: {pages} pages in {wall_s:.1f} s of the clock, {cpu_s:.1f} s of the cores")
    print(
        f"throughput by the clock {theirs[0] / ours[0]:.2f}, by the cores {theirs[1] / ours[1]:.2f} of two of digitize"
    )


def _timed(commands: list[list[str]]) -> tuple[float, float]:
    """Seconds until all of these commands of ecgpipe, started at once, have ended, and what they took of all cores."""
    began, spent = time.monotonic(), {}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "ecgpipe", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command in commands
    ]
    while any(run.poll() is None for run in runs):
        for run in runs:
            for process in _tree(run.pid):
                try:
                    times = process.cpu_times()
                except psutil.Error:  # has ended meanwhile
                    continue
                spent[process.pid] = times.user + times.system
        time.sleep(0.2)
    return time.monotonic() - began, sum(spent.values())


def _tree(pid: int) -> list[psutil.Process]:
    """A process and all that came from it."""
    try:
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".png", ".jpg", ".jpeg"})


def _put(picture: Path, place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    if picture.stat().st_dev == place.parent.stat().st_dev:
        os.link(picture, place)
    else:
        place.write_bytes(picture.read_bytes())


# ---- memory and kills


def _start(folder: Path, delay_s: float) -> subprocess.Popen:
    log = folder / "log"
    command = ["-m", "examples.archive_stub", str(folder / "in"), str(folder / "out"), "--log", str(log)]
    return subprocess.Popen([sys.executable, *command, "--delay", str(delay_s)], stdout=subprocess.DEVNULL)


def _fill(folder: Path, pages: int) -> None:
    (folder / "in").mkdir()
    for page in range(pages):
        (folder / "in" / f"{page:06}.png").write_text("read")


def _log(folder: Path) -> list[str]:
    return (folder / "log").read_text().splitlines() if (folder / "log").exists() else []


def _memory(options: argparse.Namespace, folder: Path) -> None:
    _fill(folder, options.pages)
    driver = _start(folder, 0.0)
    taken: list[tuple[int, float]] = []  # pages begun, MB
    while driver.poll() is None:
        time.sleep(1)
        begun = len(_log(folder))
        if begun:
            taken.append((begun, _pss_mb(driver.pid)))
    quarters = [
        np.mean([mb for begun, mb in taken if number <= 4 * begun / options.pages < number + 1]) for number in range(4)
    ]
    print(f"{options.pages} pages, MB by quarter: {', '.join(f'{mb:.0f}' for mb in quarters)}")
    print(f"the last is {quarters[3] / quarters[0] - 1:+.1%} off the first")


def _pss_mb(pid: int) -> float:
    total = 0.0
    for process in _tree(pid):
        try:
            total += process.memory_full_info().pss / 2**20
        except psutil.Error:
            continue
    return total


def _kills(options: argparse.Namespace, folder: Path) -> None:
    _fill(folder, options.pages)
    rng, killed, delay_s = random.Random(1), Counter[str](), 0.05
    driver = _start(folder, delay_s)
    while killed.total() < options.kills:
        begun = len(_log(folder))
        target = begun + rng.randint(1, max(2, options.pages // (2 * options.kills)))
        while len(_log(folder)) < target and driver.poll() is None:
            time.sleep(0.02)
        if driver.poll() is not None:
            break
        driver = _kill(rng, killed, driver, lambda: _start(folder, delay_s))
    code = driver.wait()
    rows = Counter(pq.read_table(folder / "out", columns=["path"])["path"].to_pylist())
    times = Counter(line.split()[0] for line in _log(folder))
    print(f"{dict(killed)} killed, the last run ended with {code}")
    print(f"{len(rows)} of {options.pages} pages in the shards, rows of each: {sorted(set(rows.values()))}")
    print(f"pages begun more than once: {sum(count > 1 for count in times.values())}, most often {max(times.values())}")


def _kill(
    rng: random.Random, killed: Counter[str], driver: subprocess.Popen, start: Callable[[], subprocess.Popen]
) -> subprocess.Popen:
    """Kill the driver, or every second time one of its workers, and count it; the driver that runs from then on."""
    workers = [child for child in _tree(driver.pid) if WORKER in " ".join(child.cmdline())]
    if killed.total() % 2 and workers:
        rng.choice(workers).kill()
        killed["worker"] += 1
        return driver
    driver.kill()
    driver.wait()
    killed["driver"] += 1
    return start()


# ---- pages that are read


def _whole(options: argparse.Namespace, folder: Path) -> None:
    pictures, halves = _pictures(options.pictures), [folder / "one", folder / "two"]
    for page in range(options.pages):
        picture = pictures[page % len(pictures)]
        _put(picture, folder / "in" / f"{page:06}{picture.suffix}")
        if page < 2 * options.beside:
            _put(picture, halves[page // len(pictures) % 2] / f"{page:06}{picture.suffix}")
    _timed([["digitize", str(half), "--output", f"{half}-out"] for half in halves])
    written = [sorted(path.stat().st_mtime for path in Path(f"{half}-out").iterdir()) for half in halves]
    theirs = sum((len(times) - 1) / (times[-1] - times[0]) for times in written)
    print(f"two of digitize: {theirs:.3f} pages/s from the first page on, {sum(map(len, written))} pages", flush=True)

    rng, killed = random.Random(1), Counter[str]()
    kill_at = sorted(rng.randint(1, options.pages // 2) for _ in range(options.kills))
    driver, undisturbed = _archive(folder), time.monotonic()
    seen: list[tuple[float, int, float]] = []  # when, files done, MB
    while driver.poll() is None:
        time.sleep(1)
        done = _done(folder)
        if kill_at and done >= kill_at[0]:
            kill_at.pop(0)
            driver = _kill(rng, killed, driver, lambda: _archive(folder))
            undisturbed = time.monotonic() + 30
        elif done > (seen[-1][1] if seen else 0):
            seen.append((time.monotonic(), done, _pss_mb(driver.pid)))
    print(f"{dict(killed)} killed, the last run ended with {driver.returncode}")
    rows = pq.read_table(folder / "out", columns=["path", "lead"])
    leads = set(Counter(rows["path"].to_pylist()).values())
    twice = len(rows) - len(rows.group_by(["path", "lead"]).aggregate([]))
    print(
        f"{len(rows['path'].unique())} of {options.pages} pages in the shards, rows of each {leads}, {twice} rows twice"
    )
    (began, first, _), (ended, last, _) = (calm := [one for one in seen if one[0] > undisturbed])[0], calm[-1]
    ours = (last - first) / (ended - began)
    print(f"archive: {ours:.3f} pages/s after the last kill ({last - first} pages), {ours / theirs:.2f} of digitize")
    quarter = [
        np.mean([mb for _, done, mb in seen if number <= 4 * done / options.pages < number + 1]) for number in range(4)
    ]
    print(
        f"MB by quarter: {', '.join(f'{mb:.0f}' for mb in quarter)}; last off first {quarter[3] / quarter[0] - 1:+.1%}"
    )


def _archive(folder: Path) -> subprocess.Popen:
    with (folder / "said").open("a") as said:
        command = ["archive", str(folder / "in"), "--output", str(folder / "out"), "--workers", "2"]
        return subprocess.Popen([sys.executable, "-m", "ecgpipe", *command], stdout=subprocess.DEVNULL, stderr=said)


def _done(folder: Path) -> int:
    """Files done by the last line that the archive said of it."""
    said = re.findall(r"([\d,]+) of [\d,]+ files", (folder / "said").read_text())
    return int(said[-1].replace(",", "")) if said else 0


if __name__ == "__main__":
    main()
