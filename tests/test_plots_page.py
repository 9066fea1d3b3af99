"""The page that `dvc plots show` makes in a clone: everything is on it, and a browser draws it without a network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from examples.plots_page import PAGE, SCRIPTS
from tests import browser as browsers

ROOT = Path(__file__).parents[1]
PLOTS = yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]
TABLES = {path: axes for plot in PLOTS if isinstance(plot, dict) for path, axes in plot.items()}
PICTURES = [plot for plot in PLOTS if isinstance(plot, str)]


def test_it_holds_the_very_scripts_that_dvc_would_fetch():
    from dvc_render.vega import VegaRenderer

    wanted = re.findall(r"/npm/([\w-]+)@([\d.]+)", VegaRenderer.SCRIPTS)
    assert wanted == [(name, version) for name, version, _ in SCRIPTS], "run `python -m examples.plots_page` for these"
    page = (ROOT / PAGE).read_text()
    assert all(f"<!-- {name} {version}\n\nCopyright" in page for name, version in wanted)


def test_it_fetches_nothing():
    page = (ROOT / PAGE).read_text()
    assert not re.search(r"<script[^>]*src|<link|@import|sourceMappingURL", page)
    assert [page.count(f"{{{place}}}") for place in ("plot_divs", "refresh_tag", "scripts")] == [1, 1, 0]


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Path:
    """The page of a clone whose plots hold three points, and of each picture a few pixels."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / ".dvc" / "plots", folder / ".dvc" / "plots")
    shutil.copy(ROOT / ".dvc" / "config", folder / ".dvc" / "config")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": PLOTS}, sort_keys=False))
    for path in (*TABLES, *PICTURES):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for path, axes in TABLES.items():
        pd.DataFrame({axes["x"]: [1.0, 2.0, 3.0], axes["y"]: [3.0, 1.0, 2.0]}).to_csv(folder / path, index=False)
    for path in PICTURES:
        if path.endswith(".svg"):
            (folder / path).write_text('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><path/></svg>')
        else:
            cv2.imwrite(str(folder / path), np.full((30, 40, 3), 90, np.uint8))
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", "--cd", str(folder), "plots", "show", "-q"]
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(command, env=environment, check=True)
    return folder / "dvc_plots" / "index.html"


@pytest.mark.slow
@pytest.mark.skipif(browsers.installed() is None, reason=f"no browser: none of {', '.join(browsers.NAMES)}")
def test_a_browser_without_a_network_draws_every_plot(shown, tmp_path):
    inked = """[...document.querySelectorAll('.vega-embed canvas')].map(canvas => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(pixels).size > 10 && canvas.width > 100})"""
    with browsers.browser(tmp_path) as tab:
        tab.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
        tab.open(shown.as_uri())
        tab.wait(f"document.querySelectorAll('.vega-embed canvas').length === {len(TABLES)}")
        assert tab.run(inked) == [True] * len(TABLES)
        sizes = tab.run("[...document.images].map(image => [image.naturalWidth, image.naturalHeight])")
        assert sizes == [[40, 30]] * len(PICTURES)
        assert tab.said == [] and all(url.startswith("file:") for url in tab.asked)
