"""Pictures of 12-lead ECGs to signals in millivolts: `from ecgpipe import Digitizer, read_picture`, see docs/python.md.

The names below are imported when they are asked for, so that `import ecgpipe` takes no time.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

# OpenVINO reports its every import to its makers, unless the module that does is missing. Nothing that is done with
# patients' data leaves the machine.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

if TYPE_CHECKING:
    from ecgpipe.base.errors import EcgpipeError
    from ecgpipe.digitize.deidentify import deidentified
    from ecgpipe.digitize.digitizer import Digitized, Digitizer
    from ecgpipe.digitize.overlay import draw_overlay
    from ecgpipe.formats import write_series
    from ecgpipe.formats.csv import write_csv
    from ecgpipe.formats.series import Series
    from ecgpipe.formats.wfdb import write_wfdb
    from ecgpipe.recognize.hints import Hints
    from ecgpipe.rectify.picture import read_picture, read_pictures

__all__ = [
    "Digitized",
    "Digitizer",
    "EcgpipeError",
    "Hints",
    "Series",
    "deidentified",
    "draw_overlay",
    "read_picture",
    "read_pictures",
    "write_csv",
    "write_series",
    "write_wfdb",
]

_HOME = {
    "Digitized": "ecgpipe.digitize.digitizer",
    "Digitizer": "ecgpipe.digitize.digitizer",
    "EcgpipeError": "ecgpipe.base.errors",
    "Hints": "ecgpipe.recognize.hints",
    "Series": "ecgpipe.formats.series",
    "deidentified": "ecgpipe.digitize.deidentify",
    "draw_overlay": "ecgpipe.digitize.overlay",
    "read_picture": "ecgpipe.rectify.picture",
    "read_pictures": "ecgpipe.rectify.picture",
    "write_csv": "ecgpipe.formats.csv",
    "write_series": "ecgpipe.formats",
    "write_wfdb": "ecgpipe.formats.wfdb",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
