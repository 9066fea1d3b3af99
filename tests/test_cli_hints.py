"""`ecgpipe digitize` and what its user says of the pages: --layout, --speed, --gain, --leads."""

import numpy as np
import pytest

from ecgpipe.cli import main
from ecgpipe.formats.csv import read_series


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layout", "4x3"], "layout: found 4x3, expected 3x4, 6x2"),
        (["--speed", "30"], "speed: found 30, expected 12.5, 25, 50 or 100 mm/s"),
        (["--gain", "ten"], "gain: found ten, expected 2.5, 5, 10 or 20 mm/mV"),
        (["--layout", "3x1", "--leads", "I,II"], "leads: found 2, expected the 3 of 3x1"),
    ],
)
def test_hints_that_no_page_has_are_one_line_and_nothing_is_read(tmp_path, page, capsys, arguments, words):
    assert main(["digitize", str(page), "--output", str(tmp_path / "out"), *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_gain_that_is_said_is_that_of_the_reading(at_once, tmp_path, page, digitized, capsys):
    assert main(["digitize", str(page), "--output", str(tmp_path), "--gain", "20"]) == 0
    assert f"{page} -> {tmp_path / 'page.csv'} (3x4+1R(II), 25 mm/s, 20 mm/mV; map good to" in capsys.readouterr().out
    half, whole = read_series(tmp_path / "page.csv"), read_series(digitized / "page.csv")
    known = np.isfinite(whole)
    assert np.polyfit(whole[known], half[known], 1)[0] == pytest.approx(0.5, abs=0.05)
