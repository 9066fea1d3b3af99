"""k-fold cross-validation of the fine-tune: every page is read by weights that never saw its record."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.cache import Cache
from ecgpipe.base.files import sha256_of
from ecgpipe.competition.dataset import Dataset
from ecgpipe.digitize.leads import DEFAULT, leads_of
from ecgpipe.digitize.overlay import draw_overlay
from ecgpipe.page.geometry import FrameSpec
from ecgpipe.pipeline.readings import OWN, Reading, folders_of
from ecgpipe.pipeline.samples import StoredFrames
from ecgpipe.pipeline.traces import read_traces, trace_pairs, write_traces
from ecgpipe.pipeline.train import FineTune
from ecgpipe.rectify.flat import FlatPage, flat_map
from ecgpipe.rectify.frames import Frame, read_shard, shard_path
from ecgpipe.rectify.picture import read_picture
from ecgpipe.score.metrics import competition_score, image_snr
from ecgpipe.trace.drawn import as_drawn
from ecgpipe.trace.reader import Traces


def read_out_of_fold(
    pages: pd.DataFrame,
    frames: Path,
    dataset: Dataset,
    fine_tune: FineTune,
    out: Path,
    scratch: Path,
    ways: Sequence[Reading] = (Reading(),),
    give_up_below_db: Sequence[float] = (),
) -> Iterator[float]:
    """Fine-tune and read fold after fold of `pages` (id, kind, fold) in one or several `ways`.

    The traces go to the ways' folders in `out`, a file a record.

    Yields after each fold the score in dB of all that are read so far, and ends with the first k folds if they score
    less than the k-th entry of `give_up_below_db`. Until the end they are kept in `scratch`, so that a run that was
    stopped goes on where it was if split, settings, start weights, frames and code are the same.
    """
    kept = Cache(scratch, __name__)
    run = _made_from(pages, frames, fine_tune, ways)
    folds = {fold: kept.key(fold, run) for fold in sorted(pages["fold"].unique())}
    read: list[Path] = []
    snrs: list[float] = []
    for (fold, key), limit_db in zip(folds.items(), chain(give_up_below_db, repeat(-np.inf)), strict=False):
        if kept.files(key) is None:
            with kept.put_files(key) as folder:
                _run_fold(pages, fold, frames, dataset, fine_tune, ways, folder)
        read.append(scratch / key)
        snrs += (image_snr(pair.truth, pair.prediction, pair.fs_hz) for pair in trace_pairs(read[-1], dataset, DEFAULT))
        yield (score_db := competition_score(snrs))
        if score_db < limit_db:
            break
    out.mkdir(parents=True, exist_ok=True)
    for kept_fold in read:
        for path in kept_fold.rglob("*.npz"):
            target = out / path.relative_to(kept_fold)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
    kept.keep_only(())


def page_overlay(record_id: str, kind: str, dataset: Dataset, frames: Path, spec: FrameSpec, out: Path) -> np.ndarray:
    """The picture (H, W, 3) uint8 of a page with its out-of-fold reading drawn on it."""
    picture = read_picture(dataset.image_path(record_id, kind))
    frame = read_shard(shard_path(frames, record_id), kind, spec)
    series = leads_of(read_traces(out / f"{record_id}.npz")[kind])
    return draw_overlay(picture, frame.page_map, series, spec.layout)


def _run_fold(
    pages: pd.DataFrame,
    fold: int,
    frames: Path,
    dataset: Dataset,
    fine_tune: FineTune,
    ways: Sequence[Reading],
    folder: Path,
) -> None:
    held_out = pages["fold"] == fold
    weights = folder / "trace.safetensors"
    training = StoredFrames(pages.loc[~held_out, ["id", "kind"]], frames, dataset, fine_tune.frame)
    replace(fine_tune, title=f"fold {fold}")(training, weights)
    readers = {place: way.load(weights) for way, place in folders_of(ways, folder).items()}
    for record_id, record_pages in pages[held_out].groupby("id"):
        traces: dict[Path, dict[str, Traces]] = {place: {} for place in readers}
        for kind in record_pages["kind"]:
            frame = read_shard(shard_path(frames, record_id), kind, fine_tune.frame)
            flat = _flat(dataset.image_path(record_id, kind), frame)
            for place, reader in readers.items():
                read = reader.read(frame.rgb, frame.inside, frame.spec)
                traces[place][kind] = as_drawn(read, flat)
        for place, by_kind in traces.items():
            place.mkdir(exist_ok=True)
            write_traces(place / f"{record_id}.npz", by_kind)


def _flat(image: Path, frame: Frame) -> FlatPage | None:
    """The page of a frame where it lies flat in its picture, which is read only then."""
    if flat_map(frame.page_map, frame.spec.layout) is None:
        return None
    return FlatPage.of(read_picture(image), frame.page_map, frame.spec.layout)


def _made_from(pages: pd.DataFrame, frames: Path, fine_tune: FineTune, ways: Sequence[Reading]) -> tuple[object, ...]:
    """Split, settings, weights by content and frames by size and time."""
    used = {fine_tune.start_weights, *(Path(path) for way in ways for path in way.weights if path != OWN)} - {None}
    weights = [sha256_of(path) for path in sorted(path for path in used if path is not None and path.is_file())]
    shards = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(frames.glob("*.npz"))]
    return pages.to_csv(), fine_tune, tuple(ways), weights, shards
