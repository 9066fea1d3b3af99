"""params.yaml is loaded strictly: whatever is wrong is an error that names its YAML path."""

import dataclasses

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import ParamsError
from ecgpipe.competition.dataset import KINDS
from ecgpipe.params import Params, load_params
from ecgpipe.training.losses import weight_at
from tests.conftest import REPOSITORY


@pytest.fixture
def load_changed(tmp_path):
    """Loads params.yaml after `change` was applied to its content."""

    def load(change) -> Params:
        content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
        change(content)
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content))
        return load_params(path)

    return load


def put(block: str, name: str, value):
    return lambda content: content[block].update({name: value})


def test_the_committed_parameters_load(params):
    assert params.data.source == "synthetic"
    assert params.data.folder is None
    assert params.data.kinds == KINDS
    assert params.train.learning_rate == pytest.approx(2e-4)
    assert params.postprocess.merge_rhythm is True


def test_every_block_and_every_parameter_is_explained():
    lines = (REPOSITORY / "params.yaml").read_text().splitlines()
    assert all("# " in line for line in lines if line.startswith("  "))


def test_params_yaml_gives_every_parameter_even_one_with_a_default(params):
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    for block in dataclasses.fields(params):
        names = {field.name for field in dataclasses.fields(getattr(params, block.name))}
        assert set(content[block.name]) == names


def test_a_parameter_with_a_default_may_be_left_out(load_changed):
    assert load_changed(lambda content: content["loss"].pop("perceptual_weight")).loss.perceptual_weight == 0.0


def test_an_integer_will_do_for_a_number(load_changed):
    value = load_changed(put("loss", "mse_weight", 2)).loss.mse_weight
    assert value == 2.0 and isinstance(value, float)


def test_a_weight_may_be_a_schedule(load_changed):
    loss = load_changed(put("loss", "snr_weight", [[0, 0], [0.5, 0.1]])).loss
    assert loss.snr_weight == ((0.0, 0.0), (0.5, 0.1))
    assert weight_at(loss.snr_weight, 0.25) == pytest.approx(0.05)


def test_parameters_cannot_be_changed_after_loading(params):
    with pytest.raises(AttributeError):
        params.train.steps = 1


