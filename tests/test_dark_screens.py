"""Light traces on a dark screen are read in the picture's negative; what was read before is read as before."""

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.recognize.pages import find_page
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page


@pytest.mark.slow
def test_green_traces_on_a_black_screen_with_a_dim_grid_are_read():
    signal = simulate(np.random.default_rng(0), fs_hz=500)
    page = draw_page(signal, 500, PageStyle.random(np.random.default_rng(0)), KIT).astype(float)
    ink = 255 - page.max(axis=-1)
    grid = np.clip(255 - page.min(axis=-1) - ink, 0, 255)
    screen = 8 + np.stack([0.25 * ink, ink + 0.35 * grid, 0.3 * ink + 0.1 * grid], axis=-1)
    series = Digitizer().digitize(np.clip(screen, 0, 255).astype(np.uint8)).series_mv
    second = LEADS.index("II")
    assert np.corrcoef(series[second, 20:4980], signal[second, 20:4980])[0, 1] > 0.999  # 0.9999


@pytest.mark.parametrize("level", [20, 240])
def test_a_picture_without_a_page_is_refused_for_what_it_is_itself(level):
    noise = np.random.default_rng(1).integers(0, 16, (600, 800, 3))
    with pytest.raises(PageNotFound, match="no 5 mm grid found"):
        find_page((level - 16 + noise).astype(np.uint8))
