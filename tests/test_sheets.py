"""Pages of other makers, from the picture to the leads: layout, names and turn are found, and what is read is right."""

from dataclasses import replace
from functools import cache

import numpy as np

from ecgpipe.digitize.digitizer import Digitized, Digitizer
from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.synth.compose import compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.strips import FS_HZ

SERIES = simulate(np.random.default_rng(4))
PLAIN = PageStyle(header=())
PAGES = {
    "12x1": compose_layout("12x1", ()),
    "6x2 and a strip": compose_layout("6x2", ("II",)),
    "3x4 without a strip": compose_layout("3x4", ()),
    "Cabrera 6x2": compose_layout("6x2", (), order="cabrera"),
    "6x2 at 50 mm/s": compose_layout("6x2", (), speed=50.0),
}
ALIKE = replace(PLAIN, major=PLAIN.minor, major_width_mm=PLAIN.minor_width_mm)


@cache
def drawn(page: PageLayout, style: PageStyle = PLAIN) -> np.ndarray:
    return draw_page(SERIES, FS_HZ, style, page)


@cache
def digitizer() -> Digitizer:
    return Digitizer()


def printed(page: PageLayout) -> list[tuple[str, int, bool]]:
    """The lead, row and direction of each window."""
    return [(window.lead, window.row, window.gain_ratio < 0) for window in page.windows]


def snr_db(page: PageLayout, read: Digitized, shift: int = 40) -> float:
    """SNR of all stretches that `page` prints, each lead's offset and a shift in samples apart."""
    noise = signal = 0.0
    found = read.traces.layout
    for lead, window in page.lead_windows.items():
        true = SERIES[LEADS.index(lead), page.samples(window, round(page.duration_s * FS_HZ))]
        row = read.series_mv[LEADS.index(lead)]
        got = row[found.samples(found.lead_windows[lead], len(row))]
        count = min(len(true), len(got)) - 2 * shift
        true = true[shift : shift + count] - true[shift : shift + count].mean()
        off = []
        for first in range(0, min(2 * shift, len(got) - count) + 1):
            part = np.nan_to_num(got[first : first + count])
            off.append(float(np.square(part - part.mean() - true).sum()))
        noise, signal = noise + min(off), signal + float(np.square(true).sum())
    return 10 * np.log10(signal / noise)
