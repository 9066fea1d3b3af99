"""Where the competition has truth of a lead: in its printed quarter of 10 s, or for II, the rhythm lead, everywhere."""

import numpy as np

from ecgpipe.page.layout import KIT, LEADS, slice_of

DURATION_S = 10.0
QUARTER_S = 2.5
RHYTHM_LEAD = "II"

_QUARTER_OF = {window.lead: int(window.start_s / QUARTER_S) for window in KIT.windows if window.duration_s == QUARTER_S}


def quarter_of(lead: str) -> int:
    """The quarter, 0 to 3, in which `lead` is printed."""
    return _QUARTER_OF[lead]


def quarter_slice(quarter: int, sig_len: int) -> slice:
    """Samples of quarter 0 to 3 of `sig_len`; the quarters of 10250 samples hold 2562, 2563, 2562 and 2563."""
    return slice_of(quarter * QUARTER_S, (quarter + 1) * QUARTER_S, DURATION_S, sig_len)


def lead_slice(lead: str, sig_len: int) -> slice:
    """Samples of `sig_len` where `lead` has truth: its printed quarter, or everything for the rhythm lead II."""
    return slice(0, sig_len) if lead == RHYTHM_LEAD else quarter_slice(quarter_of(lead), sig_len)


def window_mask(sig_len: int) -> np.ndarray:
    """(12, sig_len) bool, True where a lead has truth."""
    mask = np.zeros((len(LEADS), sig_len), bool)
    for row, lead in enumerate(LEADS):
        mask[row, lead_slice(lead, sig_len)] = True
    return mask


def mask_windows(series: np.ndarray) -> np.ndarray:
    """`series` (12, n) with NaN outside each lead's window."""
    return np.where(window_mask(series.shape[1]), series, np.nan)


def lead_segments(series: np.ndarray) -> dict[str, np.ndarray]:
    """Each lead's samples inside its window, from `series` (12, n)."""
    return {lead: series[row, lead_slice(lead, series.shape[1])] for row, lead in enumerate(LEADS)}
