"""Out-of-fold traces on disk, a file a record, and against the truth.

Traces are what the reader saw, before any choice about how leads are made from them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path
from ecgpipe.competition.dataset import Dataset, read_signal
from ecgpipe.digitize.leads import PLAIN, LeadOptions, leads_of, resample_leads
from ecgpipe.score.compare import pair
from ecgpipe.score.metrics import Pair
from ecgpipe.trace.reader import Traces


def write_traces(path: str | Path, traces: Mapping[str, Traces]) -> None:
    """Write the traces of one record by kind."""
    members: dict[str, Any] = {}
    for kind, read in sorted(traces.items()):
        members[f"{kind}.mv"], members[f"{kind}.sigma_mv"] = read.mv, read.sigma_mv
    with atomic_path(path) as temporary:
        np.savez(temporary, **members)


def read_traces(path: str | Path) -> dict[str, Traces]:
    """The traces of one record by kind; DataError if the file is not there."""
    try:
        with np.load(path, allow_pickle=False) as file:
            kinds = [name.removesuffix(".mv") for name in file.files if name.endswith(".mv")]
            return {kind: Traces(file[f"{kind}.mv"], file[f"{kind}.sigma_mv"]) for kind in kinds}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected traces; run `dvc repro cross_validate`") from None


def trace_pairs(folder: str | Path, dataset: Dataset, options: LeadOptions = PLAIN) -> Iterator[Pair]:
    """Truth and reading of every page whose traces lie in `folder`, at the truth's own rate."""
    for record in dataset.train_records():
        path = Path(folder) / f"{record.id}.npz"
        if not path.is_file():
            continue
        truth = read_signal(dataset.signal_path(record.id), record.sig_len)
        for kind, traces in read_traces(path).items():
            yield pair(record.id, kind, truth, resample_leads(leads_of(traces, options), record.sig_len, traces.layout))
