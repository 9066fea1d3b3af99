"""Sheets for the marks' network: what is printed is marked where it lies, and the same seed gives the same."""

from itertools import islice

import numpy as np
import pytest

from ecgpipe.recognize.marks import CHANNELS, END, INVERTED, MEASURES, NAMES, PULSE, START, marks_of
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.page import PageStyle
from ecgpipe.trace.strips import PAPER
from pretrain import canvases
from pretrain.canvases import SHEETS_MM, CanvasStream, SheetStream, make_canvases
from pretrain.pages import Signals

PAGE = compose_layout("3x2", ("II",), order="cabrera")
STYLE = PageStyle(header=())
SLIP_MM = 0.3  # of this canvas's map: 0.19 at most
WHOLE = 2  # seed of a canvas that shows all of the page


def a_canvas(monkeypatch, turned_share: float = 0.0, seed: int = 0) -> canvases.Canvases:
    """A canvas of `PAGE`, drawn clean."""
    monkeypatch.setattr(canvases, "random_page", lambda rng, kit_share: (PAGE, STYLE, canvases.Print.none()))
    monkeypatch.setattr(canvases, "TURNED_SHARE", turned_share)
    monkeypatch.setattr(canvases, "QUICK_SHARE", 1.0)
    return make_canvases(Signals(), np.random.default_rng(seed), 1)


def seen(made: canvases.Canvases, channel: str) -> np.ndarray:
    """Cells (n, 2), x and y, that hold a mark of `channel`."""
    return np.argwhere(made.heat[0, CHANNELS.index(channel)] > 0.99)[:, ::-1]


def test_what_is_printed_is_marked_once_each(monkeypatch):
    made = a_canvas(monkeypatch, seed=WHOLE)
    counts = {channel: len(seen(made, channel)) for channel in (*NAMES, PULSE, START, END)}
    leads = [INVERTED if window.gain_ratio < 0 else window.lead for window in PAGE.windows]
    assert counts == {name: leads.count(name) for name in NAMES} | {
        PULSE: len(PAGE.pulses),
        START: len(PAGE.windows),
        END: len(PAGE.windows),
    }


def test_marks_lie_where_the_page_has_them_but_for_a_shift_and_the_maps_slip(monkeypatch):
    made = a_canvas(monkeypatch, seed=WHOLE)
    measures = np.nan_to_num(made.measures[0].astype(np.float32))
    logits = np.where(made.heat[0] > 0.99, 5.0, -5.0)
    found = {kind: marks_of(logits, measures).of(kind) for kind in (START, END)}
    ends_mm = {START: [w.left_mm for w in PAGE.windows], END: [w.left_mm + 25 * w.duration_s for w in PAGE.windows]}
    for kind, marks in found.items():
        for got, true in (
            ([mark.x_mm for mark in marks], ends_mm[kind]),
            ([mark.y_mm for mark in marks], [PAGE.baselines_mm[window.row] for window in PAGE.windows]),
        ):
            off = np.sort(got) - np.sort(true)
            scale = np.polyfit(np.sort(true), off, 1)  # a canvas's map is some percent too large or too small
            assert abs(scale[0]) < 0.01  # 0.005
            assert np.abs(off - np.polyval(scale, np.sort(true))).max() < SLIP_MM


def test_a_start_has_ink_right_of_it_and_paper_above(monkeypatch):
    made = a_canvas(monkeypatch, seed=WHOLE)
    dark = made.images[0].min(axis=2) < PAPER / 2
    px = made.images.shape[1] // made.heat.shape[2]
    for x, y in seen(made, START):
        window = dark[px * (y - 8) : px * (y + 9), px * x + 2 * px : px * (x + 12)]
        assert window.any(axis=0).all(), "a trace runs on from each start"


def test_a_pulses_measures_are_those_of_the_page(monkeypatch):
    made = a_canvas(monkeypatch, seed=WHOLE)
    assert len(seen(made, PULSE))
    for x, y in seen(made, PULSE):
        high, wide = (float(made.measures[0, MEASURES.index(f"pulse_{size}"), y, x]) for size in ("high", "wide"))
        assert (high, wide) == pytest.approx((1.0, 1.0), abs=1e-3)  # 10 mm, 5 mm


def test_a_turned_sheet_shows_nothing_to_be_seen(monkeypatch):
    made = a_canvas(monkeypatch, turned_share=1.0)
    assert not made.heat.any() and np.isnan(made.measures).all()
    assert made.images.min() < PAPER / 2


@pytest.mark.parametrize("seed", range(2))
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(seed):
    first, again, other = (make_canvases(Signals(), np.random.default_rng(k), 2) for k in (seed, seed, seed + 50))
    assert [part.tobytes() for part in first] == [part.tobytes() for part in again]
    assert first.images.tobytes() != other.images.tobytes()
    height, width = first.images.shape[1:3]
    assert (width / 4, height / 4) in SHEETS_MM
    assert first.heat.shape == (2, len(CHANNELS), height // 4, width // 4)
    assert first.measures.shape == (2, len(MEASURES), height // 4, width // 4)
    assert first.heat.min() >= 0 and first.heat.max() <= 1


def test_batches_are_of_one_shape():
    stream = CanvasStream(
        SheetStream(Signals(), canvases_per_page=2, seed=1), batch_size=2, pool_pages=2, uses=1, workers=0
    )
    for images, heat, measures in islice(stream, 2):
        assert len(images) == len(heat) == len(measures) == 2
        assert images.shape[1] == 4 * heat.shape[2] and heat.shape[2:] == measures.shape[2:]
