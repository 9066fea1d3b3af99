"""params.yaml as frozen dataclasses. One strict loader: a wrong parameter is an error that names its YAML path.

Blocks are named after the stages. To add a parameter, add a field here and its line in params.yaml. That file is
complete: a field has a default only if older YAML files, which share its block, lack it. Bounds go through `number`.
In place of a `preset` block may stand a word, the name of a file of such blocks: `loss: smooth`.
"""

import dataclasses
import math
import types
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from ecgpipe.base.errors import ParamsError
from ecgpipe.competition.dataset import Kind

T = TypeVar("T")

PRESETS = Path("presets")  # <block>/<word>.yaml, in the repository's root


def number(*, at_least: float | None = None, at_most: float | None = None, above: float | None = None) -> Any:
    """A dataclass field whose number is bounded; `above` excludes the bound itself."""
    return dataclasses.field(metadata={"at_least": at_least, "at_most": at_most, "above": above})


def weight(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field of type `Weight`: in YAML a number from 0 up, or a list of [share, weight] pairs."""
    return dataclasses.field(default=default, metadata={"at_least": 0, "schedule": True})


def preset() -> Any:
    """A dataclass field that is a block of parameters or, in YAML, a word: the name of one of `presets`."""
    return dataclasses.field(metadata={"preset": True})


# A number, or (share of the training done, weight) points with straight lines between them.
Weight = float | tuple[tuple[float, float], ...]

# Lightning's words for where and how a training computes; `auto` is resolved by `training.machine`.
Precision = Literal["auto", "bf16-mixed", "16-mixed", "32-true"]
Accelerator = Literal["auto", "cpu", "gpu", "cuda", "mps"]
Flips = Literal["none", "vertical", "horizontal", "both"]  # as in `trace.reader`, which needs no YAML


@dataclass(frozen=True)
class KaggleOptions:
    competition: str
    cache: str
    records: tuple[str, ...] | None
    extract: bool
    connections: int = number(at_least=1, at_most=32)
    attempts: int = number(at_least=1)
    backoff_s: float = number(at_least=0)
    timeout_s: float = number(above=0)


@dataclass(frozen=True, kw_only=True)
class Data:
    source: Literal["synthetic", "local", "kaggle", "paired"]
    folder: str | None
    signals: str
    seed: int = number(at_least=0)
    train_records: int = number(at_least=1)
    test_records: int = number(at_least=1)
    kinds: tuple[Kind, ...]
    photo_long_side_px: int = number(at_least=800, at_most=8000)
    turned_share: float = number(at_least=0, at_most=1)
    workers: int = number(at_least=1)
    kaggle: KaggleOptions


@dataclass(frozen=True, kw_only=True)
class Verify:
    amplitude_limit_mv: float = number(above=0)
    pairing: bool
    on_suspect: Literal["fail", "exclude", "warn"]
    shift_limit_s: float = number(above=0, at_most=0.2)
    gain_limit: float = number(above=0, at_most=0.4)
    offset_limit_mv: float = number(above=0)
    workers: int = number(at_least=1)


@dataclass(frozen=True)
class Preprocess:
    px_per_s: float = number(at_least=25, at_most=1000)
    px_per_mv: float = number(at_least=10, at_most=400)
    jpeg_quality: int | None = number(at_least=1, at_most=100)
    workers: int = number(at_least=1)


@dataclass(frozen=True)
class Model:
    architecture: str
    size: str
    half_height_mv: float = number(above=0, at_most=10)


@dataclass(frozen=True)
class Loss:
    column_weight: Weight = weight()
    mse_weight: Weight = weight()
    mae_weight: Weight = weight()
    smooth_l1_weight: Weight = weight()
    frequency_weight: Weight = weight()
    snr_weight: Weight = weight()
    target_sigma_px: float = number(above=0)
    perceptual_weight: Weight = weight(default=0.0)


@dataclass(frozen=True, kw_only=True)
class Train:
    seed: int = number(at_least=0)
    weights: str
    steps: int = number(at_least=0)
    batch_size: int = number(at_least=1)
    learning_rate: float = number(above=0)
    crop_columns: int = number(at_least=32)
    flip_share: float = number(at_least=0, at_most=0.5)
    colour_strength: float = number(at_least=0, at_most=2)
    workers: int = number(at_least=0)
    precision: Precision
    accelerator: Accelerator
    devices: int = number(at_least=-1)
    nodes: int = number(at_least=1)


@dataclass(frozen=True)
class Read:
    weights: tuple[str, ...]
    flips: Flips
    try_weights: tuple[str, ...] | None
    try_flips: tuple[Flips, ...] | None


@dataclass(frozen=True, kw_only=True)
class CrossValidate:
    folds: int = number(at_least=2)
    steps: int = number(at_least=0)
    seed: int = number(at_least=0)
    give_up_below_db: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class Postprocess:
    standard_errors: float = number(at_least=0)
    savgol_samples: tuple[int, ...] | None = number(at_least=5, at_most=499)
    gaussian_samples: tuple[int, ...] | None = number(at_least=5, at_most=499)
    wavelet_strengths: tuple[float, ...] | None = number(above=0)
    wander_hz: tuple[float, ...] | None = number(above=0, at_most=5)
    limb_lead_residual_mv: float = number(at_least=0)
    merge_rhythm: bool
    workers: int = number(at_least=1)


@dataclass(frozen=True)
class Submit:
    format: Literal["csv", "parquet"]


@dataclass(frozen=True, kw_only=True)
class Params:
    data: Data
    verify: Verify
    preprocess: Preprocess
    model: Model = preset()
    loss: Loss = preset()
    train: Train
    read: Read
    cross_validate: CrossValidate
    postprocess: Postprocess
    submit: Submit


def load_params(path: str | Path = "params.yaml") -> Params:
    """The parameters of the pipeline; ParamsError names the YAML path of whatever is wrong."""
    return load_dataclass(Params, path)


def load_dataclass(cls: type[T], path: str | Path) -> T:
    """A YAML file as the dataclass `cls`, strictly: every field without a default given, none unknown, types as
    annotated, in bounds.

    Understands int, float (an integer will do), bool, str, Literal, X | None, tuple[X, ...] and nested dataclasses.
    """
    return _dataclass(cls, _content(path), str(path), prefix="")


def presets(block: str) -> dict[str, Path]:
    """The files that a word may name in place of the block `block` of params.yaml, by that word, in its order."""
    return {path.stem: path for path in sorted((PRESETS / block).glob("*.yaml"))}


def _content(path: str | Path) -> Any:
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file, expected the parameters; run in the repository's root") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None


def _preset(cls: Any, word: str, block: str) -> Any:
    known = presets(block)
    if word not in known:
        raise _error(block, word, f"a block of parameters or one of {', '.join(known)}: the files of {PRESETS / block}")
    return _dataclass(cls, _content(known[word]), str(known[word]), prefix=f"{known[word]}: ")


def _dataclass(cls: Any, value: Any, where: str, *, prefix: str) -> Any:
    """A block as the dataclass `cls`; in errors it is called `where`, and `prefix` stands before what it holds."""
    if not isinstance(value, dict):
        raise _error(where, value, "a block of parameters")
    hints = get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in value:
        if key not in fields:
            raise ParamsError(f"{prefix}{key}: unknown parameter, expected one of {', '.join(fields)}")
    converted = {}
    for name, field in fields.items():
        if name not in value:
            if field.default is not dataclasses.MISSING:
                continue
            raise ParamsError(f"{prefix}{name}: missing parameter; add it to the YAML file")
        where = f"{prefix}{name}"
        if field.metadata.get("preset") and isinstance(value[name], str):
            converted[name] = _preset(hints[name], value[name], where)
            continue
        convert = _weight if field.metadata.get("schedule") else _convert
        converted[name] = convert(hints[name], value[name], where)
        if not (field.metadata.get("schedule") and isinstance(converted[name], tuple)):  # `_weight` checks its points
            _check_bounds(converted[name], field.metadata, where)
    return cls(**converted)


def _weight(hint: Any, value: Any, where: str) -> Weight:
    if not isinstance(value, list):
        return _scalar(float, value, where)
    points = _tuple(tuple[float, ...], value, where)
    shares = [point[0] for point in points]
    shaped = all(len(point) == 2 and 0 <= point[0] <= 1 and point[1] >= 0 for point in points)
    if not shaped or any(b <= a for a, b in pairwise(shares)):
        raise _error(where, value, "a number, or [share, weight] pairs, shares rising within 0 to 1, no weight below 0")
    return points


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, where, prefix=f"{where}.")
    if origin is Literal:
        return _literal(get_args(hint), value, where)
    if origin in (Union, types.UnionType):
        (inner,) = (arg for arg in get_args(hint) if arg is not types.NoneType)
        return None if value is None else _convert(inner, value, where)
    if origin is tuple:
        return _tuple(get_args(hint)[0], value, where)
    return _scalar(hint, value, where)


def _literal(allowed: tuple, value: Any, where: str) -> Any:
    if not any(type(value) is type(choice) and value == choice for choice in allowed):
        raise _error(where, value, f"one of {', '.join(map(repr, allowed))}")
    return value


def _tuple(item: Any, value: Any, where: str) -> tuple:
    if not isinstance(value, list) or not value:
        raise _error(where, value, "a list of at least one entry")
    entries = tuple(_convert(item, entry, f"{where}[{index}]") for index, entry in enumerate(value))
    for index, entry in enumerate(entries):
        if item is not float and entry in entries[:index]:
            raise _error(f"{where}[{index}]", entry, "each entry once")
    return entries


def _scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise _error(where, value, _NAMES[hint], advice=_advice(hint, value))
    if isinstance(value, float) and not math.isfinite(value):
        raise _error(where, value, "a finite number")
    return value


def _advice(hint: type, value: Any) -> str:
    """How to write what was probably meant, for `1e-3`, which YAML 1.1 reads as a text, and a quoted number."""
    if hint is str and type(value) in (int, float):
        return "; put it in quotes"
    if hint not in (int, float) or not isinstance(value, str):
        return ""
    mantissa, exponent, power = value.lower().partition("e")
    try:
        hint(value)
        return f"; write {mantissa if '.' in mantissa else mantissa + '.0'}e{power}" if exponent else f"; write {value}"
    except ValueError:
        return ""


def _check_bounds(value: Any, bounds: types.MappingProxyType, where: str) -> None:
    if isinstance(value, tuple):
        for index, entry in enumerate(value):
            _check_bounds(entry, bounds, f"{where}[{index}]")
        return
    if value is None or not bounds:
        return
    at_least, at_most, above = (bounds.get(name) for name in ("at_least", "at_most", "above"))
    if at_least is not None and value < at_least:
        raise _error(where, value, f"at least {at_least:g}")
    if at_most is not None and value > at_most:
        raise _error(where, value, f"at most {at_most:g}")
    if above is not None and value <= above:
        raise _error(where, value, f"a number above {above:g}")


_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_TYPES = {int: "integer", float: "number", bool: "boolean", str: "text", list: "list", dict: "block"}


def _error(where: str, value: Any, expected: str, advice: str = "") -> ParamsError:
    found = "null" if value is None else f"{value!r} ({_TYPES.get(type(value), type(value).__name__)})"
    return ParamsError(f"{where}: found {found}, expected {expected}{advice}")
