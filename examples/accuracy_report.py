"""The tables and the figure of docs/accuracy.md, from pages as `examples.accuracy` has read them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pandas as pd

from ecgpipe.base.errors import PageNotFound
from ecgpipe.base.files import atomic_path
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import DEFAULT, LeadOptions, leads_of, sigma_of
from ecgpipe.digitize.overlay import draw_overlay
from ecgpipe.page.layout import LEADS
from ecgpipe.pipeline.plots import save_picture
from ecgpipe.score.compare import page_table, pair
from ecgpipe.score.metrics import competition_score, evaluate, summary
from examples.accuracy_pages import PageReading, read_through
from examples.oracle import warped

Series = Callable[[PageReading], np.ndarray]  # (12, 5000) mV of a page
WORST = 4
PANEL_PX = (900, 700)
# Sets of real pictures that are as those of a simulated kind are meant to be.
LIKE = {"0001": ("render", "kit"), "0003": ("scan",), "0004": ("competition",), "0005": ("photo",)}
GEOMETRY_DB = 3.0  # a page that gains more when read through its true map was lost by rectification


# ---- what is made of a page


def series_of(page: PageReading, options: LeadOptions = DEFAULT, flipped: bool = False) -> np.ndarray:
    """The leads (12, 5000) in mV; NaN throughout of a page that was refused."""
    traces = page.flipped if flipped else page.traces
    return np.full_like(page.truth, np.nan) if traces is None else leads_of(traces, options)


def not_held(page: PageReading) -> np.ndarray:
    """The leads, the ends of their windows as they were read."""
    with patch.multiple("ecgpipe.digitize.leads", PULSE_EDGE_S=0.0, SEPARATOR_EDGE_S=0.0):
        return series_of(page)


ABLATIONS: dict[str, Series] = {
    "limb-lead laws off": lambda page: series_of(page, LeadOptions(merge_rhythm=True)),
    "lead II from the rhythm strip alone": lambda page: series_of(page, LeadOptions(False, 1.0)),
    "both of these": lambda page: series_of(page, LeadOptions()),
    "ends of windows as read, not held": not_held,
    "read right to left as well (`--flips horizontal`)": lambda page: series_of(page, flipped=True),
}


def evaluated(pages: Sequence[PageReading], series: Series = series_of) -> pd.DataFrame:
    """The leads of `pages` against their truth; see `metrics.evaluate`."""
    return evaluate(pair(page.job.id, page.job.kind, page.truth, series(page)) for page in pages)


# ---- tables, as Markdown


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; numbers come as texts."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def by_kind(pages: Sequence[PageReading]) -> str:
    """Score and spread of each kind of picture, and of all."""
    table = page_table(evaluated(pages))
    refused = pd.Series([page.traces is None for page in pages])
    rows = []
    for kind, group in [*table.groupby("kind", sort=False), ("all", table)]:
        low, median, high = group.snr_db.quantile([0.25, 0.5, 0.75])
        score = competition_score(group.snr)
        spread = [f"{median:.1f}", f"{low:.1f} to {high:.1f}", f"{group.snr_db.min():.1f}"]
        rows.append([kind, len(group), int(refused[group.index].sum()), f"{score:.1f}", *spread])
    header = ["pictures", "n", "refused", "score, dB", "median page", "middle half of the pages", "worst page"]
    return markdown(header, rows)


def by_lead(sets: dict[str, Sequence[PageReading]]) -> str:
    """Score of each lead as if pages held only it, a row a set of pages."""
    rows = []
    for name, pages in sets.items():
        scores = summary(evaluated(pages))
        rows.append([name, len(pages), *(f"{scores[f'snr_db/lead_{lead}']:.1f}" for lead in LEADS)])
    return markdown(["pictures", "n", *LEADS], rows)


def by_page(pages: Sequence[PageReading]) -> str:
    """Each page's SNR and what its map says of itself."""
    table = page_table(evaluated(pages))
    rows = [
        [
            page.job.kind,
            page.job.id,
            f"{row.snr_db:.1f}",
            f"{row.mae_mv:.4f}",
            f"{page.error_mm:.3f}",
            f"{page.bend:.2f}",
        ]
        for page, row in zip(pages, table.itertuples(), strict=True)
    ]
    return markdown(["set", "page", "SNR, dB", "mean error, mV", "expected error of the map, mm", "bend"], rows)


