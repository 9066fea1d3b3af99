"""k-fold cross-validation of the fine-tune: every page is read by weights that never saw its record."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import ecgpipe
from ecgpipe.base.files import atomic_folder
from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.leads import leads_of
from ecgpipe.digitize.overlay import draw_overlay
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.pipeline.samples import StoredFrames
from ecgpipe.pipeline.traces import read_traces, write_traces
from ecgpipe.pipeline.train import FineTune
from ecgpipe.rectify.frames import read_shard, shard_path
from ecgpipe.rectify.picture import read_picture
from ecgpipe.trace.reader import Flips, TraceReader


def read_out_of_fold(
    pages: pd.DataFrame,
    frames: Path,
    dataset: Dataset,
    fine_tune: FineTune,
    out: Path,
    scratch: Path,
    flips: Flips = "none",
) -> Iterator[int]:
    """Fine-tune and read fold after fold of `pages` (id, kind, fold); the traces go to `out`, a file a record.

    Yields each fold as it is done. Until all are, they are kept in `scratch` under a hash of what they depend on, so
    that a run that was stopped goes on where it was.
    """
    kept = scratch / _fingerprint(pages, frames, fine_tune, flips)
    for fold in sorted(pages["fold"].unique()):
        if not (kept / f"fold_{fold}").is_dir():
            with atomic_folder(kept / f"fold_{fold}") as folder:
                _run_fold(pages, fold, frames, dataset, fine_tune, flips, folder)
        yield fold
    out.mkdir(parents=True, exist_ok=True)
    for path in kept.glob("fold_*/*.npz"):
        shutil.copyfile(path, out / path.name)
    shutil.rmtree(kept)


def page_overlay(record_id: str, kind: str, dataset: Dataset, frames: Path, spec: FrameSpec, out: Path) -> np.ndarray:
    """The picture (H, W, 3) uint8 of a page with its out-of-fold reading drawn on it."""
    picture = read_picture(dataset.image_path(record_id, kind))
    frame = read_shard(shard_path(frames, record_id), kind, spec)
    series = leads_of(read_traces(out / f"{record_id}.npz")[kind])
    return draw_overlay(picture, frame.page_map, series, spec.layout)


def _run_fold(
    pages: pd.DataFrame, fold: int, frames: Path, dataset: Dataset, fine_tune: FineTune, flips: Flips, folder: Path
) -> None:
    held_out = pages["fold"] == fold
    weights = folder / "trace.safetensors"
    fine_tune(StoredFrames(pages.loc[~held_out, ["id", "kind"]], frames, dataset, fine_tune.frame), weights)
    reader = TraceReader.load(weights, flips)
    for record_id, record_pages in pages[held_out].groupby("id"):
        samples = StoredFrames(record_pages[["id", "kind"]], frames, dataset, fine_tune.frame)
        traces = {sample.kind: reader.read(sample.frame, sample.inside, fine_tune.frame) for sample in samples}
        write_traces(folder / f"{record_id}.npz", traces)


def _fingerprint(pages: pd.DataFrame, frames: Path, fine_tune: FineTune, flips: Flips) -> str:
    """A hash of split, settings, code and start weights by content, and of the frames by size and time."""
    digest = hashlib.sha256(repr((pages.to_csv(), fine_tune, flips)).encode())
    for path in sorted(Path(ecgpipe.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    if fine_tune.start_weights is not None and fine_tune.start_weights.is_file():
        digest.update(fine_tune.start_weights.read_bytes())
    for path in sorted(frames.glob("*.npz")):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
