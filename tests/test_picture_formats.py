"""Formats of phones, archives and the web: HEIC, AVIF, JPEG 2000, GIF and PDF."""

import base64
import sys

import numpy as np
import pytest
from PIL import Image

from ecgpipe.base.errors import PictureError
from ecgpipe.rectify.leaves import MOST_LEAVES, PICTURE_SUFFIXES, leaves_of
from ecgpipe.rectify.pdf import MOST_IMAGE_PX
from ecgpipe.rectify.picture import read_picture, read_pictures
from tests.pdf_pages import pdf

# White, 320 x 208, the top left quarter red, with an EXIF turn of 6 (its right side is up). Written by pillow_heif
# 1.8.1: Image.fromarray(picture).save(path, "HEIF", quality=20, exif=exif.tobytes())
HEIC = base64.b64decode(
    """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAaFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA
AAAERAAAIAAQAAAAABxQABAAAAAAAAAFwAAgAAAAACIQABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp
bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA4GlwcnAAAADAaXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAPPAA/P34+AAADwNgAAEAGE
ABDAH//wNwAAADAJAAAAMAAAMAPLoCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwA8oAoIDRZbqSSmubgIaDAgAAADAyAAAAMAIWIAAQAHRAHBcrBi
QAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAAFAAAAA0AAAABBwaXhpAAAAAAMICAgAAAAJaXJvdAMAAAAYaXBtYQAAAAAAAAABAA
EFgQIDBIUAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAIhtZGF0AAAAWCgBrwtIaFgy+sbB1//74I796hB1wjtMsUVIpa+R+uUw2+Wv0vz5
sBoBmaip4V3g6XAPwPsm/XQLK3yfaAFPjZYqlhDM0AiOnAcPMNIAACLghwAAAwAAEVAAAAAGRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAA
AAAAA=
"""
)
SQUARE = "1 0 0 rg 100 100 200 200 re f"  # red, in points from the bottom left corner


@pytest.fixture(scope="module")
def page():
    """A coloured gradient of 260×320 pixels, smooth enough for lossy formats."""
    y, x = np.mgrid[0:260, 0:320]
    return np.stack([x * 0.7, y * 0.8, 120 + 0 * x], axis=-1).astype(np.uint8)


def written(path, content: bytes):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "tolerance"), [("a.avif", 12), ("a.jp2", 0), ("a.j2k", 0), ("a.gif", 40)])
def test_further_formats_give_the_same_pixels(page, tmp_path, name, tolerance):
    Image.fromarray(page).save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.shape == page.shape and picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - page).max() <= tolerance
    assert (tmp_path / name).suffix in PICTURE_SUFFIXES


def test_a_heic_of_a_phone_stands_as_the_phone_was_held(tmp_path):
    picture = read_picture(written(tmp_path / "photo.jpg", HEIC))  # the content counts, not the name
    assert picture.shape == (320, 208, 3)
    red = picture[..., 1] < 100
    assert red[:150, 110:].mean() > 0.9 and red[:, :98].mean() < 0.01 and red[170:].mean() < 0.01


def test_without_its_library_a_heic_is_one_line_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(PictureError, match=r"photo.heic: a HEIF picture, but found no module .*'\.\[heif\]'$"):
        read_picture(written(tmp_path / "photo.heic", HEIC))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("name", ["a.avif", "a.jp2", "a.gif", "a.heic", "a.pdf"])
def test_what_is_cut_short_is_one_line(page, tmp_path, name, share):
    if name == "a.heic":
        whole = HEIC
    elif name == "a.pdf":
        whole = pdf([SQUARE])
    else:
        Image.fromarray(page).save(tmp_path / name)
        whole = (tmp_path / name).read_bytes()
    path = written(tmp_path / name, whole[: max(int(share * len(whole)), 16)])
    try:
        picture = read_picture(path)
    except PictureError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:  # a decoder that makes do with what there is
        assert name in ("a.gif", "a.jp2", "a.pdf") and picture.ndim == 3


