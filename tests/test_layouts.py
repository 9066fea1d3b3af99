"""Pages of every form carry their ink where their layout says, and random ones are sound."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ecgpipe.page.layout import CABRERA, KIT, LEADS, PageLayout
from ecgpipe.synth import PX_PER_MM
from ecgpipe.synth.compose import A4, A5, LETTER, LIMB, compose_layout
from ecgpipe.synth.layouts import random_layout, random_page
from ecgpipe.synth.marks import CHEST, PageMarks, spelled
from ecgpipe.synth.page import draw_page
from ecgpipe.synth.printer import Print
from ecgpipe.synth.style import PageStyle

FS_HZ = 500
WHITE = (255, 255, 255)
BARE = PageStyle(major=WHITE, minor=WHITE, trace=(0, 0, 0), show_border=False, header=())
SEEDS = range(60)

FAMILIES = {
    "a rhythm strip": compose_layout("3x4", ("II",)),
    "no strip": compose_layout("3x4", ()),
    "three strips": compose_layout("3x4", ("V1", "II", "V5"), size_mm=A4, pitch_mm=22.0),
    "6x2": compose_layout("6x2", (), marks=PageMarks(gap_mm=3.0), window_s=4.5),
    "6x2 and a strip": compose_layout("6x2", ("II",), order="cabrera"),
    "12x1, chest leads half": compose_layout("12x1", (), chest_ratio=0.5),
    "6x1 limb, 50 mm/s": compose_layout("6x1", (), speed=50.0),
    "6x1 chest": compose_layout("6x1", (), leads=CHEST, gain=5.0),
    "3x1": compose_layout("3x1", (), leads=("V1", "II", "V5"), size_mm=A5, gain=20.0),
    "3x2 simultaneous": compose_layout("3x2", (), columns="simultaneous", size_mm=A4[::-1]),
}
each_family = pytest.mark.parametrize("page", FAMILIES.values(), ids=FAMILIES)


def waves() -> np.ndarray:
    t_s = np.arange(10 * FS_HZ) / FS_HZ
    return np.stack([0.2 * np.sin(2 * np.pi * 1.1 * t_s + lead) for lead in range(12)])


def ink(page: np.ndarray) -> np.ndarray:
    return 1 - page[..., 0] / 255


def stripped(page: PageLayout) -> PageLayout:
    """The page with its traces only."""
    return replace(page, names=(), texts=(), pulses=(), separators=())


def worst_px(page: PageLayout, print_: Print) -> float:
    """How far in px the ink's middle is at most from where layout and printer say it is."""
    series, worst = waves(), 0.0
    drawn = ink(draw_page(series, FS_HZ, BARE, stripped(page), print_=print_))
    for window in page.windows:
        right_mm = window.left_mm + window.duration_s * page.speed_mm_per_s
        columns = np.arange(int(window.left_mm * PX_PER_MM) + 4, int(right_mm * PX_PER_MM) - 4)
        x_mm = page.x_mm(window, np.arange(series.shape[1]) / FS_HZ)
        dx, dy = print_.ink_shift_mm(x_mm)
        y_mm = page.y_mm(window, series[LEADS.index(window.lead)]) + dy
        y_px = np.interp((columns + 0.5) / PX_PER_MM, x_mm + dx, y_mm) * PX_PER_MM
        zero = int(page.baselines_mm[window.row] * PX_PER_MM)
        reach = int(0.3 * page.gain_mm_per_mv * PX_PER_MM)
        strip = drawn[zero - reach : zero + reach, columns]
        middle = (strip * (np.arange(zero - reach, zero + reach) + 0.5)[:, None]).sum(0) / strip.sum(0)
        worst = max(worst, np.abs(middle - y_px).max())
    return worst


@each_family
def test_ink_lies_where_the_layout_says(page):
    assert worst_px(page, Print.none()) < 0.04  # 0.035 at worst


@pytest.mark.parametrize("seed", range(6))
def test_ink_of_a_random_page_lies_where_layout_and_printer_say(seed):
    rng = np.random.default_rng([7, seed])
    page, printer = random_layout(rng), replace(Print.random(rng), trace_dpi=None)
    assert worst_px(page, printer) < 0.06  # 0.048 at worst


@pytest.mark.parametrize("form, strips, name", [("3x4", ("V1", "II", "V5"), "3x4+3R(V1,II,V5)"), ("6x2", (), "6x2")])
def test_a_layout_is_named_for_its_form_and_strips(form, strips, name):
    assert compose_layout(form, strips, pitch_mm=20.0, size_mm=A4).name == name


def test_leads_run_down_the_columns_and_time_from_column_to_column():
    page = compose_layout("6x2", ())
    assert [w.lead for w in page.row_windows(0)] == ["I", "V1"]
    assert [w.start_s for w in page.row_windows(5)] == [0.0, 5.0]
    assert {w.start_s for w in compose_layout("6x2", (), columns="simultaneous").windows} == {0.0}


