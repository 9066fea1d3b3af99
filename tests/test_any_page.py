"""The benchmarks of any maker's page and of what is none say rightly what came of a picture."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.synth.capture import Capture
from ecgpipe.synth.compose import compose_layout
from ecgpipe.trace.strips import FS_HZ
from examples import any_page
from examples.any_page import Page, Row, leads_right, make_page, scales_right, snr_db
from examples.any_page_report import plain, report
from examples.not_ecgs import NOT_ECGS, make_picture

SIX = compose_layout("6x2", (), leads=LEADS)


def page_of(layout, picture_mm=(500.0, 500.0)) -> Page:
    """A page whose picture, at 1 px a mm, shows its upper left corner."""
    rng = np.random.default_rng(0)
    t_s = np.arange(10 * FS_HZ) / FS_HZ
    series = np.stack([np.sin(2 * np.pi * rng.uniform(0.7, 1.3) * t_s) for _ in LEADS])
    blank = np.zeros((round(picture_mm[1]), round(picture_mm[0]), 3), np.uint8)
    return Page(Capture(blank, PageMap.from_function(layout, lambda mm: mm)), layout, series)


def reading(layout, series_mv):
    return SimpleNamespace(traces=SimpleNamespace(layout=layout), series_mv=series_mv)


def test_leads_are_right_only_where_every_row_has_its_own():
    assert leads_right(SIX, compose_layout("6x2", (), leads=LEADS, pitch_mm=20.0, speed=25.0))
    assert not leads_right(SIX, compose_layout("6x2", ("II",)))
    assert not leads_right(SIX, compose_layout("6x2", (), order="cabrera"))


@pytest.mark.parametrize("change, right", [({"gain": 5.0}, False), ({"chest_ratio": 0.5}, False), ({}, True)])
def test_scales_are_right_only_where_speed_and_every_gain_are(change, right):
    assert scales_right(SIX, compose_layout("6x2", (), leads=LEADS, **change)) is right


def test_a_lead_upside_down_has_another_scale():
    other = replace(SIX, windows=tuple(replace(w, gain_ratio=-1.0 if w.lead == "aVR" else 1.0) for w in SIX.windows))
    assert leads_right(SIX, other) and not scales_right(SIX, other)


def test_what_the_picture_shows_is_scored_and_what_was_not_read_counts_as_zero():
    page = page_of(KIT)
    found = replace(KIT, windows=tuple(window for window in KIT.windows if window.lead != "V6"))
    assert snr_db(page, reading(KIT, page.series_mv)) > 100
    assert snr_db(page, reading(found, page.series_mv)) == pytest.approx(11.9, abs=0.1)  # one of twelve leads is lost
    cut = page_of(KIT, (170.0, 500.0))  # V5 and V6 are not in the picture
    assert snr_db(cut, reading(found, page.series_mv)) > 100


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    made = []

    def measure(index, seed):
        made.append(index)
        return Row(seed, index, "0001", "6x2", 25.0, 10.0, 5.0, "refused", reason="a grid of 12 boxes, but no traces")

    monkeypatch.setattr(any_page, "measure", measure)
    path = tmp_path / "out.csv"
    for pages in (2, 4):
        any_page.run(path, range(pages), 1, workers=1)
    table = pd.read_csv(path)
    assert made == [0, 1, 2, 3] == list(table["index"])
    report(table)


def test_alike_reasons_count_together():
    assert plain("certainty 0.012, at least 0.02") == plain("certainty 0.003, at least 0.02")


def test_pages_come_again_and_are_of_many_makers():
    first, again = (make_page(5, 1) for _ in range(2))
    np.testing.assert_array_equal(first.picture.image, again.picture.image)
    assert first.layout == again.layout


@pytest.mark.parametrize("index", range(len(NOT_ECGS)))
def test_pictures_of_something_else_are_pictures(index):
    name, picture = make_picture(index, 1)
    assert name == NOT_ECGS[index][0]
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    assert min(picture.shape[:2]) > 200
