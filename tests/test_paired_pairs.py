"""Pictures and signals become arrays of one shape, whole or not at all."""

import cv2
import numpy as np
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.paired.pairs import Pairs, resized, write_pairs
from ecgpipe.paired.params import Images
from examples.paired import write_set

GREY = Images(height_px=32, width_px=48, colours="grey")
RGB = Images(height_px=64, width_px=64, colours="rgb")


@pytest.mark.parametrize("preload", [True, False])
def test_what_is_written_is_what_the_files_hold(smoke_set, tmp_path, preload):
    write_pairs(smoke_set, "table.csv", RGB, tmp_path / "pairs")
    pairs = Pairs.load(tmp_path / "pairs", preload=preload)
    assert len(pairs) == 3 and list(pairs.rows) == ["ecg_id", "lead"] and pairs.rows["ecg_id"][1] == "0001"
    assert isinstance(pairs.images, np.memmap) is not preload
    for place in range(3):
        np.testing.assert_array_equal(pairs.images[place][..., ::-1], cv2.imread(str(smoke_set / f"000{place}.png")))
        np.testing.assert_array_equal(pairs.signals[place], np.load(smoke_set / f"000{place}.npy"))


def test_pictures_of_any_size_are_brought_to_one(smoke_set, tmp_path):
    cv2.imwrite(str(smoke_set / "0001.png"), np.arange(300 * 7, dtype=np.uint8).reshape(300, 7))
    write_pairs(smoke_set, "table.csv", GREY, tmp_path / "pairs")
    assert Pairs.load(tmp_path / "pairs", preload=True).images.shape == (3, 32, 48, 1)


def test_a_picture_of_the_right_size_is_left_alone():
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resized(picture, RGB), picture)


def test_the_same_files_give_the_same_bytes(smoke_set, tmp_path):
    write_set(tmp_path / "again")
    for source, target in ((smoke_set, "one"), (tmp_path / "again", "two")):
        write_pairs(source, "table.csv", GREY, tmp_path / target)
    names = ["images.npy", "rows.csv", "signals.npy"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)


def test_every_bad_file_is_a_line_and_nothing_is_lost(smoke_set, tmp_path):
    write_pairs(smoke_set, "table.csv", GREY, tmp_path / "pairs")
    before = (tmp_path / "pairs/images.npy").read_bytes()
    (smoke_set / "0000.png").write_bytes((smoke_set / "0000.png").read_bytes()[:100])
    cv2.imwrite(str(smoke_set / "0001.png"), np.full((64, 64), 9, np.uint8))
    (smoke_set / "0002.png").write_text("no picture")
    np.save(smoke_set / "0001.npy", np.full((2, 100), np.nan))
    np.save(smoke_set / "0002.npy", np.ones((2, 90)))
    with pytest.raises(DataError) as error:
        write_pairs(smoke_set, "table.csv", GREY, tmp_path / "pairs")
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{smoke_set / 'table.csv'}: row ") for line in lines)
    found = ["truncated or corrupt", "blank", "found nan", "not a picture", "found (2, 90), expected the first one's"]
    assert len(lines) == len(found) and all(what in line for what, line in zip(found, lines, strict=True))
    assert (tmp_path / "pairs/images.npy").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs", "set"]
