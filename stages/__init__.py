"""One module a DVC stage, run as `python -m stages.NAME` in the repository's root."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

ADVICE = "`. .venv/bin/activate` enters the pipeline's environment, `make repro` makes it"
if sys.version_info < (3, 11):  # noqa: UP036, `python` may be any
    raise SystemExit(
        f"error: found Python {sys.version.split()[0]} in {sys.executable}, expected 3.11 or later; {ADVICE}"
    )

from ecgpipe.base.errors import EcgpipeError, command, found, is_ours
from ecgpipe.base.files import atomic_path


def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """One line in place of the traceback where a stage is run by a Python that lacks what the pipeline needs."""
    if isinstance(error, ModuleNotFoundError) and not is_ours(error):
        print(f"error: {found(error)}; {ADVICE}, `{command(error, 'pipeline')}` mends this one", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = explain  # a stage's own imports fail before `run`


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
