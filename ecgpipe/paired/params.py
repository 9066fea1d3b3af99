"""paired/params.yaml as frozen dataclasses, loaded as strictly as the params.yaml of the competition's pipeline."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ecgpipe.params import Accelerator, Precision, Weight, load_dataclass, number, weight

PARAMS = "paired/params.yaml"


@dataclass(frozen=True)
class Data:
    source: Literal["paired"]
    folder: str
    table: str


@dataclass(frozen=True, kw_only=True)
class Images:
    height_px: int = number(at_least=16, at_most=4096)
    width_px: int = number(at_least=16, at_most=4096)
    colours: Literal["grey", "rgb"]


@dataclass(frozen=True)
class Augmentation:
    mirror_share: float = number(at_least=0, at_most=1)
    shift_px: int = number(at_least=0)
    brightness: float = number(at_least=0, at_most=1)
    contrast: float = number(at_least=0, at_most=1)
    noise: float = number(at_least=0, at_most=1)


@dataclass(frozen=True)
class Model:
    architecture: str
    size: str


@dataclass(frozen=True)
class Loss:
    mse_weight: Weight = weight()
    mae_weight: Weight = weight()
    smooth_l1_weight: Weight = weight()
    frequency_weight: Weight = weight()
    snr_weight: Weight = weight()
    perceptual_weight: Weight = weight()


@dataclass(frozen=True, kw_only=True)
class Train:
    seed: int = number(at_least=0)
    steps: int = number(at_least=1)
    batch_size: int = number(at_least=1)
    learning_rate: float = number(above=0)
    preload: bool
    workers: int = number(at_least=0)
    threads: int = number(at_least=1)
    precision: Precision
    accelerator: Accelerator
    devices: int = number(at_least=-1)
    nodes: int = number(at_least=1)


@dataclass(frozen=True)
class CrossValidate:
    folds: int = number(at_least=2)
    seed: int = number(at_least=0)


@dataclass(frozen=True)
class Params:
    data: Data
    images: Images
    augmentation: Augmentation
    model: Model
    loss: Loss
    train: Train
    cross_validate: CrossValidate


def load_params(path: str | Path = PARAMS) -> Params:
    """The parameters of the baseline; ParamsError names the YAML path of whatever is wrong."""
    return load_dataclass(Params, path)