def test_a_jpeg_2000_that_claims_too_much_is_refused_before_decoding(page, tmp_path):
    Image.fromarray(page).save(tmp_path / "a.j2k")
    content = bytearray((tmp_path / "a.j2k").read_bytes())
    content[8:16] = (60_000).to_bytes(4, "big") * 2  # Xsiz and Ysiz of the SIZ marker
    with pytest.raises(PictureError, match="60000x60000 pixels, expected at most"):
        read_picture(written(tmp_path / "a.j2k", bytes(content)))


# ---- PDFs


def test_a_page_of_a_pdf_is_rendered_at_300_dpi_as_it_is_shown(tmp_path):
    path = written(tmp_path / "a.pdf", pdf([SQUARE], (720, 360), turn=90))
    picture = read_picture(path)
    assert picture.shape == (3000, 1500, 3)
    y, x = np.nonzero(picture[..., 1] < 128)  # turned clockwise: what was left is on top
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((417, 1249, 417, 1249), abs=1)


def test_every_page_of_a_pdf_is_a_leaf(tmp_path):
    path = written(tmp_path / "a.pdf", pdf([SQUARE, "", SQUARE.replace("1 0 0 rg", "0 0 1 rg")]))
    leaves = leaves_of(path)
    assert [str(leaf) for leaf in leaves] == [f"{path}, page {number}" for number in (1, 2, 3)]
    assert (read_picture(leaves[2])[1600, 800] == (0, 0, 255)).all()
    with pytest.raises(PictureError, match="page 2: blank"):
        read_pictures(path)


def test_a_pdf_of_too_many_pages_is_refused(tmp_path):
    (leaf,) = leaves_of(written(tmp_path / "a.pdf", pdf([SQUARE] * (MOST_LEAVES + 1))))
    with pytest.raises(PictureError, match=f"found more than {MOST_LEAVES} pages"):
        read_picture(leaf)


def test_a_poster_is_rendered_at_fewer_dots_an_inch(tmp_path):
    picture = read_picture(written(tmp_path / "a.pdf", pdf([SQUARE], (7200, 3600))))
    assert picture.shape[0] * picture.shape[1] == pytest.approx(40e6, rel=0.01)


def test_a_page_too_small_is_refused(tmp_path):
    with pytest.raises(PictureError, match="found 84x84 pixels"):
        read_picture(written(tmp_path / "a.pdf", pdf([SQUARE], (20, 20))))


def test_a_picture_in_a_page_that_would_decode_to_too_much_is_refused(tmp_path):
    content = pdf(["q 300 0 0 300 100 100 cm /Traces Do Q"])
    huge = b"/Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 1 /ColorSpace /G"
    form = b"/Subtype /Form /BBox [-9999 -9999 9999 9999] /Matrix [1 0 0 1 20 -30]"
    assert form in content and MOST_IMAGE_PX < 60_000 * 60_000
    with pytest.raises(PictureError, match="a picture of 60000x60000 pixels in the page"):
        read_picture(written(tmp_path / "a.pdf", content.replace(form, huge)))


def test_an_encrypted_pdf_is_one_line_that_says_so(tmp_path):
    content = pdf([SQUARE]).replace(
        b"/Root 1 0 R",
        b"/Root 1 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] /Encrypt "
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O (" + b"o" * 32 + b") /U (" + b"u" * 32 + b") >>",
    )
    path = written(tmp_path / "a.pdf", content)
    assert len(leaves_of(path)) == 1
    with pytest.raises(PictureError, match=r"a\.pdf: the PDF is encrypted"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.7\n" + b"nonsense " * 500])
def test_a_pdf_that_is_none_is_one_line(tmp_path, content):
    with pytest.raises(PictureError, match=r"a\.pdf: truncated or corrupt"):
        read_picture(written(tmp_path / "a.pdf", content))
