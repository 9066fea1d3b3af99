"""A data set of a few records without pictures, small enough to make by hand."""

from pathlib import Path

import numpy as np

from ecgpipe.competition.dataset import Dataset, Record, write_signal
from ecgpipe.page.layout import LEADS

RECORDS = (Record("1", 500, 5000), Record("2", 250, 2500))


def series_of(seed: int, sig_len: int) -> np.ndarray:
    """Smooth signals (12, sig_len) that differ by lead."""
    phase = np.random.default_rng(seed).uniform(0, 6, (len(LEADS), 1))
    return np.sin(2 * np.pi * 1.3 * np.arange(sig_len) / sig_len * 10 + phase)


def small_dataset(root: Path) -> Dataset:
    """Two records with truth, no pictures, and one to submit whose truth is known."""
    dataset = Dataset(root)
    dataset.write_train_table(RECORDS)
    for record in RECORDS:
        write_signal(dataset.signal_path(record.id), series_of(int(record.id), record.sig_len), record.fs)
    dataset.write_test_table([Record("9", 1025, 10250)])
    write_signal(dataset.test_truth_path("9"), series_of(9, 10250), 1025)
    return dataset
