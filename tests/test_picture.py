"""Every form a picture of a page may come in gives the same pixels; everything else gives one line that says why."""

import struct
import time
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from ecgpipe.base.errors import PictureError
from ecgpipe.rectify.leaves import MOST_LEAVES, leaves_of
from ecgpipe.rectify.picture import CLOSEST_PX, read_picture, read_pictures


@pytest.fixture(scope="module")
def page():
    """A coloured gradient of 260×320 pixels, smooth enough for lossy formats."""
    y, x = np.mgrid[0:260, 0:320]
    return np.stack([x * 0.7, y * 0.8, 120 + 0 * x], axis=-1).astype(np.uint8)


def save(array, path, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "tolerance"),
    [
        ("a.png", None, 0),
        ("a.tif", None, 0),
        ("a.bmp", None, 0),
        ("a.webp", None, 8),
        ("a.jpg", None, 8),
        ("cmyk.jpg", "CMYK", 12),
        ("cmyk.tif", "CMYK", 2),
        ("opaque.png", "RGBA", 0),
    ],
)
def test_formats_and_modes_give_the_same_pixels(page, tmp_path, name, mode, tolerance):
    picture = read_picture(save(page, tmp_path / name, mode))
    assert picture.shape == page.shape and picture.dtype == np.uint8 and picture.flags.writeable
    assert np.abs(picture.astype(int) - page).max() <= tolerance


def test_the_format_is_read_from_the_content_not_the_name(page, tmp_path):
    path = save(page, tmp_path / "scan.jpg", format="PNG")
    np.testing.assert_array_equal(read_picture(path), page)


def test_palette_becomes_its_colours(page, tmp_path):
    palette = Image.fromarray(page).quantize(64)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))


def test_grey_fills_three_channels(page, tmp_path):
    grey = page[..., 0]
    np.testing.assert_array_equal(
        read_picture(save(grey, tmp_path / "grey.png")), np.repeat(grey[..., None], 3, axis=2)
    )


def test_bilevel_is_black_and_white(page, tmp_path):
    picture = read_picture(save(page[..., 0], tmp_path / "fax.tif", "1"))
    assert set(np.unique(picture)) == {0, 255}


@pytest.mark.parametrize("name", ["grey16.png", "grey16.tif"])
def test_sixteen_bit_grey_is_scaled_not_clipped(page, tmp_path, name):
    grey = page[..., 1]
    cv2.imwrite(str(tmp_path / name), grey.astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_picture(tmp_path / name)[..., 2], grey)


