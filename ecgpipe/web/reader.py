"""What the worker does with a page: decode, show, find, read. Runs in a process of its own."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ecgpipe.base.errors import EcgpipeError, PictureError
from ecgpipe.digitize.digitizer import Digitized, Digitizer, one_of
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.several import find_pages
from ecgpipe.rectify.leaves import Leaf, leaves_of
from ecgpipe.rectify.picture import read_picture
from ecgpipe.vector import vector_page
from ecgpipe.web.worker import Tell

SHOWN_PX = 3200  # longest side of the picture as it is shown
SHOWN_QUALITY = 88
OPENING, FINDING, READING = "opening the picture", "finding the page", "reading the traces"
DONE = {OPENING: 0.0, FINDING: 0.05, READING: 0.5}  # share of a page's time before each stage, of photos, in float32


@dataclass(frozen=True)
class Job:
    """Page `number`, from 1 on, of the file `path`; its picture is written as the JPEG `shown`."""

    path: Path
    number: int
    hints: Hints
    shown: Path


def read_page(job: Job, tell: Tell) -> Digitized:
    """The reading. Tells `of`, the pages in the file, `size` (width, height) of the picture once that can be shown, and
    each `stage` in words. Raises EcgpipeError, whose text names no file."""
    tell("stage", OPENING)
    leaves = leaves_of(job.path)
    tell("of", len(leaves))
    leaf = leaves[min(job.number, len(leaves)) - 1]
    try:
        picture = read_picture(leaf)
        with ThreadPoolExecutor(1) as beside:
            shown = beside.submit(_show, picture, job.shown, tell)
            tell("stage", FINDING)
            by_lines = vector_page(leaf, job.hints)
            pages = [by_lines] if by_lines else find_pages(picture, hints=job.hints)
            shown.result()
        tell("stage", READING)
        digitizer = _digitizer()
        digitizer.hints = job.hints
        return one_of(len(pages), digitizer.read(pages[0]))
    except PictureError as error:
        raise EcgpipeError(_nameless(str(error), leaf)) from None


def prepare() -> None:
    """Load what the first page would wait for."""
    import ecgpipe.recognize.sheets  # noqa: F401, pages of other layouts than the kit's

    Image.init()  # what reads each format
    _digitizer()


@cache
def _digitizer() -> Digitizer:
    return Digitizer()


def _show(picture: np.ndarray, path: Path, tell: Tell) -> None:
    """Write `picture` (H, W, 3) uint8 RGB as a JPEG, scaled down if it is large, and tell the `size` that it has."""
    height, width = picture.shape[:2]
    scale = min(1.0, SHOWN_PX / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, SHOWN_QUALITY])
    tell("size", (width, height))


def _nameless(text: str, leaf: Leaf) -> str:
    """What is wrong, without where the file lies."""
    for name in (str(leaf), str(leaf.path)):
        text = text.removeprefix(f"{name}: ").replace(name, "the file")
    return text
