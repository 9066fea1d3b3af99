"""The notebooks run from top to bottom on small data, say what they do, and hold nothing that they drew."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import yaml

from ecgpipe.competition.dataset import Dataset, read_signal
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.traces import write_traces
from ecgpipe.synth.dataset import write_dataset
from ecgpipe.trace.reader import Traces
from ecgpipe.training.data import row_series
from tests.conftest import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
# A training of a moment with the outputs of the real one that a notebook looks at.
TRAIN = """
import json, pathlib, yaml
weight = yaml.safe_load(open("params.yaml"))["loss"]["frequency_weight"]
rows = [f"{step},{weight / step}" for step in (1, 2, 3)]
pathlib.Path("plots/train").mkdir(parents=True)
pathlib.Path("plots/train/loss.csv").write_text("step,loss_column\\n" + "\\n".join(rows) + "\\n")
pathlib.Path("metrics").mkdir(exist_ok=True)
scores = {"snr_db/kind_0001": 20 + weight, "snr_db/kind_0005": 15 - weight, "snr_db_median": 17}
pathlib.Path("metrics/cross_validate.json").write_text(json.dumps(scores))
"""


@pytest.fixture(autouse=True)
def drawn(monkeypatch) -> list[int]:
    """How many panels each figure had that a notebook showed."""
    matplotlib.use("Agg")
    counts: list[int] = []

    def show() -> None:
        counts.extend(len(plt.figure(number).axes) for number in plt.get_fignums())
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    return counts


def run(name: str, folder: Path, monkeypatch) -> dict:
    """Run a notebook's cells on what lies in `folder`; the names that it leaves."""
    monkeypatch.setenv("ECGPIPE_FOLDER", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    names: dict = {}
    for cell in json.loads((REPOSITORY / "notebooks" / f"{name}.ipynb").read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    return names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_holds_text_and_code_and_no_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in code if cell.outputs or cell.execution_count is not None]
    assert not [cell for cell in notebook.cells if cell.get("attachments")]
    assert notebook.cells[0].source.startswith("# ") and len(notebook.cells) > len(code) >= 3
    assert path.stat().st_size < 20_000


@pytest.fixture(scope="module")
def finished(params, tmp_path_factory) -> Path:
    """A folder as the pipeline leaves it: two records with a page each, read with a little noise."""
    folder = tmp_path_factory.mktemp("finished")
    few = replace(params.data, train_records=2, test_records=1, kinds=("0001",), turned_share=0, workers=1)
    write_dataset(folder / "data" / "raw", few)
    (folder / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    dataset = Dataset(folder / "data" / "raw")
    (folder / "data" / "oof").mkdir()
    for record in dataset.train_records():
        mv = row_series(read_signal(dataset.signal_path(record.id), record.sig_len), record.fs, KIT)
        mv += np.random.default_rng(0).normal(0, 0.05, mv.shape)
        traces = Traces(mv.astype(np.float32), np.full_like(mv, 0.05, np.float32))
        write_traces(folder / "data" / "oof" / f"{record.id}.npz", {"0001": traces})
    return folder


def test_a_look_at_a_data_set(finished, monkeypatch, drawn, capsys):
    names = run("dataset", finished, monkeypatch)
    assert "2 records to train on, 1 to submit" in capsys.readouterr().out
    assert list(names["table"]["kinds"]) == [1, 1] and drawn == [3, 12]


def test_how_good_a_reconstruction_is_and_what_post_processing_does_to_it(finished, monkeypatch, drawn, capsys):
    names = run("reconstruction", finished, monkeypatch)
    assert drawn == [1, 12, 1]
    smoothing = {one.name: one for one in names["tried"] if one.step == "smoothing"}
    assert names["choice"].leads.smoothing != "none"  # white noise, which any of them takes off
    assert smoothing["savgol_7"].gain.db > 1 and "savgol_7" in capsys.readouterr().out
    assert set(names["by_lead"].index) == set(names["LEADS"])


@pytest.mark.slow
def test_an_experiment_from_its_run_to_a_plot(tmp_path, monkeypatch, drawn, capsys):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"loss": {"frequency_weight": 0.1}}))
    (tmp_path / "train.py").write_text(TRAIN)
    stage = {"cmd": f"{sys.executable} train.py", "params": ["loss"], "outs": ["plots/train"]}
    stage["metrics"] = [{"metrics/cross_validate.json": {"cache": False}}]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b.c")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for command in ("git init -q -b main", "dvc init -q", "dvc repro -q", "git add -A", "git commit -q -m one"):
        subprocess.run(command.split(), cwd=tmp_path, env=os.environ | {"PATH": path}, check=True)
    names = run("experiment", tmp_path, monkeypatch)
    assert names["kinds"] == {"0001": pytest.approx(0.2), "0005": pytest.approx(-0.2)}
    assert list(names["losses"](names["NAME"])["loss_column"]) == pytest.approx([0.3, 0.15, 0.1])
    assert drawn == [1, 1]
    assert "loss.frequency_weight=0.3" in capsys.readouterr().out
