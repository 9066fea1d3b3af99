"""What `verify` catches and what it costs, and what kills cost `preprocess`: on simulated data, in a temporary folder.

python -m examples.bench_data [--records 2] [--faults 60] [--changed 20] [--kills 15] [--workers 2] [--folder FOLDER]

`--records` clean records of all kinds must raise no alarm, and what was read in them is scored; `--faults` faults,
each in a record of its own, must all be named rightly, and nothing else; hashing and preprocessing are compared with
their floors; one of `--changed` records is changed and preprocessed again; then the stage `preprocess` is killed again
and again. 0 leaves a part out.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml
from rich.progress import track

from ecgpipe.base.errors import PageNotFound
from ecgpipe.competition import manifest
from ecgpipe.competition.dataset import Dataset, Kind
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.params import Params, load_params
from ecgpipe.pipeline.preprocess import rectify_records
from ecgpipe.rectify.frames import Frame, write_shard
from ecgpipe.rectify.picture import read_picture
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.score.compare import page_table, pair
from ecgpipe.score.metrics import Pair, competition_score, evaluate
from ecgpipe.synth.dataset import write_dataset
from ecgpipe.verify.files import Report, verify
from ecgpipe.verify.pairing.pairs import concluded, pages_of, pair_pages, truth_series
from ecgpipe.verify.pairing.reading import Readings
from ecgpipe.verify.suspects import Suspects, find_suspects
from examples.faults import FAULTS, KIND, Place

SEED = 88_000  # no other data set starts from it
SPARES = 12  # records that others are mixed up with
REPEATS = 5
ROOT = Path(__file__).parents[1]


def make(root: Path, params: Params, records: int, tests: int, kinds: tuple[Kind, ...], seed: int) -> Dataset:
    """A simulated data set, kept in `root` from an earlier run if it is there."""
    if not root.is_dir():
        data = replace(params.data, train_records=records, test_records=tests, kinds=kinds, seed=seed)
        write_dataset(root, data)
    return Dataset(root)


def examine(dataset: Dataset, expected, params: Params, scratch: Path) -> tuple[Report, Suspects, int]:
    """What `verify` says of the files and of the pairs, and how many pages could not be read."""
    report = verify(dataset.root, expected, params.verify)
    pages = pages_of(dataset, report.records)
    work = pair_pages(dataset, pages, report.hashes, params.verify, scratch)
    pairing = concluded(dataset, report.records, list(track(work, "read", total=len(pages))))
    return report, find_suspects(report, pairing.table, "warn"), pairing.counts["pages_unreadable"]


def clean(folder: Path, params: Params, records: int) -> None:
    dataset = make(folder / f"clean{records}", params, records, 1, params.data.kinds, SEED)
    start = time.perf_counter()
    report, suspects, unreadable = examine(dataset, manifest.build(dataset.root), params, folder / "readings")
    pages = len(report.pictures) - 1
    seconds = time.perf_counter() - start
    alarms = len(report.findings) + len(suspects.table)
    print(f"clean: {records} records, {pages} pages, {alarms} false alarms, {unreadable} unreadable, {seconds:.0f} s")
    for row in suspects.table.itertuples():
        print(f"  false: {row.path} {row.fault} {row.leads} {row.evidence}")
    print(scores(dataset, report, Readings(folder / "readings")).to_string(float_format="%.1f"))
    start = time.perf_counter()
    examine(dataset, manifest.build(dataset.root), params, folder / "readings")
    print(f"  again, nothing changed: {time.perf_counter() - start:.1f} s")


def faults(folder: Path, params: Params, count: int) -> None:
    pristine = make(folder / f"faults{count}", params, count + SPARES, 6, (KIND,), SEED + 1)
    root = folder / "spoilt"
    shutil.rmtree(root, ignore_errors=True)
    dataset = Dataset(shutil.copytree(pristine.root, root))
    records = dataset.train_records()
    spares = iter(records[count:] * count)
    names = [list(FAULTS)[index % len(FAULTS)] for index in range(count)]
    places = [Place(dataset, record, next(spares)) for record in records[:count]]
    jobs = list(zip(names, places, strict=True))
    for late in (False, True):
        if late:
            expected = manifest.build(root)
        for name, place in jobs:
            if FAULTS[name].after_manifest == late:
                FAULTS[name].plant(place)
    report, suspects, _ = examine(dataset, expected, params, folder / "readings")
    missed = [
        (name, place.record.id) for name, place in jobs if not FAULTS[name].found(place.record.id, report, suspects)
    ]
    touched = {place.record.id for place in places} | {place.other.id for place in places}
    false = [row.path for row in suspects.table.itertuples() if row.id not in touched and row.path.startswith("train/")]
    print(f"faults: {count - len(missed)} of {count} named, {len(set(names))} kinds, {len(false)} false alarms")
    for name, id_ in missed:
        said = [f.problem for f in report.findings if id_ in f.path]
        said += [f"{row.fault}: {row.evidence}" for row in suspects.table.itertuples() if row.id == id_]
        print(f"  missed: {name} in {id_}; said: {said}")


def median_s(work: Callable[[], object]) -> float:
    """Median seconds of REPEATS runs after one that warms the disk's cache."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def scores(dataset: Dataset, report: Report, readings: Readings) -> pd.DataFrame:
    """Scores, by kind, of the readings that pairs were judged by, at their RATE_HZ; a refused page counts as 0 mV."""
    pairs: list[Pair] = []
    refused: Counter[str] = Counter()
    for record in report.records:
        truth = truth_series(dataset, record)
        for kind in dataset.kinds_of(record.id):
            path = dataset.image_path(record.id, kind)
            reading = readings.of(path, report.hashes[path.relative_to(dataset.root).as_posix()], kind)
            refused[kind] += not reading.legible
            pairs.append(pair(record.id, kind, truth, reading.series_mv))
    pages = page_table(evaluate(pairs))
    parts = [*pages.groupby("kind"), ("all", pages)]
    columns = {
        "n": [len(part) for _, part in parts],
        "refused": [refused[kind] for kind, _ in parts[:-1]] + [refused.total()],
        "score, dB": [competition_score(part["snr"]) for _, part in parts],
        "median page, dB": [part["snr_db"].median() for _, part in parts],
        "lower quarter, dB": [part["snr_db"].quantile(0.25) for _, part in parts],
    }
    return pd.DataFrame(columns, index=[kind for kind, _ in parts])


