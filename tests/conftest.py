"""Shared fixtures: the repository's parameters and a tiny data set, rendered once a session."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from ecgpipe.competition.dataset import Dataset
from ecgpipe.params import Data, Params, load_params

if TYPE_CHECKING:
    from tests.kaggle_server import Remote

REPOSITORY = Path(__file__).parents[1]


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
