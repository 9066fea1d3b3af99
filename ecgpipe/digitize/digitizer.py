"""The one road from a picture to twelve leads: rectify, resample once, read the rows, move those of a flat page to the
ink of its picture, cut into leads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.doubts import OF_LAWS, check_traces, checked, limb_leads_proven
from ecgpipe.digitize.leads import DEFAULT, PLAIN, LeadOptions, leads_of, nearest_leads, resample_leads, sigma_of
from ecgpipe.digitize.tempo import at_their_tempo
from ecgpipe.digitize.timing import timing_of
from ecgpipe.formats.series import PageFacts, Series
from ecgpipe.page.geometry import FrameSpec, PageMap
from ecgpipe.page.layout import SpeedTold
from ecgpipe.recognize.hints import Hints
from ecgpipe.recognize.layouts import CLEARLY_NAMED
from ecgpipe.recognize.pages import Page, find_page
from ecgpipe.recognize.several import find_pages
from ecgpipe.rectify.leaves import Leaf, leaves_of
from ecgpipe.rectify.picture import read_picture
from ecgpipe.rectify.quality import Quality
from ecgpipe.trace.drawn import as_drawn
from ecgpipe.trace.ensemble import load_reader
from ecgpipe.trace.reader import Flips, Traces
from ecgpipe.trace.weights import SHIPPED, SHIPPED_ANY
from ecgpipe.vector import vector_page

if TYPE_CHECKING:
    from ecgpipe.vector.pages import VectorPage

UNSURE_MV = 0.1  # two standard errors from which a sample is unsure: a millimetre of paper, seen with the naked eye


@dataclass(frozen=True)
class Digitized:
    """One page read: `series_mv` (12, n) float32 at 500 Hz, NaN outside the printed windows and the picture.

    `sigma_mv` (12, n) is the standard error of each sample: about 95 % are within 2 of it. `traces` are the printed
    rows as they were read, with the page's layout; `page_map` leads from page mm back to the picture's pixels,
    `quality` says how far to trust the rectification, `warnings` in words what is doubtful about the reading.
    """

    series_mv: np.ndarray
    sigma_mv: np.ndarray
    traces: Traces
    page_map: PageMap
    quality: Quality
    warnings: tuple[str, ...] = ()

    def resampled(self, rows: int) -> np.ndarray:
        """The series at `rows` samples of the same recording, (12, rows) in mV."""
        if rows == self.series_mv.shape[1]:
            return self.series_mv
        return resample_leads(self.series_mv, rows, self.traces.layout)

    def resampled_sigma(self, rows: int) -> np.ndarray:
        """The standard errors that belong to `resampled`, (12, rows) in mV."""
        return nearest_leads(self.sigma_mv, rows, self.traces.layout)

    def figures(self) -> dict[str, object]:
        """What is known of the page by name: how far the map can be trusted, what kind of page it is, the median
        standard error of its samples, and the share of them that may be UNSURE_MV off."""
        layout = self.traces.layout
        return {
            **self.quality.figures(),
            **sigma_figures(self.sigma_mv),
            "layout": layout.name,
            "lead_order": layout.lead_order,
            "speed_mm_per_s": layout.nominal_speed_mm_per_s,
            "gain_mm_per_mv": layout.gain_mm_per_mv,
            "columns": layout.timing,
        }

    def at(self, fs_hz: float, *, sigma: bool = False) -> Series:
        """The reading at `fs_hz` as `ecgpipe.formats` writes it, with the standard errors if `sigma`."""
        layout = self.traces.layout
        rows = round(layout.duration_s * fs_hz)
        page = PageFacts(layout.name, layout.nominal_speed_mm_per_s, layout.gain_mm_per_mv, layout.timing)
        sigma_mv = self.resampled_sigma(rows) if sigma else None
        return Series(self.resampled(rows), fs_hz, sigma_mv, page, self.warnings)


class Digitizer:
    """Weights of one file or several, loaded once, that read any number of pictures."""

    def __init__(
        self,
        weights: Path | Sequence[Path] = SHIPPED,
        spec: FrameSpec = FrameSpec(),  # noqa: B008, frozen
        options: LeadOptions = DEFAULT,
        flips: Flips = "none",
        layout_known: bool = False,
        hints: Hints = Hints(),  # noqa: B008, frozen
        other_weights: Path | Sequence[Path] = SHIPPED_ANY,
    ):
        """`layout_known` says that all pages are of the layout of `spec`, so that none is refused for its reading.

        `hints` are what else is known of all of them. Pages of other layouts are read with `other_weights`, which are
        loaded when the first of them comes.
        """
        self.reader, self.spec, self.options = load_reader(weights, flips), spec, options
        self.layout_known, self.hints = layout_known, hints
        self._load_other = cache(lambda: load_reader(other_weights, flips))

    def digitize(self, picture: np.ndarray | str | Path | Leaf) -> Digitized:
        """Read the page in `picture` (H, W, 3) uint8 RGB, or in a file. Raises PageNotFound if there is none.

        Of a file it is the first page, or that of a `Leaf`; of several ECGs on it the uppermost, with a warning. Traces
        that are lines of a PDF are taken as they are.
        """
        pages = self._pages(picture)
        return one_of(len(pages), self.read(pages[0]))

    def digitize_all(self, picture: np.ndarray | str | Path | Leaf) -> list[Digitized]:
        """As `digitize`, but all ECGs of the picture that can be read, from the top down."""
        read: list[Digitized] = []
        refusals: list[PageNotFound] = []
        for page in self._pages(picture):
            try:
                read.append(self.read(page))
            except PageNotFound as error:
                refusals.append(error)
        if not read:
            raise refusals[0]
        return read

    def _pages(self, picture: np.ndarray | str | Path | Leaf) -> "Sequence[Page | VectorPage]":
        if not isinstance(picture, np.ndarray):
            leaf = picture if isinstance(picture, Leaf) else leaves_of(picture)[0]
            if page := vector_page(leaf, self.hints):
                return [page]
            picture = read_picture(leaf)
        if self.layout_known:
            return [find_page(picture, self.spec, self.hints, layout_known=True)]
        return find_pages(picture, self.spec, self.hints)

    def read(self, page: "Page | VectorPage") -> Digitized:
        """Read a page that was found. Raises PageNotFound where the reading shows that it is another one."""
        return self._read_picture(page) if isinstance(page, Page) else self._read_lines(page)

    def _read_lines(self, page: "VectorPage") -> Digitized:
        # what a PDF's letters say need not be read
        traces, of_tempo = _in_time(page.traces, "hint" if page.speed_told == "text" else page.speed_told)
        if not self.layout_known:
            check_traces(traces, page.series(traces.layout)[1])
        sound = checked(traces, page.series(traces.layout)[1], page.quality, layout_known=True)
        layout = sound.traces.layout
        series_mv, sigma_mv = page.series(layout)
        if sound.lawful and self.options.limb_lead_residual_mv:
            series_mv = page.lawful(series_mv, sigma_mv, layout, self.options.limb_lead_residual_mv)
        warnings = (*page.doubts, *of_tempo, *sound.warnings)
        return Digitized(series_mv, sigma_mv, sound.traces, page.page_map, page.quality, warnings)

    def _read_picture(self, page: Page) -> Digitized:
        frame, quality = page.frame, page.quality
        reader = self._load_other() if page.recognized else self.reader
        traces = as_drawn(reader.read(frame.rgb, frame.inside, frame.spec), page.flat)
        doubts = page.doubts
        if page.recognized:
            traces, of_tempo = _in_time(traces, page.speed_told)
            doubts = (*doubts, *of_tempo)
        sigma_mv = sigma_of(traces, quality.expected_error_mm, quality.bend)
        if not self.layout_known:
            check_traces(traces, sigma_mv)
        if page.unnamed:
            if not limb_leads_proven(traces):
                raise page.unnamed
            doubts = (*doubts, OF_LAWS)
        told = bool(self.hints.layout or self.hints.leads) or quality.certainty >= CLEARLY_NAMED
        known = self.layout_known or (page.recognized and told) or page.unnamed is not None
        sound = checked(traces, sigma_mv, quality, layout_known=known)
        if sound.traces is not traces:
            traces = sound.traces
            sigma_mv = sigma_of(traces, quality.expected_error_mm, quality.bend)
        warnings = (*doubts, *sound.warnings)
        options = self.options
        if page.recognized:  # its strips may be printed beside the short windows, its rows beside their 0 mV
            options = PLAIN
        elif not sound.lawful and not self.layout_known:
            options = replace(options, limb_lead_residual_mv=0.0)
        return Digitized(leads_of(traces, options), sigma_mv, traces, frame.page_map, quality, warnings)


def one_of(count: int, digitized: Digitized) -> Digitized:
    """The uppermost of `count` ECGs on a picture, with a warning if it is not the only one."""
    if count == 1:
        return digitized
    return replace(digitized, warnings=(f"the picture shows {count} ECGs, this is the uppermost", *digitized.warnings))


def _in_time(traces: Traces, speed_told: SpeedTold) -> tuple[Traces, list[str]]:
    """The traces of a page whose layout was found, at their tempo, told how their columns were recorded; and what is
    doubtful about it."""
    traces, doubts = at_their_tempo(traces, speed_told)
    return replace(traces, layout=replace(traces.layout, timing=timing_of(traces))), doubts


def sigma_figures(sigma_mv: np.ndarray) -> dict[str, object]:
    """The median of standard errors (...) in mV, and the share of samples that are unsure; nothing where none is
    known."""
    known = sigma_mv[np.isfinite(sigma_mv)]
    if not known.size:
        return {}
    return {"median_sigma_mv": float(np.median(known)), "unsure_share": float((2 * known > UNSURE_MV).mean())}
