"""The commands that speak to Kaggle: `ecgpipe download`, `check-remote`, `submit` and `leaderboard`.

They take their numbers from the block `data` of params.yaml, as the stage `download` does.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgpipe.base.errors import DataError

if TYPE_CHECKING:
    from ecgpipe.kaggle.remote import Place
    from ecgpipe.params import Data

MANIFEST = Path("data/manifest.csv")
LISTING_PATH = Path("manifests/kaggle.csv")  # a dependency of the stage `download`, so that a new one makes it run
DRIFT = 3  # exit status of check-remote
SHOWN_PLACES = 3


def add_commands(commands: Any) -> None:
    """Add the parsers of this module's commands to the subparsers `commands`."""
    download = commands.add_parser("download", help="fetch the competition's files from Kaggle, or go on doing so")
    download.add_argument("--output", type=Path, metavar="DIR", help="default: where `dvc repro` finds them")
    download.add_argument("--kinds", nargs="+", metavar="KIND", help="kinds of training pictures (default data.kinds)")
    download.add_argument("--records", nargs="+", metavar="ID", help="training records (default data.kaggle.records)")
    download.add_argument("--file", nargs="+", default=[], metavar="NAME", help="these files of the listing only")
    download.add_argument("--extract", action="store_true", help="unpack .zip files beside themselves")
    download.set_defaults(run=_download)

    check = commands.add_parser("check-remote", help="compare Kaggle's listing with the manifest; status 3 on drift")
    check.add_argument("--manifest", type=Path, default=MANIFEST, metavar="FILE", help=f"default {MANIFEST}")
    check.set_defaults(run=_check_remote)

    submit = commands.add_parser("submit", help="submit a file to the competition")
    submit.add_argument("file", type=Path, metavar="FILE", help="a submission, .csv or .parquet")
    submit.add_argument("-m", "--message", required=True, metavar="TEXT", help="its description on Kaggle")
    submit.set_defaults(run=_submit)

    leaderboard = commands.add_parser("leaderboard", help="where we stand, beside the local score")
    leaderboard.add_argument("--metrics-file", type=Path, default=Path("metrics/submit.json"), metavar="FILE")
    leaderboard.set_defaults(run=_leaderboard)

    for command in (download, check, submit, leaderboard):
        command.add_argument("--competition", metavar="NAME", help="default data.kaggle.competition of params.yaml")
        command.set_defaults(extra="kaggle")


def _data(options: argparse.Namespace) -> "Data":
    """The block `data` of params.yaml, with the command line's values in place of its own."""
    from ecgpipe.competition.dataset import KINDS
    from ecgpipe.params import load_params

    kinds = getattr(options, "kinds", None) or ()
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise DataError(f"--kinds: found {unknown[0]!r}, expected some of {' '.join(KINDS)}")
    data = load_params().data
    changes = {"competition": options.competition, "extract": getattr(options, "extract", None) or None}
    records = getattr(options, "records", None)
    changes["records"] = tuple(records) if records else None
    kaggle = replace(data.kaggle, **{name: value for name, value in changes.items() if value is not None})
    return replace(data, kaggle=kaggle, kinds=tuple(kinds) or data.kinds)


def _download(options: argparse.Namespace) -> int:
    from rich.console import Console

    from ecgpipe.base.progress import transfer_bar
    from ecgpipe.kaggle.source import download

    data = _data(options)
    folder = options.output or Path(data.kaggle.cache) / data.kaggle.competition
    with transfer_bar(Console(stderr=True)) as report:
        done = download(data, folder, names=options.file, report=report)
    fetched, kept = done.transfer.fetched, done.transfer.kept
    unpacked = f", {len(done.unpacked)} unpacked" if done.unpacked else ""
    print(f"fetched {len(fetched)} files of {done.transfer.fetched_bytes} bytes, {kept} were there{unpacked}: {folder}")
    return 0


def _check_remote(options: argparse.Namespace) -> int:
    from ecgpipe.competition import manifest
    from ecgpipe.kaggle.remote import KaggleCompetition
    from ecgpipe.kaggle.source import chosen_files, listing_table

    data, before = _data(options), manifest.read_listing(options.manifest)
    now = listing_table(chosen_files(KaggleCompetition(data.kaggle).files(), data))
    changes = manifest.drift(before, now)
    if changes.empty:
        print(f"no drift: {len(now)} files of {data.kaggle.competition} as in {options.manifest}")
        return 0
    for row in changes.itertuples():
        print(f"{row.change} {row.path}: found {row.found}, expected {row.expected}")
    manifest.write_listing(LISTING_PATH, now)
    counts = changes["change"].value_counts()
    words = ", ".join(f"{counts.get(change, 0)} {change}" for change in ("added", "removed", "changed"))
    print(f"drift: {words}; the listing is in {LISTING_PATH}, `dvc repro` fetches what is new in it")
    return DRIFT


def _submit(options: argparse.Namespace) -> int:
    from ecgpipe.competition.dataset import read_submission
    from ecgpipe.kaggle.remote import KaggleCompetition
    from ecgpipe.score.submission import check_values

    data = _data(options)
    check_values(options.file, read_submission(options.file))
    answer = KaggleCompetition(data.kaggle).submit(options.file, options.message)
    print(f"{options.file} -> {data.kaggle.competition}: {answer}")
    return 0


def _leaderboard(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from ecgpipe.kaggle.remote import KaggleCompetition

    data, local_db = _data(options), _local_score(options.metrics_file)
    kaggle = KaggleCompetition(data.kaggle)
    places, team = kaggle.leaderboard(), kaggle.team()
    ours = [place for place in places if team is not None and place.team == team]
    table = Table("place", "team", "score dB", title=f"{data.kaggle.competition}, {len(places)} teams")
    shown = places[:SHOWN_PLACES] + [place for place in ours if place.rank > SHOWN_PLACES]
    for place in shown:
        table.add_row(str(place.rank), place.team, _decibels(place.score))
    table.add_row(_place_of(local_db, places), f"local, {options.metrics_file}", _decibels(local_db))
    console = Console()
    console.print(table)
    console.print(_where_we_stand(team, ours), soft_wrap=True, markup=False)
    return 0


def _where_we_stand(team: str | None, ours: "list[Place]") -> str:
    if team is None:
        return "this account has no submission yet; `ecgpipe submit FILE -m TEXT` makes one"
    return f"we are {team}, place {ours[0].rank}" if ours else f"we are {team}, not on the leaderboard yet"


def _decibels(score_db: float | None) -> str:
    return "" if score_db is None else f"{score_db:.2f}"


def _place_of(score_db: float | None, places: "list[Place]") -> str:
    """The place that a score would take."""
    if score_db is None:
        return ""
    return f"({1 + sum(place.score is not None and place.score > score_db for place in places)})"


def _local_score(path: Path) -> float | None:
    """snr_db/all of a metrics file in dB, None where it knows no truth."""
    try:
        value = json.loads(path.read_text(encoding="utf-8")).get("snr_db/all")
        return None if value is None else float(value)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected metrics of a submission; run `dvc repro submit`") from None
    except (OSError, ValueError, TypeError, AttributeError):
        raise DataError(f"{path}: not a metrics file, expected a JSON object with snr_db/all in dB") from None
