"""A reading that contradicts itself is refused or said to be doubtful; one that is right is left alone."""

from dataclasses import replace

import numpy as np
import pytest

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.doubts import check_traces, checked
from ecgpipe.digitize.leads import leads_of, sigma_of
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.rectify.quality import Quality
from ecgpipe.synth.ecg import simulate
from ecgpipe.trace.reader import Traces
from ecgpipe.trace.strips import FS_HZ
from ecgpipe.training.data import row_series

SURE = Quality(0.0, 0.0, 0.0, 0.01, 0.05, 0.15, 0)
SERIES = simulate(np.random.default_rng(1))
ROWS = row_series(SERIES, FS_HZ, KIT)


def traces_of(rows: np.ndarray) -> Traces:
    noise = np.random.default_rng(0).normal(0, 0.01, rows.shape)
    return Traces((rows + noise).astype(np.float32), np.full(rows.shape, 0.01, np.float32))


def warnings_of(rows: np.ndarray, quality: Quality = SURE, *, layout_known: bool = False) -> tuple[str, ...]:
    traces = traces_of(rows)
    return checked(traces, sigma_of(traces), quality, layout_known=layout_known).warnings


def rows_of(order: tuple[str, ...]) -> np.ndarray:
    """The rows of a page whose program printed the leads of `order` where the kit has I, II, III, aVR..."""
    return row_series(SERIES[[LEADS.index(lead) for lead in order]], FS_HZ, KIT)


@pytest.mark.parametrize("seed", range(8))
def test_a_page_that_was_read_right_raises_no_doubt(seed):
    assert warnings_of(row_series(simulate(np.random.default_rng(seed)), FS_HZ, KIT)) == ()


def test_a_strip_of_another_lead_is_left_out_and_said_so():
    rows = ROWS.copy()
    rows[3] = SERIES[LEADS.index("V1")]
    traces = traces_of(rows)
    found = checked(traces, sigma_of(traces), SURE)
    assert "strip of lead II differs" in found.warnings[0] and "left out" in found.warnings[1]
    series = leads_of(found.traces)
    second = series[LEADS.index("II")]
    assert np.isfinite(second[:1250]).all() and np.isnan(second[1250:]).all(), "only what its own row shows"
    assert np.corrcoef(second[:1250], SERIES[1, :1250])[0, 1] > 0.998  # 0.9987


@pytest.mark.parametrize(
    "wrong",
    [
        ROWS[[1, 2, 3, 0]],  # rows taken one off
        ROWS[::-1],
        ROWS[:, ::-1],  # a mirrored page
        -ROWS[::-1, ::-1],  # upside down
    ],
    ids=["one row off", "rows exchanged", "mirrored", "upside down"],
)
def test_rows_that_are_others_than_they_were_taken_for_are_refused(wrong):
    with pytest.raises(PageNotFound, match=r"not the page that was expected \(3x4\+1R\(II\)\).*limb leads break"):
        warnings_of(wrong)
    assert warnings_of(wrong, layout_known=True), "where the layout is known for sure it is only doubtful"


def test_cabrera_order_breaks_the_laws():
    cabrera = ("aVL", "I", "aVR", "II", "aVF", "III", *LEADS[6:])
    with pytest.raises(PageNotFound, match="limb leads break"):
        warnings_of(rows_of(cabrera))


def test_a_page_whose_landmarks_hardly_fit_is_doubtful_but_read():
    assert "certainty 0.030" in warnings_of(ROWS, replace(SURE, certainty=0.03))[0]


def test_a_map_that_may_have_slipped_over_much_of_the_page_is_doubtful():
    (warning,) = warnings_of(ROWS, replace(SURE, slipped_share=0.3))
    assert "30% of the page may lie a box" in warning
    assert warnings_of(ROWS, replace(SURE, slipped_share=0.05)) == ()


def test_a_lead_that_is_flat_or_not_read_and_a_row_off_its_level_are_named():
    rows = ROWS.copy()
    rows[0, 2500:3750] = np.nan  # V1
    rows[1] += 0.6
    assert any("V1 is printed but was not read" in warning for warning in warnings_of(rows))
    assert any("row 2 lies +0." in warning for warning in warnings_of(rows))
    traces = Traces(
        np.where(np.arange(5000) < 3750, ROWS, 0.0).astype(np.float32), np.full(ROWS.shape, 0.01, np.float32)
    )
    assert any(
        "V4 is flat" in warning for warning in checked(traces, sigma_of(traces), SURE, layout_known=True).warnings
    )


def test_a_reading_that_is_unsure_throughout_says_so():
    traces = Traces(ROWS.astype(np.float32), np.full(ROWS.shape, 0.5, np.float32))
    assert any("unsure" in warning for warning in checked(traces, sigma_of(traces), SURE).warnings)


def test_a_form_with_nothing_recorded_on_it_is_refused():
    blank = Traces(ROWS.astype(np.float32), np.full(ROWS.shape, 1.5, np.float32))  # as the network reads a bare grid
    with pytest.raises(PageNotFound, match=r"no traces on it that can be read \(100% of the samples are unsure"):
        check_traces(blank, sigma_of(blank))


@pytest.mark.parametrize("slope_mv", [0.0, 0.3])
def test_flat_rows_are_refused_though_the_sheet_lies_askew(slope_mv):
    flat = np.random.default_rng(0).normal(np.linspace(0, slope_mv, ROWS.shape[1]), 0.004, ROWS.shape)
    traces = Traces(flat.astype(np.float32), np.full(ROWS.shape, 0.01, np.float32))
    with pytest.raises(PageNotFound, match="flat ones"):
        check_traces(traces, sigma_of(traces))


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_low_voltage_is_no_flat_line(scale):
    traces = traces_of(scale * ROWS)
    check_traces(traces, sigma_of(traces))


@pytest.mark.parametrize(
    ("rows", "lawful"), [(ROWS, True), (rows_of(("aVL", "I", "aVR", "II", "aVF", "III", *LEADS[6:])), False)]
)
def test_a_reading_is_lawful_unless_its_limb_leads_break_their_laws(rows, lawful):
    traces = traces_of(rows)
    assert checked(traces, sigma_of(traces), SURE, layout_known=True).lawful == lawful
