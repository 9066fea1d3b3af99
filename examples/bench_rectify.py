"""How well pages are rectified, by kind, on pictures that nothing was tuned or trained on.

python -m examples.bench_rectify [--pages 100] [--first 0] [--others 100] [--workers 2] [--table FILE] [--keep FOLDER]

Every picture lies turned by a random number of quarter turns. Errors are distances on the paper between where the map
says a point of the traced area lies and where it does lie, over points that the picture holds.
"""

import argparse
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.parallel import map_processes
from ecgpipe.competition.dataset import KINDS
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import BOX_MM, KIT
from ecgpipe.rectify.quality import BAND_MM
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from examples.not_ecgs import NOT_ECGS

SEED = 77_000  # no data set and no training starts from it
WRONG_MM = 2.0  # a median error above it is a box slip or a wrong turn
GOOD_MM = 0.25
SLIPPED = 0.005  # share of the traced area from which a part counts as slipped
SPACING_MM = 2.0


@dataclass(frozen=True)
class PageTiming:
    """What became of one picture; errors in mm, times in s, `slipped` the share half a box or more out of place."""

    kind: str
    index: int
    turns: int
    found: bool
    median_mm: float = np.nan
    p95_mm: float = np.nan
    slipped: float = np.nan
    made_s: float = np.nan
    rectified_s: float = np.nan
    reason: str = ""
    quality: dict[str, float] = field(default_factory=dict)


def traced_area() -> np.ndarray:
    """Page points (n, 2) mm where a trace may run."""
    ys = np.concatenate([np.arange(y - BAND_MM, y + BAND_MM + 0.1, SPACING_MM) for y in KIT.baselines_mm])
    return np.stack(np.meshgrid(np.arange(KIT.left_mm, KIT.right_mm, SPACING_MM), ys), -1).reshape(-1, 2)


def point_errors(found: PageMap, true: PageMap, shape: tuple[int, ...]) -> np.ndarray:
    """Errors in mm (m,) of `found` over those points of the traced area that a picture of `shape` holds."""
    points = traced_area()
    place = true.to_picture(points)
    px_per_mm = np.linalg.norm(true.to_picture(points + np.array([1.0, 0.0])) - place, axis=-1)
    held = ((place > 0) & (place < np.array(shape[1::-1]) - 1)).all(axis=-1)
    return (np.linalg.norm(found.to_picture(points) - place, axis=-1) / px_per_mm)[held]


def run(job: tuple[str, int], keep: Path | None = None) -> PageTiming:
    """Make picture `index` of `kind` and rectify it; pictures that fail are kept in `keep`."""
    kind, index = job
    rng = np.random.default_rng([SEED, index, int(kind)])
    turns = int(rng.integers(4))
    start = time.perf_counter()
    page = draw_page(simulate(rng), 500, PageStyle.random(rng), KIT)
    picture = capture(page, kind, rng, quarter_turn=turns)
    made = time.perf_counter()
    result = partial(PageTiming, kind, index, turns)
    try:
        rectified = rectify(picture.image)
    except PageNotFound as error:
        _keep(keep, f"{kind}_{index}_refused", picture.image)
        return result(False, made_s=made - start, rectified_s=time.perf_counter() - made, reason=str(error))
    done = time.perf_counter()
    errors = point_errors(rectified.page_map, picture.page_map, picture.image.shape)
    median, p95 = np.quantile(errors, [0.5, 0.95])
    if median > WRONG_MM:
        _keep(keep, f"{kind}_{index}_wrong", picture.image)
    slipped = float((errors > BOX_MM / 2).mean())
    return result(True, median, p95, slipped, made - start, done - made, quality=rectified.quality.figures())


def _keep(folder: Path | None, name: str, image: np.ndarray) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.jpg"), image[..., ::-1])


def refused(index: int) -> str:
    """Why picture `index` without an ECG is refused; empty if it is not."""
    name, make = NOT_ECGS[index % len(NOT_ECGS)]
    try:
        rectify(make(np.random.default_rng([SEED, index])))
    except PageNotFound as error:
        return str(error)
    print(f"taken for an ECG: {name}, picture {index}")
    return ""


def report(pages: pd.DataFrame) -> Table:
    """A line a kind and one for all; "good" are pages with 95 % of their points within GOOD_MM."""
    table = Table("kind", "n", "rectified", "median mm", "95 % mm", "worst median", "good", "s to make", "s to rectify")
    for kind, group in [*pages.groupby("kind"), ("all", pages)]:
        right = group[group.found & (group.median_mm <= WRONG_MM)]
        table.add_row(
            str(kind),
            str(len(group)),
            f"{len(right) / len(group):.1%}",
            *(f"{value:.3f}" for value in (right.median_mm.median(), right.p95_mm.median(), right.median_mm.max())),
            str((right.p95_mm <= GOOD_MM).sum()),
            *(f"{group[name].median():.2f}" for name in ("made_s", "rectified_s")),
        )
    return table


def slips(pages: pd.DataFrame) -> str:
    """Counts of pages with a slipped part, of those whose map says so, and of false alarms among the others."""
    slipped, told = pages.slipped > SLIPPED, pages["quality.slipped_share"] > SLIPPED
    return (
        f"pages with a slipped part: {slipped.sum()}, {(slipped & told).sum()} of them told; "
        f"of the {(~slipped).sum()} others {(~slipped & told).sum()} are said to have one"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100, help="pictures of each kind")
    parser.add_argument("--first", type=int, default=0, help="index of the first picture: others give other pictures")
    parser.add_argument("--others", type=int, default=100, help="pictures that show no ECG")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table", type=Path, help="CSV to write, one line a picture")
    parser.add_argument("--keep", type=Path, help="folder for the pictures that fail")
    args = parser.parse_args()

    jobs = [(kind, index) for index in range(args.first, args.first + args.pages) for kind in args.kinds]
    done = track(map_processes(partial(run, keep=args.keep), jobs, args.workers), "pages", total=len(jobs))
    pages = pd.json_normalize([asdict(page) for page in done])
    if args.table:
        pages.to_csv(args.table, index=False)
    console = Console()
    if len(pages):
        console.print(report(pages))
        wrong = pages[pages.found & (pages.median_mm > WRONG_MM)]
        console.print(f"refused: {(~pages.found).sum()}; found but wrong: {len(wrong)}, of {len(pages)}")
        console.print(slips(pages[pages.found]))
    others = list(map_processes(refused, range(args.others), args.workers))
    console.print(f"pictures without an ECG refused: {sum(map(bool, others))} of {len(others)}")


if __name__ == "__main__":
    main()
