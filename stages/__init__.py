"""One module a DVC stage, run as `python -m stages.NAME` in the repository's root."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.files import atomic_path


def run(main: Callable[[], None]) -> None:
    """Run a stage; an expected failure is one line on stderr and exit status 1."""
    try:
        main()
    except EcgpipeError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def write_metrics(path: str | Path, numbers: Mapping[str, float]) -> None:
    """Write flat numbers as JSON with sorted keys; a number that is not finite is a ValueError."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(dict(numbers), indent=2, sort_keys=True, allow_nan=False) + "\n")
