"""The comparison's page: tables between two marks, the rest left as it is written."""

import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from experiments.architectures.budget import Training
from experiments.architectures.report import BEGIN, END, Arm, write_report
from experiments.architectures.scores import Figures


def arm(title: str, tmp_path, crps: float) -> Arm:
    rows = pd.DataFrame({"page": [0, 0, 1], "signal": 100.0, "noise": 1.0, "within": 0.95, "crps": 0.002})
    stretches = pd.DataFrame(
        {"page": [0, 1, 1], "samples": [60, 110, 200], "signal": 10.0, "noise": 10.0, "absolute": 0.05, "within": 0.9}
        | {"sigma": 0.06, "crps": crps, "crps_whole": np.nan if title == "lines" else 0.03, "size": 0.2}
    )
    scores = {"clean": Figures(rows, pd.DataFrame(), 0.1), "stained": Figures(rows, stretches, 0.1)}
    return Arm(title, [Training(title, tmp_path / title, 60.0)], scores)


def test_only_what_stands_between_the_marks_is_written_anew(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"# Ours\n\n{BEGIN}\nold\n{END}\n\nWhat it says.\n")
    arms = [arm("net", tmp_path, 0.04), arm("lines", tmp_path, 0.05)]
    for _ in range(2):
        write_report(path, arms, pages=5, test_pages=2, line_mv=0.1)
    text = path.read_text()
    assert text.startswith("# Ours\n") and text.endswith(f"{END}\n\nWhat it says.\n") and "old" not in text
    assert "| net | 20.0 | 20.0 (20.0 to 20.0) | 95.0% | 2.0 |" in text
    assert "| lines | 0.0 (0.0 to 0.0) | 50 | 60 | 90.0% | 50 (50 to 50) |  | 200 |" in text
    assert "| lines | +10.0 (+10.0 to +10.0) |" in text and "| lines | 50 | 50 | 50 |" in text


def test_a_page_without_the_marks_is_not_overwritten(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("mine\n")
    with pytest.raises(DataError, match="put both lines back"):
        write_report(path, [arm("net", tmp_path, 0.04)], pages=5, test_pages=2, line_mv=0.1)
    assert path.read_text() == "mine\n"
