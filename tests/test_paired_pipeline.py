"""paired/dvc.yaml and its parameters agree with its modules; in a clone it runs end to end, twice to the same bytes."""

import ast
import dataclasses
import json
import re

import pytest
import yaml

from ecgpipe.base.errors import ParamsError
from ecgpipe.paired.params import Loss, Params, load_params
from ecgpipe.training.losses import SeriesLoss
from examples.paired import FOLDER, TABLE
from tests.conftest import REPOSITORY
from tests.test_pipeline import Clone

FILE = "paired/dvc.yaml"
DVC_YAML = yaml.safe_load((REPOSITORY / FILE).read_text())
STAGES = DVC_YAML["stages"]
OWN = ["load", "train", "cross_validate"]


def test_the_order_of_the_file_is_the_story():
    assert list(STAGES) == ["example", *OWN]
    assert all(stage["wdir"] == ".." and len(stage["desc"].split()) >= 5 for stage in STAGES.values())


@pytest.mark.parametrize("name", OWN)
def test_a_stage_is_its_module_and_names_the_blocks_and_files_of_it(name):
    stage, source = STAGES[name], (REPOSITORY / f"paired/{name}.py").read_text()
    assert stage["cmd"] == f"python -m paired.{name}"
    assert stage["metrics"] == [{f"metrics/paired/{name}.json": {"cache": False}}]
    assert all(out in source for out in stage["outs"])
    # what the library is handed the parameters for, beside what the module itself reads
    handed = {"load": set(), "train": {"augmentation", "loss"}, "cross_validate": {"augmentation", "model", "loss"}}
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    read = {node.attr for node in nodes if ast.unparse(node.value) == "params"}
    (blocks,) = stage["params"]
    assert set(blocks) == {"paired/params.yaml"} and set(blocks["paired/params.yaml"]) == read | handed[name]


def test_by_default_the_baseline_takes_the_smoke_set():
    data = load_params(REPOSITORY / "paired/params.yaml").data
    assert (data.source, data.folder, data.table) == ("paired", str(FOLDER), TABLE)
    assert STAGES["example"]["outs"] == [str(FOLDER)] and "${data.folder}" in STAGES["load"]["deps"]


def test_every_parameter_is_there_and_explained():
    text = (REPOSITORY / "paired/params.yaml").read_text()
    content, lines = yaml.safe_load(text), text.splitlines()
    assert all("# " in line for line in lines if line.startswith("  "))
    for block in dataclasses.fields(Params):
        assert list(content[block.name]) == [field.name for field in dataclasses.fields(block.type)]


def test_every_loss_of_series_has_its_weight():
    losses = [f"{loss.__name__}_weight" for loss in SeriesLoss().series_losses]
    assert [field.name for field in dataclasses.fields(Loss)] == losses


def test_a_source_of_the_other_pipeline_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text((REPOSITORY / "paired/params.yaml").read_text().replace("source: paired", "source: kaggle"))
    with pytest.raises(ParamsError, match=r"data\.source: found 'kaggle' .* expected one of 'paired'"):
        load_params(path)


# ---- in a clone


@pytest.mark.slow
def test_one_command_from_nothing_and_again_the_same_bytes(tmp_path):
    clone = Clone(tmp_path / "repository")
    path = clone.folder / "paired/params.yaml"
    path.write_text(path.read_text().replace("steps: 100", "steps: 5"))

    def made() -> dict[str, bytes]:
        done = clone.run("dvc", "repro", "-f", FILE)
        assert done.returncode == 0, done.stderr
        assert "lead II: found 1 ECG for 3 folds" in done.stderr
        folders = ("data/paired", "models", "metrics/paired", "plots/paired")
        files = [path for folder in folders for path in (clone.folder / folder).rglob("*.*") if path.is_file()]
        return {str(path.relative_to(clone.folder)): path.read_bytes() for path in files}

    first = made()
    assert made() == first
    plots = [next(iter(plot)) if isinstance(plot, dict) else plot for plot in DVC_YAML["plots"]]
    assert {plot.removeprefix("../") for plot in plots} <= set(first)
    metrics = json.loads(first["metrics/paired/cross_validate.json"])
    assert metrics["pictures"] == metrics["folds"] == 3 and {"snr_db/lead_I", "snr_db/lead_II"} <= set(metrics)
    assert "up to date" in clone.run("dvc", "status", FILE).stdout
    (example,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/paired.md").read_text(), re.DOTALL)
    (clone.folder / "example.py").write_text(f"{example}\nassert signals_mv.shape == (3, 2, 100)\n")
    assert clone.run("example").returncode == 0


@pytest.mark.slow
def test_a_bad_table_is_one_line_and_trains_nothing(tmp_path):
    clone = Clone(tmp_path / "repository")
    (clone.folder / "mine").mkdir()
    (clone.folder / "mine/table.csv").write_text("ecg_id,image,lead\n1,a.png,I\n")
    path = clone.folder / "paired/params.yaml"
    path.write_text(path.read_text().replace(f"folder: {FOLDER}", "folder: mine"))
    done = clone.run("dvc", "repro", FILE)
    assert done.returncode != 0 and "Traceback" not in done.stderr and not (clone.folder / "models").exists()
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors == ["error: mine/table.csv: found the columns ecg_id,image,lead, expected ecg_id,image,signal,lead"]
