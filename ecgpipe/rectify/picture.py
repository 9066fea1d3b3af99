"""Picture files to RGB pixels. What cannot show a page is refused, before decoding if its header says so."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from ecgpipe.base.errors import PictureError, command, found
from ecgpipe.rectify.leaves import Leaf, leaves_of
from ecgpipe.rectify.pdf import dpi_of, is_pdf, opened, page_of, rendered, size_px

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "AVIF")  # that Pillow reads by itself
READABLE = ", ".join((*FORMATS, "HEIC", "PDF"))
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # that a file says it follows
MIN_SIDE_PX = 200  # below, a 1 mm box of a page has less than a pixel
MAX_SIDE_PX = 20_000  # a page at 1,800 dpi
MAX_PIXELS = 120_000_000  # 360 MB decoded
CLOSEST_PX = 4000  # long side at most of a picture in which the lines of a grid are localised; not swept
BLANK_LEVELS = 8  # of 255: range of every channel of a picture that shows nothing; not swept

# Pillow would warn or fail on large pictures without naming their size; the limits above are stricter.
Image.MAX_IMAGE_PIXELS = None


def read_picture(path: str | Path | Leaf, *, min_side_px: int = MIN_SIDE_PX) -> np.ndarray:
    """A file's first picture, or one `Leaf` of it, as RGB (H, W, 3) uint8: EXIF turn applied, alpha on white, 8 bits.

    A JPEG with a side of twice CLOSEST_PX or more is decoded at half its size, in a third of the time: a page in all of
    it still has 14 px/mm, one of two side by side 7. Maps of a page lead to the pixels of that picture.

    PictureError, one line with file and reason, if the file is missing, empty, of another format, truncated or corrupt,
    too small or too large (refused before decoding; a page's short side has `min_side_px` or more), or all of one
    colour.
    """
    leaf = path if isinstance(path, Leaf) else Leaf(Path(path))
    if leaf.refusal:
        raise PictureError(leaf.refusal)
    try:
        if leaf.path.stat().st_size == 0:
            raise PictureError(f"{leaf}: the file is empty, expected a picture ({READABLE})")
        if is_pdf(leaf.path):
            return _not_blank(leaf, _rendered(leaf))
        formats = _learned_heif(leaf) if _is_heif(leaf.path) else FORMATS
        # Pillow's warnings are of metadata, or of what becomes an error below.
        with warnings.catch_warnings(action="ignore"), Image.open(leaf.path, formats=formats) as image:
            if leaf.place:
                _turn_to(leaf, image)
            _check_size(leaf, image.size, min_side_px)
            picture = _decoded(leaf, image)
    except FileNotFoundError:
        raise PictureError(f"{leaf}: no such file, expected a picture") from None
    except Image.UnidentifiedImageError:
        raise PictureError(f"{leaf}: not a picture that can be read, expected {READABLE}") from None
    except OSError as error:
        raise PictureError(f"{leaf}: cannot be opened: {error.strerror or error}") from None
    except ValueError as error:  # a header that unpacks to more than Pillow allows
        raise PictureError(f"{leaf}: refused before decoding: {' '.join(str(error).split())}") from None
    return _not_blank(leaf, np.array(picture))


def read_pictures(path: str | Path) -> list[np.ndarray]:
    """All pictures of a file, each as `read_picture` gives it: those of a TIFF of several pages, one of any other.

    PictureError for the first that cannot be read, and for a file of too many. All are in memory at once; read one
    `Leaf` of `leaves_of` after another where that is too much.
    """
    return [read_picture(leaf) for leaf in leaves_of(path)]


def _is_heif(path: Path) -> bool:
    """Whether a file is HEIF as cameras write it, HEIC; Pillow itself reads AVIF, which has the same container."""
    with path.open("rb") as file:
        start = file.read(64)
    length = int.from_bytes(start[:4], "big")
    brands = [start[at : at + 4] for at in (8, *range(16, min(length, len(start)), 4))]
    return start[4:8] == b"ftyp" and b"avif" not in brands and any(brand in HEIF_BRANDS for brand in brands)


def _learned_heif(leaf: Leaf) -> tuple[str, ...]:
    """The format that Pillow has been taught; PictureError where what is needed for it is not installed."""
    try:
        import pi_heif
    except ModuleNotFoundError as error:
        raise PictureError(f"{leaf}: a HEIF picture, but {found(error)}; {command(error)}") from None
    pi_heif.register_heif_opener()
    return ("HEIF",)


def _not_blank(leaf: Leaf, picture: np.ndarray) -> np.ndarray:
    """A picture that shows something; PictureError for any other."""
    extremes = [cv2.minMaxLoc(levels)[:2] for levels in cv2.split(picture)]  # numpy takes thirty times as long
    if max(high - low for low, high in extremes) <= BLANK_LEVELS:
        colour = tuple(map(int, picture[0, 0]))
        raise PictureError(f"{leaf}: blank, all pixels have about the RGB colour {colour}; expected an ECG page")
    return picture


def _rendered(leaf: Leaf) -> np.ndarray:
    """The page of a PDF as it is shown."""
    with opened(leaf.path) as document:
        try:
            page = page_of(document, leaf.place)
            dpi = dpi_of(page)
            _check_size(leaf, size_px(page, dpi))
            return rendered(page, dpi)
        except PictureError as error:
            raise PictureError(str(error) if str(leaf) in str(error) else f"{leaf}: {error}") from None


def _turn_to(leaf: Leaf, image: Image.Image) -> None:
    try:
        image.seek(leaf.place)
    except Exception as error:  # whatever a corrupt file leads to
        raise _corrupt(leaf, error) from None


def _check_size(leaf: Leaf, size: tuple[int, int], min_side_px: int = MIN_SIDE_PX) -> None:
    width, height = size
    if min(size) < min_side_px:
        raise PictureError(f"{leaf}: found {width}x{height} pixels, expected at least {min_side_px} on the short side")
    if max(size) > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise PictureError(
            f"{leaf}: found {width}x{height} pixels, expected at most {MAX_SIDE_PX} a side "
            f"and {MAX_PIXELS // 1_000_000} million in all; scale the picture down"
        )


def _decoded(leaf: Leaf, image: Image.Image) -> Image.Image:
    try:
        if max(image.size) >= 2 * CLOSEST_PX and min(image.size) >= 2 * MIN_SIDE_PX:
            image.draft(None, (image.width // 2, image.height // 2))  # of a JPEG alone
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _rgb(image)
    except PictureError as error:
        raise PictureError(f"{leaf}: {error}") from None
    except Exception as error:  # decoders raise whatever a corrupt file leads them to
        raise _corrupt(leaf, error) from None


def _corrupt(leaf: Leaf, error: Exception) -> PictureError:
    return PictureError(f"{leaf}: truncated or corrupt, cannot be decoded: {' '.join(str(error).split())}")


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow's own conversion clips instead of scaling
        levels = np.asarray(image)
        if levels.min() < 0 or levels.max() > 65535:
            raise PictureError(
                f"found grey levels from {levels.min()} to {levels.max()}, expected 8 or 16 bits a pixel"
            )
        image = Image.fromarray((levels >> 8).astype(np.uint8))
    if image.mode == "F":
        raise PictureError("found floating-point grey levels, expected 8 or 16 bits a pixel")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
