"""The command line: what it imports before there is work, and what reaches the digitizer of what is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from ecgpipe.cli import main
from ecgpipe.digitize.leads import DEFAULT, LeadOptions
from ecgpipe.page.layout import LEADS
from ecgpipe.recognize.hints import Hints
from ecgpipe.trace.weights import SHIPPED, SHIPPED_ANY

GIVEN = [Path("a"), Path("b")]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (SHIPPED, SHIPPED_ANY, DEFAULT, "none", Hints())),
        (["--weights", "a", "--weights", "b", "--flips", "both"], (GIVEN, GIVEN, DEFAULT, "both", Hints())),
        (["--lead-laws", "off"], (SHIPPED, SHIPPED_ANY, LeadOptions(merge_rhythm=True), "none", Hints())),
        (
            ["--layout", "6x1", "--speed", "50", "--gain", "20", "--leads", "V1,V2,V3,V4,V5,V6"],
            (SHIPPED, SHIPPED_ANY, DEFAULT, "none", Hints("6x1", 50.0, 20.0, LEADS[6:])),
        ),
        (["--leads=-aVR,I,II"], (SHIPPED, SHIPPED_ANY, DEFAULT, "none", Hints(leads=("-aVR", "I", "II")))),
    ],
)
def test_weights_lead_laws_flips_and_hints_reach_the_digitizer(monkeypatch, at_once, tmp_path, arguments, expected):
    asked = []
    monkeypatch.setattr(
        "ecgpipe.digitize.digitizer.Digitizer",
        lambda weights, options, flips, hints, other_weights: asked.append(
            (weights, other_weights, options, flips, hints)
        ),
    )
    assert main(["digitize", str(tmp_path / "absent.png"), "--output", str(tmp_path), *arguments]) == 1
    assert asked == [expected]


def test_weights_that_are_not_there_are_one_line_that_names_them(at_once, tmp_path, page, capsys):
    weights = str(tmp_path / "lost.safetensors")
    assert main(["digitize", str(page), "--output", str(tmp_path), "--weights", weights]) == 1
    error = capsys.readouterr().err
    assert weights in error and error.count("\n") == 1


@pytest.mark.parametrize("rate", ["0", "-500", "nan", "333.33", "fast"])
def test_a_rate_that_gives_no_whole_rows_is_a_usage_error(rate, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["digitize", "x.png", "--output", "out", "--fs", rate])
    assert stop.value.code == 2 and "--fs" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(count, capsys):
    with pytest.raises(SystemExit):
        main(["digitize", "x.png", "--output", "out", "--workers", count])
    assert f"found {count}, expected a whole number" in capsys.readouterr().err


def test_digitize_starts_without_what_it_does_not_need():
    slow = {"torch", "pytorch_lightning", "dvc", "kaggle", "matplotlib", "pandas", "wfdb"}
    used = "ecgpipe.cli, ecgpipe.digitize.digitizer, ecgpipe.formats.csv, ecgpipe.rectify.picture"
    code = f"import sys, {used}; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("module", "slow"),
    [("ecgpipe.cli", {"numpy", "cv2", "scipy", "openvino"}), ("ecgpipe.recognize.pages", {"openvino"})],
)
def test_pages_are_being_found_before_the_reader_is_imported(module, slow):
    code = f"import sys, {module}; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
