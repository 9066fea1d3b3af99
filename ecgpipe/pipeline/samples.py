"""The frame store as training samples: which pages there are, and each frame with its record's truth."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import Dataset, Record, read_signal
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.rectify.frames import RECTIFIED, read_shard, shard_path
from ecgpipe.training.data import FrameSample


def rectified_pages(folder: str | Path) -> pd.DataFrame:
    """The pages (id, kind) whose frames lie in `folder`."""
    path = Path(folder) / "pages.csv"
    try:
        pages = pd.read_csv(path, dtype={"id": str, "kind": str})
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a table of pages ({error}); run `dvc repro preprocess`") from None
    return pages.loc[pages["status"] == RECTIFIED, ["id", "kind"]].reset_index(drop=True)


class StoredFrames:
    """Pages (id, kind) of the frame store, made with `spec`, with the truth of `dataset`, each read when asked for."""

    def __init__(self, pages: pd.DataFrame, folder: str | Path, dataset: Dataset, spec: FrameSpec):
        self.pages = list(pages.itertuples(index=False, name=None))
        self.folder, self.dataset, self.spec = folder, dataset, spec
        self.records = {record.id: record for record in dataset.train_records()}

    def __len__(self) -> int:
        return len(self.pages)

    def __iter__(self) -> Iterator[FrameSample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> FrameSample:
        record_id, kind = self.pages[index]
        record = self.records[record_id]
        frame = read_shard(shard_path(self.folder, record_id), kind, self.spec)
        return FrameSample(frame.rgb, frame.inside, truth_of(self.dataset, record), record.fs, kind)


@lru_cache(maxsize=64)
def truth_of(dataset: Dataset, record: Record) -> np.ndarray:
    """The truth (12, sig_len) in mV of a training record."""
    return read_signal(dataset.signal_path(record.id), record.sig_len)
