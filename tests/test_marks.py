"""What the network's maps say becomes marks at their places on the sheet, and only the likeliest of near equals."""

import numpy as np
import pytest

from ecgpipe.recognize.marks import (
    APART_CELLS,
    CHANNELS,
    END,
    GAINS,
    INVERTED,
    LEAST,
    MEASURES,
    NAMES,
    PULSE,
    ROW,
    SPEEDS,
    START,
    marks_of,
)

SHAPE = (40, 60)
NEAR_CELLS = APART_CELLS // 2  # on either side of a mark


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


class Maps:
    """Maps of a sheet on which nothing is seen but what is put there."""

    def __init__(self) -> None:
        self.logits = np.full((len(CHANNELS), *SHAPE), logit(0.001))
        self.measures = np.zeros((len(MEASURES), *SHAPE))

    def put(self, channel: str, row: int, col: int, probability: float = 0.9, **measures: float) -> "Maps":
        self.logits[CHANNELS.index(channel), row, col] = logit(probability)
        for name, value in measures.items():
            self.measures[MEASURES.index(name), row, col] = value
        return self

    def marks(self):
        return marks_of(self.logits, self.measures)


@pytest.mark.parametrize(("channel", "kind"), [("V3", "name"), (INVERTED, "name"), (START, START), (END, END)])
def test_a_mark_is_where_its_cell_and_its_offset_say(channel, kind):
    marks = Maps().put(channel, 7, 12, 0.8, **{f"{kind}_x": 0.3, f"{kind}_y": -0.4}).marks()
    (mark,) = marks.found
    assert mark.what == channel
    assert (mark.x_mm, mark.y_mm, mark.probability) == pytest.approx((12.8, 7.1, 0.8))


def test_a_pulse_has_its_height_and_width_in_mm():
    marks = Maps().put(PULSE, 20, 5, pulse_x=-0.2, pulse_y=0.1, pulse_high=0.5, pulse_wide=1.1).marks()
    (mark,) = marks.of(PULSE)
    assert (mark.x_mm, mark.y_mm, mark.high_mm, mark.wide_mm) == pytest.approx((5.3, 20.6, 5.0, 5.5))


@pytest.mark.parametrize("channel", [*SPEEDS, *GAINS])
def test_a_text_of_scales_is_in_its_cell_whatever_is_measured_there(channel):
    marks = Maps().put(channel, 3, 4, name_x=1.0, pulse_x=1.0, start_x=1.0, end_y=1.0).marks()
    assert [(mark.what, mark.x_mm, mark.y_mm) for mark in marks.found] == [(channel, 4.5, 3.5)]


def test_an_offset_that_leads_far_away_is_not_followed():
    (mark,) = Maps().put("I", 10, 10, name_x=30.0, name_y=-30.0).marks().found
    assert (mark.x_mm, mark.y_mm) == (12.0, 9.0)


def test_of_equal_marks_that_are_near_only_the_likeliest_counts():
    maps = Maps().put("II", 10, 10, 0.6).put("II", 11, 10 + NEAR_CELLS, 0.7)
    assert [mark.probability for mark in maps.marks().of("II")] == pytest.approx([0.7])
    maps.put("III", 10, 11, 0.3)  # of another name
    assert [mark.what for mark in maps.marks().of(*NAMES)] == ["II", "III"]


def test_equal_marks_that_are_apart_all_count():
    maps = Maps().put(START, 10, 10, 0.6).put(START, 10, 11 + NEAR_CELLS, 0.7)
    assert [mark.probability for mark in maps.marks().of(START)] == pytest.approx([0.7, 0.6])


def test_what_is_hardly_likely_is_no_mark():
    assert not Maps().put("V6", 10, 10, LEAST - 0.01).marks().found
    assert Maps().put("V6", 10, 10, LEAST + 0.01).marks().found


def test_marks_at_the_edge_of_the_sheet_are_seen():
    last = SHAPE[0] - 1, SHAPE[1] - 1
    found = Maps().put("aVL", 0, 0).put("aVF", *last).marks().found
    assert [(mark.x_mm, mark.y_mm) for mark in found] == [(0.5, 0.5), (SHAPE[1] - 0.5, SHAPE[0] - 0.5)]


def test_the_row_is_given_by_cell_and_is_no_mark():
    marks = Maps().put(ROW, 9, 30, 0.75).marks()
    assert not marks.found and marks.row.shape == SHAPE
    assert marks.row[9, 30] == pytest.approx(0.75) and marks.row[9, 31] == pytest.approx(0.001)


def test_single_precision_of_any_size_gives_probabilities():
    logits = np.full((len(CHANNELS), *SHAPE), -500.0, np.float32)
    logits[0, 5, 5] = 500.0
    with np.errstate(all="raise", under="ignore"):
        (mark,) = marks_of(logits, np.zeros((len(MEASURES), *SHAPE), np.float32)).found
    assert mark.probability == 1.0
