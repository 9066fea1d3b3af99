"""The picture in the README: a simulated photo with the traces that were read from it drawn back on.

python -m examples.picture docs/digitized.jpg
"""

import sys

import numpy as np

from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.overlay import draw_overlay
from ecgpipe.page.layout import KIT
from ecgpipe.pipeline.plots import save_picture
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

SEED = 16
FS_HZ = 500


def main(path: str) -> None:
    rng = np.random.default_rng(SEED)
    page = draw_page(simulate(rng), FS_HZ, PageStyle.random(rng), KIT)
    photo = capture(page, "0005", rng, long_side_px=4000, quarter_turn=0).image
    digitized = Digitizer().digitize(photo)
    drawn = draw_overlay(photo, digitized.page_map, digitized.series_mv, digitized.traces.layout)
    save_picture(path, np.hstack([photo, drawn]), long_side_px=2000)


if __name__ == "__main__":
    main(sys.argv[1])