def hashing(dataset: Dataset, workers: int) -> None:
    paths = dataset.files()

    def bare() -> None:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda path: hashlib.sha256(path.read_bytes()).digest(), paths))

    floor, ours = median_s(bare), median_s(lambda: manifest.build(dataset.root, workers))
    size = sum(path.stat().st_size for path in paths)
    print(f"hashing {size / 1e6:.0f} MB: {ours:.2f} s, bare {floor:.2f} s, {ours / floor:.2f} times, n = {REPEATS}")


def preprocessing(dataset: Dataset, params: Params, folder: Path) -> None:
    spec, quality = FrameSpec(), params.preprocess.jpeg_quality
    ids = [record.id for record in dataset.train_records()][:2]

    def floor() -> None:
        for id_ in ids:
            frames = {}
            for kind in dataset.kinds_of(id_):
                picture = read_picture(dataset.image_path(id_, kind))
                try:
                    frames[kind] = Frame.cut(picture, rectify(picture).page_map, spec)
                except PageNotFound:
                    continue
            write_shard(folder / "floor" / f"{id_}.npz", frames, quality)

    def ours(records: list[str], kept: str) -> None:
        list(rectify_records(dataset, records, folder / "frames", spec, 1, folder / kept, (), quality))

    seconds = []
    for name, work in (("floor", floor), ("ours", lambda: ours(ids, "kept")), ("again", lambda: ours(ids, "kept"))):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
        print(f"preprocess, {name}: {seconds[-1]:.2f} s for {len(ids)} records")
    print(f"preprocess: {seconds[1] / seconds[0]:.2f} times its floor")


def changed(folder: Path, params: Params, count: int) -> None:
    """Preprocess `count` records, then again with the picture of one of them changed."""
    pristine = make(folder / f"changed{count}", params, count, 1, (KIND,), SEED + 3)
    runs = folder / "changed_run"
    shutil.rmtree(runs, ignore_errors=True)
    dataset = Dataset(shutil.copytree(pristine.root, runs / "raw"))
    ids = [record.id for record in dataset.train_records()]
    places, seconds, reused = (runs / "frames", FrameSpec(), params.verify.workers, runs / "kept", ()), [], 0
    for _ in range(2):
        start = time.perf_counter()
        reused = sum(done.reused for done in rectify_records(dataset, ids, *places, params.preprocess.jpeg_quality))
        seconds.append(time.perf_counter() - start)
        path = dataset.image_path(ids[count // 2], KIND)
        path.write_bytes(dataset.image_path(ids[0], KIND).read_bytes())
    share = seconds[1] / seconds[0]
    print(f"1 changed record in {count}: {seconds[1]:.1f} of {seconds[0]:.1f} s, {share:.2%}; {reused} reused")


def kills(folder: Path, params: Params, count: int) -> None:
    """Kill the stage `preprocess` at random moments; what it ends in is what an undisturbed run leaves."""
    dataset = make(folder / "kills", params, 8, 1, (KIND,), SEED + 2)
    runs = {name: folder / "runs" / name for name in ("undisturbed", "killed")}
    for run in runs.values():
        shutil.rmtree(run, ignore_errors=True)
        (run / "data").mkdir(parents=True)
        shutil.copytree(dataset.root, run / "data" / "raw")
        (run / "params.yaml").write_text(yaml.safe_dump(yaml.safe_load((ROOT / "params.yaml").read_text())))
        (run / "data" / "suspects.csv").write_text("id,kind,excluded\n")
    start = time.perf_counter()
    assert stage(runs["undisturbed"]).wait() == 0
    alone = time.perf_counter() - start
    moments, survived = random.Random(1), 0
    for _ in range(count):
        process = stage(runs["killed"])
        try:
            process.wait(moments.uniform(0.2, 1.0) * alone)
            survived += 1
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    assert stage(runs["killed"]).wait() == 0
    left = [{p.name: p.read_bytes() for p in (run / "data/frames").iterdir()} for run in runs.values()]
    same = "the same bytes" if left[0] == left[1] else "OTHER BYTES"
    print(
        f"kills: {count - survived} of {count} runs killed, then {same} in {len(left[1])} files ({alone:.0f} s alone)"
    )


def stage(folder: Path) -> subprocess.Popen:
    """The stage `preprocess` at work in `folder`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.preprocess"]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2, help="clean records of all kinds")
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--changed", type=int, default=20, help="records of which one is changed")
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep data and readings there")
    args = parser.parse_args()

    params = load_params(ROOT / "params.yaml")
    params = replace(params, verify=replace(params.verify, workers=args.workers))
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        if args.records:
            clean(folder, params, args.records)
            dataset = Dataset(folder / f"clean{args.records}")
            hashing(dataset, args.workers)
            preprocessing(dataset, params, Path(temporary))
        if args.faults:
            faults(folder, params, args.faults)
        if args.changed:
            changed(folder, params, args.changed)
        if args.kills:
            kills(folder, params, args.kills)


if __name__ == "__main__":
    main()