def test_the_legend_tells_the_scales():
    page = compose_layout("6x1", (), speed=50.0, gain=5.0)
    assert page.texts[0].words == "50 mm/s 5 mm/mV"


def test_cabrera_prints_avr_upside_down_under_its_negative_name():
    page = compose_layout("12x1", (), order="cabrera")
    assert [w.lead for w in page.windows[:6]] == ["aVL", "I", "aVR", "II", "aVF", "III"]
    assert [w.gain_ratio for w in page.windows[:4]] == [1, 1, -1, 1]
    assert page.names[2].words == "-aVR"


@pytest.mark.parametrize(
    ("form", "rhythm", "order"),
    [("12x1", (), "cabrera"), ("6x2", ("II",), "cabrera"), ("3x4", ("V1", "II", "V5"), "cabrera"),
     ("12x1", (), "standard"), ("3x4", ("II",), "standard")],
)  # fmt: skip
def test_the_order_of_the_leads_is_told_from_where_they_stand(form, rhythm, order):
    assert compose_layout(form, rhythm, order=order, pitch_mm=15.0).lead_order == order


@pytest.mark.parametrize(
    ("leads", "order"),
    [
        (CABRERA, "cabrera"),
        (tuple(lead.removeprefix("-") for lead in CABRERA), "standard"),  # in that order, but aVR upright
        (LIMB, "standard"),
        (CHEST, "standard"),
    ],
)
def test_six_leads_are_in_cabreras_order_with_avr_upside_down_only(leads, order):
    assert compose_layout("6x1", (), leads=leads).lead_order == order


@pytest.mark.parametrize(
    ("form", "columns", "timing"),
    [
        ("3x4", "sequential", "sequential"),
        ("3x4", "simultaneous", "simultaneous"),
        ("12x1", "simultaneous", "sequential"),
    ],
)
def test_columns_at_once_are_told_unless_there_is_only_one(form, columns, timing):
    assert compose_layout(form, (), columns=columns).timing == timing


@pytest.mark.parametrize(
    "spelling, expected",
    [
        ("plain", "I aVR -aVR V1"),
        ("capitals", "I AVR -AVR V1"),
        ("small", "I avr -avr v1"),
        ("aVr", "I aVr -aVr V1"),
        ("Lead I", "Lead I Lead aVR -aVR Lead V1"),
        ("DI", "DI aVR -aVR V1"),
        ("C1", "I aVR -aVR C1"),
    ],
)
def test_names_are_spelled_as_makers_do(spelling, expected):
    assert " ".join(spelled(lead, spelling) for lead in ("I", "aVR", "-aVR", "V1")) == expected


def test_a_strip_may_have_other_words_than_its_lead_or_none():
    pages = [compose_layout("3x4", ("II",), marks=PageMarks(strip_words=w)) for w in ("Rhythm {lead}", "")]
    assert [page.names[-1].words for page in pages] == ["Rhythm II", ""]
    assert [len(page.names) for page in pages] == [13, 13]


def test_rows_may_be_apart_by_different_distances():
    page = compose_layout("3x1", ("II",), leads=("I", "II", "III"), first_mm=40.0, pitch_mm=(30.0, 30.0, 20.0))
    assert page.baselines_mm == (40, 70, 100, 120)
    with pytest.raises(ValueError, match="3 rows"):
        compose_layout("3x1", ("II",), leads=("I", "II", "III"), pitch_mm=(30.0, 30.0))


def test_a_form_that_does_not_fit_its_sheet_is_refused():
    with pytest.raises(ValueError, match="wider"):
        compose_layout("3x4", (), size_mm=A5, window_s=2.5)
    with pytest.raises(ValueError, match="higher"):
        compose_layout("12x1", (), size_mm=LETTER, pitch_mm=25.0)
    with pytest.raises(ValueError, match="expected 6"):
        compose_layout("6x1", (), leads=("I", "II"))


@pytest.fixture(scope="module")
def layouts() -> list[PageLayout]:
    return [random_layout(np.random.default_rng(seed)) for seed in SEEDS]


def test_random_layouts_stay_on_their_sheet(layouts):
    for page in layouts:
        assert page.left_mm > 0 and page.right_mm < page.width_mm
        assert page.baselines_mm[0] > 0 and page.baselines_mm[-1] < page.height_mm
        for text in (*page.names, *page.texts):
            assert text.left_mm >= 0.5 and text.left_mm + text.width_mm <= page.width_mm, text
            assert 0 < text.base_mm < page.height_mm, text
        for pulse in page.pulses:  # those of a page cropped to its traces may be cut
            assert pulse.right_mm > 0 and pulse.right_mm + pulse.foot_mm < page.width_mm, page.name
        x, y = page.lines_mm()
        assert x[0] >= 0 and y[0] >= 0 and x[-1] <= page.width_mm and y[-1] <= page.height_mm