@pytest.mark.parametrize(
    ("block", "name", "value", "message"),
    [
        ("train", "learning_rate", "1e-3", "train.learning_rate: found '1e-3' (text), expected a number; write 1.0e-3"),
        ("train", "learning_rate", "fast", "train.learning_rate: found 'fast' (text), expected a number"),
        ("train", "learning_rate", float("nan"), "train.learning_rate: found nan (number), expected a finite number"),
        ("train", "learning_rate", 0, "train.learning_rate: found 0.0 (number), expected a number above 0"),
        ("train", "steps", "60", "train.steps: found '60' (text), expected a whole number; write 60"),
        ("train", "steps", 60.0, "train.steps: found 60.0 (number), expected a whole number"),
        ("train", "steps", True, "train.steps: found True (boolean), expected a whole number"),
        ("train", "steps", -1, "train.steps: found -1 (integer), expected at least 0"),
        ("train", "steps", None, "train.steps: found null, expected a whole number"),
        ("loss", "mse_weight", True, "loss.mse_weight: found True (boolean), expected a number"),
        ("loss", "mse_weight", [], "loss.mse_weight: found [] (list), expected a list of at least one entry"),
        ("loss", "mse_weight", [[0, "x"]], "loss.mse_weight[0][1]: found 'x' (text), expected a number"),
        (
            "loss",
            "mse_weight",
            [[1, 1], [0, 1]],
            "loss.mse_weight: found [[1, 1], [0, 1]] (list), expected a number, or",
        ),
        (
            "loss",
            "mse_weight",
            [[0, -1]],
            "loss.mse_weight: found [[0, -1]] (list), expected a number, or [share, weight]",
        ),
        ("postprocess", "merge_rhythm", 1, "postprocess.merge_rhythm: found 1 (integer), expected true or false"),
        ("data", "turned_share", 1.5, "data.turned_share: found 1.5 (number), expected at most 1"),
        ("data", "signals", 7, "data.signals: found 7 (integer), expected a text; put it in quotes"),
        ("data", "kinds", "0001", "data.kinds: found '0001' (text), expected a list of at least one entry"),
        ("data", "kinds", [], "data.kinds: found [] (list), expected a list of at least one entry"),
        ("data", "kinds", ["0001", 3], "data.kinds[1]: found 3 (integer), expected one of '0001', '0003'"),
        ("data", "kinds", ["0001", "0002"], "data.kinds[1]: found '0002' (text), expected one of '0001', '0003'"),
        ("data", "kinds", ["0001", "0001"], "data.kinds[1]: found '0001' (text), expected each entry once"),
        ("model", "size", 1, "model.size: found 1 (integer), expected a text; put it in quotes"),
        ("train", "precision", "bf16", "train.precision: found 'bf16' (text), expected one of 'auto', 'bf16-mixed'"),
        ("train", "accelerator", "h100", "train.accelerator: found 'h100' (text), expected one of 'auto', 'cpu'"),
        ("train", "devices", "all", "train.devices: found 'all' (text), expected a whole number"),
        (
            "postprocess",
            "savgol_samples",
            [7, 3],
            "postprocess.savgol_samples[1]: found 3 (integer), expected at least 5",
        ),
        ("train", "nodes", 0, "train.nodes: found 0 (integer), expected at least 1"),
    ],
)
def test_a_wrong_value_names_its_path_and_what_was_expected(load_changed, block, name, value, message):
    with pytest.raises(ParamsError) as error:
        load_changed(put(block, name, value))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("train", "momentum", 0.9), "train.momentum: unknown parameter, expected one of seed, weights, steps"),
        (lambda content: content.update(trian={}), "trian: unknown parameter, expected one of data, verify"),
        (lambda content: content["train"].pop("steps"), "train.steps: missing parameter; add it to the YAML file"),
        (lambda content: content.pop("submit"), "submit: missing parameter; add it to the YAML file"),
        (lambda content: content.update(submit="csv"), "submit: found 'csv' (text), expected a block of parameters"),
    ],
)
def test_unknown_and_missing_parameters_are_errors(load_changed, change, message):
    with pytest.raises(ParamsError) as error:
        load_changed(change)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("text", ["train: [1, 2", "\ttrain: 1", "", "- a list"])
def test_a_file_that_is_no_yaml_mapping_is_one_line_with_its_name(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ParamsError, match="no such file"):
        load_params(tmp_path / "params.yaml")


def yaml_value(value):
    """A parameter as YAML has it: lists for tuples."""
    return [yaml_value(each) for each in value] if isinstance(value, tuple) else value


@settings(max_examples=15, deadline=None)
@given(
    steps=st.integers(0, 10**6),
    learning_rate=st.floats(1e-9, 1.0),
    mse_weight=st.floats(0, 1e3),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
    merge_rhythm=st.booleans(),
)
def test_parameters_that_are_written_load_as_they_were(
    params, tmp_path_factory, steps, learning_rate, mse_weight, kinds, merge_rhythm
):
    changed = dataclasses.replace(
        params,
        train=dataclasses.replace(params.train, steps=steps, learning_rate=learning_rate),
        loss=dataclasses.replace(params.loss, mse_weight=mse_weight),
        data=dataclasses.replace(params.data, kinds=tuple(kinds)),
        postprocess=dataclasses.replace(params.postprocess, merge_rhythm=merge_rhythm),
    )
    content = dataclasses.asdict(changed, dict_factory=lambda items: {k: yaml_value(v) for k, v in items})
    path = tmp_path_factory.mktemp("params") / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    assert load_params(path) == changed
