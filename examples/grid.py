"""The picture in docs/rectification.md: the 5 mm grid as it was found, drawn back on simulated pictures.

python -m examples.grid docs/grid.jpg
"""

import sys

import cv2
import numpy as np

from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.plots import save_picture
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

SEED = 3
FS_HZ = 500
KINDS = ("0005", "0006", "0010", "0012")  # phone photo, monitor, folded and stained photo, mouldy scan
PANEL_PX = (1300, 900)
LINE_RGB = (0, 150, 0)


def draw_grid(picture: np.ndarray, page_map: PageMap) -> np.ndarray:
    """A copy of `picture` (H, W, 3) uint8 RGB with every 5 mm line of the page where `page_map` has it."""
    drawn = picture.copy()
    xs, ys = KIT.lines_mm()
    along_x, along_y = np.linspace(0, KIT.width_mm, 200), np.linspace(0, KIT.height_mm, 200)
    lines = [np.stack([np.full_like(along_y, x), along_y], axis=-1) for x in xs]
    lines += [np.stack([along_x, np.full_like(along_x, y)], axis=-1) for y in ys]
    for line_mm in lines:
        points = np.round(page_map.to_picture(line_mm) * 16).astype(np.int32)
        cv2.polylines(drawn, [points], False, LINE_RGB, 2, cv2.LINE_AA, 4)
    return drawn


def panel(kind: str) -> np.ndarray:
    """The grid on a simulated picture of `kind`."""
    rng = np.random.default_rng([SEED, int(kind)])
    page = draw_page(simulate(rng), FS_HZ, PageStyle.random(rng), KIT)
    picture = capture(page, kind, rng, long_side_px=2600, quarter_turn=0).image
    return fitted(draw_grid(picture, rectify(picture).page_map))


def fitted(picture: np.ndarray) -> np.ndarray:
    """`picture` in the middle of a white panel."""
    scale = min(np.divide(PANEL_PX, picture.shape[1::-1]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    white = np.full((PANEL_PX[1], PANEL_PX[0], 3), 255, np.uint8)
    top, left = (np.array(white.shape[:2]) - small.shape[:2]) // 2
    white[top : top + small.shape[0], left : left + small.shape[1]] = small
    return white


def main(path: str) -> None:
    panels = [panel(kind) for kind in KINDS]
    save_picture(path, np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])]), long_side_px=1800)


if __name__ == "__main__":
    main(sys.argv[1])
