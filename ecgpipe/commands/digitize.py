"""`ecgpipe digitize`: picture files to series, one result for each page in them."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.parallel import ahead, leave_cores
from ecgpipe.commands.complaints import complain, unexpected
from ecgpipe.commands.inputs import sources
from ecgpipe.commands.options import add_hints, count, hints_of, rate
from ecgpipe.formats import FORMATS, Format
from ecgpipe.rectify.leaves import Leaf, leaves_of

if TYPE_CHECKING:
    from ecgpipe.digitize.digitizer import Digitized, Digitizer
    from ecgpipe.recognize.hints import Hints
    from ecgpipe.recognize.pages import Page
    from ecgpipe.vector.pages import VectorPage

CORES = os.cpu_count() or 1


def add_command(commands: Any) -> None:
    """Add the parser of `digitize` to the subparsers `commands`."""
    digitize = commands.add_parser("digitize", help="read the leads of ECG pictures")
    digitize.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture, a PDF, or a folder of such")
    digitize.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder for the results")
    digitize.add_argument("--fs", type=rate, default=500, metavar="HZ", help="samples a second (default 500)")
    digitize.add_argument(
        "--format",
        dest="formats",
        action="extend",
        type=_formats,
        metavar="NAMES",
        help=f"format of the series, several with commas, of {', '.join(FORMATS)} (default csv)",
    )
    digitize.add_argument("--time", action="store_true", help="begin each CSV and Parquet table with a column time_s")
    digitize.add_argument(
        "--sigma", action="store_true", help="write NAME.sigma.csv as well: the standard error of each sample in mV"
    )
    digitize.add_argument("--overlay", action="store_true", help="draw the traces back onto each picture as well")
    digitize.add_argument(
        "--deidentify",
        action="store_true",
        help="leave nothing of the picture in overlays but the traces' ink; grid, lead names and scales are drawn anew",
    )
    digitize.add_argument(
        "--quality", type=Path, metavar="FILE", help="CSV of how far each page can be trusted, or why it was refused"
    )
    add_hints(digitize.add_argument_group("what you know of the pages", "all of them; found on each where not given"))
    digitize.add_argument(
        "--flips",
        choices=("none", "vertical", "horizontal", "both"),
        default="none",
        help="average the reading with those of the rows flipped; twice the time, for both four times (default none)",
    )
    digitize.add_argument(
        "--lead-laws",
        choices=("on", "off"),
        default="on",
        help="move limb leads towards the laws that they obey, the least sure one most (default on)",
    )
    digitize.add_argument(
        "--weights",
        action="append",
        type=Path,
        metavar="FILE",
        help="weights in place of the shipped ones; given several times, the median of their readings is taken",
    )
    digitize.add_argument(
        "--workers",
        type=count,
        default=max(1, CORES // 2),
        metavar="N",
        help="processes that find pages while this one reads them, 0.3 GB each (default: half the cores)",
    )
    digitize.set_defaults(run=_digitize)


def _formats(text: str) -> list[Format]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"found {name!r}, expected {', '.join(FORMATS)}")
    return [FORMATS[name] for name in names]


# ---- from files to pages


@dataclass(frozen=True)
class _Found:
    """A page that was found in a file, or why there is none: the `number`th there, called `label` in messages.

    `stem` is the name under which the file's first page is written.
    """

    leaf: Leaf
    number: int
    stem: str
    label: str
    page: "Page | VectorPage | EcgpipeError"

    @property
    def name(self) -> str:
        """The name of its results."""
        return self.stem if self.number == 1 else f"{self.stem}-{self.number}"


def _digitize(options: argparse.Namespace) -> int:
    options.formats = list(dict.fromkeys(options.formats or [FORMATS["csv"]]))
    for kind in options.formats:
        kind.check(options.fs)
    hints = hints_of(options)
    images = sources(options.images, options.output, partial(_spelled, formats=options.formats))
    names = {image.path: image.name for image in images}
    leaves, theirs = tee(leaf for image in images for leaf in leaves_of(image.path))
    single = len(images) == 1 and len(leaves_of(images[0].path)) == 1
    pages = ahead(partial(_pages_of, hints=hints), theirs, 0 if single else options.workers)
    # Pages are being found beside this thread from here on, while it imports what reads them.
    from ecgpipe.digitize.digitizer import SHIPPED, SHIPPED_ANY, Digitizer
    from ecgpipe.digitize.leads import DEFAULT
    from ecgpipe.formats.csv import write_rows
    from ecgpipe.recognize.hints import Hints

    if not single:
        leave_cores(options.workers)
    leads = DEFAULT if options.lead_laws == "on" else replace(DEFAULT, limb_lead_residual_mv=0.0)
    digitizer = Digitizer(
        options.weights or SHIPPED,
        options=leads,
        flips=options.flips,
        hints=hints or Hints(),
        other_weights=options.weights or SHIPPED_ANY,
    )
    claims, table = Counter(image.name.casefold() for image in images), []
    try:
        for found in _in_files(zip(leaves, pages, strict=True), names):
            table.append(_row_of(found, digitizer, claims, options))
    finally:
        if options.quality:
            write_rows(options.quality, table)
    return int(any(row["reason"] for row in table))


def _pages_of(leaf: Leaf, hints: "Hints | None") -> "list[Page | VectorPage | EcgpipeError]":
    """The pages in a picture, from the top down, or the errors that say why there are none."""
    from ecgpipe.recognize.hints import Hints
    from ecgpipe.recognize.several import find_pages
    from ecgpipe.rectify.picture import read_picture
    from ecgpipe.vector import vector_page

    hints = hints or Hints()
    try:
        page = vector_page(leaf, hints)
        return [page] if page else [*find_pages(read_picture(leaf), hints=hints)]
    except EcgpipeError as error:
        return [error]
    except Exception as error:  # one picture's surprise must not stop an archive of them
        return [EcgpipeError(unexpected(error))]


def _in_files(
    found: "Iterable[tuple[Leaf, list[Page | VectorPage | EcgpipeError]]]", names: dict[Path, str]
) -> Iterator[_Found]:
    """Every page, counted within its file; `names` are those of the files' results."""
    number = 0
    for leaf, pages in found:
        number = 0 if leaf.number == 1 else number
        several = leaf.of > 1 or len(pages) > 1
        for page in pages:
            number += 1
            label = f"{leaf.path}, page {number}" if several else str(leaf.path)
            yield _Found(leaf, number, names[leaf.path], label, page)


