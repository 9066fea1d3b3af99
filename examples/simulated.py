"""Simulated pages for measuring: any kind, reproducible, each with its truth."""

import numpy as np

from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.layout import KIT
from ecgpipe.synth.capture import Capture, capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.synth.printer import Print

FS_HZ = 500
RENDER = "0001"  # the kind that was never printed


def simulated_page(seed: int, kind: str, index: int) -> tuple[Capture, np.ndarray]:
    """A picture of full size, upright, with its true map, and its truth (12, 5000) in mV, NaN outside the windows.

    The map is that of the grid; a laser printer has put black ink beside it, but on renders.
    """
    rng = np.random.default_rng([seed, index, int(kind)])
    signal = simulate(rng, fs_hz=FS_HZ)
    style = PageStyle.random(rng).in_kit_letters()  # as all of the competition's pages are
    printer = Print.none() if kind == RENDER else Print.laser(rng)
    page = draw_page(signal, FS_HZ, style, KIT, print_=printer)
    return capture(page, kind, rng, quarter_turn=0), mask_windows(signal)