def test_sixteen_bit_colour_is_scaled_not_clipped(page, tmp_path):
    cv2.imwrite(str(tmp_path / "rgb16.png"), page[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_picture(tmp_path / "rgb16.png"), page)


def test_transparent_paper_is_white(page, tmp_path):
    alpha = np.full(page.shape[:2], 255, np.uint8)
    alpha[:100] = 0
    picture = read_picture(save(np.dstack([page, alpha]), tmp_path / "alpha.png"))
    assert (picture[:100] == 255).all()
    np.testing.assert_array_equal(picture[100:], page[100:])


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
@pytest.mark.parametrize("name", ["turned.jpg", "turned.png", "turned.tif"])
def test_exif_turn_is_applied(page, tmp_path, name, orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_picture(save(page, tmp_path / name, exif=exif))
    expected = np.rot90(page, turns)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).max() <= 8


@pytest.mark.parametrize(("name", "shrink"), [("large.jpg", 2), ("large.png", 1)])
def test_a_jpeg_larger_than_anything_looks_at_is_halved(tmp_path, name, shrink):
    levels = np.kron(np.arange(0, 256, 16, dtype=np.uint8).reshape(2, 8), np.ones((300, 1000), np.uint8))
    Image.fromarray(levels).convert("RGB").save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    assert picture.shape == (600 // shrink, 2 * CLOSEST_PX // shrink, 3)
    assert np.abs(picture[..., 0].astype(int) - levels[::shrink, ::shrink]).mean() < 1


def png_header(width, height):
    """A PNG that claims a size and ends there."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0")
    chunks = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, body)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty, expected a picture"),
        (b"ecg of a cat\n" * 99, "not a picture that can be read, expected PNG, JPEG"),
        (b"\x89PNG\r\n\x1a\n", "not a picture that can be read"),
        (png_header(1, 1), "found 1x1 pixels, expected at least 200"),
        (png_header(4000, 199), "found 4000x199 pixels, expected at least 200"),
        (png_header(60_000, 60_000), "found 60000x60000 pixels, expected at most 20000 a side"),
        (png_header(12_000, 12_000), "found 12000x12000 pixels.* 120 million"),
        (png_header(20_001, 300), "found 20001x300 pixels"),
        (png_header(2200, 1700), "truncated or corrupt"),
    ],
)
def test_refusals_name_file_and_reason(tmp_path, recwarn, content, words):
    (tmp_path / "sheet.png").write_bytes(content)
    start = time.perf_counter()
    with pytest.raises(PictureError, match=rf"sheet\.png: .*{words}") as caught:
        read_picture(tmp_path / "sheet.png")
    assert "\n" not in str(caught.value)
    assert not recwarn.list
    assert time.perf_counter() - start < 5  # 60000x60000 pixels are not decoded


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_header_that_unpacks_to_too_much_is_refused(tmp_path):
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    note = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(5_000_000)))
    (tmp_path / "bomb.png").write_bytes(png_header(400, 300)[:33] + note + png_header(400, 300)[33:])
    with pytest.raises(PictureError, match=r"bomb.png: refused before decoding: .*too large"):
        read_picture(tmp_path / "bomb.png")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cut.jpg", {}),
        ("cut.jpg", {"progressive": True}),
        ("cut.png", {}),
        ("cut.tif", {}),
        ("cut.tif", {"compression": "tiff_lzw"}),
        ("cut.bmp", {}),
        ("cut.webp", {}),
    ],
)
def test_truncated_files_are_refused(page, tmp_path, name, options, share):
    noisy = page + np.random.default_rng(0).integers(0, 20, page.shape, dtype=np.uint8)
    path = save(noisy, tmp_path / name, **options)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(PictureError, match=rf"{name}: "):
        read_picture(path)


@pytest.mark.parametrize(("name", "colour"), [("white.jpg", 255), ("black.png", 0), ("beige.webp", (245, 235, 210))])
def test_blank_pictures_are_refused(page, tmp_path, name, colour):
    blank = np.empty_like(page)
    blank[:] = colour
    with pytest.raises(PictureError, match=rf"{name}: blank"):
        read_picture(save(blank, tmp_path / name))


def test_a_single_pen_stroke_is_not_blank(page, tmp_path):
    stroke = np.full_like(page, 255)
    cv2.line(stroke, (20, 30), (280, 200), (60, 60, 60), 2)
    assert read_picture(save(stroke, tmp_path / "stroke.png")).min() == 60


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(PictureError, match=r"gone\.png: no such file"):
        read_picture(tmp_path / "gone.png")
    with pytest.raises(PictureError, match="cannot be opened: Is a directory"):
        read_picture(tmp_path)


def test_floating_point_levels_are_refused(page, tmp_path):
    with pytest.raises(PictureError, match=r"f\.tif: found floating-point"):
        read_picture(save(page[..., 0].astype(np.float32), tmp_path / "f.tif"))


# ---- several pages in one file


def save_all(pages, path, **options):
    first, *rest = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=rest, **options)
    return path


def shades(page, count):
    """Pages that differ."""
    return [np.roll(page, 10 * k, axis=1) for k in range(count)]


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"big_tiff": True}])
def test_all_pages_of_a_tiff_are_read_in_their_order(page, tmp_path, options):
    path = save_all(shades(page, 3), tmp_path / "a.tif", **options)
    np.testing.assert_array_equal(read_pictures(path), shades(page, 3))
    np.testing.assert_array_equal(read_picture(path), page)
    assert [str(leaf) for leaf in leaves_of(path)] == [f"{path}, page {number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp"])
def test_any_other_file_holds_one(page, tmp_path, name):
    path = save(page, tmp_path / name)
    (leaf,), (picture,) = leaves_of(path), read_pictures(path)
    assert str(leaf) == str(path)
    np.testing.assert_array_equal(picture, read_picture(path))


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_the_further_frames_of_an_animation_are_no_pages(page, tmp_path, name):
    assert len(read_pictures(save_all(shades(page, 2), tmp_path / name))) == 1


@pytest.mark.parametrize("kind", [1, 4, 5])
def test_smaller_copies_and_masks_in_a_tiff_are_no_pages(page, tmp_path, kind):
    path = tmp_path / "a.tif"
    with TiffImagePlugin.AppendingTiffWriter(str(path), True) as file:
        for picture, subfile in zip(shades(page, 3), (0, kind, 2), strict=True):
            Image.fromarray(picture).save(file, format="TIFF", tiffinfo={254: subfile})
            file.newFrame()
    np.testing.assert_array_equal(read_pictures(path), [shades(page, 3)[0], shades(page, 3)[2]])


def test_too_many_pages_are_refused_before_any_is_decoded(tmp_path):
    small = np.zeros((8, 8), np.uint8)
    assert len(leaves_of(save_all([small] * MOST_LEAVES, tmp_path / "most.tif"))) == MOST_LEAVES
    with pytest.raises(PictureError, match=r"many\.tif: found more than 200 pages, expected at most so many; split"):
        read_pictures(save_all([small] * (MOST_LEAVES + 1), tmp_path / "many.tif"))


def test_each_page_is_held_to_the_limits_and_named(page, tmp_path):
    path = save_all([page, page[:100], np.full_like(page, 255)], tmp_path / "a.tif")
    good, small, blank = leaves_of(path)
    np.testing.assert_array_equal(read_picture(good), page)
    with pytest.raises(PictureError, match=r"a\.tif, page 2: found 320x100 pixels"):
        read_picture(small)
    with pytest.raises(PictureError, match=r"a\.tif, page 3: blank"):
        read_picture(blank)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.99])
def test_a_tiff_that_is_cut_short_is_named_and_what_is_whole_is_read(page, tmp_path, share):
    path = save_all(shades(page, 3), tmp_path / "a.tif")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    read = 0
    for leaf in leaves_of(path):
        try:
            np.testing.assert_array_equal(read_picture(leaf), shades(page, 3)[leaf.number - 1])
            read += 1
        except PictureError as error:
            assert "a.tif" in str(error) and "\n" not in str(error)
    assert read == int(3 * share)


def test_no_file_at_all_is_one_leaf_whose_reading_says_so(tmp_path):
    (leaf,) = leaves_of(tmp_path / "gone.tif")
    with pytest.raises(PictureError, match=r"gone\.tif: no such file"):
        read_picture(leaf)
