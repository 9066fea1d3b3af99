"""Pages that fail, pages that are excluded, and what the frames of a whole data set will cost."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import Dataset
from ecgpipe.page.geometry import FrameSpec, Raster
from ecgpipe.pipeline.preprocess import (
    Forecast,
    RectifiedRecord,
    example_frames,
    forecast_from,
    page_metrics,
    rectify_records,
)
from ecgpipe.rectify.frames import shard_path

SPEC = FrameSpec(raster=Raster(50, 20))


@pytest.fixture(scope="module")
def bad_pages(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """The frames' folder and the pages of a record whose two pictures show no ECG."""
    dataset = Dataset(tmp_path_factory.mktemp("bad") / "raw")
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    for kind, picture in (("0001", np.full_like(noise, 255)), ("0005", noise)):
        path = dataset.image_path("1", kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
    folder = dataset.root.parent / "frames"
    (record,) = rectify_records(dataset, ["1"], folder, SPEC, workers=1, kept=folder.parent / "kept")
    return folder, record.pages


def test_pages_that_fail_are_rows_with_a_reason_and_not_fatal(bad_pages):
    folder, pages = bad_pages
    assert pages["status"].tolist() == ["not readable", "not found"] and pages["reason"].str.len().min() > 10
    assert shard_path(folder, "1").is_file()
    assert page_metrics(pages) == {
        "pages": 2,
        "not_rectified": 2,
        "rectified_share/all": 0.0,
        "rectified_share/kind_0001": 0.0,
        "rectified_share/kind_0005": 0.0,
    }


def test_a_data_set_without_any_page_is_an_error_with_the_first_reason(bad_pages):
    with pytest.raises(DataError, match=r"none of 2 pages was rectified, the first because: .*0001"):
        example_frames(*bad_pages, SPEC)


def test_excluded_pages_are_left_out_named_and_not_counted(tmp_path):
    dataset = Dataset(tmp_path / "raw")
    for kind in ("0001", "0005"):
        path = dataset.image_path("1", kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((300, 400, 3), 255, np.uint8))

    def statuses(*excluded: tuple[str, str]) -> pd.DataFrame:
        (record,) = rectify_records(dataset, ["1"], tmp_path / "frames", SPEC, 1, tmp_path / "kept", excluded)
        return record.pages

    pages = statuses(("1", "0005"), ("2", ""))
    assert pages["status"].tolist() == ["not readable", "excluded"]
    assert page_metrics(pages)["pages"] == 1
    assert statuses()["status"].tolist() == ["not readable"] * 2, "kept frames of another choice are not taken"
    assert statuses(("1", ""))["status"].tolist() == ["excluded"] * 2


def test_cost_is_forecast_from_the_first_frames_and_a_full_disk_stops_it(bad_pages):
    folder, pages = bad_pages
    size = shard_path(folder, "1").stat().st_size
    forecast = forecast_from([RectifiedRecord(pages, "key", reused=False)], folder, 3.0)
    assert forecast.scaled_to(8793) == Forecast(8793, size * 8793 / 2, 3.0 * 8793 / 2)
    assert str(Forecast(8793, 9e9, 7200)) == "8,793 pages: about 9.00 GB, 120 min"
    assert forecast_from([RectifiedRecord(pages, "key", reused=True)], folder, 3.0).seconds is None
    forecast.check(size)
    with pytest.raises(DataError, match=r"found 0.00 GB free, expected room for 2 pages: about 0.00 GB, 0 min; lower"):
        forecast.check(0)
