"""What the page draws lies where the picture shows it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.web.edits import blanked
from ecgpipe.web.store import Page
from ecgpipe.web.views import reading as view
from tests.web_server import SIZE, reading, tilted

READ = reading()


@pytest.fixture
def page() -> Page:
    return Page("id", "ecg-1", Path("1"), "id", size=SIZE, digitized=READ, state="read")


def test_traces_are_lines_of_the_picture_by_printed_stretch(page):
    windows = view(page)["windows"]
    assert [window["lead"] for window in windows] == [window.lead for window in KIT.windows]
    for window, shown in zip(KIT.windows, windows, strict=True):
        points = np.reshape(shown["traces"][0], (-1, 2))
        part = KIT.samples(window, READ.series_mv.shape[1])
        t_s, mv = np.arange(part.start, part.stop) / 500, READ.series_mv[LEADS.index(window.lead), part]
        expected = tilted(np.stack([KIT.x_mm(window, t_s), KIT.y_mm(window, mv)], axis=-1))
        np.testing.assert_allclose(points, expected, atol=0.15)


def test_what_is_unsure_has_a_band_of_two_standard_errors(page):
    band = np.reshape(view(page)["windows"][0]["unsure"][0], (-1, 2))
    half = len(band) // 2
    height_px = np.linalg.norm(band[:half] - band[half:][::-1], axis=-1)
    assert half == 50  # the tenth of a second that was read with 0.2 mV
    height_mm = 4 * np.median(READ.sigma_mv[0, 200:250]) * KIT.gain_mm_per_mv  # two to either side
    assert np.median(height_px) == pytest.approx(height_mm * 5.2, rel=0.05)
    leads = {lead["name"]: lead for lead in view(page)["leads"]}
    assert leads["I"]["unsure_s"] == pytest.approx(0.1) and leads["V1"]["unsure_s"] == 0


def test_a_blanked_stretch_breaks_its_line_and_is_said(page):
    page.edits.append(blanked(READ, 0, 1.0, 1.5))
    shown = view(page)
    assert len(shown["windows"][0]["traces"]) == 2 and len(shown["windows"][1]["traces"]) == 1
    assert shown["edits"] == ["lead I blanked from 1.000 to 1.500 s"]
    assert [lead["edited"] for lead in shown["leads"]] == [True, *[False] * 11]
    assert [lead["read_s"] for lead in shown["leads"]][:2] == [2.0, 10.0]


def test_an_axis_leads_from_time_and_height_to_the_picture(page):
    axis = view(page)["windows"][5]["axis"]
    window = KIT.windows[5]
    k = 7
    t_s = window.start_s + k * axis["step_s"]
    expected = [tilted(np.array([KIT.x_mm(window, t_s), KIT.y_mm(window, mv)])) for mv in (0.0, 1.0)]
    np.testing.assert_allclose(axis["points"][k], np.concatenate(expected), atol=0.15)


def test_leads_are_named_as_a_hint_would_and_all_is_plain_json(page):
    shown = view(page)
    assert shown["layout"]["leads"] == ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    assert shown["layout"]["name"] == "3x4+1R(II)" and shown["warnings"] == ["one doubt"]
    assert len(json.dumps(shown, allow_nan=False)) < 600_000


def test_a_lead_printed_upside_down_is_named_so(page):
    windows = tuple(replace(w, gain_ratio=-1.0 if w.lead == "aVR" else 1.0) for w in KIT.windows)
    page.digitized = reading(replace(KIT, windows=windows))
    assert view(page)["layout"]["leads"][3] == "-aVR"
