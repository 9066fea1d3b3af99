"""Pages of other makers than the kit, one for each thing that may differ, and waves to print on them."""

import numpy as np
import pytest

from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.synth.compose import A4, compose_layout
from ecgpipe.synth.marks import PageMarks
from ecgpipe.trace.strips import FS_HZ

OTHERS = {
    "6x2 of 5 s": compose_layout("6x2", ()),
    "6x2 simultaneous": compose_layout("6x2", (), columns="simultaneous", window_s=5.0),
    "3x2 simultaneous and a strip": compose_layout("3x2", ("II",), columns="simultaneous", window_s=4.0),
    "6x2, blank paper between": compose_layout("6x2", (), marks=PageMarks(gap_mm=3.0), window_s=4.5),
    "12x1, chest leads half as high": compose_layout("12x1", (), chest_ratio=0.5),
    "12x1, aVR upside down": compose_layout("12x1", (), order="cabrera"),
    "3x4 and strips of V1 and II": compose_layout("3x4", ("V1", "II"), size_mm=A4),
    "6x1, 50 mm/s and 5 mm/mV": compose_layout("6x1", (), speed=50.0, gain=5.0),
}
each_layout = pytest.mark.parametrize("page", OTHERS.values(), ids=OTHERS)


def waves(page: PageLayout, fs_hz: int = FS_HZ, seed: int = 0) -> np.ndarray:
    """Smooth series (12, n) in mV, each lead its own, as long as the recording on `page`."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(round(page.duration_s * fs_hz)) / fs_hz
    return np.stack([0.5 * np.sin(2 * np.pi * rng.uniform(0.5, 1.5) * t_s + rng.uniform(0, 6)) for _ in LEADS])


def shown_mask(page: PageLayout, samples: int) -> np.ndarray:
    """(12, samples) bool, True where a lead's window stands on `page`, counted from its seconds."""
    mask = np.zeros((len(LEADS), samples), bool)
    t_s = np.arange(samples) * page.duration_s / samples
    for window in page.windows:
        mask[LEADS.index(window.lead)] |= (t_s > window.start_s - 1e-6) & (t_s < window.stop_s - 1e-6)
    return mask
