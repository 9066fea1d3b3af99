"""Whether columns follow one another, told by their beats."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.digitize.timing import timing_of
from ecgpipe.page.layout import LEADS, PageLayout
from ecgpipe.synth.compose import Columns, compose_layout
from ecgpipe.synth.ecg import simulate
from ecgpipe.trace.reader import Traces

FS_HZ = 500


def traces_of(layout: PageLayout, seed: int = 3) -> Traces:
    """A simulated heart as `layout` prints it."""
    series = simulate(np.random.default_rng(seed))
    mv = np.zeros((layout.rows, round(layout.printed_s * FS_HZ)), np.float32)
    for window in layout.windows:
        printed = layout.printed_samples(window, mv.shape[1])
        recorded = round(window.start_s * FS_HZ)
        mv[window.row, printed] = series[LEADS.index(window.lead), recorded : recorded + printed.stop - printed.start]
    return Traces(mv, np.full(mv.shape, 0.01, np.float32), replace(layout, timing="unknown"))


@pytest.mark.parametrize("columns", ["sequential", "simultaneous"])
@pytest.mark.parametrize(("form", "rhythm"), [("3x4", ("II",)), ("6x2", ("II",))])
def test_columns_above_a_strip_are_told(form: str, rhythm: tuple[str, ...], columns: Columns):
    assert timing_of(traces_of(compose_layout(form, rhythm, columns=columns))) == columns


def test_columns_that_beat_together_are_simultaneous_without_a_strip_too():
    assert timing_of(traces_of(compose_layout("6x2", (), columns="simultaneous"))) == "simultaneous"


def test_one_column_follows_nothing():
    assert timing_of(traces_of(compose_layout("12x1", (), window_s=5.0, size_mm=(297.0, 420.0)))) == "sequential"
