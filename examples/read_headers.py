"""Does a made-up patient's name leave the picture? Headers are printed, digitized with --deidentify, and read by OCR.

python -m examples.read_headers DIR [--pages 50] [--seed 72000]

needs `pip install rapidocr`, which nothing else here does. Each page has a name, a number and a date of birth in three
places, one of them across the traces. DIR is filled with the pictures, and all that `ecgpipe digitize --overlay
--deidentify` writes of them. OCR reads each picture and each overlay, and all other files are searched for the words;
what was read of how many words before and after is printed.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from ecgpipe.page.layout import KIT
from ecgpipe.synth.capture import capture
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page

FORMATS = "csv,wfdb,edf,dicom,fhir,aecg,parquet"
KINDS = ("0001", "0003", "0005", "0006")  # render, scan, photo, photo of a screen
SYLLABLES = ("ka", "ro", "mi", "ten", "dor", "lu", "vas", "ber", "gal", "ni", "schu", "pe", "wit", "han")
ALIKE = 0.7  # share of letters in order, from which a text that was read tells a word


def made_up(rng: np.random.Generator) -> list[str]:
    """First and last name, a number of nine digits and a date of birth."""
    first, last = ("".join(rng.choice(SYLLABLES, size)).capitalize() for size in (2, 3))
    born = f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.19{rng.integers(10, 99)}"
    return [first, last, str(rng.integers(100_000_000, 999_999_999)), born]


def picture_of(rng: np.random.Generator, words: Sequence[str], kind: str) -> np.ndarray:
    """A kit's page with the words above, below and across its traces, as a picture (H, W, 3) uint8 RGB of `kind`."""
    line = "{} {}  ID {}  {}".format(*words)
    places = ((15.0, 20.0), (60.0, KIT.height_mm - 8.0), (rng.uniform(20, 120), rng.uniform(95, 160)))
    style = PageStyle(header=tuple((float(x), float(y), line) for x, y in places))
    return capture(draw_page(simulate(rng), 500, style, KIT), kind, rng, quarter_turn=0).image


def told(words: Sequence[str], texts: Sequence[str]) -> int:
    """How many of the words can be told from texts."""
    bare = ["".join(filter(str.isalnum, text.lower())) for text in texts]
    return sum(any(_is_in("".join(filter(str.isalnum, word.lower())), text) for text in bare) for word in words)


def _is_in(word: str, text: str) -> bool:
    starts = range(max(len(text) - len(word), 0) + 1)
    return any(SequenceMatcher(None, word, text[at : at + len(word)]).ratio() >= ALIKE for at in starts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--seed", type=int, default=72_000)
    options = parser.parse_args()
    try:
        from rapidocr import RapidOCR
    except ModuleNotFoundError:
        raise SystemExit("rapidocr is not installed; `pip install rapidocr`") from None
    from rapidocr import EngineType

    pictures, out = options.folder / "pictures", options.folder / "out"
    pictures.mkdir(parents=True, exist_ok=True)
    words = {}
    for index in track(range(options.pages), "pages"):
        rng = np.random.default_rng([options.seed, index])
        words[f"{index:03d}"] = made_up(rng)
        picture = picture_of(rng, words[f"{index:03d}"], KINDS[index % len(KINDS)])
        cv2.imwrite(str(pictures / f"{index:03d}.png"), picture[..., ::-1])
    command = [sys.executable, "-m", "ecgpipe", "digitize", str(pictures), "--output", str(out)]
    subprocess.run([*command, "--overlay", "--deidentify", "--sigma", "--format", FORMATS], check=False)
    engine = RapidOCR(params={f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")})
    before = after = in_files = overlays = 0
    for name, known in track(words.items(), "reading"):
        before += told(known, _texts(engine, pictures / f"{name}.png"))
        overlay = out / f"{name}.overlay.jpg"
        if overlay.exists():
            overlays += 1
            after += told(known, _texts(engine, overlay))
        files = [path for path in out.glob(f"{name}*") if path.suffix != ".jpg"]
        in_files += sum(any(word.encode() in path.read_bytes() for path in files) for word in known)
    total = 4 * len(words)
    print(f"{len(words)} pages, {overlays} read: OCR tells {before} of {total} words in the pictures, {after} of "
          f"{4 * overlays} in the overlays; {in_files} stand in other files")  # fmt: skip
    if not overlays:
        raise SystemExit("no page was read")


def _texts(engine: Any, path: Path) -> list[str]:
    return list(engine(str(path)).txts or ())


if __name__ == "__main__":
    main()
