"""Pages of PDFs by their own lines: whatever the way in which they are drawn, exact or not taken at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgpipe.page.layout import LEADS
from ecgpipe.recognize.hints import Hints
from ecgpipe.rectify.leaves import Leaf
from ecgpipe.synth.compose import A4, compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.marks import PageMarks
from ecgpipe.vector.pages import vector_page
from tests.pdf_pages import Look, write_page

SIGNAL = simulate(np.random.default_rng(7), fs_hz=500)
PLAIN = compose_layout("3x4", ("II",), marks=PageMarks(separators="none"))


def taken(path: Path, layout, look: Look = Look(), hints: Hints = Hints()):
    """The page that is taken from a PDF of SIGNAL on `layout`."""
    return vector_page(Leaf(write_page(path / "page.pdf", SIGNAL, layout, look)), hints)


def printed(layout) -> np.ndarray:
    """SIGNAL where `layout` prints it (12, n), NaN elsewhere."""
    shown = np.full((len(LEADS), round(layout.duration_s * 500)), np.nan)
    for lead, window in layout.lead_windows.items():
        part = layout.samples(window, shown.shape[1])
        shown[LEADS.index(lead), part] = SIGNAL[LEADS.index(lead), part]
    return shown


def assert_exact(page, layout, within_mv: float = 3e-3) -> None:
    """The series are those printed, but for a level of each row where no pulse tells 0 mV."""
    assert page is not None
    series, sigma = page.series(page.traces.layout)
    truth = printed(layout)
    assert series.shape == truth.shape
    apart = series - truth
    if not page.traces.layout.pulses:
        apart -= np.nanmedian(apart, axis=1, keepdims=True)
    known = np.isfinite(truth)
    assert np.isfinite(apart[known]).mean() > 0.998 and not np.isfinite(series[~known]).any()
    assert np.nanmax(np.abs(apart)) < within_mv
    assert np.nanmax(sigma) < within_mv


LAYOUTS = {
    "3x4+1R(II)": compose_layout("3x4", ("II",)),
    "3x4+3R(V1,II,V5)": compose_layout("3x4", ("V1", "II", "V5"), size_mm=A4),
    "3x4": compose_layout("3x4", (), marks=PageMarks(pulses="none", separators="none", name_dx_mm=4)),
    "6x2": compose_layout("6x2", (), size_mm=A4, left_mm=25),
    "6x2 ": compose_layout("6x2", (), size_mm=A4, left_mm=25, order="cabrera"),
    "12x1": compose_layout("12x1", (), size_mm=A4),
    "12x1 ": compose_layout("12x1", (), size_mm=A4, gain=5.0),
    "6x1": compose_layout("6x1", (), speed=50.0, size_mm=A4, leads=LEADS[6:]),
    "3x2": compose_layout("3x2", (), gain=20.0, size_mm=A4),
    "3x4+1R(V1)": compose_layout("3x4", ("V1",), columns="simultaneous"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_pages_of_each_form_order_speed_and_gain_are_exact(tmp_path, name):
    layout = LAYOUTS[name]
    page = taken(tmp_path, layout)
    found = page.traces.layout
    assert found.name == name.strip() and page.doubts == () and page.quality.certainty == 1
    assert (found.nominal_speed_mm_per_s, found.gain_mm_per_mv) == (layout.speed_mm_per_s, layout.gain_mm_per_mv)
    assert [(w.lead, w.row, w.gain_ratio) for w in found.windows] == [
        (w.lead, w.row, w.gain_ratio) for w in layout.windows
    ]
    if layout.timing == "simultaneous":  # in page time each column begins where the paper has it
        layout = replace(
            layout, windows=tuple(replace(w, start_s=p.start_s) for w, p in zip(layout.windows, found.windows, strict=True))
        )
        assert np.isfinite(page.series(found)[0][LEADS.index("V6"), 3750:]).all()
    else:
        assert_exact(page, layout)


LOOKS = {
    "a path a row, separators": (LAYOUTS["3x4+1R(II)"], Look("rows")),
    "a path a row, told apart by names": (PLAIN, Look("rows")),
    "pulses before the traces": (PLAIN, Look("rows", pulses="before")),
    "pulses after the traces": (PLAIN, Look("rows", pulses="after")),
    "pulses before the first leads": (PLAIN, Look(pulses="before")),
    "one path for all": (PLAIN, Look("path")),
    "a stroke for each two samples": (PLAIN, Look("strokes", every=2)),
    "a form": (PLAIN, Look("form")),
    "pieces of a second": (LAYOUTS["12x1"], Look("pieces")),
    "only 5 mm lines": (PLAIN, Look(grid="five")),
    "reduced": (PLAIN, Look(scale=0.71)),
    "enlarged": (PLAIN, Look(scale=1.4)),
    "a turned page": (PLAIN, Look(turn=90)),
    "on its side": (PLAIN, Look(lie=1)),
    "on its head, on a page turned back": (PLAIN, Look(lie=2, turn=270)),
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_way_in_which_a_page_is_drawn_does_not_matter(tmp_path, name):
    layout, look = LOOKS[name]
    page = taken(tmp_path, layout, look)
    assert page is not None and page.traces.layout.name == layout.name and page.doubts == ()
    if look.every > 1:
        layout_mv = printed(layout)
        series, _ = page.series(page.traces.layout)
        np.testing.assert_allclose(series[:, ::2], layout_mv[:, ::2], atol=3e-3)
    else:
        assert_exact(page, layout)
