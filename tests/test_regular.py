"""Renders are mapped by one lattice, also where leads stand each on a grid of its own, and paper is not."""

import numpy as np
import pytest

from ecgpipe.rectify import regular, sheet
from ecgpipe.rectify.contrast import grid_contrast
from ecgpipe.rectify.regular import regular_lattice
from ecgpipe.rectify.sheet import rectify_sheet
from ecgpipe.rectify.working import REACH_PX

PX_PER_MM = 7.874  # 200 dpi
PIECE_MM = (62.0, 38.0)
GAPS_MM = (6.3, 8.4)  # whole millimetres no more than whole boxes


def drawn(gaps_mm: tuple[float, float], across: int = 4, down: int = 3) -> np.ndarray:
    """A picture of `across` times `down` grids with paper of `gaps_mm` between them."""
    size = [
        round(n * (side + gap) * PX_PER_MM) + 60 for n, side, gap in zip((across, down), PIECE_MM, gaps_mm, strict=True)
    ]
    picture = np.full((size[1], size[0], 3), 255, np.uint8)
    for column, row in np.ndindex(across, down):
        left, top = (
            30 + at * (side + gap) * PX_PER_MM for at, side, gap in zip((column, row), PIECE_MM, gaps_mm, strict=True)
        )
        right, bottom = left + PIECE_MM[0] * PX_PER_MM, top + PIECE_MM[1] * PX_PER_MM
        for step_mm, ink in ((1, (245, 215, 215)), (5, (225, 140, 140))):
            for k in range(0, int(PIECE_MM[0]) + 1, step_mm):
                picture[round(top) : round(bottom), round(left + k * PX_PER_MM)] = ink
            for k in range(0, int(PIECE_MM[1]) + 1, step_mm):
                picture[round(top + k * PX_PER_MM), round(left) : round(right)] = ink
    return picture


def px_per_mm(picture: np.ndarray) -> np.ndarray:
    """Pixels (2,) a mm of the sheet in `picture`, across and down, from near one corner to near the other."""
    found = rectify_sheet(picture)
    corners = np.array([(30.0, 30.0), np.subtract(found.blank.size_mm, 30.0)])
    return np.diff(found.page_map.to_picture(corners), axis=0)[0] / np.diff(corners, axis=0)[0]


def test_grids_that_do_not_go_on_from_piece_to_piece_have_one_scale():
    np.testing.assert_allclose(px_per_mm(drawn(GAPS_MM)), PX_PER_MM, rtol=5e-4)


def test_counting_boxes_across_the_gaps_would_not_have_it(monkeypatch):
    monkeypatch.setattr(sheet, "regular_lattice", lambda *_: None)
    assert np.abs(px_per_mm(drawn(GAPS_MM)) / PX_PER_MM - 1).max() > 5e-3


def test_a_grid_that_goes_on_across_the_gaps_has_the_same_scale():
    np.testing.assert_allclose(px_per_mm(drawn((3.0, 2.0))), PX_PER_MM, rtol=5e-4)


def test_paper_that_is_bent_is_no_render():
    picture = drawn(GAPS_MM)
    x, y = np.meshgrid(np.arange(picture.shape[1]), np.arange(picture.shape[0]))
    wave = 12 * np.sin(y / 150.0)
    picture = picture[y, np.clip(np.rint(x + wave).astype(int), 0, picture.shape[1] - 1)]
    dark = grid_contrast(picture, REACH_PX)
    assert regular_lattice(*sheet._largest_mesh(dark), dark, 1.0) is None


@pytest.mark.parametrize("larger", [1.01, 1.02, 1.04, 1.06])
def test_a_grid_of_two_scales_has_no_lattice(larger):
    picture = drawn((3.0, 2.0))
    x = np.arange(picture.shape[1])
    middle = picture.shape[1] // 2
    source = np.where(x < middle, x, middle + (x - middle) / larger)
    picture = picture[:, np.rint(source).astype(int)]
    dark = grid_contrast(picture, REACH_PX)
    assert regular_lattice(*sheet._largest_mesh(dark), dark, 1.0) is None


def test_crossings_are_of_one_piece_while_their_lines_go_on():
    clear = np.ones((10, 12), bool)
    offset = np.zeros((10, 12, 2))
    offset[:, 6:, 0] = 0.4
    clear[7] = False
    found = regular._pieces(clear, offset)
    assert (
        len(np.unique(found[:7])) == 2 and (found[:7, 0] == found[0, 0]).all() and (found[:7, 6:] == found[0, 6]).all()
    )
    assert (found[7] == 0).all() and len(np.unique(found[8:, :6])) == 1
