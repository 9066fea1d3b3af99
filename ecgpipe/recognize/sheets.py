"""A sheet's layout: its marks seen by the network, the best hypothesis about them, and the page that this makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.networks import SavedNetwork
from ecgpipe.page.layout import LEADS, PageLayout, Pulse, SpeedTold, Window
from ecgpipe.recognize.canvas import canvas_of, without_frames
from ecgpipe.recognize.columns import GAP_MM, placed
from ecgpipe.recognize.hints import Hints, parse_form
from ecgpipe.recognize.layouts import CLEARLY_NAMED, FORMS, LIMB, hypotheses
from ecgpipe.recognize.marks import (
    CHANNELS,
    GAINS,
    MEASURES,
    PRINTED_GAINS,
    PRINTED_SPEEDS,
    PULSE,
    SPEEDS,
    Marks,
    marks_of,
)
from ecgpipe.recognize.rows import NEAR_ROW_MM, Hypothesis, Row, rows_seen
from ecgpipe.recognize.scales import SEEN, USUAL_GAIN, PrintedScales
from ecgpipe.rectify.sheet import Sheet
from ecgpipe.trace.strips import PAPER

if TYPE_CHECKING:
    import openvino as ov

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "marks.safetensors"
MULTIPLE_PX = 64  # sides of a canvas divide evenly down to the network's coarsest level
CELL_PX = 4
MOST_SIZES = 2  # of canvases, for which the network is kept compiled

# None of these was swept.
TURNS = (0, 2, 1, 3)  # in which a sheet is looked at: pictures mostly lie upright
LEAST_NAMED = 0.45  # share of the names expected that make a page
LEAST_NAMES = 3
LEAST_SCORE = 2.5  # of a hypothesis; the least of 34 real pages had 7.1, most of them 12 to 20
LEAST_STRUCTURE = 0.0  # of a hypothesis; above, more speaks for its rows and columns than against them
CLEAR_MARGIN = 1.0  # over another page's hypothesis
WHOLE_S, WHOLE_WITHIN = 0.5, 0.025  # a window's length is a multiple of the first, if it is that near (share)
OFF_SPEED = 0.015  # share by which a speed must be off the nominal one: columns are placed to half of that
NEAR_ZERO_MM = 2.0  # of a pulse's foot from 0 mV of its row, from which its height is measured
SHORT_MM = 8.0  # by which a strip must be seen to end before the last column does
SURE_NAME, MOST_STRANGE = 0.7, 1  # probability of a lead name, and how many leads may be named that are not on the page
SURE_PULSE, LEAST_PULSES = 0.8, 2  # probability and number of pulses whose heights count as the network has them


@dataclass(frozen=True)
class Recognized:
    """A page found on a sheet: its `layout` in mm of the sheet after `turns` counter-clockwise quarter turns, the
    `certainty` (0..1) of its names, and in words what is doubtful about it.

    `unnamed` is why it is none, by too few lead names, unless its limb leads prove by their laws which page it is.
    """

    layout: PageLayout
    turns: int
    certainty: float
    doubts: tuple[str, ...]
    printed: PrintedScales
    speed_told: SpeedTold
    unnamed: PageNotFound | None = None


def recognize(picture: np.ndarray, sheet: Sheet, hints: Hints = Hints()) -> Recognized:  # noqa: B008, frozen
    """The page that is printed on a `sheet` of `picture` (H, W, 3) uint8 RGB. Raises PageNotFound if it is none that is
    known."""
    looks: list[_Look] = []
    for turns in TURNS:
        looks.append(_look(picture, sheet.turned(turns), turns, hints))
        if looks[-1].named >= CLEARLY_NAMED:
            break
    best = max(looks, key=lambda look: look.score)
    unnamed = best.check(hints)
    layout, speed_told, doubts = best.layout(hints)
    return Recognized(layout, best.turns, best.named, doubts, best.printed, speed_told, unnamed)


def _look(picture: np.ndarray, turned: Sheet, turns: int, hints: Hints) -> "_Look":
    """The better of two looks at a sheet that is `turned`, with frames about its leads, if it has any, and without."""
    canvas = canvas_of(picture, turned.page_map, turned.blank)
    bare = without_frames(canvas)
    looks = [_Look.at(each, turned.blank, turns, hints) for each in ([canvas] if bare is canvas else [canvas, bare])]
    return max(looks, key=lambda look: look.score)


@dataclass(frozen=True)
class _Look:
    """What is seen on a sheet in one of its turns."""

    turns: int
    blank: PageLayout
    marks: Marks
    found: Sequence[Hypothesis]

    @classmethod
    def at(cls, canvas: np.ndarray, blank: PageLayout, turns: int, hints: Hints) -> "_Look":
        """What is seen on the canvas of a sheet `blank` after so many turns."""
        marks = _shipped().marks(canvas)
        return cls(turns, blank, marks, hypotheses(marks, blank.size_mm, hints))

    @property
    def score(self) -> float:
        return self.found[0].score if self.found else -np.inf

    @property
    def named(self) -> float:
        """Share of the names expected that are where they should be."""
        if not self.found or self.found[0].matched < LEAST_NAMES:
            return 0.0
        return self.found[0].matched / self.found[0].expected

    def check(self, hints: Hints) -> PageNotFound | None:
        """Raises PageNotFound, with the reason, where this is no page of a known layout, or of that which `hints` say.

        Of a page of which somebody knows the layout or the leads, names need not be readable. It returns the refusal
        where only names are lacking, on a page that shows all limb leads.
        """
        count = len(rows_seen(self.marks))
        found = f"a grid with {_counted(count)} of traces on it"
        seen = bool(self.found) and self.found[0].structure > LEAST_STRUCTURE
        named = self.named >= LEAST_NAMED and self.score >= LEAST_SCORE
        if named or (seen and (hints.layout or hints.leads)):
            return None
        if hints.form:
            rows = hints.form.rows + len(hints.form.rhythm)
            raise PageNotFound(
                f"{found}, on which the {_counted(rows)} and the columns of --layout {hints.form} are not seen; say "
                "which layout it has, or leave --layout out"
            )
        if not seen:
            unknown = ", but in no layout that is known" if count else ""
            raise PageNotFound(f"{found}{unknown}; expected a 12-lead ECG ({', '.join(FORMS)})")
        best = self.found[0]
        refusal = PageNotFound(
            f"{found}, but {best.matched} of the {best.expected} lead names of the likeliest layout ({best.form}) were "
            "found; expected a 12-lead ECG with its leads named; --layout says which it is"
        )
        if not {lead.removeprefix("-") for lead in best.leads} >= set(LIMB):
            raise refusal
        return refusal

    @property
    def printed(self) -> PrintedScales:
        """What the texts say of speed and gain."""
        pulses = [mark.high_mm for mark in self.marks.of(PULSE) if mark.probability > SURE_PULSE]
        return PrintedScales(
            self._likeliest(SPEEDS, PRINTED_SPEEDS),
            self._likeliest(GAINS, PRINTED_GAINS),
            pulses if len(pulses) >= LEAST_PULSES else (),
        )

    def layout(self, hints: Hints) -> tuple[PageLayout, SpeedTold, tuple[str, ...]]:
        """The page of the best hypothesis at the usual gain, what tells its speed, and what is doubtful."""
        best, doubts = placed(self.found[0]), []
        other = next((one for one in self.found if not one.same_page(best)), None)
        if self.named < CLEARLY_NAMED:
            doubts.append(f"only {best.matched} of {best.expected} lead names were found")
        elif other is not None and best.score - other.score < CLEAR_MARGIN:
            doubts.append(f"the layout may be another ({other.form} with {other.strips} strips fits almost as well)")
        doubts += self._strange(best)
        speed, speed_told = self.printed.speed(best)
        if hints.speed_mm_per_s:
            speed, speed_told = hints.speed_mm_per_s, "hint"
        rhythm, of_rhythm = _rhythm(best, hints)
        heights = tuple(row.y_mm for row in best.rows)
        windows = tuple(_windows(best, rhythm, speed))
        layout = PageLayout(
            name=str(replace(parse_form(best.form), rhythm=rhythm)),
            width_mm=self.blank.width_mm,
            height_mm=self.blank.height_mm,
            speed_mm_per_s=_measured_speed(best, windows, speed),
            gain_mm_per_mv=USUAL_GAIN,
            baselines_mm=heights,
            windows=windows,
            grid=self.blank.grid,
            pulses=tuple(self._pulses(heights)),
            timing="sequential" if len(best.lefts_mm) == 1 else "unknown",
        )
        return layout, speed_told, (*doubts, *of_rhythm)

    def _strange(self, best: Hypothesis) -> list[str]:
        """A doubt where leads are named that the hypothesis has not, as on a page of which a part is cut off."""
        its = {lead.removeprefix("-") for lead in (*best.leads, *best.rhythm) if lead}
        seen = {mark.what for mark in self.marks.of(*LEADS) if mark.probability > SURE_NAME}
        strange = [lead for lead in LEADS if lead in seen - its]
        if len(strange) <= MOST_STRANGE:
            return []
        return [
            f"{', '.join(strange)} are named on the page, but not read, as its layout seems to have no place for them"
        ]

    def _likeliest(self, texts: Sequence[str], values: Sequence[float]) -> dict[float, float]:
        """The probability of each of `values` by the text that says it."""
        return {
            value: max((mark.probability for mark in self.marks.of(text)), default=0.0)
            for text, value in zip(texts, values, strict=True)
        }

    def _pulses(self, heights_mm: Sequence[float]) -> Iterator[Pulse]:
        for mark in self.marks.of(PULSE):
            row = int(np.argmin(np.abs(np.array(heights_mm) - mark.y_mm)))
            if mark.probability > SEEN and abs(heights_mm[row] - mark.y_mm) < NEAR_ZERO_MM:
                yield Pulse(row, mark.x_mm, mark.x_mm + mark.wide_mm)


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows or 'no'} rows"


def _rhythm(best: Hypothesis, hints: Hints) -> tuple[tuple[str, ...], list[str]]:
    """The leads of the rhythm strips; one without a name is taken for lead II, as it mostly is."""
    if hints.form:
        return hints.form.rhythm, []
    leads: list[str] = []
    for lead in best.rhythm:
        free = [name for name in ("II", "V1", "V5", "I", "aVF") if name not in (*leads, *best.rhythm)]
        leads.append(lead if lead is not None and lead not in leads else free[0])
    unnamed = sum(lead is None for lead in best.rhythm)
    doubts = [f"the name of {unnamed} rhythm strips was not found"] if unnamed > 1 else []
    doubts += ["the rhythm strip's name was not found, it is taken for lead II"] if unnamed == 1 else []
    return tuple(leads), doubts


def _windows(best: Hypothesis, rhythm: Sequence[str], speed: float) -> Iterator[Window]:
    """The windows in page time: a column begins where the paper has it."""
    first = best.lefts_mm[0]
    step_s = _whole((best.lefts_mm[1] - first) / speed) if len(best.lefts_mm) > 1 else 0.0
    wide_s = _whole(best.wide_mm / speed)
    wide_s = min(wide_s, step_s) if step_s else wide_s
    for lead, row, column in best.windows():
        sign = -1.0 if lead.startswith("-") else 1.0
        yield Window(lead.removeprefix("-"), row, best.lefts_mm[column], column * step_s, wide_s, sign)
    right_mm = first + speed * (step_s * (len(best.lefts_mm) - 1) + wide_s)
    for row, lead in enumerate(rhythm, len(best.rows) - len(rhythm)):
        yield Window(lead, row, first, 0.0, _whole((_strip_end(best.rows[row], right_mm) - first) / speed))


def _strip_end(row: Row, right_mm: float) -> float:
    """Where a rhythm strip ends that may not go on to the right of the last column, `right_mm`."""
    seen = [mark for mark in row.ends if abs(mark.x_mm - row.last_mm) < NEAR_ROW_MM and mark.probability > SEEN]
    return max(seen, key=lambda mark: mark.probability).x_mm if seen and row.last_mm < right_mm - SHORT_MM else right_mm


def _measured_speed(best: Hypothesis, windows: Sequence[Window], nominal: float) -> float:
    """The paper's speed in mm of its grid a second: in a print that came out much smaller than its grid, or larger,
    columns are not as far apart as the nominal speed says."""
    if len(best.lefts_mm) == 1:
        return nominal
    step_mm, step_s = best.lefts_mm[1] - best.lefts_mm[0], windows[0].duration_s
    if step_mm - best.wide_mm > GAP_MM or step_s % WHOLE_S:
        return nominal
    measured = step_mm / step_s
    return measured if abs(measured / nominal - 1) > OFF_SPEED else nominal


def _whole(seconds: float) -> float:
    """`seconds`, or the multiple of WHOLE_S that is as good as that; else whole samples of 500 Hz."""
    whole = round(seconds / WHOLE_S) * WHOLE_S
    return whole if whole and abs(seconds / whole - 1) < WHOLE_WITHIN else round(500 * seconds) / 500


class MarksReader:
    """The network that sees a sheet's marks, compiled for each size of canvas that comes."""

    def __init__(self, path: Path = SHIPPED):
        self.path = path
        # Sheets of one folder are mostly of one size. Each size takes 50 to 100 MB.
        self._for = lru_cache(maxsize=MOST_SIZES)(self._compiled)

    @cached_property
    def _saved(self) -> SavedNetwork:
        return SavedNetwork.load(self.path)

    def marks(self, canvas: np.ndarray) -> Marks:
        """The marks on a canvas (H, W, 3) uint8 in even light."""
        height, width = (-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in canvas.shape[:2])
        padded = np.full((height, width, 3), PAPER, np.uint8)
        padded[: canvas.shape[0], : canvas.shape[1]] = canvas
        maps = self._for(height, width)(padded[None])[0][0]
        return marks_of(maps[: len(CHANNELS)], maps[len(CHANNELS) :])

    def _compiled(self, height: int, width: int) -> "ov.CompiledModel":
        shape = [1, len(CHANNELS) + len(MEASURES), height // CELL_PX, width // CELL_PX]
        return self._saved.compiled([1, height, width, 3], shape)


@cache
def _shipped() -> MarksReader:
    return MarksReader()
