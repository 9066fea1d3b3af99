"""Pages of PDFs by their own lines: whatever the way in which they are drawn, exact or not taken at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgpipe.base.errors import PictureError
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.layout import LEADS
from ecgpipe.recognize.hints import Hints
from ecgpipe.rectify.leaves import Leaf
from ecgpipe.rectify.picture import read_picture
from ecgpipe.synth.compose import A4, compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.marks import PageMarks
from ecgpipe.vector import vector_page
from tests.pdf_pages import Look, write_page

SIGNAL = simulate(np.random.default_rng(7), fs_hz=500)
PLAIN = compose_layout("3x4", ("II",), marks=PageMarks(separators="none"))


def taken(path: Path, layout, look: Look | None = None, hints: Hints | None = None):
    """The page that is taken from a PDF of SIGNAL on `layout`."""
    written = write_page(path / "page.pdf", SIGNAL, layout, look or Look())
    return vector_page(Leaf(written), hints or Hints())


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
            layout,
            windows=tuple(replace(w, start_s=p.start_s) for w, p in zip(layout.windows, found.windows, strict=True)),
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


def test_rounding_to_a_hundredth_of_a_point_costs_no_more_than_sigma_says(tmp_path):
    page = taken(tmp_path, PLAIN, Look(decimals=2))
    series, sigma = page.series(page.traces.layout)
    truth = printed(PLAIN)
    known = np.isfinite(truth)
    assert np.mean(np.abs(series - truth)[known] <= 2 * sigma[known] + 1e-6) > 0.9
    assert np.nanmax(sigma) < 0.01


def test_samples_that_a_program_left_out_are_put_back(tmp_path):
    """Drawn by matplotlib, which leaves out what lies nearly on a line: how it does that tells what, and so do other
    limb leads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(297 / 25.4, 210 / 25.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 297), ylim=(0, 210), xticks=range(0, 298), yticks=range(0, 211))
    axes.grid(color="pink", linewidth=0.2)
    axes.text(10, 5, "25 mm/s, 10 mm/mV")
    smooth = np.stack([np.convolve(lead, np.hanning(21) / np.hanning(21).sum(), "same") for lead in SIGNAL])
    for row, (lead, mv) in enumerate(zip(LEADS, smooth, strict=True)):
        axes.plot(20 + np.arange(5000) / 20, 195 - 15 * row + 10 * mv, "black", linewidth=0.5)
        axes.text(12, 197 - 15 * row, lead)
    figure.savefig(tmp_path / "plot.pdf")
    page = vector_page(Leaf(tmp_path / "plot.pdf"))
    assert page.traces.layout.name == "12x1" and page.doubts == ()
    series, sigma = page.series(page.traces.layout)
    lawful = page.lawful(series, sigma, page.traces.layout, 1.0)
    assert snr_db(series, smooth) > 38  # 38.9; the smoothest within the tolerance 35.1, along the lines 27
    assert snr_db(series[:6], smooth[:6]) < 35 and snr_db(lawful[:6], smooth[:6]) > 41  # 34.0 and 42.3
    assert np.mean(np.abs(off_level(series, smooth)) <= 2 * sigma) > 0.95
    np.testing.assert_array_equal(lawful[6:], series[6:])


