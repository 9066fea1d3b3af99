"""The documentation's code runs as it stands."""

import re

import cv2
import numpy as np
import pytest

from ecgpipe.formats.csv import read_series
from ecgpipe.page.layout import KIT
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from tests.conftest import REPOSITORY


@pytest.mark.slow
def test_the_page_on_use_from_python_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(5)
    page = draw_page(simulate(rng, fs_hz=500), 500, PageStyle.random(rng), KIT)
    cv2.imwrite(str(tmp_path / "photo.png"), page[..., ::-1])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/python.md").read_text(), re.DOTALL)
    names = {"__name__": "__main__"}
    for block in blocks:
        exec(block, names)
    assert len(names["pages"]) == 1 and names["known"].hints.gain_mm_per_mv == 10
    assert names["ecg"].series_mv.shape == names["unsure"].shape == (12, 5000)
    assert np.isfinite(names["lead_v1"]).sum() == 1250 and names["at_250_hz"].shape == (12, 2500)
    np.testing.assert_allclose(read_series("photo.csv"), names["ecg"].series_mv, atol=5.01e-5)
    assert {path.name for path in tmp_path.rglob("*.*")} == {
        "photo.png", "photo.csv", "photo.overlay.jpg", "photo.hea", "photo.dat", "photo.json"
    }  # fmt: skip
    assert "map good to" in capsys.readouterr().out


def test_what_the_package_offers_is_there():
    import ecgpipe

    assert all(getattr(ecgpipe, name) for name in ecgpipe.__all__)
