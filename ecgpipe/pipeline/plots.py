"""Every figure of the pipeline. The same numbers give the same bytes.

A figure of a table is two files: `<path>.csv`, the numbers for `dvc plots`, and `<path>.svg`, the picture of them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from ecgpipe.base.files import atomic_path
from ecgpipe.competition.windows import DURATION_S, QUARTER_S, quarter_of
from ecgpipe.page.layout import LEADS

_RC: dict[RcKeyType, Any] = {
    "svg.hashsalt": "ecgpipe",  # otherwise element ids are random
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_JPEG_QUALITY = 85


def loss_curve(path: str | Path, history: pd.DataFrame) -> None:
    """The `loss` of each `step` and each unweighted part of it, `loss_<part>`, in a panel each.

    Over them lie their means over tenths of the run, as noise would hide the trend.
    """
    parts, span = [name for name in history if name != "step"], max(1, len(history) // 10)
    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=(11, 5.5), layout="constrained")
        panels = figure.subplots(2, -(-len(parts) // 2), squeeze=False).ravel()
        for axes, name in zip(panels, parts, strict=False):
            axes.plot(history["step"], history[name], lw=0.8, alpha=0.5)
            axes.plot(history["step"], history[name].rolling(span).mean(), lw=1.5)
            axes.set_title(name.removeprefix("loss_"), loc="left", fontsize="medium")
        for axes in panels[len(parts) :]:
            axes.set_axis_off()
        figure.supxlabel(f"training step; bold: mean of {span} steps", fontsize="medium")
        _save(path, figure, history)


def snr_by_kind(path: str | Path, pages: pd.DataFrame, by: str = "kind") -> None:
    """One dot a page over its kind, or another column `by`; `snr_db` of a page table, with the median of each kind."""
    kinds = sorted(pages[by].unique())
    with matplotlib.rc_context(_RC):
        figure, axes = _figure(by, "SNR of a page in dB")
        for place, kind in enumerate(kinds):
            snr_db = np.sort(pages.loc[pages[by] == kind, "snr_db"])
            spread = np.linspace(-0.25, 0.25, len(snr_db)) if len(snr_db) > 1 else [0.0]
            axes.plot(place + np.asarray(spread), snr_db, "o", ms=3, alpha=0.6, color="C0")
            axes.hlines(np.median(snr_db), place - 0.35, place + 0.35, color="C3")
        axes.set_xticks(range(len(kinds)), kinds)
        axes.set_title(f"{len(pages)} pages; bars are medians", loc="left", fontsize="medium")
        _save(path, figure, pages)


def snr_by_page(path: str | Path, pages: pd.DataFrame) -> None:
    """A bar a page, `snr_db` of a page table, best first."""
    ordered = pages.sort_values("snr_db", ascending=False)
    with matplotlib.rc_context(_RC):
        figure, axes = _figure("", "SNR of a page in dB")
        axes.bar(np.arange(len(ordered)), ordered["snr_db"], color="C0")
        axes.set_xticks(range(len(ordered)), ordered["id"], rotation=90, fontsize="x-small")
        _save(path, figure, ordered)


def gains(path: str | Path, tried: pd.DataFrame) -> None:
    """A bar a `candidate`, its `gain_db` with `error_db` either way; those `taken` stand out."""
    with matplotlib.rc_context(_RC):
        figure, axes = _figure("gain out of fold in dB; lines: standard error over records", "")
        colors = ["C3" if taken else "C0" for taken in tried["taken"]]
        axes.barh(tried["candidate"], tried["gain_db"], xerr=tried["error_db"].fillna(0.0), color=colors)
        axes.set_xscale("symlog", linthresh=0.1)
        axes.invert_yaxis()
        axes.tick_params(axis="y", labelsize="small")
        axes.set_title("red: taken", loc="left", fontsize="medium")
        _save(path, figure, tried)


def pairing(path: str | Path, pages: pd.DataFrame) -> None:
    """One dot a page over its kind, its `correlation` with its truth; those with a `fault` stand out."""
    kinds = sorted(pages["kind"].unique())
    with matplotlib.rc_context(_RC):
        figure, axes = _figure("kind", "correlation of a page with its truth")
        for suspect, color in ((False, "C0"), (True, "C3")):
            some = pages[(pages["fault"] != "") == suspect]
            places = [kinds.index(kind) for kind in some["kind"]]
            axes.plot(
                places, some["correlation"], "o", ms=3, alpha=0.6, color=color, label="suspect" if suspect else "sound"
            )
        axes.set_xticks(range(len(kinds)), kinds)
        axes.legend(frameon=False)
        axes.set_title(f"{len(pages)} pages, {(pages['fault'] != '').sum()} suspect", loc="left", fontsize="medium")
        _save(path, figure, pages)


def reading_over_truth(path: str | Path, title: str, truth_mv: np.ndarray, reading_mv: np.ndarray) -> None:
    """A small picture of twelve leads: what a page shows (12, n) over its truth (12, n), both in mV over 10 s."""
    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=(11, 5), layout="constrained")
        t_s = np.arange(truth_mv.shape[1]) * DURATION_S / truth_mv.shape[1]
        for place, axes in enumerate(figure.subplots(3, 4).T.flat):
            shown = np.isfinite(truth_mv[place]) | np.isfinite(reading_mv[place])
            shown &= t_s < (quarter_of(LEADS[place]) + 1) * QUARTER_S
            axes.plot(t_s[shown], truth_mv[place, shown], color="C3", lw=1.6, alpha=0.7, label="truth")
            axes.plot(t_s[shown], reading_mv[place, shown], color="black", lw=0.7, label="picture")
            axes.set_title(LEADS[place], loc="left", fontsize="small")
            axes.tick_params(labelsize="x-small")
        axes.legend(frameon=False, fontsize="x-small")
        figure.suptitle(title, fontsize="small", wrap=True)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=80)


def series_over_truth(path: str | Path, titles: Sequence[str], truth_mv: np.ndarray, reading_mv: np.ndarray) -> None:
    """A column a picture, under its title, and a row a channel: readings (N, channels, n) over their truth, in mV.

    `<path>.svg`; the numbers behind it are no table.
    """
    pictures, channels = truth_mv.shape[:2]
    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=(3.7 * pictures, 1 + 1.8 * channels), layout="constrained")
        panels = figure.subplots(channels, pictures, squeeze=False, sharex=True, sharey=True)
        for (channel, picture), axes in zip(np.ndindex(channels, pictures), panels.flat, strict=True):
            axes.plot(truth_mv[picture, channel], color="C3", lw=1.6, alpha=0.7, label="truth")
            axes.plot(reading_mv[picture, channel], color="black", lw=0.8, label="reading")
            axes.tick_params(labelsize="x-small")
        for picture, title in enumerate(titles):
            panels[0, picture].set_title(title, loc="left", fontsize="small")
        panels[0, 0].legend(frameon=False, fontsize="x-small")
        figure.supxlabel("sample", fontsize="small")
        figure.supylabel("mV", fontsize="small")
        with atomic_path(f"{path}.svg") as temporary:
            figure.savefig(temporary, metadata={"Date": None})


def contact_sheet(path: str | Path, frames: Mapping[str, np.ndarray], width_px: int = 640, columns: int = 3) -> None:
    """Frames (h, w, 3) uint8 RGB side by side, each under its title."""
    tiles = [_tile(title, frame, width_px) for title, frame in frames.items()]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    save_picture(path, np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]))


def save_picture(path: str | Path, rgb: np.ndarray, long_side_px: int | None = None) -> None:
    """Write (h, w, 3) uint8 RGB as JPEG or PNG by the suffix, not larger than `long_side_px`."""
    scale = 1.0 if long_side_px is None else min(1.0, long_side_px / max(rgb.shape[:2]))
    if scale < 1:
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])


def _tile(title: str, frame: np.ndarray, width_px: int) -> np.ndarray:
    height_px = round(frame.shape[0] * width_px / frame.shape[1])
    tile = cv2.resize(frame, (width_px, height_px), interpolation=cv2.INTER_AREA)
    tile = cv2.copyMakeBorder(tile, 24, 8, 4, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(tile, title, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def _figure(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return figure, axes


def _save(path: str | Path, figure: Figure, table: pd.DataFrame) -> None:
    with atomic_path(f"{path}.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    with atomic_path(f"{path}.svg") as temporary:
        figure.savefig(temporary, metadata={"Date": None})