def off_level(series: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How far a series is off, but for each lead's level."""
    return (error := series - truth) - np.median(error, axis=1, keepdims=True)


def snr_db(series: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(np.square(truth).sum() / np.square(off_level(series, truth)).sum()))


def test_without_a_pulse_or_text_the_usual_gain_is_a_doubt(tmp_path):
    page = taken(tmp_path, LAYOUTS["3x4"], Look(texts=False))
    assert page.traces.layout.gain_mm_per_mv == 10 and page.speed_told == "columns"
    assert page.doubts == ("no gain was found on the page, 10 mm/mV is assumed",)


def test_pulses_that_contradict_the_text_are_believed_and_said(tmp_path):
    (legend,) = PLAIN.texts
    page = taken(tmp_path, replace(PLAIN, texts=(replace(legend, words="25 mm/s 5 mm/mV"),)))
    assert page.traces.layout.gain_mm_per_mv == 10
    assert page.doubts == ("the pulses are 10.0 mm high, but 5 mm/mV is printed",)


def test_a_strip_without_a_name_is_the_lead_that_has_its_curve_above(tmp_path):
    strip = LAYOUTS["3x4+3R(V1,II,V5)"]
    nameless = replace(strip, names=strip.names[:12])
    assert taken(tmp_path, nameless).traces.layout.name == "3x4+3R(V1,II,V5)"


def test_what_somebody_knows_counts_where_no_name_is_printed(tmp_path):
    page = taken(tmp_path, LAYOUTS["12x1"], Look(names=False), Hints("12x1", 25.0, 20.0))
    assert page.traces.layout.gain_mm_per_mv == 20
    np.testing.assert_allclose(2 * page.series(page.traces.layout)[0], SIGNAL, atol=3e-3)


def test_the_digitizer_takes_the_lines_of_a_file(tmp_path):
    path = write_page(tmp_path / "page.pdf", SIGNAL, LAYOUTS["12x1"], Look())
    ecg = Digitizer().digitize(path)
    assert ecg.warnings == () and ecg.traces.layout.timing == "sequential"
    assert str(ecg.quality) == "traces as the page draws them" and ecg.quality.figures()["hidden_share"] == 0
    assert np.abs(ecg.series_mv - SIGNAL).max() < 3e-3
    # the map leads to where the rendering has the middle of a line of 2.5 pixels
    picture, layout = read_picture(path), ecg.traces.layout
    middles = [(layout.x_mm(w, 5.0), layout.y_mm(w, ecg.series_mv[k, 2500])) for k, w in enumerate(layout.windows)]
    columns, rows = np.rint(ecg.page_map.to_picture(np.array(middles))).astype(int).T
    assert (picture[rows, columns].max(axis=-1) < 100).all()


WHITE_OVER = "1 1 1 rg 200 350 100 150 re f"
CURVE = "0 0 0 RG 0.6 w 300 200 m " + " ".join(f"{300 + k} {200 + 9 * np.sin(k / 5):.2f} l" for k in range(90)) + " S"


def named_otherwise(old: str, new: str):
    return replace(
        PLAIN, names=tuple(replace(name, words=new if name.words == old else name.words) for name in PLAIN.names)
    )


UNCLEAR = {
    "no names": (PLAIN, Look(names=False)),
    "a lead that is none of the twelve": (named_otherwise("V3", "V3R"), Look()),
    "two leads swapped by name": (
        replace(named_otherwise("V2", "V5"), names=(*named_otherwise("V2", "V5").names[:10], *PLAIN.names[11:])),
        Look(),
    ),
    "a lead missing": (replace(PLAIN, windows=PLAIN.windows[1:], names=PLAIN.names), Look()),
    "another curve among the leads": (PLAIN, Look(after=CURVE)),
    "a part painted over": (PLAIN, Look(after=WHITE_OVER)),
    "no grid": (PLAIN, Look(grid="none")),
    "several speeds": (
        replace(PLAIN, texts=(*PLAIN.texts, replace(PLAIN.texts[0], words="50 mm/s", base_mm=20))),
        Look(),
    ),
    "chest leads at a gain of their own": (
        replace(LAYOUTS["3x4"], texts=(replace(PLAIN.texts[0], words="Limb: 10 mm/mV Chest: 5 mm/mV"),)),
        Look(),
    ),
    "rows without separators, names at uneven places": (
        replace(PLAIN, names=tuple(replace(n, left_mm=n.left_mm + 2 * (k // 3)) for k, n in enumerate(PLAIN.names))),
        Look("rows"),
    ),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_is_not_clear_is_left_to_be_rendered_and_read(tmp_path, name):
    assert taken(tmp_path, *UNCLEAR[name]) is None


def test_a_surprise_leaves_a_page_to_be_rendered_and_a_bad_file_is_said(tmp_path, monkeypatch):
    def surprised(leaf, hints):
        raise ZeroDivisionError

    monkeypatch.setattr("ecgpipe.vector.pages.page_by_lines", surprised)
    assert taken(tmp_path, PLAIN) is None
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 and nothing else")
    monkeypatch.undo()
    with pytest.raises(PictureError, match=r"bad\.pdf"):
        vector_page(Leaf(tmp_path / "bad.pdf"))
