"""The smoke set of the simple table: three small pictures, their signals, and the table that names them.

python -m examples.paired                                      data/paired/example, as paired/dvc.yaml makes it
python -m examples.paired --folder scratch/sines --pictures 60 a larger set of the same kind

Step by step, as for a set of your own:

1. A signal is an array (channels, samples) in mV, saved as .npy. Here: two channels of 100 samples, a sine each.
2. A picture shows it, in any size and any usual format. Here: 64x64 pixels of PNG, channel 0 above channel 1, time to
   the right.
3. table.csv beside them has a row a picture: which ECG it is of, where picture and signal are, and the lead that names
   the picture. Here: I, II, I, II and so on.
4. `dvc repro paired/dvc.yaml` checks every row, trains, cross-validates, and leaves metrics and plots. Which folder it
   takes is data.folder of paired/params.yaml.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ecgpipe.base.files import atomic_folder
from ecgpipe.base.tables import write_table

FOLDER = Path("data/paired/example")
TABLE = "table.csv"
LEADS = ("I", "II")
CHANNELS, SAMPLES, SIDE_PX = 2, 100, 64
REACH_MV = 1.2  # of a channel's band in the picture, above and below 0 mV
SEED = 1
PAPER, GRID, INK = (255, 250, 250), (255, 200, 200), (30, 30, 30)  # RGB
_SHIFT = 8  # bits of a pixel's fraction in OpenCV's coordinates


def write_set(folder: str | Path, pictures: int = 3, seed: int = SEED) -> pd.DataFrame:
    """Make `folder`, replacing what was there: picture and signal files, and the table of them, which is returned.

    The same arguments give the same bytes, and the first pictures are the same whatever their number.
    """
    rows = []
    with atomic_folder(folder) as temporary:
        for number in range(pictures):
            name = f"{number:04}"
            signal = sines(np.random.default_rng([seed, number]))
            np.save(temporary / f"{name}.npy", signal)
            cv2.imwrite(str(temporary / f"{name}.png"), drawn(signal)[..., ::-1])
            rows.append((name, f"{name}.png", f"{name}.npy", LEADS[number % len(LEADS)]))
        table = pd.DataFrame(rows, columns=["ecg_id", "image", "signal", "lead"])
        write_table(temporary / TABLE, table)
    return table


def sines(rng: np.random.Generator) -> np.ndarray:
    """A signal (channels, samples) float32 in mV: each channel a sine of 1 to 3 turns, 0.4 to 1 mV high."""
    turns, phase, height_mv = rng.uniform([[1.0], [0.0], [0.4]], [[3.0], [1.0], [1.0]], (3, CHANNELS))[..., None]
    t = np.arange(SAMPLES) / SAMPLES
    return (height_mv * np.sin(2 * np.pi * (turns * t + phase))).astype(np.float32)


def drawn(signal: np.ndarray) -> np.ndarray:
    """The picture (64, 64, 3) uint8 RGB of a signal (channels, samples): a band a channel, from top to bottom."""
    picture = np.full((SIDE_PX, SIDE_PX, 3), PAPER, np.uint8)
    picture[::8] = picture[:, ::8] = GRID
    band_px = SIDE_PX / len(signal)
    x = np.linspace(0, SIDE_PX - 1, signal.shape[1])
    for channel, series in enumerate(signal):
        y = (channel + 0.5) * band_px - series * band_px / 2 / REACH_MV
        points = np.rint(np.stack([x, y], -1) * 2**_SHIFT).astype(np.int32)
        cv2.polylines(picture, [points], False, INK, 1, cv2.LINE_AA, _SHIFT)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--pictures", type=int, default=3)
    parser.add_argument("--seed", type=int, default=SEED)
    args = parser.parse_args()
    table = write_set(args.folder, args.pictures, args.seed)
    print(f"1. {len(table)} signals, {CHANNELS} channels of {SAMPLES} samples, in mV: {args.folder}/*.npy")
    print(f"2. {len(table)} pictures of them, {SIDE_PX}x{SIDE_PX} pixels: {args.folder}/*.png")
    print(f"3. {args.folder / TABLE}, a row a picture, which begins:")
    print(table.head(3).to_csv(index=False).strip())
    print("4. next: dvc repro paired/dvc.yaml" + ("" if args.folder == FOLDER else f", data.folder: {args.folder}"))


if __name__ == "__main__":
    main()
