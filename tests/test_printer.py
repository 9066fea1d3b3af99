"""A printer moves black ink beside the grid, and says by how much."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.page.layout import KIT, LEADS, MM_PER_INCH
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

FS_HZ = 500
WHITE = (255, 255, 255)
BARE = PageStyle(major=WHITE, minor=WHITE, trace=(0, 0, 0), show_border=False, header=())
FLAT = np.zeros((12, 10 * FS_HZ))
STRIP_ONLY = replace(KIT, windows=KIT.windows[-1:], names=(), texts=(), pulses=(), separators=())
WAVE = Print(offset_mm=(0.03, -0.02), wave_mm=(0.09, 0.04), wave_phase=(1.0, 2.0), period_mm=75.0, y_share=0.3)


def ink(page: np.ndarray) -> np.ndarray:
    return 1 - page[..., 0] / 255


def middles(print_: Print, series: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Page y in mm of the strip's ink in some columns."""
    drawn = ink(draw_page(series, FS_HZ, BARE, STRIP_ONLY, print_=print_))[:, columns]
    return (drawn * (np.arange(len(drawn)) + 0.5)[:, None]).sum(0) / drawn.sum(0) / PX_PER_MM


def test_no_printer_changes_no_byte():
    style = PageStyle.random(np.random.default_rng(2))
    plain = draw_page(FLAT, FS_HZ, style, KIT)
    np.testing.assert_array_equal(draw_page(FLAT, FS_HZ, style, KIT, print_=Print.none()), plain)


@pytest.mark.parametrize("trace_dpi, within_mm", [(None, 0.01), (1200, 0.025), (600, 0.045)])
def test_traces_lie_beside_their_place_by_the_told_shift(trace_dpi, within_mm):
    series, window = FLAT.copy(), STRIP_ONLY.windows[0]
    t_s = np.arange(10 * FS_HZ) / FS_HZ
    series[LEADS.index("II")] = 0.5 * np.sin(2 * np.pi * 1.3 * t_s)
    columns = np.arange(150, 2050)
    x_mm = KIT.x_mm(window, t_s)
    dx, dy = WAVE.ink_shift_mm(x_mm)
    y_mm = KIT.y_mm(window, series[LEADS.index("II")]) + dy
    expected = np.interp((columns + 0.5) / PX_PER_MM, x_mm + dx, y_mm)
    found = middles(replace(WAVE, trace_dpi=trace_dpi, trace_phase=(0.3, 0.6)), series, columns)
    assert np.abs(found - expected).max() < within_mm
    unmoved = np.interp((columns + 0.5) / PX_PER_MM, x_mm, y_mm - dy)
    assert np.abs(found - unmoved).max() > 0.2  # 0.23


def test_separators_and_names_move_with_the_traces_and_the_grid_does_not():
    bars = replace(KIT, names=(), texts=(), pulses=())
    drawn = ink(draw_page(FLAT, FS_HZ, BARE, bars, print_=WAVE))
    for separator in KIT.separators[:3]:
        row, x_px = round(KIT.baselines_mm[0] * PX_PER_MM) + 20, round(separator.x_mm * PX_PER_MM)
        line = drawn[row, x_px - 10 : x_px + 10]
        middle = (line * (np.arange(x_px - 10, x_px + 10) + 0.5)).sum() / line.sum() / PX_PER_MM
        assert middle - x_px / PX_PER_MM == pytest.approx(WAVE.ink_shift_mm(separator.x_mm)[0], abs=0.001)
    lines = replace(STRIP_ONLY, windows=KIT.windows[-1:])
    style = PageStyle(header=())
    still, moved = (draw_page(FLAT, FS_HZ, style, lines, print_=p)[:1000] for p in (Print.none(), WAVE))
    np.testing.assert_array_equal(still, moved)


def test_the_shift_is_a_wave_of_its_period_about_its_offset():
    x_mm = np.linspace(0, WAVE.period_mm, 1000, endpoint=False)
    dx, dy = WAVE.ink_shift_mm(x_mm)
    assert (dx.mean(), dy.mean()) == pytest.approx(WAVE.offset_mm, abs=1e-9)
    np.testing.assert_allclose(WAVE.ink_shift_mm(x_mm + WAVE.period_mm)[0], dx, atol=1e-12)
    assert dx.std() == pytest.approx(np.hypot(*WAVE.wave_mm) / np.sqrt(2))


def test_spread_makes_strokes_wider_on_both_sides():
    thin, fat = (
        ink(draw_page(FLAT, FS_HZ, BARE, STRIP_ONLY, print_=Print(spread_mm=s)))[:, 900].sum() for s in (0, 0.05)
    )
    assert (fat - thin) / PX_PER_MM == pytest.approx(0.1, abs=0.001)


def test_a_coarse_raster_rounds_lines_and_strokes_to_its_pixels():
    printer = Print(line_dpi=100, line_phase=(0.25, 0.0), trace_dpi=100)
    px = np.asarray(printer.lines_mm(np.arange(0, 200, 5.0), 0)) * 100 / MM_PER_INCH
    np.testing.assert_allclose(px % 1, 0.25)
    assert printer.stroke_mm(0.2) == pytest.approx(0.254)
    assert np.abs(printer.lines_mm(np.arange(0, 200, 5.0), 1) - np.arange(0, 200, 5.0)).max() <= 0.127 + 1e-9


def test_a_halftone_keeps_the_mean_tone_of_the_grid():
    style = replace(BARE, major=(230, 120, 120), minor=(240, 180, 180))
    plain, dotted = (
        draw_page(FLAT, FS_HZ, style, STRIP_ONLY, print_=Print(halftone_mm=pitch)).astype(float)
        for pitch in (None, 0.3)
    )
    assert dotted.mean() == pytest.approx(plain.mean(), abs=0.01)
    assert np.abs(dotted - plain).max() > 75  # 81


def test_random_printers_are_set_by_the_seed_and_move_ink_by_less_than_a_fifth_of_a_millimetre():
    printers = [Print.random(np.random.default_rng(seed)) for seed in range(50)]
    assert printers == [Print.random(np.random.default_rng(seed)) for seed in range(50)]
    shifts = np.stack([printer.ink_shift_mm(np.arange(280.0)) for printer in printers])
    assert 0.1 < np.abs(shifts).max() < 0.2
    assert {printer.line_dpi is None for printer in printers} == {True, False}
    assert {printer.moves_ink for printer in printers} == {True, False}
