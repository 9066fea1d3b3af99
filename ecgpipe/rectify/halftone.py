"""Halftone moiré: a printer's screen moves the lines of a coloured grid, but not black ink, which it prints solid.

The screen lays a coloured line down as dots, and where the line falls between them moves it along its whole length. So
it beats with the grid: over the lines the offsets are a sinusoid of 0.01 to 0.02 mm.
"""

import numpy as np

from ecgpipe.rectify.smoothing import smooth

# All values are those of docs/log.md, "What the printer's screen does to lines", unless said otherwise.
FREQUENCIES = np.arange(0.25, 0.5, 0.001)  # cycles a box: 0.31 on all twelve photos; slower ones may be the paper's
CHANCE = 0.15  # share of the variance that a sinusoid explains by chance; with 0 to 0.2 the photos differ by 0.02 dB
SHEET_SMOOTHING_WEIGHT = 1.0  # of the sheet under the lines; 0.3, 3 and 10 tried
EDGE_LINES = 3  # left out on either side, the outermost being the page's own edge; not swept
LEAST_LINES = 12  # seen, for a sinusoid to be looked for; not swept
SEEN_SHARE = 0.25  # of the usual weight from which a line as a whole was seen; not swept


def find_moire(residual_mm: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How far right of its place the halftone moiré has moved each coloured line (cols,), in mm.

    The sinusoid that explains most of the lines' mean residuals from a smooth sheet, with `residual_mm` and `weight`
    (rows, cols) as measured. It is shrunk the more, the less of their variance it explains, and is 0 where no more is
    explained than by chance.
    """
    total = weight.sum(axis=0)
    lines = np.arange(residual_mm.shape[1])
    seen = (total > SEEN_SHARE * np.median(total)) & (lines >= EDGE_LINES) & (lines < len(lines) - EDGE_LINES)
    if seen.sum() < LEAST_LINES:
        return np.zeros(len(lines))
    off = residual_mm - smooth(residual_mm, weight, SHEET_SMOOTHING_WEIGHT)
    off = ((off * weight).sum(axis=0) / np.maximum(total, 1e-9))[seen]
    power = float(off @ off)
    if not power:
        return np.zeros(len(lines))
    explained, moire = 0.0, np.zeros(len(lines))
    for frequency in FREQUENCIES:
        phase = 2 * np.pi * frequency * lines
        waves = np.stack([np.cos(phase), np.sin(phase)], axis=1)
        amplitudes, *_ = np.linalg.lstsq(waves[seen], off, rcond=None)
        share = 1 - float(np.square(off - waves[seen] @ amplitudes).sum()) / power
        if share > explained:
            explained, moire = share, waves @ amplitudes
    return moire * max(0.0, 1 - (CHANCE / max(explained, CHANCE)) ** 2)
