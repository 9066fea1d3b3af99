"""Presets: a word in place of a block of params.yaml, as strict as the block itself."""

from pathlib import Path

import pytest
import yaml

from ecgpipe.base.errors import ParamsError
from ecgpipe.params import load_params, presets
from experiments.presets import main, purpose
from tests.conftest import REPOSITORY

WORDS = [(block, word) for block in ("loss", "model") for word in presets(block)]
each_preset = pytest.mark.parametrize(("block", "word"), WORDS)


def load_with(folder: Path, **blocks):
    """params.yaml with other blocks, loaded."""
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load((REPOSITORY / "params.yaml").read_text()) | blocks))
    return load_params(path)


@each_preset
def test_a_preset_is_a_whole_block_that_begins_with_when_to_use_it(block, word, tmp_path):
    content = yaml.safe_load(presets(block)[word].read_text())
    assert content.keys() == yaml.safe_load((REPOSITORY / "params.yaml").read_text())[block].keys()
    assert getattr(load_with(tmp_path, **{block: word}), block) == getattr(
        load_with(tmp_path, **{block: content}), block
    )
    sentence = purpose(presets(block)[word])
    assert sentence.endswith(".") and len(sentence.split()) > 6


def test_no_two_words_mean_the_same(tmp_path):
    for block in ("loss", "model"):
        blocks = [getattr(load_with(tmp_path, **{block: word}), block) for word in presets(block)]
        assert len(set(blocks)) == len(blocks)


def test_the_defaults_are_those_of_params_yaml(params, tmp_path):
    named = load_with(tmp_path, loss="default", model="small")
    assert (named.loss, named.model) == (params.loss, params.model)


def test_the_blend_of_the_shipped_weights_is_that_of_the_pretraining(tmp_path):
    pretrained = yaml.safe_load((REPOSITORY / "pretrain/params.yaml").read_text())["loss"]
    assert load_with(tmp_path, loss="pretrain").loss == load_with(tmp_path, loss=pretrained).loss


def test_an_unknown_word_is_a_line_with_those_that_there_are(tmp_path):
    with pytest.raises(ParamsError) as error:
        load_with(tmp_path, loss="smoth")
    assert str(error.value) == (
        f"loss: found 'smoth' (text), expected a block of parameters or one of {', '.join(presets('loss'))}: "
        "the files of presets/loss"
    )


def test_a_block_without_presets_takes_no_word(tmp_path):
    with pytest.raises(ParamsError, match=r"^train: found 'long' \(text\), expected a block of parameters$"):
        load_with(tmp_path, train="long")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mse_weight: 1e-3", "mse_weight: found '1e-3' (text), expected a number; write 1.0e-3"),
        ("mse_weigth: 1.0", "mse_weigth: unknown parameter, expected one of column_weight"),
        ("snr_weight: [[0, -1]]", "snr_weight: found [[0, -1]] (list), expected a number, or [share, weight] pairs"),
    ],
)
def test_a_mistake_in_a_preset_names_its_file(line, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("presets/loss/own.yaml")
    path.parent.mkdir(parents=True)
    block = yaml.safe_load((REPOSITORY / "presets/loss/default.yaml").read_text())
    path.write_text(yaml.safe_dump({k: v for k, v in block.items() if not line.startswith(f"{k}:")}) + line)
    with pytest.raises(ParamsError) as error:
        load_with(tmp_path, loss="own")
    assert str(error.value).startswith(f"presets/loss/own.yaml: {message}")


def test_a_stage_that_reads_a_block_with_presets_follows_from_them():
    for name, stage in yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"].items():
        assert ("presets" in stage["deps"]) == bool({"loss", "model"} & set(stage["params"])), name


def test_all_are_listed_with_their_sentence(capsys):
    main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"{block}={word}" for block, word in WORDS]
