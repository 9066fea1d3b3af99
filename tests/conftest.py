"""Shared fixtures: the repository's parameters, a tiny data set and a page that was read, each made once a session."""

import hashlib
import importlib.util
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from ecgpipe.competition.dataset import Dataset
from ecgpipe.params import Data, Params, load_params

if TYPE_CHECKING:
    from ecgpipe.digitize.digitizer import Digitized
    from tests.kaggle_server import Remote

REPOSITORY = Path(__file__).parents[1]

# A job in the background is started with Ctrl-C ignored, and would hand that on to what the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" in os.environ:  # several test processes share the cores: more threads than these only wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that processes that share the files end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def params() -> Params:
    """params.yaml as it is committed."""
    return load_params(REPOSITORY / "params.yaml")


@pytest.fixture(scope="session")
def tiny_dataset(params, tmp_path_factory) -> Dataset:
    """One training and one test record of kind 0001 at 250 Hz. Read only: take `dataset_copy` to change anything."""
    from ecgpipe.synth.dataset import write_dataset

    root = tmp_path_factory.mktemp("tiny") / "raw"
    one = replace(params.data, train_records=1, test_records=1, kinds=("0001",), turned_share=0, workers=1)
    write_dataset(root, one)
    return Dataset(root)


@pytest.fixture
def dataset_copy(tiny_dataset, tmp_path) -> Dataset:
    """A copy of the tiny data set that a test may spoil."""
    return Dataset(shutil.copytree(tiny_dataset.root, tmp_path / "raw"))


@pytest.fixture
def smoke_set(tmp_path) -> Path:
    """The folder of three small pictures, their signals and table.csv, as `python -m examples.paired` makes it."""
    from examples.paired import write_set

    write_set(tmp_path / "set")
    return tmp_path / "set"


# ---- a page that `ecgpipe digitize` read


@pytest.fixture(scope="session")
def signal() -> np.ndarray:
    """The series (12, 5000) in mV at 500 Hz that `page` shows."""
    from ecgpipe.synth.ecg import simulate

    return simulate(np.random.default_rng(5), fs_hz=500)


@pytest.fixture(scope="session")
def page(tmp_path_factory, signal) -> Path:
    """The picture of a clean page of kind 0001, the only one in its folder."""
    from ecgpipe.page.layout import KIT
    from ecgpipe.synth.page import PageStyle, draw_page

    path = tmp_path_factory.mktemp("pages") / "page.png"
    cv2.imwrite(str(path), draw_page(signal, 500, PageStyle.random(np.random.default_rng(5)), KIT)[..., ::-1])
    return path


@pytest.fixture(scope="session")
def digitized(tmp_path_factory, page) -> Path:
    """The folder that `digitize` wrote for `page`, with everything that it can write beside the series."""
    from ecgpipe.cli import main

    folder = tmp_path_factory.mktemp("out")
    arguments = ["--output", str(folder), "--overlay", "--sigma", "--quality", str(folder / "quality.csv")]
    assert main(["digitize", str(page), *arguments]) == 0
    return folder


@pytest.fixture(scope="session")
def three_pages(tmp_path_factory, page) -> Path:
    """A TIFF of `page`, a blank one and `page` on its head."""
    first = Image.open(page).convert("RGB")
    path = tmp_path_factory.mktemp("several") / "scan.tif"
    blank = Image.new("RGB", first.size, "white")
    first.save(path, save_all=True, append_images=[blank, first.rotate(180)], compression="tiff_lzw")
    return path


@pytest.fixture(scope="session")
def found() -> dict:
    """Pages that were found this session, by their picture and hints."""
    return {}


@pytest.fixture
def at_once(monkeypatch, found) -> None:
    """`digitize` finds pages in this process, a picture's once a session: the same without waiting for it again."""
    from ecgpipe.recognize.pages import find_page

    def find_once(picture, hints):
        key = hashlib.sha256(picture).digest(), hints
        if key not in found:
            found[key] = find_page(picture, hints=hints)
        return found[key]

    monkeypatch.setattr("ecgpipe.recognize.pages.find_page", find_once)
    monkeypatch.setattr("ecgpipe.commands.digitize.ahead", lambda find, leaves, workers: map(find, leaves))
    monkeypatch.setattr("ecgpipe.commands.digitize.leave_cores", lambda workers: None)


@pytest.fixture(scope="session")
def reading(page) -> "Digitized":
    """What is read on `page`."""
    from ecgpipe.digitize.digitizer import Digitizer
    from ecgpipe.rectify.picture import read_picture

    return Digitizer().digitize(read_picture(page))


@pytest.fixture
def already_read(monkeypatch, at_once, reading) -> None:
    """`digitize` takes any picture for `page` and has read it, so that nothing is left but to write what was read."""
    monkeypatch.setattr("ecgpipe.recognize.several.find_pages", lambda picture, hints: [reading])
    monkeypatch.setattr("ecgpipe.digitize.digitizer.Digitizer.read", lambda self, found: found)


# ---- Kaggle


@pytest.fixture
def remote(tmp_path, monkeypatch) -> "Iterator[Remote]":
    """A Kaggle on loopback with a small competition, which the real client speaks to, signed in; no network."""
    if importlib.util.find_spec("kaggle") is None:
        pytest.skip("kaggle is not installed; `pip install -c constraints.txt -e '.[kaggle]'`")
    from tests import kaggle_server

    for name in ("KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR", "KAGGLE_API_ENVIRONMENT", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    own = {"HOME": str(tmp_path / "home"), "KAGGLE_USERNAME": kaggle_server.USER, "KAGGLE_KEY": kaggle_server.KEY}
    for name, value in {**own, "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    with kaggle_server.serving(kaggle_server.Remote(kaggle_server.small_competition())) as served:
        import kagglesdk.kaggle_http_client as client

        monkeypatch.setattr(client, "get_endpoint", lambda environment: served.endpoint)
        yield served


@pytest.fixture
def kaggle_data(params, tmp_path) -> Data:
    """The parameters of the kaggle source, quick to give up and with a cache of their own."""
    quick = {"connections": 2, "attempts": 3, "backoff_s": 0.0, "timeout_s": 1.0, "cache": str(tmp_path / "cache")}
    return replace(params.data, source="kaggle", kaggle=replace(params.data.kaggle, **quick))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where `get` puts the files."""
    return tmp_path / "fetched"


@pytest.fixture
def get(remote, kaggle_data, folder) -> Callable:
    """Downloads from `remote` into `folder`, with other Kaggle parameters if given; what was done."""
    from ecgpipe.kaggle.source import download

    def run(names=(), **changes):
        return download(replace(kaggle_data, kaggle=replace(kaggle_data.kaggle, **changes)), folder, names=names)

    return run


@pytest.fixture
def kaggle_workspace(remote, kaggle_data, tmp_path, monkeypatch) -> Path:
    """A working directory whose params.yaml takes the competition from the server."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    content["data"].update(source="kaggle")
    quick = {"attempts": 2, "backoff_s": 0.0, "timeout_s": 1.0, "cache": "cache"}
    content["data"]["kaggle"].update(quick)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    return tmp_path
