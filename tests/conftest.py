"""Shared fixtures: the repository's parameters and a tiny data set, rendered once a session."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ecgpipe.competition import Dataset
from ecgpipe.params import Params, load_params

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
