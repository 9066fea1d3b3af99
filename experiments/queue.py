"""DVC's experiment queue: experiments with a name and overrides go in, run one at a time, and their metrics come back.

What is done is kept by DVC under the commit that is checked out (`dvc exp show`, `dvc exp apply NAME`). A run that is
killed, here or in the queue, loses nothing: the next one waits for what still runs, and queues again what was lost.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from ecgpipe.base.errors import EcgpipeError

POLL_S = 2.0  # between looks at the process that runs; a look at the queue, when it ends, costs a second and more
SHOW_S = 120.0  # after which DVC hangs: it does where it reads a run's metrics as that ends and takes its folder away
SHOW_PAUSES_S = (2, 4, 8, 16, 32, 64)  # between looks at a queue that cannot be looked at


class ExperimentError(EcgpipeError):
    """DVC refused what was asked of its experiments."""


@dataclass(frozen=True)
class Experiment:
    """The parameters of params.yaml with `overrides`, each as `dvc exp run -S` takes it."""

    label: str
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        """What DVC calls it: other overrides, another name."""
        return f"{self.label}-{hashlib.sha256(' '.join(self.overrides).encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class Found:
    """How far an experiment is: queued, running (in the process `pid`), success or failed; its metrics by file."""

    state: str
    pid: int | None
    metrics: Mapping[str, Mapping[str, float]]


def run(experiments: Iterable[Experiment], stage: str, poll_s: float = POLL_S) -> dict[str, Mapping[str, float] | None]:
    """Bring all to an end, up to `stage`: by name its metrics, or None of one that failed.

    What is done at this commit is not done again; what failed in an earlier run is tried once more.
    """
    commit = _git("rev-parse", "HEAD")
    wanted = {experiment.name: experiment for experiment in experiments}
    for name, found in find(wanted, commit).items():
        if found.state == "failed":
            _dvc("queue", "remove", name)
    said, unseen = "", set(wanted)
    while len(ended := _ended(known := find(wanted, commit))) < len(wanted):
        # One that a worker is about to begin is shown neither as queued nor as running: it is looked for twice.
        unseen, missing = set(wanted) - set(known), unseen - set(known)
        for name, experiment in wanted.items():
            if name in missing:
                _queue(experiment, stage)
        running = {name: found.pid for name, found in known.items() if found.state == "running"}
        for name in (name for name, pid in running.items() if not _lives(pid)):
            _forget_if_lost(name)
        if not any(map(_lives, running.values())):
            _dvc("queue", "start", "-j", "1")
        said = _say(said, f"{len(ended)} of {len(wanted)} done; now {', '.join(running) or 'starting'}")
        time.sleep(poll_s)
        while any(map(_lives, running.values())):
            time.sleep(poll_s)
    file = f"metrics/{stage}.json"
    return {name: known[name].metrics[file] if known[name].state == "success" else None for name in wanted}


def find(names: Iterable[str], commit: str = "HEAD") -> dict[str, Found]:
    """Those of the experiments `names` that DVC knows at a commit."""
    names = set(names)
    rows = [row for shown in _shown(names, commit) for row in shown["experiments"] or [] if row["name"] in names]
    # One that failed once may be there a second time.
    return {row["name"]: _found(row) for row in sorted(rows, key=lambda row: _state(row) != "failed")}


def _shown(names: Set[str], commit: str) -> list[dict]:
    """What `dvc exp show` knows. It fails while the folder of a run is being made, and for good if that was killed."""
    for pause_s in SHOW_PAUSES_S:
        try:
            return json.loads(_dvc("exp", "show", "--json", "--rev", commit, patience_s=SHOW_S))
        except ExperimentError:
            status = _dvc("queue", "status")
            if "Worker status: 0 active" in status:
                for name in names & {line.split()[1] for line in status.splitlines() if line.endswith("Running")}:
                    _forget_if_lost(name)
            time.sleep(pause_s)
    return json.loads(_dvc("exp", "show", "--json", "--rev", commit, patience_s=SHOW_S))


def _state(row: dict) -> str:
    return row["executor"]["state"] if row["executor"] else "success"


def _found(row: dict) -> Found:
    files = ((row["revs"][0]["data"] or {}).get("metrics") or {}).items()
    metrics = {file: content["data"] for file, content in files if "data" in content}
    return Found(_state(row), ((row["executor"] or {}).get("local") or {}).get("pid"), metrics)


def _ended(known: Mapping[str, Found]) -> set[str]:
    return {name for name, found in known.items() if found.state in ("success", "failed")}


def _queue(experiment: Experiment, stage: str) -> None:
    overrides = [word for override in experiment.overrides for word in ("-S", override)]
    _dvc("exp", "run", "--queue", "--name", experiment.name, *overrides, stage)


def _forget_if_lost(name: str) -> None:
    """Take out of DVC's queue what it believes to run though no worker runs it; a result that it has is kept."""
    try:
        _dvc("queue", "kill", name)  # refused while a worker holds it, as between its process's end and its result
    except ExperimentError:
        return
    _dvc("queue", "remove", name)


def _lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _say(before: str, now: str) -> str:
    if now != before:
        print(now, file=sys.stderr, flush=True)
    return now


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def _dvc(*arguments: str, patience_s: float | None = None) -> str:
    """What a command of DVC's prints; ExperimentError with its last line if it fails, or if it takes longer than
    `patience_s` and is ended."""
    bin_first = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    # Files, not pipes: a worker that `dvc queue start` leaves behind would hold those open.
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        command = [sys.executable, "-m", "dvc", *arguments]
        try:
            status = subprocess.run(command, stdout=out, stderr=err, env=bin_first, timeout=patience_s).returncode
        except subprocess.TimeoutExpired:
            said = f"dvc {' '.join(arguments[:3])}: no answer within {patience_s:g} s; try again"
            raise ExperimentError(said) from None
        for file in (out, err):
            file.seek(0)
        told, complaint = out.read(), err.read()
    if status:
        lines = (complaint.strip() or told.strip() or "no word of why").splitlines()
        reason = next((line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")), lines[-1])
        raise ExperimentError(f"dvc {' '.join(arguments[:3])}: {reason}")
    return told
