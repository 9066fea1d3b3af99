"""`ecgpipe archive`: any number of pages into Parquet, in as many processes as there are cores."""

import argparse
import sys
from pathlib import Path
from typing import Any

from ecgpipe.commands.options import add_hints, count, hints_of, rate


def add_command(commands: Any) -> None:
    """Add the parser of `archive` to the subparsers `commands`."""
    archive = commands.add_parser("archive", help="read any number of pages into Parquet; resumes after any kill")
    archive.add_argument(
        "source", metavar="SOURCE", help="a folder, a list of paths (.txt, or .csv with a column path), or a URL"
    )
    archive.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder for the shards")
    archive.add_argument("--fs", type=rate, default=500, metavar="HZ", help="samples a second (default 500)")
    archive.add_argument("--sigma", action="store_true", help="keep the standard error of each sample as well")
    add_hints(archive.add_argument_group("what you know of the pages", "all of them; found on each where not given"))
    archive.add_argument(
        "--workers", type=count, metavar="N", help="processes of one core, 0.6 GB each (default: as many as cores)"
    )
    archive.add_argument("--address", metavar="HOST:PORT", help="of a Ray cluster, or auto (default: this machine)")
    archive.add_argument(
        "--part", type=_part, default=(1, 1), metavar="I/N", help="only the I-th of N shares of the files"
    )
    archive.add_argument("--shard", type=count, default=500, metavar="N", help="files of a shard (default 500)")
    archive.add_argument(
        "--timeout", type=count, default=600, metavar="S", help="seconds after which a page counts as one that crashes"
    )
    archive.set_defaults(run=_archive, extra="scale")


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"found {text}, expected such as 3/16, the third of sixteen shares")
    return int(number), int(of)


def _archive(options: argparse.Namespace) -> int:
    from importlib.util import find_spec

    if find_spec("ray") is None:  # before it is imported, as it is only when files are known
        raise ModuleNotFoundError("No module named 'ray'", name="ray")
    from ecgpipe.archive.reader import Settings
    from ecgpipe.archive.run import Plan, archive

    hints_of(options)  # what is wrong with them is said before a process is started
    plan = Plan(
        options.source,
        options.output,
        Settings(options.fs, options.sigma, options.layout, options.speed, options.gain, options.leads),
        options.part,
        options.address,
        options.workers,
        options.shard,
        options.timeout,
    )
    report, progress = archive(plan, say=_say)
    print(f"{options.output}: " + "\n".join(report.lines()))
    print(f"this run: {progress.pages:,} pages in {progress.elapsed_s:.0f} s, {progress.pages_per_s:.2f} pages/s")
    return 0


def _say(line: str) -> None:
    print(f"ecgpipe: {line}", file=sys.stderr, flush=True)
