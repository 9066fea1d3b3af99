"""Files that mean harm, or are broken in ways that decoders have stumbled over. All of them made here."""

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

SCRIPT = b"<script>alert(document.cookie)</script>"


def uploads() -> dict[str, bytes]:
    """What a server may be sent, by what it is."""
    white = _saved(np.full((300, 400, 3), 255), "PNG")
    jpeg = _saved(np.full((300, 400, 3), 255), "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", len(SCRIPT) + 2) + SCRIPT
    return {
        "text": b"no picture at all\n" * 10,
        "a page with a script": b"<!doctype html>" + SCRIPT,
        "an SVG with a script": b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>",
        "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
        "a zip bomb": _zip_bomb(),
        "a zip with a path": _zipped("../../etc/passwd", b"root"),
        "a multipart form": b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../x"\r\n\r\n' + white,
        "a PNG of 50000 x 50000": _png(50_000, 50_000, b""),
        "a PNG of 2^31 x 2^31": _png(2**31 - 1, 2**31 - 1, b""),
        "a PNG of 10000 x 10000 in one kilobyte": _png(10_000, 10_000, bytes(1000)),
        "a PNG without its end": white[: len(white) // 2],
        "a PNG of no size": _png(0, 0, b""),
        "a PNG whose text unpacks to 100 MB": _png(400, 300, bytes(1000), _text_bomb()),
        "a PNG whose colours unpack to 100 MB": _png(400, 300, bytes(1000), _colour_bomb()),
        "a PNG that is a page with a script as well": white + SCRIPT,
        "a JPEG without its end": jpeg[:200],
        "a JPEG of 65535 x 65535": _jpeg_of(jpeg, 65_535, 65_535),
        "a JPEG whose comment is a script": jpeg[:2] + comment + jpeg[2:],
        "a GIF of 65535 x 65535": b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + bytes(50),
        "a TIFF whose pages go round in a ring": _tiff(1, ring=True),
        "a TIFF of 5000 pages": _tiff(5000),
        "a TIFF that points beyond its end": b"II*\0" + struct.pack("<I", 2**31),
        "a BMP of negative size": _bmp(-5, -7),
        "a WebP without its end": b"RIFF\xff\xff\xff\x7fWEBPVP8 " + bytes(30),
        "a PDF with a script": _pdf(b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"),
        "a PDF that starts a program": _pdf(b"/OpenAction << /S /Launch /F (/bin/sh) >>"),
        "a PDF whose page unpacks to 100 MB": _pdf(b"", zlib.compress(bytes(100_000_000))),
        "a PDF that contains itself": b"%PDF-1.7\n1 0 obj << /Type /Pages /Kids [1 0 R] /Count 99999 >> endobj\n"
        b"trailer << /Root 1 0 R >>",
        "a picture of 20 x 20": _saved(np.zeros((20, 20, 3)), "PNG"),
        "a white sheet": white,
        "noise": _saved(np.random.default_rng(1).integers(0, 255, (300, 400, 3)), "PNG"),
    }  # fmt: skip


def _saved(pixels: np.ndarray, kind: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(content, kind)
    return content.getvalue()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png(width: int, height: int, pixels: bytes, more: bytes = b"") -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + more + _chunk(b"IDAT", zlib.compress(pixels, 9)) + _chunk(b"IEND", b"")


def _text_bomb() -> bytes:
    return _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))


def _colour_bomb() -> bytes:
    return _chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(100_000_000)))


def _jpeg_of(jpeg: bytes, width: int, height: int) -> bytes:
    """The same file, said to be of another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def _tiff(pages: int, *, ring: bool = False) -> bytes:
    """Grey pages of 400 x 300 without content, the last of which points to the first in a `ring`."""
    tags = {256: 400, 257: 300, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 300, 279: 120_000}
    length = 2 + 12 * len(tags) + 4
    content = b"II*\0" + struct.pack("<I", 8)
    for page in range(pages):
        content += struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        last = page + 1 == pages
        content += struct.pack("<I", (8 if ring else 0) if last else 8 + length * (page + 1))
    return content


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, width, height, 1, 24, 0, 9, 0, 0, 0, 0)


def _pdf(action: bytes, page: bytes = b"") -> bytes:
    packed = b" /Filter /FlateDecode" if page else b""
    return (
        b"%PDF-1.7\n1 0 obj << /Type /Catalog /Pages 2 0 R " + action + b" >> endobj\n"
        b"2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n"
        b"3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 600 400] /Contents 4 0 R >> endobj\n"
        b"4 0 obj << /Length " + str(len(page)).encode() + packed + b" >> stream\n" + page + b"\nendstream endobj\n"
        b"trailer << /Root 1 0 R >>\n%%EOF\n"
    )


def _zip_bomb() -> bytes:
    return _zipped("bomb", bytes(100_000_000))


def _zipped(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return archive.getvalue()