def ablations(sets: dict[str, Sequence[PageReading]]) -> str:
    """What each choice is worth: change of the score, and of a page's dB with its standard error."""
    plain = {name: page_table(evaluated(pages)) for name, pages in sets.items()}
    rows = []
    for what, series in ABLATIONS.items():
        row = [what]
        for name, pages in sets.items():
            table = page_table(evaluated(pages, series))
            change = competition_score(table.snr) - competition_score(plain[name].snr)
            difference = table.snr_db - plain[name].snr_db
            row.append(f"{change:+.2f} ({difference.mean():+.2f} ± {difference.sem():.2f})")
        rows.append(row)
    return markdown(["changed", *(f"{name}, n = {len(pages)}" for name, pages in sets.items())], rows)


def calibration(pages: Sequence[PageReading]) -> str:
    """Share of samples within 2 sigma by kind, and how large sigma and error are."""
    rows = []
    for kind in [*dict.fromkeys(page.job.kind for page in pages), "all"]:
        chosen = [page for page in pages if kind in (page.job.kind, "all")]
        shares, sigmas, errors = [], [], []
        for page in chosen:
            if page.traces is None:
                continue
            sigma = sigma_of(page.traces, page.error_mm, page.bend)
            error = np.abs(series_of(page) - page.truth)
            known = np.isfinite(error)
            shares.append([(error[known] <= times * sigma[known]).mean() for times in (1, 2)])
            sigmas.append(sigma[known])
            errors.append(error[known])
        one, two = np.mean(shares, axis=0)
        medians = [f"{1000 * np.median(np.concatenate(values)):.1f}" for values in (sigmas, errors)]
        rows.append([kind, len(shares), f"{two:.1%}", f"{min(two for _, two in shares):.1%}", f"{one:.1%}", *medians])
    header = ["pictures", "n", "within 2 sigma", "worst page", "within 1 sigma", "median sigma, µV", "median error, µV"]
    return markdown(header, rows)


def side_by_side(simulated: Sequence[PageReading], real: Sequence[PageReading]) -> str:
    """Score of simulated and of real pages of one kind, as they are read and after the best smooth warp onto the truth,
    which takes away what geometry could."""
    rows = []
    for kind, theirs in LIKE.items():
        sets = [[page for page in simulated if page.job.kind == kind], [p for p in real if p.job.kind in theirs]]
        if not all(sets):
            continue
        row = [f"{kind} and {', '.join(theirs)}", " and ".join(str(len(pages)) for pages in sets)]
        for series in (series_of, after_best_warp):
            ours, others = (competition_score(page_table(evaluated(pages, series)).snr) for pages in sets)
            row += [f"{ours:.1f}", f"{others:.1f}", f"{ours - others:+.1f}"]
        rows.append(row)
    header = ["simulated and real", "n", "simulated", "real", "apart", "simulated, warped", "real, warped", "apart"]
    return markdown(header, rows)


def after_best_warp(page: PageReading) -> np.ndarray:
    """The leads (12, 5000) in mV, moved smoothly in time and height onto the truth."""
    series = np.nan_to_num(series_of(page))
    for lead, known in enumerate(np.isfinite(page.truth)):
        series[lead, known] = warped(series[lead, known], page.truth[lead, known])
    return series


def readme_table(simulated: Sequence[PageReading], real: Sequence[PageReading]) -> str:
    """The README's first table."""
    kinds = dict.fromkeys(page.job.kind for page in real)
    sets = {f"real, {kind}": [page for page in real if page.job.kind == kind] for kind in kinds}
    rows = []
    for name, pages in (sets | {"simulated, all nine kinds": simulated}).items():
        table = page_table(evaluated(pages))
        median = f"{table.snr_db.median():.1f}"
        rows.append([name, len(pages), f"{competition_score(table.snr):.1f}", median])
    return markdown(["pictures, none of them trained on", "n", "score, dB", "median page, dB"], rows)


