"""The command line: `ecgpipe digitize` and `ecgpipe score`; what speaks to Kaggle is in `ecgpipe.kaggle.commands`.

Slow imports stand inside the functions that need them.
"""

import argparse
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ecgpipe.base.errors import EcgpipeError, command, found, is_ours
from ecgpipe.base.parallel import ahead, leave_cores
from ecgpipe.commands.score import add_command as add_score
from ecgpipe.kaggle.commands import add_commands

if TYPE_CHECKING:
    import numpy as np

    from ecgpipe.digitize.digitizer import Digitized
    from ecgpipe.rectify.pages import Page

CORES = os.cpu_count() or 1
UNSURE_MV = 0.1  # a millimetre of paper: more would be seen with the naked eye
PICTURE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 1 after any error, which takes one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except EcgpipeError as error:
        _complain(error)
        return 1
    except ModuleNotFoundError as error:
        if is_ours(error):
            raise
        _complain(f"{found(error)}; `{command(error, options.extra)}` brings it")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ecgpipe", description="Pictures of 12-lead ECGs to signals in millivolts.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    parser.set_defaults(extra="")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    digitize = commands.add_parser("digitize", help="read the twelve leads of ECG pictures")
    digitize.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture, or a folder of pictures")
    digitize.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder for the results")
    digitize.add_argument("--fs", type=_rate, default=500, metavar="HZ", help="samples a second (default 500)")
    digitize.add_argument("--format", choices=("csv", "wfdb"), default="csv", help="format of the series (default csv)")
    digitize.add_argument(
        "--sigma", action="store_true", help="write NAME.sigma.csv as well: the standard error of each sample in mV"
    )
    digitize.add_argument("--overlay", action="store_true", help="draw the traces back onto each picture as well")
    digitize.add_argument(
        "--quality", type=Path, metavar="FILE", help="CSV of how far each page can be trusted, or why it was refused"
    )
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
        type=_count,
        default=max(1, CORES // 2),
        metavar="N",
        help="processes that find pages while this one reads them, 0.3 GB each (default: half the cores)",
    )
    digitize.set_defaults(run=_digitize)

    add_score(commands)
    add_commands(commands)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for, as that takes as long as everything else here."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"ecgpipe {version('ecgpipe')}")
        except PackageNotFoundError:
            parser.error("found no installed ecgpipe to tell the version of; `pip install -c constraints.txt .`")
        parser.exit()


def _rate(text: str) -> float:
    value = float(text)
    rows = 10 * value
    if not (math.isfinite(value) and 1 <= value <= 100_000 and rows == int(rows)):
        raise argparse.ArgumentTypeError(f"found {text}, expected 1 to 100000 Hz that give whole rows in 10 s")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}, expected a whole number from 1 on")
    return int(text)


# ---- digitize


def _digitize(options: argparse.Namespace) -> int:
    images = list(_expand(options.images))
    pages = ahead(_page_of, images, min(options.workers, len(images)))
    # Pages are being found in other processes from here on, while this one imports what reads them.
    from ecgpipe.digitize.digitizer import SHIPPED, Digitizer
    from ecgpipe.digitize.export import wfdb_name, write_rows
    from ecgpipe.digitize.leads import DEFAULT

    if len(images) > 1:
        leave_cores(options.workers)
    names = [wfdb_name(image.stem) if options.format == "wfdb" else image.stem for image in images]
    shared = {name for name, count in Counter(names).items() if count > 1}
    leads = DEFAULT if options.lead_laws == "on" else replace(DEFAULT, limb_lead_residual_mv=0.0)
    digitizer, table = Digitizer(options.weights or SHIPPED, options=leads, flips=options.flips), []
    try:
        for image, name, page in zip(images, names, pages, strict=True):
            row: dict[str, object] = {"picture": str(image), "status": "refused", "reason": ""}
            try:
                if name in shared:
                    raise EcgpipeError(
                        f"several pictures would be written as {name}; rename them or digitize them apart"
                    )
                if isinstance(page, EcgpipeError):
                    raise page
                digitized = digitizer.read(page)
                _write(digitized, image, name, options)
            except EcgpipeError as error:
                row["reason"] = _complain(error, image)
            except Exception as error:
                row["reason"] = _complain(_unexpected(error), image)
            else:
                row |= {"status": "read", **digitized.quality.figures(), **_sigma_figures(digitized.sigma_mv)}
                row |= _layout_words(digitized)
                written = f"{options.output / name}.{'hea' if options.format == 'wfdb' else 'csv'}"
                print(f"{image} -> {written} ({digitized.quality})", flush=True)
                for warning in digitized.warnings:
                    print(f"ecgpipe: {image}: warning: {warning}", file=sys.stderr, flush=True)
            table.append(row)
    finally:
        if options.quality:
            write_rows(options.quality, table)
    return int(any(row["reason"] for row in table))


