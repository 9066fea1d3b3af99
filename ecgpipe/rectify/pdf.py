"""PDF files: their pages, and a page as pixels. What cannot be opened or is too much is refused in one line."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecgpipe.base.errors import PictureError

if TYPE_CHECKING:
    import numpy as np
    from pypdfium2 import PdfDocument, PdfPage

DPI = 300.0
POINTS_PER_INCH = 72.0
MOST_PX = 40_000_000  # of a rendered page: A2 at 300 dpi; larger pages are rendered at fewer dots an inch
MOST_IMAGE_PX = 120_000_000  # of a picture in a page, which would be decoded whole
MAGIC = b"%PDF-"
HEADER_BYTES = 1024  # within which a PDF says that it is one


def is_pdf(path: Path) -> bool:
    """Whether a file is a PDF by its beginning; False for one that cannot be opened, as reading it says why."""
    try:
        with path.open("rb") as file:
            start = file.read(HEADER_BYTES)
    except OSError:
        return False
    return start.startswith(MAGIC) or (path.suffix.lower() == ".pdf" and MAGIC in start)


@contextmanager
def opened(path: Path) -> Iterator["PdfDocument"]:
    """A PDF's document, closed afterwards; PictureError if it cannot be opened."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise PictureError(
                f"{path}: the PDF is encrypted, expected one that opens without a password; save it without"
            ) from None
        if "security" in str(error).lower():
            raise PictureError(f"{path}: the PDF is encrypted in a way that is not known; print it to a file") from None
        raise PictureError(f"{path}: truncated or corrupt, cannot be read as a PDF") from None
    try:
        yield document
    finally:
        document.close()


def page_count(path: Path) -> int:
    """How many pages a PDF has; PictureError if it cannot be opened."""
    with opened(path) as document:
        return len(document)


def page_of(document: "PdfDocument", place: int) -> "PdfPage":
    """The page at `place`, from 0 on; PictureError if it cannot be loaded."""
    import pypdfium2

    try:
        return document[place]
    except (pypdfium2.PdfiumError, IndexError):
        raise PictureError("this page of the PDF is corrupt, expected one that can be shown") from None


def dpi_of(page: "PdfPage") -> float:
    """Dots an inch at which a page is rendered: DPI, or fewer for a page so large that it would have too many."""
    width, height = (side / POINTS_PER_INCH for side in page.get_size())
    return min(DPI, math.sqrt(MOST_PX / max(width * height, 1e-9)))


def size_px(page: "PdfPage", dpi: float) -> tuple[int, int]:
    """Width and height of the picture that `rendered` gives."""
    width, height = (math.ceil(side * dpi / POINTS_PER_INCH) for side in page.get_size())
    return width, height


def rendered(page: "PdfPage", dpi: float) -> "np.ndarray":
    """A page as it is shown, RGB (H, W, 3) uint8 on white; PictureError where a picture in it is too large."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]):
        width, height = image.get_px_size()
        if width * height > MOST_IMAGE_PX:
            raise PictureError(
                f"found a picture of {width}x{height} pixels in the page, expected at most "
                f"{MOST_IMAGE_PX // 1_000_000} million; scale it down"
            )
    try:
        bitmap = page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True)
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise PictureError(f"the page cannot be rendered: {' '.join(str(error).split())}") from None
    return bitmap.to_numpy()[..., :3].copy()
