"""From a picture to its page on the millimetre grid: all that comes before the reading.

The kit's page is looked for first, at the places that its layout knows. What is not clearly it is taken as a sheet of
which only the grid is known, on which the layout is found.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from ecgpipe.base.errors import PageNotFound
from ecgpipe.page.geometry import FrameSpec, PageMap
from ecgpipe.page.layout import PageLayout, SpeedTold
from ecgpipe.recognize.ends import with_measured_ends
from ecgpipe.recognize.hints import Hints
from ecgpipe.rectify.flat import FlatPage
from ecgpipe.rectify.frames import Frame
from ecgpipe.rectify.pulses import printed_gain, pulse_heights_mm
from ecgpipe.rectify.quality import Quality
from ecgpipe.rectify.rectifier import Rectified, rectify
from ecgpipe.rectify.sheet import rectify_sheet

# Certainty of a placement from which the page is the expected one: the least certain of 34 real pages read right had
# 0.086, ten pages of other makers that were taken for it 0.020 to 0.039.
SURE = 0.08
SAME_PLACE_MM = 4.0  # within which two ways of finding a page have found the same one; not swept
DARK, MOSTLY = 96, 0.6  # levels of 255 of no colour more, and the share of a dark picture's pixels; not swept
NO_HINTS = Hints()


@dataclass(frozen=True)
class Page:
    """An ECG page found in a picture: its `frame`, and in `quality` how far to trust the geometry.

    A page that is not of the layout that was expected was `recognized`; `doubts` says in words what is doubtful then,
    and `speed_told` by what its speed is known. `unnamed` is why it is none, unless its limb leads prove that it is.
    `flat` holds what of the picture is needed to read a page that lies flat in it still closer.
    """

    frame: Frame
    quality: Quality
    recognized: bool = False
    doubts: tuple[str, ...] = ()
    speed_told: SpeedTold = "columns"
    unnamed: PageNotFound | None = None
    flat: FlatPage | None = None


def find_page(
    picture: np.ndarray,
    spec: FrameSpec = FrameSpec(),  # noqa: B008, frozen
    hints: Hints = NO_HINTS,
    *,
    layout_known: bool = False,
) -> Page:
    """The page in `picture` (H, W, 3) uint8 RGB, whichever way it lies, at the gain of `hints` or that its pulses tell.

    A page of another layout than that of `spec` is found as well, unless `layout_known`, and one on a dark screen, in
    the picture's grey negative, where there is none otherwise. Raises PageNotFound.
    """
    page: Page | None = None
    refusal = PageNotFound("no picture")
    try:
        page = _find_page(picture, spec, hints, layout_known=layout_known)
    except PageNotFound as error:
        refusal = error
    if (page is None or page.unnamed) and not layout_known and _is_dark(picture):
        with suppress(PageNotFound):
            negative = _find_page(_negative(picture), spec, hints)
            page = negative if page is None or not negative.unnamed else page
    if page is None:
        raise refusal
    return page


def _is_dark(picture: np.ndarray) -> bool:
    """Whether most of a picture is dark, as a screen is that shows light traces on black."""
    return bool((picture.max(axis=-1) < DARK).mean() > MOSTLY)


def _negative(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with light and dark exchanged, in grey, as coloured traces would be taken for ink that a
    printer did not put in register with the grid."""
    return np.repeat(255 - picture.max(axis=-1, keepdims=True), 3, axis=-1)


def _find_page(picture: np.ndarray, spec: FrameSpec, hints: Hints, *, layout_known: bool = False) -> Page:
    expected, refusal = None, None
    if layout_known or _may_be(spec.layout, hints):
        try:
            expected = rectify(picture, spec.layout)
        except PageNotFound as error:
            refusal = error
    if layout_known and refusal is not None:
        raise refusal
    if expected is not None and (layout_known or expected.quality.certainty >= SURE):
        return _expected_page(picture, expected, spec, hints)
    try:
        other = _other_page(picture, spec, hints)
    except PageNotFound:
        if expected is None:
            raise
        return _expected_page(picture, expected, spec, hints)
    if expected is not None and (other.unnamed or _same_page(expected.page_map, spec.layout, other.frame)):
        return _expected_page(picture, expected, spec, hints)
    return other


def _may_be(layout: PageLayout, hints: Hints) -> bool:
    """Whether a page of which `hints` are known may be one of `layout`."""
    leads = tuple(window.lead for window in layout.windows[:12])
    return (
        hints.layout in (None, layout.name)
        and hints.leads in (None, leads)
        and hints.speed_mm_per_s in (None, layout.speed_mm_per_s)
    )


def _expected_page(picture: np.ndarray, rectified: Rectified, spec: FrameSpec, hints: Hints) -> Page:
    """The page of the layout of `spec`."""
    frame = Frame.cut(picture, rectified.page_map, spec)
    gain = hints.gain_mm_per_mv or printed_gain(frame)
    if gain is not None and gain != spec.layout.gain_mm_per_mv:
        frame = Frame.cut(picture, rectified.page_map, replace(spec, layout=replace(spec.layout, gain_mm_per_mv=gain)))
    return Page(frame, rectified.quality, flat=FlatPage.of(picture, frame.page_map, spec.layout))


def _other_page(picture: np.ndarray, spec: FrameSpec, hints: Hints) -> Page:
    """A page whose layout is found on the sheet."""
    from ecgpipe.recognize.sheets import recognize  # the kit's page does without its network

    sheet = rectify_sheet(picture)
    found = recognize(picture, sheet, hints)
    turned = sheet.turned(found.turns)
    frame, doubts = Frame.cut(picture, turned.page_map, replace(spec, layout=found.layout)), found.doubts
    layout = with_measured_ends(frame)
    gain = hints.gain_mm_per_mv
    if gain is None:
        gain, of_gain = found.printed.gain(pulse_heights_mm(frame))
        doubts = (*doubts, *of_gain)
    frame = Frame.cut(picture, turned.page_map, replace(spec, layout=replace(layout, gain_mm_per_mv=gain)))
    quality = turned.quality(layout, found.certainty, found.turns)
    flat = FlatPage.of(picture, turned.page_map, layout)
    return Page(frame, quality, True, doubts, found.speed_told, found.unnamed, flat)


def _same_page(page_map: PageMap, layout: PageLayout, other: Frame) -> bool:
    """Whether a page of `layout` and the page of `other` have the same windows at the same places of the picture."""
    windows, others = layout.windows, other.spec.layout.windows
    if [w.lead for w in windows] != [w.lead for w in others]:
        return False
    here, there = (
        mapping.to_picture(np.array([(w.left_mm, page.baselines_mm[w.row]) for w in page.windows]))
        for mapping, page in ((page_map, layout), (other.page_map, other.spec.layout))
    )
    px_per_mm = np.linalg.norm(np.diff(page_map.to_picture(np.array([[0.0, 0.0], [10.0, 0.0]])), axis=0)) / 10
    return bool(np.median(np.linalg.norm(here - there, axis=1)) < SAME_PLACE_MM * px_per_mm)
