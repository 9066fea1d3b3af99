"""`ecgpipe digitize` and pictures that are none: one line each, the others done, exit status 1."""

import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    header = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + header + zlib.crc32(header).to_bytes(4)


def encoded(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def fur() -> np.ndarray:
    """A photo-like texture without any page in it."""
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    return cv2.resize(noise, (1000, 750), interpolation=cv2.INTER_CUBIC)


BAD_PICTURES = {
    "empty": lambda page: b"",
    "truncated": lambda page: page[: len(page) // 2],
    "text": lambda page: b"not a picture\n",
    "one-pixel": lambda page: encoded(np.full((1, 1, 3), 255, np.uint8)),
    "huge": lambda page: png_of_size(60_000, 60_000),
    "white": lambda page: encoded(np.full((1700, 2200, 3), 255, np.uint8)),
    "fur": lambda page: encoded(fur()),
}


@pytest.fixture(scope="module")
def bad_run(tmp_path_factory, page) -> tuple[Path, dict[str, str], int, str]:
    """Every bad picture and a good one in one go: output folder, stderr line by picture, exit status, stderr."""
    folder = tmp_path_factory.mktemp("bad")
    paths = [folder / f"{name}.png" for name in BAD_PICTURES] + [folder / "absent.png"]
    for path, make in zip(paths, BAD_PICTURES.values(), strict=False):
        path.write_bytes(make(page.read_bytes()))
    command = [sys.executable, "-m", "ecgpipe", "digitize", *paths, page, "--output", folder / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    return folder / "out", {p.stem: [line for line in lines if str(p) in line] for p in paths}, done.returncode, lines


@pytest.mark.parametrize("name", [*BAD_PICTURES, "absent"])
def test_a_bad_picture_is_one_line_that_names_it(bad_run, name):
    (line,) = bad_run[1][name]
    assert line.startswith("ecgpipe: ") and len(line.rsplit(f"{name}.png: ", 1)[1].split()) >= 3
    assert "unexpected" not in line


def test_after_bad_pictures_the_good_one_is_done_and_the_status_is_1(bad_run):
    out, by_picture, status, lines = bad_run
    assert status == 1 and [path.name for path in out.iterdir()] == ["page.csv"]
    assert len(lines) == len(by_picture), "nothing else on stderr"
