"""Errors that a user can act on. Command line and stages print their message in one line, without a traceback.

Standard library only: this speaks where nothing else is installed.
"""

import sys


class EcgpipeError(Exception):
    """Base of all expected failures: says what was found, what was expected and what to do."""


class PictureError(EcgpipeError):
    """A picture file that cannot be decoded or is refused before decoding."""


class PageNotFound(EcgpipeError):
    """A picture in which no ECG page was recognised; the message carries the reason."""


class DataError(EcgpipeError):
    """A table, record or folder that does not have the competition's form."""


class ParamsError(EcgpipeError):
    """A parameter that is unknown, missing, of the wrong type or out of range; names its YAML path."""


class KaggleError(EcgpipeError):
    """Kaggle refused, failed or is not set up; `status` is the HTTP status, None where there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def row_name(row: int) -> str:
    """A table's row in a message: rows count from 0 like samples; the file's line, header included, is what an editor
    shows."""
    return f"row {row} (line {row + 2})"


# ---- what to install for a module that is missing

# Modules that one extra alone brings; for one that several share the caller names the extra, as ecgpipe.formats does of
# pyarrow.
EXTRA_OF = {
    "dvc": "pipeline",
    "edfio": "formats",
    "fastapi": "web",
    "filelock": "kaggle",
    "fsspec": "scale",
    "kaggle": "kaggle",
    "kagglesdk": "kaggle",
    "matplotlib": "train",
    "optuna": "search",
    "pi_heif": "heif",
    "pyarrow": "train",
    "pydicom": "formats",
    "pytorch_lightning": "train",
    "pywt": "train",
    "ray": "scale",
    "safetensors": "train",
    "torch": "train",
    "uvicorn": "web",
    "wfdb": "train",
}
OURS = ("ecgpipe", "examples", "experiments", "paired", "pretrain", "stages")


def is_ours(error: ModuleNotFoundError) -> bool:
    """Whether the module that was not found is one of this repository: a mistake in it, or a wrong folder."""
    return _module(error) in OURS


def found(error: ModuleNotFoundError) -> str:
    """What was found: which Python lacks which module."""
    return f"found no module {_module(error)!r} in {sys.executable}"


def command(error: ModuleNotFoundError, extra: str = "") -> str:
    """The command that installs it: the extra that alone brings the module, else `extra`, else the plain package."""
    extra = EXTRA_OF.get(_module(error), extra)
    what = f".[{extra}]" if extra else "."
    return f"pip install -c constraints.txt '{what}'"


def _module(error: ModuleNotFoundError) -> str:
    return (error.name or str(error)).partition(".")[0]
