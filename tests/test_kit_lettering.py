"""The letters of the kit's own texts, and what they tell of where black ink lies."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, MM_PER_INCH
from ecgpipe.page.lettering import kit_texts
from ecgpipe.rectify.glyphs import PX_PER_MM, Letters
from ecgpipe.rectify.lettering import find_letters
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.rectify.registration import ink_shift_mm, to_ink
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.synth.printer import Print

EXACT = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)
ALONG_MM = np.arange(15.0, 265.0, 2.5)
TRACED_MM = np.stack(np.meshgrid(ALONG_MM, KIT.baselines_mm), axis=-1)
WAVE = Print(offset_mm=(0.02, 0.0), wave_mm=(0.05, 0.01), wave_phase=(1.0, 2.0), period_mm=95.0)


def kit_page(print_: Print = Print.none(), seed: int = 5) -> np.ndarray:  # noqa: B008, frozen
    """A page whose texts are the kit's own, black ink displaced as `print_` does."""
    bare, style = replace(KIT, names=(), texts=()), PageStyle(header=())
    page = draw_page(simulate(np.random.default_rng(seed)), 500, style, bare, print_=print_)
    sheet = kit_texts().astype(np.float32) / 255
    x_px = np.arange(sheet.shape[1], dtype=np.float32)
    from_px = x_px - np.float32(PX_PER_MM) * print_.ink_shift_mm((x_px + 0.5) / PX_PER_MM)[0].astype(np.float32)
    rows = np.arange(sheet.shape[0], dtype=np.float32)[:, None]
    moved = cv2.remap(sheet, *np.broadcast_arrays(from_px[None], rows), cv2.INTER_LINEAR)
    return np.rint(page * (1 - moved[..., None])).astype(np.uint8)


def left_mm(print_: Print, page_map: PageMap) -> np.ndarray:
    """How far right of the map's places the ink of the traces lies, less its mean, of which readings are free."""
    mapped = (page_map.to_picture(TRACED_MM) - EXACT.to_picture(TRACED_MM))[..., 0] / PX_PER_MM
    left = print_.ink_shift_mm(TRACED_MM[..., 0])[0] - mapped
    return left - left.mean()


def test_the_sheet_is_a_page_of_the_kit_at_200_dpi():
    assert kit_texts().shape == tuple(round(side * 200 / MM_PER_INCH) for side in KIT.size_mm[::-1])


def test_letters_where_the_kit_puts_them_are_found_to_a_third_of_a_micrometre():
    letters = find_letters(kit_page(), EXACT, KIT)
    assert len(letters.off_mm) > 60  # 66
    assert np.median(np.abs(letters.off_mm)) < 0.0003  # 0.00009


def test_a_wave_of_the_printer_is_read_off_the_letters():
    letters = find_letters(kit_page(WAVE), EXACT, KIT)
    off = letters.off_mm - WAVE.ink_shift_mm(letters.at_mm[:, 0])[0]
    assert np.median(np.abs(off)) < 0.001  # 0.0003


@pytest.mark.parametrize("phase", [0.0, 2.0, 4.0])
def test_a_third_or_more_of_a_wave_is_taken_out_of_the_map(phase):
    print_ = replace(WAVE, wave_phase=(phase, 2.0))
    before, after = (left_mm(print_, page_map).std() for page_map in (EXACT, moved_to_ink(print_)))
    assert after < 0.63 * before  # 0.60


def moved_to_ink(print_: Print) -> PageMap:
    return to_ink(kit_page(print_), EXACT, KIT, coloured=True)


def test_a_render_keeps_its_map():
    assert moved_to_ink(Print.none()) is EXACT


def test_a_few_letters_out_of_place_do_not_move_the_ink():
    at = np.stack([np.linspace(15, 200, 40), np.repeat([10.0, 97.0, 133.0, 169.0], 10)], axis=1)
    off = np.where(np.arange(40) % 10 == 3, 0.3, 0.0)
    shift = ink_shift_mm(Letters(at, off, np.arange(40)), TRACED_MM)
    assert np.abs(shift).max() < 0.0001  # 0.000007


def test_letters_that_lie_about_by_chance_do_not_move_the_ink():
    rng = np.random.default_rng(0)
    at = np.stack([np.linspace(15, 200, 40), np.repeat([10.0, 97.0, 133.0, 169.0], 10)], axis=1)
    shift = ink_shift_mm(Letters(at, rng.normal(0, 0.015, 40), np.arange(40)), TRACED_MM)
    assert np.abs(shift).max() < 0.001  # 0.00006


@pytest.mark.parametrize("points", [10.5, 10.8, 11.3, 12.0])
def test_texts_of_another_size_are_not_taken_for_the_kits(points):
    style = PageStyle(font_size_mm=points * MM_PER_INCH / 72)
    page = draw_page(simulate(np.random.default_rng(1)), 500, style, KIT)
    assert find_letters(page, EXACT, KIT) is None


def test_a_page_without_texts_and_one_of_another_maker_have_no_letters():
    bare = draw_page(simulate(np.random.default_rng(1)), 500, PageStyle(header=()), replace(KIT, names=(), texts=()))
    assert find_letters(bare, EXACT, KIT) is None
    assert find_letters(kit_page(), EXACT, replace(KIT, name="another")) is None


def test_a_jump_of_the_scanner_is_followed():
    """0.4 mm between two lines at 217 mm, in a flat scan: the map is right on both sides of the box it lies in."""
    page, jump_px = kit_page(), 0.4 * PX_PER_MM
    x_px = np.arange(page.shape[1], dtype=np.float32)
    from_px = x_px - jump_px * (x_px > 217.0 * PX_PER_MM)
    rows = np.arange(page.shape[0], dtype=np.float32)[:, None]
    scan = cv2.remap(page, *np.broadcast_arrays(from_px.astype(np.float32)[None], rows), cv2.INTER_LINEAR)
    points = TRACED_MM[(TRACED_MM[..., 0] < 213) | (TRACED_MM[..., 0] > 221)]
    true = EXACT.to_picture(points)[:, 0] + jump_px * (points[:, 0] > 217.0)
    off_mm = np.abs(rectify(scan).page_map.to_picture(points)[:, 0] - true) / PX_PER_MM
    assert np.quantile(off_mm, 0.95) < 0.015  # 0.006
