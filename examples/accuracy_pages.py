"""Pages with their truth, simulated and real, as they are read; what was read is kept by code, weights and content."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ecgpipe.base.cache import Cache
from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.files import sha256_of
from ecgpipe.competition.signals import read_leads
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.geometry import FrameSpec, PageMap, resample
from ecgpipe.rectify.flat import FlatPage
from ecgpipe.rectify.picture import read_picture
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.synth.capture import Capture
from ecgpipe.trace.drawn import as_drawn
from ecgpipe.trace.ensemble import Reader
from ecgpipe.trace.reader import Flips, TraceReader, Traces
from ecgpipe.trace.weights import SHIPPED
from examples.simulated import simulated_page

SEED = 55_000  # nothing was trained, tuned or chosen on its pages
FLIPPED: Flips = "horizontal"


@dataclass(frozen=True)
class Job:
    """A page to read: a simulated one (`kind`, `index`) or a picture file `path` of the set `kind`."""

    kind: str
    index: int
    path: Path | None = None

    @property
    def id(self) -> str:
        return self.path.stem if self.path else f"{self.kind}-{self.index}"

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8 and truth (12, 5000) in mV."""
        if self.path:
            return read_picture(self.path), read_leads(self.path.with_suffix(".csv")).series_mv
        pictured, truth = self.simulated()
        return pictured.image, truth

    def made_from(self) -> tuple[object, ...]:
        """What picture and truth follow from, beside the code."""
        if self.path:
            return sha256_of(self.path), sha256_of(self.path.with_suffix(".csv"))
        return SEED, self.kind, self.index

    def simulated(self) -> tuple[Capture, np.ndarray]:
        """A simulated picture with its true map, and truth (12, 5000) in mV."""
        return simulated_page(SEED, self.kind, self.index)


@dataclass(frozen=True)
class PageReading:
    """What was read of a job: `traces` as shipped, `flipped` with `FLIPPED`, which is off as shipped; None if
    refused."""

    job: Job
    truth: np.ndarray
    traces: Traces | None = None
    flipped: Traces | None = None
    error_mm: float = np.nan
    bend: float = np.nan
    hidden_share: float = np.nan
    slipped_share: float = np.nan


def measure(job: Job, digitizer: Digitizer, flipped: TraceReader) -> dict[str, np.ndarray]:
    """What is kept of a page: its truth and, unless it is refused, its traces and the map's figures."""
    picture, truth = job.load()
    try:
        rectified = rectify(picture)
    except PageNotFound:
        return {"truth": truth}
    traces, other = read_through(rectified.page_map, picture, digitizer.spec, digitizer.reader, flipped)
    quality = rectified.quality
    figures = (quality.expected_error_mm, quality.bend, quality.hidden_share, quality.slipped_share)
    rows = {"mv": traces.mv, "sigma": traces.sigma_mv, "flipped": other.mv, "flipped_sigma": other.sigma_mv}
    return {"truth": truth, "figures": np.array(figures)} | rows


def read_through(page_map: PageMap, picture: np.ndarray, spec: FrameSpec, *readers: Reader) -> list[Traces]:
    """What each reader reads of the page that lies in `picture` as `page_map` says, finished as the shipped one is."""
    frame, inside = resample(picture, page_map, spec)
    flat = FlatPage.of(picture, page_map, spec.layout)
    return [as_drawn(reader.read(frame, inside, spec), flat) for reader in readers]


def read_pages(jobs: list[Job], folder: Path) -> Iterator[PageReading]:
    """The pages of `jobs`, read or taken from the cache in `folder`."""
    kept = Cache(folder, __name__, (SHIPPED,))
    digitizer, flipped = Digitizer(), TraceReader.load(SHIPPED, FLIPPED)
    for job in jobs:
        key = kept.key(*job.made_from())
        if (found := kept.arrays(key)) is None:
            found = measure(job, digitizer, flipped)
            kept.put_arrays(key, **found)
        page = partial(PageReading, job, found["truth"])
        if "mv" not in found:
            yield page()
            continue
        traces = Traces(found["mv"], found["sigma"]), Traces(found["flipped"], found["flipped_sigma"])
        yield page(*traces, *map(float, found["figures"]))
