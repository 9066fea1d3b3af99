"""Options that several commands have, and what they say of a value that is none."""

import argparse
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecgpipe.recognize.hints import Hints


def add_hints(group: Any) -> None:
    """Add what a user may know of the pages."""
    group.add_argument("--layout", metavar="NAME", help="such as 12x1, '3x4+1R(II)' or '3x4+3R(V1,II,V5)'")
    group.add_argument("--speed", metavar="MM_PER_S", help="12.5, 25, 50 or 100")
    group.add_argument("--gain", metavar="MM_PER_MV", help="2.5, 5, 10 or 20")
    group.add_argument(
        "--leads",
        metavar="LIST",
        help="with commas, from the top down and then to the next column, rhythm strips left out; -aVR is printed "
        "upside down (write --leads=-aVR,... where that is the first)",
    )


def hints_of(options: argparse.Namespace) -> "Hints | None":
    """What is said of the pages, checked; None if nothing is, as then nothing slow need be imported for it."""
    given = (options.layout, options.speed, options.gain, options.leads)
    if given == (None,) * len(given):
        return None
    from ecgpipe.recognize.hints import Hints

    return Hints.parsed(*given)


def rate(text: str) -> float:
    """Samples a second."""
    value = float(text)
    rows = 10 * value
    if not (math.isfinite(value) and 1 <= value <= 100_000 and rows == int(rows)):
        raise argparse.ArgumentTypeError(f"found {text}, expected 1 to 100000 Hz that give whole rows in 10 s")
    return value


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}, expected a whole number from 1 on")
    return int(text)


def positive(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"found {text}, expected a number above 0")
    return value
