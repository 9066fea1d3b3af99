"""Readings as the page draws them: windows, traces and doubts in pixels of the picture as it was read, as JSON."""

from dataclasses import asdict
from typing import Any

import numpy as np

from ecgpipe.digitize.digitizer import UNSURE_MV, Digitized
from ecgpipe.digitize.overlay import trace_mm
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import LEADS, PageLayout, Window
from ecgpipe.web.edits import applied, fs_of, lines
from ecgpipe.web.reader import DONE
from ecgpipe.web.store import Page

AXIS_S = 0.1  # between two points of a window's axis
DECIMALS_PX = 1


def status(page: Page, ahead: int) -> dict[str, Any]:
    """A page's line in the list; `ahead` pages wait before it."""
    return {
        "id": page.id,
        "name": page.name,
        "upload": page.upload,
        "number": page.number,
        "of": page.of,
        "state": page.state,
        "stage": page.stage,
        "done": DONE.get(page.stage, 0.0),
        "ahead": ahead,
        "line": page.line,
        "size": page.size,
    }


def reading(page: Page) -> dict[str, Any]:
    """All that is shown of a page that was read."""
    assert page.digitized is not None and page.size is not None
    digitized = applied(page.digitized, page.edits)
    layout, mapped = digitized.traces.layout, digitized.page_map
    return {
        "id": page.id,
        "size": page.size,
        "layout": {
            "name": layout.name,
            "leads": _lead_order(layout),
            "order": layout.lead_order,
            "speed": layout.nominal_speed_mm_per_s,
            "gain": layout.gain_mm_per_mv,
            "timing": layout.timing,
            "duration_s": layout.duration_s,
        },
        "hints": {key: value for key, value in asdict(page.hints).items() if value is not None},
        "quality": str(digitized.quality),
        "warnings": [*page.notes, *page.digitized.warnings],
        "edits": lines(page.digitized, page.edits),
        "windows": [_window(number, digitized) for number in range(len(layout.windows))],
        "leads": [_lead(lead, digitized, page) for lead in LEADS if lead in layout.lead_windows],
        "px_per_mm": mapped.px_per_mm,
    }


def _window(number: int, digitized: Digitized) -> dict[str, Any]:
    """One printed stretch: its `axis` as (x, y) of 0 mV and (x, y) of 1 mV every so many seconds, its traces as lines,
    and bands of two standard errors to either side where the reading is unsure."""
    layout, mapped = digitized.traces.layout, digitized.page_map
    window = layout.windows[number]
    row = LEADS.index(window.lead)
    mv, sigma_mv = digitized.series_mv[row].astype(np.float64), digitized.sigma_mv[row].astype(np.float64)
    unsure = 2 * sigma_mv > UNSURE_MV
    upper, lower = (
        trace_mm(np.where(unsure, mv + sign * 2 * sigma_mv, np.nan), window, layout) for sign in (1.0, -1.0)
    )
    return {
        "lead": window.lead,
        "row": window.row,
        "start_s": round(window.start_s, 4),
        "stop_s": round(window.stop_s, 4),
        "axis": _axis(window, layout, mapped),
        "traces": [_line(mapped, points) for points in trace_mm(mv, window, layout)],
        "unsure": [
            _line(mapped, np.concatenate([top, bottom[::-1]])) for top, bottom in zip(upper, lower, strict=True)
        ],
    }


def _axis(window: Window, layout: PageLayout, mapped: PageMap) -> dict[str, Any]:
    steps = max(1, round(window.duration_s / AXIS_S))
    t_s = window.start_s + np.arange(steps + 1) * (window.duration_s / steps)
    x_mm = np.asarray(layout.x_mm(window, t_s))
    zero, one = (
        mapped.to_picture(np.stack([x_mm, np.full_like(x_mm, layout.y_mm(window, mv))], axis=-1)) for mv in (0.0, 1.0)
    )
    return {
        "step_s": window.duration_s / steps,
        "points": np.concatenate([zero, one], axis=-1).round(DECIMALS_PX).tolist(),
    }


def _line(mapped: PageMap, points_mm: np.ndarray) -> list[float]:
    """x, y, x, y, ... in picture pixels."""
    return mapped.to_picture(points_mm).round(DECIMALS_PX).ravel().tolist()


def _lead(lead: str, digitized: Digitized, page: Page) -> dict[str, Any]:
    """A lead's line in the table."""
    fs_hz, row = fs_of(digitized), LEADS.index(lead)
    known, sigma_mv = np.isfinite(digitized.series_mv[row]), digitized.sigma_mv[row]
    sure = sigma_mv[np.isfinite(sigma_mv) & known]
    return {
        "name": lead,
        "read_s": round(float(known.sum()) / fs_hz, 3),
        "sigma_mv": round(float(np.median(sure)), 4) if sure.size else None,
        "unsure_s": round(float((2 * sure > UNSURE_MV).sum()) / fs_hz, 3),
        "edited": any(edit.lead == lead for edit in page.edits),
    }


def _lead_order(layout: PageLayout) -> list[str]:
    """The leads as a hint names them: from the top down, then the next column, without rhythm strips."""
    shortest: dict[str, Window] = {}
    for window in layout.windows:
        if window.lead not in shortest or window.duration_s < shortest[window.lead].duration_s:
            shortest[window.lead] = window
    strips = set(layout.windows) - set(shortest.values())
    placed = sorted(set(layout.windows) - strips, key=lambda window: (window.left_mm, window.row))
    return [f"{'-' * (window.gain_ratio < 0)}{window.lead}" for window in placed]
