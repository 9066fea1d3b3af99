"""DVC and Kaggle together: after drift, `dvc repro` fetches what is new and preprocesses the records it belongs to."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ecgpipe.competition.dataset import Dataset
from ecgpipe.synth.dataset import write_dataset
from tests.test_pipeline import Clone

pytestmark = pytest.mark.slow

NOISE = "train/10000001/10000001-0001.png"
POINT_CLIENT = """
import os
import kagglesdk.kaggle_http_client as client
client.get_endpoint = lambda environment: os.environ["LOOPBACK"]
"""


class KaggleClone(Clone):
    """A clone whose Python speaks to a Kaggle on loopback."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        super().__init__(folder)
        self.endpoint, self.patch = endpoint, folder.parent / "patch"
        self.patch.mkdir()
        (self.patch / "sitecustomize.py").write_text(POINT_CLIENT)  # run by Python as it starts

    def run(self, *command: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        environment |= {"PYTHONPATH": f"{self.folder}:{self.patch}", "LOOPBACK": self.endpoint}
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def repro(self) -> list[str]:
        """Run `dvc repro preprocess`; the stages that it ran."""
        done = self.run("dvc", "repro", "preprocess")
        assert done.returncode == 0, done.stderr + done.stdout
        return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]

    def figures(self, stage: str, *names: str) -> tuple[int, ...]:
        metrics = json.loads((self.folder / f"metrics/{stage}.json").read_text())
        return tuple(metrics[name] for name in names)


@pytest.fixture
def clone(remote, params, tmp_path) -> KaggleClone:
    """A clone whose source is a data set of two records on the loopback Kaggle: a rendered page and, quicker, noise."""
    dataset = Dataset(tmp_path / "rendered")
    write_dataset(dataset.root, replace(params.data, train_records=2, test_records=1, kinds=("0001",), workers=1))
    paths = [path for path in dataset.files() if "test_truth" not in path.parts]
    remote.files = {path.relative_to(dataset.root).as_posix(): path.read_bytes() for path in paths}
    remote.files[NOISE] = noise(0)
    clone = KaggleClone(tmp_path / "repository", remote.endpoint)
    kaggle = {"attempts": 2, "backoff_s": 0.0}
    clone.set({"data": {"source": "kaggle", "kaggle": {**vars(params.data.kaggle), **kaggle}}})
    clone.set({block: {"workers": 1} for block in ("data", "verify", "preprocess")})
    return clone


def noise(seed: int) -> bytes:
    """A picture that shows no page."""
    pixels = np.random.default_rng(seed).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def test_after_drift_repro_fetches_the_new_file_and_rectifies_its_record(clone, remote):
    assert clone.repro() == ["download", "verify", "preprocess"]
    assert clone.figures("download", "fetched_files", "kept_files") == (len(remote.files), 0)
    assert clone.figures("preprocess", "records", "records_reused") == (2, 0)
    assert clone.run("ecgpipe", "check-remote").returncode == 0
    assert clone.repro() == []

    untouched = (clone.folder / "data/frames/10000000.npz").read_bytes()
    remote.files[NOISE], remote.created[NOISE] = noise(1), "2025-11-18T00:00:00Z"
    remote.asked.clear()
    found = clone.run("ecgpipe", "check-remote")
    assert found.returncode == 3 and found.stdout.startswith(f"changed {NOISE}: "), found.stdout + found.stderr
    assert clone.repro() == ["download", "verify", "preprocess"]
    assert remote.fetched() == {NOISE}
    assert clone.figures("download", "fetched_files", "fetched_records", "kept_files") == (1, 1, len(remote.files) - 1)
    assert clone.figures("preprocess", "records", "records_reused") == (2, 1)
    assert (clone.folder / "data/frames/10000000.npz").read_bytes() == untouched
    assert (clone.folder / "data/raw" / NOISE).read_bytes() == remote.files[NOISE]
    assert clone.run("ecgpipe", "check-remote").returncode == 0
