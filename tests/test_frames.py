"""The frame store gives back exactly what was put in, as equal bytes for equal frames."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import DataError
from ecgpipe.page.geometry import FrameSpec, PageMap, Raster
from ecgpipe.page.layout import KIT
from ecgpipe.rectify.frames import Frame, iterate_shard, read_shard, shard_kinds, write_shard
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.style import PageStyle

SPEC = FrameSpec(raster=Raster(25, 10))


@pytest.fixture
def frames() -> dict[str, Frame]:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (150, 300, 3), np.uint8)
    shown_in_part = PageMap.from_function(KIT, lambda mm: mm * 1.1 + 5.0)
    whole = PageMap.from_function(KIT, lambda mm: mm * 0.5)
    return {"0005": Frame.cut(picture, shown_in_part, SPEC), "0001": Frame.cut(picture, whole, SPEC)}


def test_pixels_mask_and_geometry_survive_exactly(tmp_path, frames):
    write_shard(tmp_path / "7.npz", frames)
    for kind, frame in frames.items():
        back = read_shard(tmp_path / "7.npz", kind, SPEC)
        np.testing.assert_array_equal(back.rgb, frame.rgb)
        np.testing.assert_array_equal(back.inside, frame.inside)
        np.testing.assert_array_equal(back.page_map.nodes, frame.page_map.nodes)
        assert back.page_map.step_mm == frame.page_map.step_mm
    assert not frames["0005"].inside.all() and frames["0001"].inside.all()


def test_pixels_under_a_false_mask_are_kept_too(tmp_path, frames):
    write_shard(tmp_path / "7.npz", frames)
    outside = ~frames["0005"].inside
    assert read_shard(tmp_path / "7.npz", "0005", SPEC).rgb[outside].any()


def test_equal_frames_give_equal_bytes_whatever_their_order(tmp_path, frames):
    write_shard(tmp_path / "a.npz", frames)
    write_shard(tmp_path / "b.npz", dict(reversed(frames.items())))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_kinds_come_sorted_and_one_by_one(tmp_path, frames):
    write_shard(tmp_path / "7.npz", frames)
    assert shard_kinds(tmp_path / "7.npz") == ("0001", "0005")
    assert [kind for kind, _ in iterate_shard(tmp_path / "7.npz", SPEC)] == ["0001", "0005"]


def test_a_record_without_any_page_is_an_empty_shard(tmp_path):
    write_shard(tmp_path / "7.npz", {})
    assert shard_kinds(tmp_path / "7.npz") == ()


@pytest.mark.parametrize(
    "content", [None, b"", b"not a zip file", b"PK\x03\x04cut"], ids=["absent", "empty", "other", "cut"]
)
def test_a_shard_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "7.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"7\.npz: .*dvc repro preprocess"):
        shard_kinds(path)


def test_a_kind_that_is_not_there_is_named(tmp_path, frames):
    write_shard(tmp_path / "7.npz", frames)
    with pytest.raises(DataError, match="no frame of kind 0012"):
        read_shard(tmp_path / "7.npz", "0012", SPEC)


def test_as_jpeg_pixels_are_close_and_mask_and_geometry_exact(tmp_path, frames):
    smooth = {kind: replace(frame, rgb=np.full_like(frame.rgb, 200)) for kind, frame in frames.items()}
    for name in ("a", "b"):
        write_shard(tmp_path / f"{name}.npz", smooth, jpeg_quality=80)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert shard_kinds(tmp_path / "a.npz") == tuple(sorted(frames))
    for kind, frame in iterate_shard(tmp_path / "a.npz", SPEC):
        assert np.abs(frame.rgb.astype(int) - smooth[kind].rgb).max() <= 2
        assert np.array_equal(frame.inside, smooth[kind].inside)
        assert np.array_equal(frame.page_map.nodes, smooth[kind].page_map.nodes)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 10.0))
def test_any_frame_comes_back_bit_for_bit(tmp_path_factory, seed, step_mm):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(4, 40, 2)
    rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
    nodes = rng.normal(0, 1e4, (*rng.integers(2, 9, 2), 2)).astype(np.float32)
    frame = Frame(rgb, rng.random((height, width)) < 0.5, PageMap(nodes, step_mm), SPEC)
    path = tmp_path_factory.mktemp("shard") / "1.npz"
    write_shard(path, {"0001": frame})
    back = read_shard(path, "0001", SPEC)
    assert (back.rgb.tobytes(), back.inside.tobytes()) == (rgb.tobytes(), frame.inside.tobytes())
    assert (back.page_map.nodes.tobytes(), back.page_map.step_mm) == (nodes.tobytes(), step_mm)


def test_the_largest_kind_of_page_takes_less_than_two_megabytes_at_the_quality_of_the_parameters(params, tmp_path):
    """A render; photos and scans are softer, so that the whole competition's mean is near half of that."""
    style = PageStyle.random(np.random.default_rng(5))
    picture = draw_page(simulate(np.random.default_rng(5), fs_hz=500), 500, style, KIT)
    page_map = PageMap.from_function(KIT, lambda mm: mm * PX_PER_MM - 0.5)
    frame = Frame.cut(picture, page_map, FrameSpec())
    write_shard(tmp_path / "1.npz", {"0001": frame}, params.preprocess.jpeg_quality)
    assert (tmp_path / "1.npz").stat().st_size < 2.0e6  # 1.89e6