# ---- worst pages


def worst_pages(simulated: Sequence[PageReading], figure: Path) -> str:
    """The worst simulated pages: a picture of them in `figure` with what was read, and a table that says why."""
    table = page_table(evaluated(simulated))
    digitizer, panels, rows = Digitizer(), [], []
    for place in table.snr_db.nsmallest(WORST).index:
        page, snr_db = simulated[place], table.snr_db[place]
        pictured, truth = page.job.simulated()
        (traces,) = read_through(pictured.page_map, pictured.image, digitizer.spec, digitizer.reader)
        through_true = leads_of(traces, DEFAULT)
        true_db = page_table(evaluate([pair(page.job.id, page.job.kind, truth, through_true)])).snr_db[0]
        noise = evaluated([page]).set_index("lead").noise_power
        panels.append(_panel(page.job.id, digitizer, pictured.image))
        shares = [f"{share:.0%}" for share in (page.hidden_share, page.slipped_share)]
        if page.traces is None:
            shares, cause = ["", ""], "refused"
        else:
            cause = "map" if true_db - snr_db > GEOMETRY_DB else "reading"
        where = f"{noise.idxmax()} ({noise.max() / noise.sum():.0%})"
        rows.append([page.job.id, f"{snr_db:.1f}", f"{true_db:.1f}", cause, where, *shares])
    save_picture(figure, np.vstack([np.hstack(panels[k : k + 2]) for k in range(0, len(panels), 2)]), 1800)
    header = ["page", "SNR, dB", "through its true map", "lost by", "most of the error in", "grid hidden", "slipped"]
    return markdown(header, rows)


