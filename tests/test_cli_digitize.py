"""`ecgpipe digitize`: what it writes for a page, and that this is what the page shows."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ecgpipe.cli import main
from ecgpipe.competition.dataset import write_signal
from ecgpipe.formats.csv import read_series
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.synth.page import PageStyle, draw_page

FS_HZ = 500


def test_a_csv_has_twelve_named_leads_of_ten_seconds(digitized):
    lines = (digitized / "page.csv").read_text().splitlines()
    assert lines[0] == "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"
    assert len(lines) == 1 + 10 * FS_HZ


def test_a_lead_has_values_in_its_printed_window_and_nothing_outside(digitized):
    finite = np.isfinite(read_series(digitized / "page.csv"))
    assert finite[LEADS.index("II")].all()
    assert finite[LEADS.index("V1"), 2500:3750].all() and finite[LEADS.index("V1")].sum() == 1250


def test_the_series_are_those_of_the_page(tmp_path, digitized, signal, capsys):
    write_signal(tmp_path / "page.csv", signal, FS_HZ)
    assert main(["score", str(digitized), str(tmp_path)]) == 0
    assert float(capsys.readouterr().out.rsplit(":", 1)[1].split()[0]) > 34  # 35.2


def test_sigma_has_a_value_for_each_of_the_series_and_nearly_all_errors_are_within_two_of_it(digitized, signal):
    series, sigma = read_series(digitized / "page.csv"), read_series(digitized / "page.sigma.csv")
    np.testing.assert_array_equal(np.isfinite(sigma), np.isfinite(series))
    known = np.isfinite(series)
    assert np.mean(np.abs(series - signal)[known] <= 2 * sigma[known]) > 0.99  # 0.999
    assert np.median(sigma[known]) < 0.009  # 0.0077, not bought by a sigma that covers anything


def test_an_overlay_changes_the_picture_at_the_trace_and_keeps_its_size(digitized, page):
    picture, overlay = cv2.imread(str(page)), cv2.imread(str(digitized / "page.overlay.jpg"))
    assert overlay.shape == picture.shape
    assert 0.02 < np.mean(np.abs(overlay.astype(int) - picture).max(-1) > 60) < 0.035  # 0.028


def test_the_table_of_quality_says_how_far_the_page_can_be_trusted_and_what_it_is(digitized, page):
    (row,) = csv.DictReader((digitized / "quality.csv").open())
    assert (row["picture"], row["page"], row["status"], row["reason"]) == (str(page), "1", "read", "")
    assert float(row["expected_error_mm"]) < 0.012 and float(row["hidden_share"]) < 0.06  # 0.009, 0.046
    assert {
        "cut_off_share": "0",
        "layout": "3x4+1R(II)",
        "lead_order": "standard",
        "speed_mm_per_s": "25",
        "gain_mm_per_mv": "10",
        "columns": "sequential",
        "warnings": "",
    }.items() <= row.items()
    assert 0.005 < float(row["median_sigma_mv"]) < 0.009 and float(row["unsure_share"]) < 0.02  # 0.0077, 0.013


@pytest.fixture(scope="module")
def strip_of_v1(tmp_path_factory, signal) -> Path:
    """A clean page whose rhythm strip shows V1."""
    path = tmp_path_factory.mktemp("v1") / "v1.png"
    strip = replace(KIT.windows[-1], lead="V1")
    layout = replace(KIT, windows=(*KIT.windows[:-1], strip))
    cv2.imwrite(str(path), draw_page(signal, FS_HZ, PageStyle(), layout)[..., ::-1])
    return path


def test_a_strip_of_another_lead_is_warned_of_and_not_taken_for_lead_ii(at_once, tmp_path, strip_of_v1, signal, capsys):
    table = tmp_path / "quality.csv"
    assert main(["digitize", str(strip_of_v1), "--output", str(tmp_path), "--quality", str(table)]) == 0
    assert "v1.png: warning: the strip of lead II differs from its short window" in capsys.readouterr().err
    (row,) = csv.DictReader(table.open())
    assert "left out" in row["warnings"] and (row["speed_mm_per_s"], row["gain_mm_per_mv"]) == ("25", "10")
    second = read_series(tmp_path / "v1.csv")[LEADS.index("II")]
    assert np.isnan(second[1250:]).all()
    np.testing.assert_allclose(second[20:1230], signal[LEADS.index("II"), 20:1230], atol=0.1)
