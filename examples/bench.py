"""How long a page takes and how well it is read, by kind: `make bench`. Pages and signals are simulated."""

import time

import numpy as np
from rich.console import Console
from rich.table import Table

from ecgpipe.base.errors import PageNotFound
from ecgpipe.competition.dataset import KINDS
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.layout import KIT
from ecgpipe.score.compare import page_table, pair
from ecgpipe.score.metrics import competition_score, evaluate
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

PAGES = 2  # of each kind
FS_HZ = 500
LONG_SIDE_PX = 4000  # of photos
SEED = 9_000  # no data set that we make starts from it


def main() -> None:
    digitizer = Digitizer()
    table = Table("kind", "picture", "seconds a page", "SNR dB", title=f"{PAGES} simulated pages of each kind")
    for kind in KINDS:
        seconds, pairs, size = [], [], ""
        for index in range(PAGES):
            truth, picture = _page(kind, index)
            size = f"{picture.shape[1]}x{picture.shape[0]}"
            start = time.perf_counter()
            try:
                series = digitizer.digitize(picture).series_mv
            except PageNotFound:
                series = np.zeros_like(truth)
            seconds.append(time.perf_counter() - start)
            pairs.append(pair(str(index), kind, truth, series))
        score = competition_score(page_table(evaluate(pairs))["snr"])
        table.add_row(kind, size, f"{np.median(seconds):.2f}", f"{score:.1f}")
    Console().print(table)


def _page(kind: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Signals (12, 5000) in mV and the picture of their page."""
    rng = np.random.default_rng([SEED, index])
    truth = simulate(rng, fs_hz=FS_HZ)
    page = draw_page(truth, FS_HZ, PageStyle.random(rng), KIT)
    return truth, capture(page, kind, rng, long_side_px=LONG_SIDE_PX).image


if __name__ == "__main__":
    main()
