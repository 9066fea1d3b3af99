"""The figure docs/captures.jpg: simulated pictures of every kind, to hold beside real ones.

python -m examples.captures docs/captures.jpg
"""

import sys

import cv2
import numpy as np

from ecgpipe.competition.dataset import KINDS
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.plots import save_picture
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

SEED = 33
EACH = 2
CELL_PX = (640, 480)  # across, down
LABEL_PX = 26


def cell(kind: str, index: int) -> np.ndarray:
    """One picture of `kind`, fitted into a cell (H, W, 3) under its name."""
    rng = np.random.default_rng([SEED, index, int(kind)])
    page = draw_page(simulate(rng), 500, PageStyle.random(rng), KIT)
    picture = capture(page, kind, rng, quarter_turn=0).image
    across, down = CELL_PX
    shrink = min(across / picture.shape[1], down / picture.shape[0])
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    canvas = np.full((down + LABEL_PX, across, 3), 255, np.uint8)
    left = (across - small.shape[1]) // 2
    canvas[LABEL_PX : LABEL_PX + small.shape[0], left : left + small.shape[1]] = small
    cv2.putText(canvas, kind, (left, LABEL_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 40, 40), 1, cv2.LINE_AA)
    return canvas


def main(path: str) -> None:
    cells = [cell(kind, index) for index in range(EACH) for kind in KINDS]
    across = 3
    rows = [np.hstack(cells[k : k + across]) for k in range(0, len(cells), across)]
    save_picture(path, np.vstack(rows), long_side_px=2400)


if __name__ == "__main__":
    main(sys.argv[1])
