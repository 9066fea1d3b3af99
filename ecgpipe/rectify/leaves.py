"""The pictures in a file, told before any is decoded: nothing slow is imported for a file that holds one."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from ecgpipe.base.errors import PictureError
from ecgpipe.rectify.pdf import is_pdf, page_count

# Looked for in folders.
PICTURE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pdf", ".png", ".tif", ".tiff", ".webp"}
PICTURE_SUFFIXES |= {".avif", ".heic", ".heif", ".hif", ".j2k", ".jp2", ".jpx"}
MOST_LEAVES = 200  # of a file
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # of 32 and of 64 bits
SUBFILE_TYPE, NO_LEAF = 254, 0b101  # a TIFF's tag, and its bits for a smaller copy and for a mask


@dataclass(frozen=True)
class Leaf:
    """One picture of the file `path`: its `place` in the file, and its `number` from 1 on among the `of` that count.

    `refusal` says why nothing of the file is to be read.
    """

    path: Path
    place: int = 0
    number: int = 1
    of: int = 1
    refusal: str = ""

    def __str__(self) -> str:
        """What messages call it."""
        return str(self.path) if self.of == 1 else f"{self.path}, page {self.number}"


def leaves_of(path: str | Path) -> list[Leaf]:
    """The pages of a PDF, and of a TIFF, smaller copies and masks left out; one leaf for any other file.

    Also one for a file that cannot be read, as reading it says why, and for one of too many pages, with a `refusal`.
    """
    path = Path(path)
    places = _tiff_places(path) if _is_tiff(path) else _pdf_places(path) if is_pdf(path) else [0]
    if len(places) > MOST_LEAVES:
        return [
            Leaf(path, refusal=f"{path}: found more than {MOST_LEAVES} pages, expected at most so many; split the file")
        ]
    return [Leaf(path, place, number, len(places)) for number, place in enumerate(places, 1)]


def _pdf_places(path: Path) -> list[int]:
    try:
        return list(range(page_count(path)))[: MOST_LEAVES + 1] or [0]
    except PictureError:
        return [0]


def _is_tiff(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in TIFF_MAGIC
    except OSError:
        return False


def _tiff_places(path: Path) -> list[int]:
    from PIL import Image

    places: list[int] = []
    place = 0
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=["TIFF"]) as image:
            while len(places) <= MOST_LEAVES and place <= 4 * MOST_LEAVES:
                image.seek(place)
                if not image.tag_v2.get(SUBFILE_TYPE, 0) & NO_LEAF:  # type: ignore[attr-defined]
                    places.append(place)
                place += 1
    except EOFError:  # there are no more
        pass
    except Exception:  # whatever a corrupt file leads to: reading this one will say it, and what follows is not found
        places.append(place)
    return places or [0]
