"""Simulated pages of many layouts, looks and printers, to hold beside real ones.

python -m examples.layouts pages.png
"""

import sys

import cv2
import numpy as np

from ecgpipe.pipeline.plots import save_picture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.layouts import random_page
from ecgpipe.synth.page import draw_page

SEED, COUNT, ACROSS = 33, 24, 4
CELL_PX, LABEL_PX = (640, 500), 26  # across and down


def cell(seed: int) -> np.ndarray:
    """One random page, fitted into a cell (H, W, 3) under its layout's name."""
    rng = np.random.default_rng([SEED, seed])
    layout, style, print_ = random_page(rng)
    page = draw_page(simulate(rng), 500, style, layout, print_=print_)
    across, down = CELL_PX
    shrink = min(across / page.shape[1], down / page.shape[0])
    small = cv2.resize(page, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    canvas = np.full((down + LABEL_PX, across, 3), 180, np.uint8)
    canvas[LABEL_PX : LABEL_PX + small.shape[0], : small.shape[1]] = small
    cv2.putText(canvas, layout.name, (4, LABEL_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 40, 40), 1, cv2.LINE_AA)
    return canvas


def main(path: str) -> None:
    cells = [cell(seed) for seed in range(COUNT)]
    rows = [np.hstack(cells[k : k + ACROSS]) for k in range(0, COUNT, ACROSS)]
    save_picture(path, np.vstack(rows), long_side_px=3200)


if __name__ == "__main__":
    main(sys.argv[1])