def _panel(title: str, digitizer: Digitizer, picture: np.ndarray) -> np.ndarray:
    """The picture with what was read drawn on it, on a white panel under its title."""
    try:
        digitized = digitizer.digitize(picture)
        picture = draw_overlay(picture, digitized.page_map, digitized.series_mv, digitized.traces.layout)
    except PageNotFound:
        pass
    across, down = PANEL_PX
    scale = min(across / picture.shape[1], (down - 30) / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    panel = np.full((down, across, 3), 255, np.uint8)
    panel[30 : 30 + small.shape[0], : small.shape[1]] = small
    return cv2.putText(panel, title, (6, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 40, 40), 1, cv2.LINE_AA)


# ---- the page


def _ours(real: Sequence[PageReading]) -> dict[str, str]:
    """What stands beside other people's figures: mean page of the kit's renders and the hardest of them, scores of the
    competition's black-and-white scans and of photos."""
    table = page_table(evaluated(real))
    kit = table[table.kind == "kit"].snr_db
    hard = table[(table.kind == "kit") & (table.id == "00004")].snr_db
    score = {kind: competition_score(group.snr) for kind, group in table.groupby("kind")}
    found = {
        "kit": kit.mean(),
        "hard": hard.mean(),
        "black": score.get("competition", np.nan),
        "photo": score.get("photo", np.nan),
    }
    return {name: f"{value:.1f}" if np.isfinite(value) else "-" for name, value in found.items()}


def write(path: Path, simulated: Sequence[PageReading], real: Sequence[PageReading]) -> None:
    """Write docs/accuracy.md and its figure beside it."""
    figure = path.with_suffix(".jpg")
    sets = {"simulated": simulated} | ({"real": real} if real else {})
    sections = {
        "intro": TEXT["intro"],
        "Simulated pictures": TEXT["simulated"] + "\n" + by_kind(simulated),
    }
    if real:
        sections["Real pictures"] = TEXT["real"] + "\n" + by_kind(real) + "\n" + by_page(real)
        sections["Simulated beside real"] = TEXT["beside"] + "\n" + side_by_side(simulated, real)
        sections["Beside others"] = TEXT["others"].format(**_ours(real))
    sections |= {
        "Leads": TEXT["leads"] + "\n" + by_lead(sets),
        "What each choice is worth": TEXT["ablations"] + "\n" + ablations(sets),
        "How sure a reading is": TEXT["calibration"] + "\n" + calibration([*simulated, *real]),
        "The worst simulated pages": TEXT["worst"] + "\n" + worst_pages(simulated, figure)
        + f"\n![The worst simulated pages with what was read drawn on them]({figure.name})\n",
    }  # fmt: skip
    parts = [text if title == "intro" else f"## {title}\n\n{text}" for title, text in sections.items()]
    with atomic_path(path) as temporary:
        temporary.write_text("# Accuracy\n\n" + "\n".join(parts), encoding="utf-8")


TEXT = {
    "intro": """\
Made by `python -m examples.accuracy --output docs/accuracy.md`, with `--real DIR` for the real pictures, from the
shipped weights with the options of `ecgpipe digitize`. SNR is the competition's at 500 Hz; the score of a set of pages
is that of the mean linear SNR (cap 10⁶), so that its best pages count most; the median page says what to expect.
""",
    "simulated": """\
Full size, upright, simulated ECGs, of a seed that no training, tuning or calibration started from. All but 0001 were
printed by a laser printer, whose black lies beside its colours by a wave, as on real prints. A refused page counts as 0
mV throughout.
""",
    "real": """\
Photos: Paper2Pulse's ECG-Paper sample. Scans and renders: sara-es/PhysionetChallenge2024. Kit: clean renders of PTB-XL
00001 to 00008. Competition: its black-and-white scans (kind 0004) of three records, whose truth is our own reading of
the records' renders, good to about 30 dB. No training and no calibration has seen any of them. How heights are decoded,
how stiff a sheet is, how ink is brought into register, that what a printer's screen does to lines is taken out of
coloured grids, which weights ship, how far the reading of a render may be moved to its ink, over how many samples the
jitter of a print's reading is taken out and that ends of windows are held was chosen by what they scored, as were the
lead laws' limit and that the bend of a map counts in sigma, so they are a little kind to us.
""",
    "beside": """\
What the simulation is worth: it should be as hard as the world, within 1.5 dB. The warp moves each lead's reading in
time and height between knots half a second apart (`examples.oracle`); what is left after it is reading, what it gains
is geometry at most. Real photos are of kinds 0005 and 0006, scans of 0003 and 0004.
""",
    "others": """\
What others report of pictures like these; only the kit's renders are the same pictures.

| who | on what | dB | ours on the same, or the nearest |
| --- | --- | --- | --- |
| one of six networks of the competition's second place | kit renders 00001 to 00008 | 28.9 a page | {kit} a page |
| the same | the hardest of them, 00004 | 14.0 | {hard} |
| second, fourth, fifth place | the hidden pages | 23.3, 22.7, 22.6 | |
| fifth place, its own validation | kind 0001, 0003, 0004 | 25.9, 23.3, 22.7 | 0004: {black} |
| | kind 0005, 0006, 0009 | 24.1, 22.7, 22.7 | |
| | kind 0010, 0011, 0012 | 23.8, 23.4, 22.5 | |
| Paper2Pulse (KDD 2026) | 1,000 phone photos, of which ours are a sample | 16.4 | {photo} |
| ECG-Digitiser, ECGMiner | the same | 2.1, -4.7 | |
| Open-ECG-Digitizer | 1,596 scans of a hospital | 19.7 | |
""",
    "leads": """\
Score in dB, as if pages held only that lead. Lead II is 10 s long, the others 2.5 s.
""",
    "ablations": """\
Change of the score in dB and, in brackets, of a page's dB on average with its standard error over pages.
""",
    "calibration": """\
`ecgpipe digitize --sigma` writes the standard error of each sample (`ecgpipe/trace/uncertainty.py`; constants fitted on
other simulated pages by `python -m examples.calibrate`; none was fitted on real ones, but that the bend of the map has
a part in it was chosen with them in view, and so was to keep the constants when maps came to follow the lines better:
fitted anew they would be narrower, and right for simulated pages, but 88 % of the real photos' samples would be within
2 sigma). Shares are means over pages of the share of samples; asked for are 90 to
99 % within 2 sigma.
""",
    "worst": """\
A page that gains more than 3 dB when it is read through its true map was lost by the map, the others by the reading.
""",
}