def test_windows_of_a_row_do_not_overlap_each_other_or_a_pulse(layouts):
    for page in layouts:
        for row in range(page.rows):
            spans = [(w.left_mm, w.left_mm + w.duration_s * page.speed_mm_per_s) for w in page.row_windows(row)]
            spans += [(pulse.left_mm, pulse.right_mm) for pulse in page.row_pulses(row)]
            spans.sort()
            assert all(stop <= start + 1e-6 for (_, stop), (start, _) in pairwise(spans)), page.name


def test_random_layouts_show_at_most_what_a_machine_recorded_and_rows_far_enough_apart(layouts):
    for page in layouts:
        assert page.duration_s <= 10 + 1e-9
        assert min(window.duration_s for window in page.windows) >= 2.4
        assert np.diff(page.baselines_mm).min() >= 12
        assert len(page.names) == len(page.windows)


def test_random_layouts_are_of_every_kind(layouts):
    assert {page.name.split("+")[0] for page in layouts} == {"3x4", "6x2", "12x1", "6x1", "3x1", "3x2"}
    assert {page.speed_mm_per_s for page in layouts} == {25, 50}
    assert {page.gain_mm_per_mv for page in layouts} == {5, 10, 20}
    assert {window.gain_ratio for page in layouts for window in page.windows} == {1, 0.5, -1}
    assert len({page.size_mm for page in layouts}) > 20  # 27


def test_random_pages_are_set_by_the_seed_and_half_are_the_kits():
    first, again = ([random_page(np.random.default_rng(seed)) for seed in SEEDS] for _ in range(2))
    assert first == again
    assert 0.3 < np.mean([page is KIT for page, _, _ in first]) < 0.7


def test_pages_that_were_never_printed_have_their_ink_in_place():
    printers = [random_page(np.random.default_rng(seed), printed=False)[2] for seed in SEEDS]
    assert not any(printer.moves_ink or printer.spread_mm or printer.halftone_mm for printer in printers)


def test_a_window_has_as_many_samples_on_paper_as_in_the_recording(layouts):
    for page in layouts:
        recorded, printed = round(page.duration_s * FS_HZ), round(page.printed_s * FS_HZ)
        for window in page.windows:
            samples = [page.samples(window, recorded), page.printed_samples(window, printed)]
            assert {s.stop - s.start for s in samples} == {round(window.duration_s * FS_HZ)}, (page.name, window)


def test_a_name_is_nearest_to_its_own_row(layouts):
    for page in layouts:
        for name, window in zip(page.names, page.windows, strict=True):
            middle_mm = name.base_mm - 1.5
            nearest = np.abs(np.array(page.baselines_mm) - middle_mm).argmin()
            pitch_mm = np.diff(page.baselines_mm).min()
            assert nearest == window.row or abs(page.baselines_mm[window.row] - middle_mm) < 0.7 * pitch_mm, page.name


@pytest.mark.parametrize("seed", range(4))
def test_a_random_page_has_its_size_and_the_same_bytes_twice(seed):
    rng = np.random.default_rng(seed)
    page = random_layout(rng)
    style = PageStyle.random_machine(rng, page)
    first, again = (draw_page(waves(), FS_HZ, style, page) for _ in range(2))
    assert first.shape == (round(page.height_mm * PX_PER_MM), round(page.width_mm * PX_PER_MM), 3)
    np.testing.assert_array_equal(first, again)


def test_names_fill_the_boxes_that_the_layout_says():
    page = compose_layout("6x2", ())
    bare = replace(page, pulses=(), separators=(), texts=())
    drawn = ink(draw_page(np.zeros((12, 5000)), FS_HZ, BARE, bare))
    for name, window in zip(page.names, page.windows, strict=True):
        base = round(name.base_mm * PX_PER_MM)
        left, right = round((name.left_mm - 2) * PX_PER_MM), round((name.left_mm + name.width_mm + 4) * PX_PER_MM)
        inked = left + np.flatnonzero((drawn[base - 20 : base, max(left, 0) : right] > 0.5).any(axis=0))
        assert inked[0] >= name.left_mm * PX_PER_MM - 1, window
        assert inked[-1] <= (name.left_mm + name.width_mm) * PX_PER_MM + 1, window


def test_a_part_grid_leaves_the_rest_of_the_sheet_blank():
    grid = replace(compose_layout().grid, left_mm=20.0, top_mm=40.0, columns=41, rows=21)
    page = stripped(compose_layout("3x1", (), leads=("I", "II", "III"), grid=grid, left_mm=30.0, window_s=7.0))
    style = replace(BARE, major=(200, 0, 0), minor=(250, 150, 150), trace=WHITE)
    drawn = (draw_page(waves(), FS_HZ, style, page) != 255).any(axis=2)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    np.testing.assert_allclose(rows[[0, -1]] / PX_PER_MM, (40, 140), atol=0.2)
    np.testing.assert_allclose(columns[[0, -1]] / PX_PER_MM, (20, 220), atol=0.2)