def _page_of(image: Path) -> "Page | EcgpipeError":
    """The page in a picture, or the error that says why there is none."""
    from ecgpipe.rectify.pages import find_page
    from ecgpipe.rectify.picture import read_picture

    try:
        return find_page(read_picture(image))
    except EcgpipeError as error:
        return error
    except Exception as error:  # one picture's surprise must not stop an archive of them
        return EcgpipeError(_unexpected(error))


def _unexpected(error: Exception) -> str:
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"


def _expand(paths: Iterable[Path]) -> Iterable[Path]:
    """The pictures named, and those in the folders named."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        pictures = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in PICTURE_SUFFIXES)
        if not pictures:
            raise EcgpipeError(
                f"{path}: found no picture in this folder, expected {' '.join(sorted(PICTURE_SUFFIXES))}"
            )
        yield from pictures


def _write(digitized: "Digitized", image: Path, name: str, options: argparse.Namespace) -> None:
    from ecgpipe.digitize.export import write_csv, write_wfdb

    rows = round(10 * options.fs)
    series_mv = digitized.resampled(rows)
    if options.overlay:
        _write_overlay(options.output / f"{name}.overlay.jpg", image, digitized)
    if options.sigma:
        write_csv(options.output / f"{name}.sigma.csv", digitized.resampled_sigma(rows))
    if options.format == "wfdb":
        write_wfdb(options.output, name, series_mv, options.fs)
    else:
        write_csv(options.output / f"{name}.csv", series_mv)


def _layout_words(digitized: "Digitized") -> dict[str, object]:
    """What kind of page was read, and what is doubtful about it."""
    layout = digitized.traces.layout
    return {
        "layout": layout.name,
        "speed_mm_per_s": layout.speed_mm_per_s,
        "gain_mm_per_mv": layout.gain_mm_per_mv,
        "warnings": "; ".join(digitized.warnings),
    }


def _sigma_figures(sigma_mv: "np.ndarray") -> dict[str, float]:
    """The median standard error of a page's samples, and the share of them that may be a millimetre off."""
    import numpy as np

    known = sigma_mv[np.isfinite(sigma_mv)]
    if not known.size:
        return {}
    return {"median_sigma_mv": float(np.median(known)), "unsure_share": float((2 * known > UNSURE_MV).mean())}


def _write_overlay(path: Path, image: Path, digitized: "Digitized") -> None:
    import cv2

    from ecgpipe.base.files import atomic_path
    from ecgpipe.digitize.overlay import draw_overlay
    from ecgpipe.rectify.picture import read_picture

    drawn = draw_overlay(read_picture(image), digitized.page_map, digitized.series_mv, digitized.traces.layout)
    with atomic_path(path) as temporary:
        cv2.imwrite(str(temporary), drawn[..., ::-1])


def _complain(error: EcgpipeError | str, image: Path | None = None) -> str:
    """Print one line on stderr that names the picture once; returns the reason."""
    text = str(error)
    named = image is None or str(image) in text
    print("ecgpipe: " + (text if named else f"{image}: {text}"), file=sys.stderr)
    return text
