"""What somebody who knows a page says of it: its layout, speed, gain and leads, checked before anything is read."""

import re
from dataclasses import dataclass

from ecgpipe.base.errors import ParamsError
from ecgpipe.page.layout import LEADS, SPEEDS_MM_PER_S

MOST_STRIPS = {"3x4": 3, "6x2": 2, "12x1": 0, "6x1": 0, "3x1": 0, "3x2": 0}  # rhythm strips, by form
GAINS_MM_PER_MV = (2.5, 5.0, 10.0, 20.0)

_NAME = re.compile(r"(?P<rows>\d+)x(?P<columns>\d+)(?:\+(?P<count>\d+)R\((?P<rhythm>[^()]*)\))?", re.ASCII)
_EXPECTED = "3x4, 6x2, 12x1, 6x1, 3x1 or 3x2, the first two with rhythm strips as in 3x4+1R(II) or 3x4+3R(V1,II,V5)"


@dataclass(frozen=True)
class Form:
    """`rows` x `columns` leads, and below them a rhythm strip of each lead of `rhythm`."""

    rows: int
    columns: int
    rhythm: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Its name, such as 3x4+1R(II)."""
        strips = f"+{len(self.rhythm)}R({','.join(self.rhythm)})" if self.rhythm else ""
        return f"{self.rows}x{self.columns}{strips}"

    @property
    def count(self) -> int:
        """How many leads it shows above its rhythm strips."""
        return self.rows * self.columns


def parse_form(name: str) -> Form:
    """The form that a layout's name says, such as 3x4+1R(II); ParamsError if it is none that is known."""
    match = _NAME.fullmatch(name)
    if not match or f"{match['rows']}x{match['columns']}" not in MOST_STRIPS:
        raise ParamsError(f"layout: found {name}, expected {_EXPECTED}")
    plain = f"{match['rows']}x{match['columns']}"
    rhythm = tuple(match["rhythm"].split(",")) if match["count"] else ()
    if unknown := [lead for lead in rhythm if lead not in LEADS]:
        raise ParamsError(f"layout: found a strip of lead {unknown[0]!r} in {name}, expected {' '.join(LEADS)}")
    if match["count"] and match["count"] != str(len(rhythm)):
        raise ParamsError(
            f"layout: found {match['count']}R but {len(rhythm)} named in {name}, expected a lead for each strip"
        )
    if len(rhythm) > MOST_STRIPS[plain]:
        raise ParamsError(
            f"layout: found {len(rhythm)} rhythm strips in {name}, expected at most {MOST_STRIPS[plain]} below {plain}"
        )
    if len(set(rhythm)) < len(rhythm):
        raise ParamsError(f"layout: found two strips of one lead in {name}, expected each lead once")
    return Form(int(match["rows"]), int(match["columns"]), rhythm)


@dataclass(frozen=True)
class Hints:
    """What is known of the pages beforehand; None is to be found on each.

    `layout` is a name that `parse_form` knows. `leads` are those above the rhythm strips, from the top down and then to
    the next column, "-aVR" for one that is printed upside down. Raises ParamsError for what no page has.
    """

    layout: str | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    leads: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        form = self.form
        _check_among("speed", self.speed_mm_per_s, SPEEDS_MM_PER_S, "mm/s")
        _check_among("gain", self.gain_mm_per_mv, GAINS_MM_PER_MV, "mm/mV")
        if self.leads is not None:
            _check_leads(self.leads, form)

    @property
    def form(self) -> Form | None:
        """The form of `layout`."""
        return None if self.layout is None else parse_form(self.layout)

    @classmethod
    def parsed(
        cls, layout: str | None = None, speed: str | None = None, gain: str | None = None, leads: str | None = None
    ) -> "Hints":
        """Hints from texts: speed in mm/s, gain in mm/mV, leads with commas between. Raises ParamsError."""
        return cls(
            layout,
            _number("speed", speed, SPEEDS_MM_PER_S, "mm/s"),
            _number("gain", gain, GAINS_MM_PER_MV, "mm/mV"),
            None if leads is None else tuple(lead.strip() for lead in leads.split(",")),
        )


def _number(name: str, text: str | None, known: tuple[float, ...], unit: str) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise _not_among(name, text, known, unit) from None


def _check_among(name: str, value: float | None, known: tuple[float, ...], unit: str) -> None:
    if value is not None and value not in known:
        raise _not_among(name, f"{value:g}", known, unit)


def _not_among(name: str, text: str, known: tuple[float, ...], unit: str) -> ParamsError:
    *first, last = (f"{value:g}" for value in known)
    return ParamsError(f"{name}: found {text}, expected {', '.join(first)} or {last} {unit}")


def _check_leads(leads: tuple[str, ...], form: Form | None) -> None:
    plain = [lead.removeprefix("-") for lead in leads]
    for place, (lead, name) in enumerate(zip(leads, plain, strict=True)):
        if name not in LEADS:
            raise ParamsError(
                f"leads: found {lead!r}, expected some of {' '.join(LEADS)}, with - before an inverted one"
            )
        if name in plain[:place]:
            raise ParamsError(f"leads: found {name} twice, expected each lead once")
    if form is not None and len(leads) != form.count:
        raise ParamsError(f"leads: found {len(leads)}, expected the {form.count} of {form.rows}x{form.columns}")
    counts = sorted({parse_form(name).count for name in MOST_STRIPS})
    if len(leads) not in counts:
        raise ParamsError(f"leads: found {len(leads)}, expected {', '.join(map(str, counts[:-1]))} or {counts[-1]}")
