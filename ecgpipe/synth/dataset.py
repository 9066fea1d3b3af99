"""A synthetic data set in the competition's layout: signals, their pages, and pictures of the pages.

Every record and every picture draws from a random generator of its own, seeded by the data set's seed and its place, so
the bytes depend neither on the number of processes nor on how many other records or kinds there are.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_folder
from ecgpipe.base.parallel import map_processes
from ecgpipe.competition.dataset import (
    KINDS,
    PHOTO_KINDS,
    RATES_HZ,
    Dataset,
    Record,
    submission_ids,
    write_signal,
    write_submission,
)
from ecgpipe.competition.windows import DURATION_S
from ecgpipe.page.layout import KIT
from ecgpipe.params import Data
from ecgpipe.signals import fourier_resample
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import WFDB_FS_HZ, list_wfdb, read_wfdb, simulate
from ecgpipe.synth.page import PageStyle, draw_page

ORIGINAL_FS_HZ = WFDB_FS_HZ
SIMULATED = "simulated"

_FIRST_ID = {"train": 10_000_000, "test": 20_000_000}
_STREAM = {"train": 1, "test": 2, "order": 3}
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


@dataclass(frozen=True)
class _Job:
    root: Path
    data: Data
    split: str
    index: int
    wfdb_record: Path | None

    @property
    def record(self) -> Record:
        fs = RATES_HZ[self.index % len(RATES_HZ)]
        return Record(str(_FIRST_ID[self.split] + self.index), fs, round(DURATION_S * fs))

    def rng(self, picture: int = 0) -> np.random.Generator:
        """A stream for each picture; 0 is for the signals and the page. The last 1: numpy ignores zeros at the end."""
        return np.random.default_rng([self.data.seed, _STREAM[self.split], self.index, picture, 1])


def write_dataset(root: str | Path, data: Data) -> None:
    """Write `data.train_records` records with pictures of every kind, and `data.test_records` with one picture each.

    The truth comes at the six rates in turn, resampled from the 500 Hz originals that the pages show. The test pictures
    are of the kinds in turn; their truth lies in `test_truth`, which the competition does not give.
    """
    sources = _wfdb_records(data)
    with atomic_folder(root) as temporary:
        counts = {"train": data.train_records, "test": data.test_records}
        places = [(split, index) for split, count in counts.items() for index in range(count)]
        jobs = [_Job(temporary, data, *place, source) for place, source in zip(places, sources, strict=True)]
        records = {split: [job.record for job in jobs if job.split == split] for split in counts}
        dataset = Dataset(temporary)
        dataset.write_train_table(records["train"])
        dataset.write_test_table(records["test"])
        _write_sample_submission(dataset)
        list(map_processes(_write_record, jobs, data.workers))


def _write_record(job: _Job) -> None:
    dataset, record, rng = Dataset(job.root), job.record, job.rng()
    original = simulate(rng, fs_hz=ORIGINAL_FS_HZ) if job.wfdb_record is None else read_wfdb(job.wfdb_record)
    truth = fourier_resample(original, record.sig_len)
    page = draw_page(original, ORIGINAL_FS_HZ, PageStyle.random(rng), KIT)
    if job.split == "train":
        write_signal(dataset.signal_path(record.id), truth, record.fs)
        for kind in job.data.kinds:
            _write_picture(dataset.image_path(record.id, kind), page, kind, job)
    else:
        write_signal(dataset.test_truth_path(record.id), truth, record.fs)
        kind = job.data.kinds[job.index % len(job.data.kinds)]
        _write_picture(dataset.test_image_path(record.id), page, kind, job)


def _write_picture(path: Path, page: np.ndarray, kind: str, job: _Job) -> None:
    rng = job.rng(1 + KINDS.index(kind))
    turn = int(rng.integers(1, 4)) if rng.random() < job.data.turned_share else 0
    long_side_px = job.data.photo_long_side_px if kind in PHOTO_KINDS else None
    picture = capture(page, kind, rng, long_side_px=long_side_px, quarter_turn=turn).image
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[..., ::-1], _FAST_PNG):
        raise DataError(f"{path}: could not write the picture; is the disk full?")


def _write_sample_submission(dataset: Dataset) -> None:
    ids = submission_ids(dataset.test_table())
    write_submission(dataset.sample_submission_path, pd.DataFrame({"id": ids, "value": 0.0}))


def _wfdb_records(data: Data) -> list[Path | None]:
    """A different record of the WFDB folder for each record of the data set, in a random order; None to simulate."""
    count = data.train_records + data.test_records
    if data.signals == SIMULATED:
        return [None] * count
    paths = list_wfdb(data.signals)
    if len(paths) < count:
        raise DataError(
            f"data.signals: found {len(paths)} WFDB records below {data.signals}, expected at least {count}, "
            "the sum of data.train_records and data.test_records"
        )
    order = np.random.default_rng([data.seed, _STREAM["order"]]).permutation(len(paths))
    # test records from the other end: adding training records does not move them
    return [paths[index] for index in (*order[: data.train_records], *order[::-1][: data.test_records])]
