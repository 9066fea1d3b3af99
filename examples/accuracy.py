"""How accurate readings are, by kind, lead and page, what each choice is worth, and how honest sigma is.

python -m examples.accuracy [--pages 4] [--real DIR] --output docs/accuracy.md

Reads simulated pages that nothing was trained, tuned or calibrated on, and with --real the pictures in DIR, or in each
folder in it, that have their truth beside them as NAME.csv. Writes the page and its figure (`--output` with suffix
.jpg), prints the README's table. What was read is kept in scratch/accuracy under a hash of code and weights, so a run
that was stopped goes on.
"""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track

import ecgpipe
from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.files import atomic_path
from ecgpipe.cli import PICTURE_SUFFIXES
from ecgpipe.competition.dataset import KINDS, read_signal
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.page.geometry import resample
from ecgpipe.rectify.picture import read_picture
from ecgpipe.rectify.rectifier import rectify
from ecgpipe.synth.capture import Capture
from ecgpipe.trace.reader import TraceReader, Traces
from ecgpipe.trace.weights import SHIPPED
from examples import accuracy_report
from examples.simulated import simulated_page

SEED = 55_000  # nothing was trained, tuned or chosen on its pages
WORK = Path("scratch/accuracy")
FLIPPED = "horizontal"


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
            return read_picture(self.path), read_signal(self.path.with_suffix(".csv"))
        pictured, truth = self.simulated()
        return pictured.image, truth

    def simulated(self) -> tuple[Capture, np.ndarray]:
        """A simulated picture with its true map, and truth (12, 5000) in mV."""
        return simulated_page(SEED, self.kind, self.index)


@dataclass(frozen=True)
class Page:
    """What was read of a job: `traces` as shipped, `flipped` with the flips that are off; None if it was refused."""

    job: Job
    truth: np.ndarray
    traces: Traces | None = None
    flipped: Traces | None = None
    error_mm: float = np.nan
    bend: float = np.nan
    hidden_share: float = np.nan
    slipped_share: float = np.nan


def real_jobs(folder: Path) -> list[Job]:
    """The pictures of `folder`, or of each folder in it, that have their truth beside them."""
    folders = [folder, *sorted(entry for entry in folder.iterdir() if entry.is_dir())]
    paths = [path for place in folders for path in sorted(place.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES]
    return [Job(path.parent.name, 0, path) for path in paths if path.with_suffix(".csv").is_file()]


def fingerprint() -> str:
    """A hash of the library's code, of the shipped weights and of the seed."""
    digest = hashlib.sha256(SHIPPED.read_bytes() + str(SEED).encode())
    for path in sorted(Path(ecgpipe.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def measure(job: Job, digitizer: Digitizer, flipped: TraceReader) -> dict[str, np.ndarray]:
    """What is kept of a page: its truth and, unless it is refused, its traces and the map's figures."""
    picture, truth = job.load()
    try:
        rectified = rectify(picture)
    except PageNotFound:
        return {"truth": truth}
    frame, inside = resample(picture, rectified.page_map, digitizer.spec)
    traces, other = (reader.read(frame, inside, digitizer.spec) for reader in (digitizer.reader, flipped))
    quality = rectified.quality
    figures = (quality.expected_error_mm, quality.bend, quality.hidden_share, quality.slipped_share)
    rows = {"mv": traces.mv, "sigma": traces.sigma_mv, "flipped": other.mv, "flipped_sigma": other.sigma_mv}
    return {"truth": truth, "figures": np.array(figures)} | rows


def read_pages(jobs: list[Job], kept: Path) -> Iterator[Page]:
    """The pages of `jobs`, read or taken from the folder `kept`."""
    digitizer, flipped = Digitizer(), TraceReader.load(SHIPPED, FLIPPED)
    for job in jobs:
        path = kept / f"{'real_' if job.path else ''}{job.kind}_{job.id}.npz"
        if not path.is_file():
            found = measure(job, digitizer, flipped)
            with atomic_path(path) as temporary:
                np.savez(temporary, **found)
        with np.load(path) as file:
            page = partial(Page, job, file["truth"])
            if "mv" not in file:
                yield page()
                continue
            traces = Traces(file["mv"], file["sigma"]), Traces(file["flipped"], file["flipped_sigma"])
            yield page(*traces, *map(float, file["figures"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=4, help="simulated pages of each kind")
    parser.add_argument("--real", type=Path, help="folder of real pictures with their truth")
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    args = parser.parse_args()
    jobs = [Job(kind, index) for index in range(args.pages) for kind in KINDS]
    jobs += real_jobs(args.real) if args.real else []
    pages = list(track(read_pages(jobs, WORK / fingerprint()), "pages", total=len(jobs)))
    simulated = [page for page in pages if page.job.path is None]
    real = [page for page in pages if page.job.path is not None]
    accuracy_report.write(args.output, simulated, real)
    print(accuracy_report.readme_table(simulated, real))


if __name__ == "__main__":
    main()
