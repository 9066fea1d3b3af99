"""What to install for a module that is missing. Standard library only: it speaks where nothing else is there."""

import sys

# Modules of one extra only; what several share is named by whoever is asking.
EXTRA_OF = {
    "dvc": "pipeline",
    "filelock": "kaggle",
    "kaggle": "kaggle",
    "kagglesdk": "kaggle",
    "matplotlib": "train",
    "pyarrow": "train",
    "pytorch_lightning": "train",
    "pywt": "train",
    "torch": "train",
    "wfdb": "train",
}
OURS = ("ecgpipe", "examples", "pretrain", "stages")


def is_ours(error: ModuleNotFoundError) -> bool:
    """Whether the module that was not found is one of this repository: a mistake in it, or a wrong folder."""
    return _module(error) in OURS


def found(error: ModuleNotFoundError) -> str:
    """What was found: which Python lacks which module."""
    return f"found no module {_module(error)!r} in {sys.executable}"


def command(error: ModuleNotFoundError, extra: str = "") -> str:
    """What installs it: the extra that alone brings the module, else `extra`, else the plain installation."""
    extra = EXTRA_OF.get(_module(error), extra)
    what = f".[{extra}]" if extra else "."
    return f"pip install -c constraints.txt '{what}'"


def _module(error: ModuleNotFoundError) -> str:
    return (error.name or str(error)).partition(".")[0]