def _spelled(name: str, formats: "Iterable[Format]") -> str:
    """A name of results that all formats allow."""
    for kind in formats:
        name = kind.stem(name)
    return name


# ---- from a page to its files


def _row_of(
    found: _Found, digitizer: "Digitizer", claims: Counter[str], options: argparse.Namespace
) -> dict[str, object]:
    """Read a page, write what is asked for and say so; the page's row of the table of quality."""
    row: dict[str, object] = {
        "picture": str(found.leaf.path),
        "page": found.number,
        "status": "refused",
        "reason": "",
    }
    try:
        _check_name(found, claims)
        if isinstance(found.page, EcgpipeError):
            raise found.page
        digitized = digitizer.read(found.page)
        written = _write(digitized, found, options)
    except EcgpipeError as error:
        return row | {"reason": complain(error, found.label)}
    except Exception as error:
        return row | {"reason": complain(unexpected(error), found.label)}
    layout = digitized.traces.layout
    scales = f"{layout.name}, {layout.nominal_speed_mm_per_s:g} mm/s, {layout.gain_mm_per_mv:g} mm/mV"
    print(f"{found.label} -> {', '.join(map(str, written))} ({scales}; {digitized.quality})", flush=True)
    for warning in digitized.warnings:
        print(f"ecgpipe: {found.label}: warning: {warning}", file=sys.stderr, flush=True)
    return row | {"status": "read", **digitized.figures(), "warnings": "; ".join(digitized.warnings)}


def _check_name(found: _Found, claims: Counter[str]) -> None:
    """EcgpipeError if another of the files has a claim to a page's name, of which `claims` counts those of all files,
    in small letters as some disks do not tell them from capitals."""
    if claims[found.stem.casefold()] > 1:
        raise EcgpipeError(f"several pictures would be written as {found.name}; rename them or digitize them apart")
    if found.number > 1 and claims[found.name.casefold()]:
        raise EcgpipeError(
            f"would be written as {found.name}, as another picture is; rename one or digitize them apart"
        )


def _write(digitized: "Digitized", found: _Found, options: argparse.Namespace) -> list[Path]:
    """Write what is asked for; the paths of the series, one of each format."""
    from ecgpipe.formats.csv import write_csv

    series = replace(digitized.at(options.fs, sigma=options.sigma), with_time=options.time)
    if options.overlay:
        _write_overlay(options.output / f"{found.name}.overlay.jpg", found.leaf, digitized, options.deidentify)
    if series.sigma_mv is not None:
        sigma = options.output / f"{found.name}.sigma.csv"
        write_csv(sigma, series.sigma_mv, options.fs if options.time else None)
    written = [options.output / f"{found.name}{kind.suffix}" for kind in options.formats]
    for path, kind in zip(written, options.formats, strict=True):
        kind.write(path, series)
    return written


def _write_overlay(path: Path, leaf: Leaf, digitized: "Digitized", deidentify: bool) -> None:
    import cv2

    from ecgpipe.base.files import atomic_path
    from ecgpipe.digitize.deidentify import deidentified
    from ecgpipe.digitize.overlay import draw_overlay
    from ecgpipe.rectify.picture import read_picture

    picture, layout = read_picture(leaf), digitized.traces.layout
    if deidentify:
        picture = deidentified(picture, digitized.page_map, digitized.series_mv, digitized.sigma_mv, layout)
    drawn = draw_overlay(picture, digitized.page_map, digitized.series_mv, layout)
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), drawn[..., ::-1])
