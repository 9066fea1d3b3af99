"""Pictures and signals as arrays of one shape: checked and resized once, then read whole or piece by piece."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ecgpipe.base.errors import DataError, PictureError, row_name
from ecgpipe.base.files import atomic_folder
from ecgpipe.base.tables import read_strict_csv, write_table
from ecgpipe.paired.params import Images
from ecgpipe.paired.table import raise_if, read_rows, read_signal
from ecgpipe.rectify.picture import read_picture


@dataclass(frozen=True)
class Pairs:
    """N pictures with their signals.

    `rows` (ecg_id, lead) name them; `images` (N, height, width, colours) uint8 and `signals` (N, channels, samples)
    float32 in mV are arrays in memory or on disk.
    """

    rows: pd.DataFrame
    images: np.ndarray
    signals: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def load(folder: str | Path, *, preload: bool) -> "Pairs":
        """What `write_pairs` left in `folder`; without `preload` arrays stay on disk until a row is asked for."""
        folder = Path(folder)
        rows = read_strict_csv(folder / "rows.csv", dtype=str)
        images, signals = (np.load(folder / name, None if preload else "r") for name in ("images.npy", "signals.npy"))
        return Pairs(rows, images, signals)


def write_pairs(source: str | Path, table: str, images: Images, folder: str | Path) -> None:
    """Read every pair of `table` in the folder `source` and write rows.csv, images.npy and signals.npy to `folder`.

    All signals have the shape of the first. DataError, with a line for each row whose picture or signal is not sound,
    leaves `folder` as it was.
    """
    source = Path(source)
    rows = read_rows(source, table)
    problems: list[str] = []
    shape = len(rows), images.height_px, images.width_px, 1 if images.colours == "grey" else 3
    signals = None
    with atomic_folder(folder) as temporary:
        pictures = np.lib.format.open_memmap(temporary / "images.npy", "w+", np.uint8, shape)
        for place, row in enumerate(rows.itertuples(index=False)):
            try:
                pictures[place] = resized(read_picture(source / row.image, min_side_px=1), images)
            except PictureError as error:
                problems.append(f"{row_name(place)}, image: {error}")
            try:
                signal = read_signal(source / row.signal)
                if signals is None:
                    all_shape = (len(rows), *signal.shape)
                    signals = np.lib.format.open_memmap(temporary / "signals.npy", "w+", np.float32, all_shape)
                if signal.shape != signals.shape[1:]:
                    raise DataError(f"{row.signal}: found {signal.shape}, expected the first one's {signals.shape[1:]}")
                signals[place] = signal
            except DataError as error:
                problems.append(f"{row_name(place)}, signal: {error}")
        raise_if(problems, source / table)
        write_table(temporary / "rows.csv", rows[["ecg_id", "lead"]])


def resized(picture: np.ndarray, images: Images) -> np.ndarray:
    """A picture (H, W, 3) uint8 RGB of any size as (height, width, colours), stretched, each pixel a mean of the old
    ones."""
    if images.colours == "grey":
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    scaled = cv2.resize(picture, (images.width_px, images.height_px), interpolation=cv2.INTER_AREA)
    return scaled.reshape(images.height_px, images.width_px, -1)
