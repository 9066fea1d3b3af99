"""Jumps of a scanner's carriage, followed between two lines of the 5 mm grid by the 1 mm lines.

Where a carriage jumps by some tenths of a millimetre, heavy lines tell it at both ends of a box only, and a trace in
that box lies as far off. The 1 mm lines are noisier, dotted or dithered as they are, so they are asked there only; each
is averaged over the page's height, as a jump is the same in all rows.
"""

import cv2
import numpy as np

from ecgpipe.page.layout import BOX_MM
from ecgpipe.rectify.mesh import GridMesh, sample_linear

# Chosen while looking at the only three pages at hand that jump ("The time axis of prints" in docs/log.md).
LEAST_JUMP_MM = 0.1  # of a heavy line, beside which 1 mm lines are asked: 0.19 and 0.21 on two pages, elsewhere 0.06
# 1 mm lines of a box that lie within this are left: they are off by 0.1 where nothing jumps.
LEAST_INSIDE_MM = 0.15
LEAST_CORRELATION = 0.5  # of a 1 mm line's profile with that of the others
# Not swept:
EDGE_BOXES = 3  # at the top and bottom, where a page has its header, and may be cut
PIECES, SAMPLES = 4, 8  # of a line in a box, and along each piece: one of which a trace hides a part does not count
STEP_MM, HALF_MM, REACH_MM = 0.05, 0.5, 0.5  # of a profile across a line; half of it; how far off a line is looked for
EXAMPLES = 12  # of 1 mm lines in boxes without a jump, for the usual profile; with 6 it is 0.05 mm off
LEAST_PIECES = 10  # that show a line


def between_lines(mesh: GridMesh, dark: np.ndarray, misfit_mm: np.ndarray, fine_mm: np.ndarray) -> np.ndarray | None:
    """Places (n, 2) between the lines of a page's mesh: x in mm of the mesh, and how far right of it the sheet lies.

    Linear between these places, and 0 at and beyond the first and the last. `misfit_mm` (cols,) is how far the heavy
    lines had jumped, `fine_mm` (m,) are the x of the 1 mm lines, `dark` (H, W) is the contrast, NaN where something
    covers the paper. None where nothing jumps.
    """
    heavy_mm = mesh.points_mm[0, :, 0]
    jumped = np.flatnonzero(np.abs(misfit_mm) > LEAST_JUMP_MM)
    jumped = jumped[(jumped > 0) & (jumped < len(heavy_mm) - 1)]
    if not len(jumped):
        return None
    fine_mm = fine_mm[np.abs((fine_mm + BOX_MM / 2) % BOX_MM - BOX_MM / 2) > HALF_MM]  # without the heavy ones
    apart = np.abs(fine_mm[:, None] - heavy_mm[jumped]).min(axis=1)  # from the nearest line that jumped
    usual = fine_mm[apart > BOX_MM][np.argsort(apart[apart > BOX_MM])[:EXAMPLES]]
    line = np.nanmean([_profile(mesh, dark, x_mm, HALF_MM) for x_mm in usual], axis=0)
    places: list[tuple[float, float]] = []
    for box in np.unique(np.concatenate([jumped - 1, jumped])):
        first_mm, last_mm = heavy_mm[box : box + 2]
        inside = fine_mm[(fine_mm > first_mm) & (fine_mm < last_mm)]
        found = [(x_mm, _offset(_profile(mesh, dark, x_mm, HALF_MM + REACH_MM), line)) for x_mm in inside]
        found = [(x_mm, off_mm) for x_mm, off_mm in found if not np.isnan(off_mm)]
        if max((abs(off_mm) for _, off_mm in found), default=0.0) > LEAST_INSIDE_MM:
            places += [(first_mm, 0.0), *found, (last_mm, 0.0)]
    return np.array(places) if places else None


def _offset(profile: np.ndarray, line: np.ndarray) -> float:
    """How far right of the middle of `profile` (n,) it looks most like `line` (m,), in mm; NaN if it nowhere does."""
    windows = np.lib.stride_tricks.sliding_window_view(profile, len(line))
    shown, usual = windows - windows.mean(axis=1, keepdims=True), line - line.mean()
    fit = shown @ usual / np.maximum(np.linalg.norm(shown, axis=1) * np.linalg.norm(usual), 1e-9)
    top = int(fit.argmax())
    if top in (0, len(fit) - 1) or not fit[top] > LEAST_CORRELATION:  # NaN where too few pieces are seen
        return float("nan")
    before, at, after = fit[top - 1 : top + 2]
    return (top + 0.5 * (before - after) / (before - 2 * at + after)) * STEP_MM - REACH_MM


def _profile(mesh: GridMesh, dark: np.ndarray, x_mm: float, half_mm: float) -> np.ndarray:
    """Contrast across the line at `x_mm` of the mesh, to `half_mm` on either side: the median of the page's pieces."""
    across = x_mm + np.arange(-half_mm, half_mm + STEP_MM / 2, STEP_MM)
    boxes = np.arange(EDGE_BOXES, len(mesh.nodes) - EDGE_BOXES)
    piece = (np.arange(PIECES) + 0.5) / PIECES  # none lies on a heavy line
    along = boxes[:, None, None] + piece[:, None] + np.linspace(-0.4, 0.4, SAMPLES) / PIECES
    at = sample_linear(mesh.nodes, *np.meshgrid((across - mesh.origin_mm[0]) / mesh.step_mm, along.ravel()))
    at = at.astype(np.float32)
    seen = cv2.remap(dark, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderValue=float("nan"))
    pieces = seen.reshape(-1, SAMPLES, len(across)).mean(axis=1)
    known = pieces[~np.isnan(pieces).any(axis=1)]
    return np.median(known, axis=0) if len(known) >= LEAST_PIECES else np.full(len(across), np.nan)
