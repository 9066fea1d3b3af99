"""Lines drawn on the picture become millivolts through the page's map, and what was changed is marked."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.formats import write_series
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.web.edits import applied, blanked, redrawn
from tests.web_server import reading, tilted

INVERTED = replace(
    KIT, windows=tuple(replace(w, gain_ratio=-1.0 if w.lead == "aVR" else 1.0) for w in KIT.windows), snap_dpi=None
)
READ = {"upright": reading(), "inverted": reading(INVERTED)}
NUMBER = {(w.lead, w.row): k for k, w in enumerate(KIT.windows)}


def drawn_px(digitized, number, t_s, mv):
    """Where a lead's `mv` at `t_s` would be printed, in picture pixels."""
    layout = digitized.traces.layout
    window = layout.windows[number]
    return tilted(np.stack([layout.x_mm(window, np.asarray(t_s)), layout.y_mm(window, np.asarray(mv))], axis=-1))


@given(
    st.sampled_from(sorted(READ)),
    st.integers(0, len(KIT.windows) - 1),
    st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=12),
)
@settings(max_examples=40, deadline=None)
def test_what_is_drawn_is_what_is_read_back(kind, number, mv):
    digitized = READ[kind]
    window = digitized.traces.layout.windows[number]
    t_s = window.start_s + np.linspace(0.3, window.duration_s - 0.3, len(mv))
    edit = redrawn(digitized, number, drawn_px(digitized, number, t_s, mv).tolist())
    changed = applied(digitized, [edit])
    row = LEADS.index(window.lead)
    at_s = np.arange(edit.start, edit.stop) / 500
    # half a pixel of time on lines as steep as these, and the map's lattice of 2.5 mm
    np.testing.assert_allclose(changed.series_mv[row, edit.start : edit.stop], np.interp(at_s, t_s, mv), atol=0.03)
    others = np.ones(changed.series_mv.shape, bool)
    others[row, edit.start : edit.stop] = False
    np.testing.assert_array_equal(changed.series_mv[others], digitized.series_mv[others])
    assert edit.start / 500 == pytest.approx(t_s[0], abs=0.005) and edit.stop / 500 == pytest.approx(t_s[-1], abs=0.005)


def test_points_that_run_back_are_left_out():
    digitized, number = READ["upright"], NUMBER["V2", 1]
    t_s, mv = [5.5, 6.0, 5.8, 6.5], [0.0, 0.5, 9.0, 0.0]
    edit = redrawn(digitized, number, drawn_px(digitized, number, t_s, mv).tolist())
    assert edit.mv.max() == pytest.approx(0.5, abs=0.02)


def test_a_blank_ends_with_its_window():
    edit = blanked(READ["upright"], NUMBER["V2", 1], 4.0, 5.5)
    assert (edit.lead, edit.start, edit.stop) == ("V2", 2500, 2750)
    changed = applied(READ["upright"], [edit])
    assert np.isnan(changed.series_mv[LEADS.index("V2"), 2500:2750]).all()
    assert np.isfinite(changed.series_mv[LEADS.index("V2"), 2750:3750]).all()


def test_no_one_knows_how_sure_a_hand_is():
    edit = redrawn(READ["upright"], 0, drawn_px(READ["upright"], 0, [0.5, 1.0], [0.0, 0.0]).tolist())
    changed = applied(READ["upright"], [edit])
    assert np.isnan(changed.sigma_mv[0, edit.start : edit.stop]).all() and np.isfinite(changed.sigma_mv[0, :200]).all()


def test_the_last_edit_of_a_stretch_counts():
    line = redrawn(READ["upright"], 0, drawn_px(READ["upright"], 0, [0.5, 1.0], [0.2, 0.2]).tolist())
    again = applied(READ["upright"], [blanked(READ["upright"], 0, 0.0, 2.0), line])
    assert np.isnan(again.series_mv[0, 200]) and again.series_mv[0, 300] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("number", "t_s", "mv", "line"),
    [
        (0, [1.0, 1.0], [0.0, 1.0], "expected one drawn along lead I"),
        (0, [0.5, 1.0], [0.0, 40.0], "mV from lead I"),
        (99, [0.5, 1.0], [0.0, 0.0], "expected one of the 13"),
        (-1, [0.5, 1.0], [0.0, 0.0], "expected one of the 13"),
    ],
)
def test_what_cannot_be_a_lead_is_refused(number, t_s, mv, line):
    points = drawn_px(READ["upright"], 0, t_s, mv).tolist()
    with pytest.raises(EcgpipeError, match=line):
        redrawn(READ["upright"], number, points)


@pytest.mark.parametrize(("start_s", "stop_s"), [(1.0, 1.0), (2.0, 1.0), (3.0, 4.0), (-2.0, -1.0)])
def test_a_stretch_without_samples_is_refused(start_s, stop_s):
    with pytest.raises(EcgpipeError, match=r"expected a stretch within the 0\.00 to 2\.50 s that lead I shows"):
        blanked(READ["upright"], 0, start_s, stop_s)


def test_files_say_what_was_edited_by_hand(tmp_path):
    edit = blanked(READ["upright"], NUMBER["V2", 1], 5.2, 5.6)
    write_series(tmp_path / "ecg.json", applied(READ["upright"], [edit]).at(500))
    note = json.loads((tmp_path / "ecg.json").read_text())["note"][0]["text"]
    assert "one doubt; edited by hand: lead V2 blanked from 5.200 to 5.600 s" in note
