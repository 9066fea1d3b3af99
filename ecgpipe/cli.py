"""The command line: what all commands share. They are in `ecgpipe.commands`, what speaks to Kaggle in `ecgpipe.kaggle`.

Slow imports stand inside the functions that need them.
"""

import argparse
from collections.abc import Sequence

from ecgpipe.base.errors import EcgpipeError, command, found, is_ours
from ecgpipe.commands import archive, digitize, score, web
from ecgpipe.commands.complaints import complain
from ecgpipe.kaggle.commands import add_commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 1 after any error, which takes one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except EcgpipeError as error:
        complain(error)
        return 1
    except ModuleNotFoundError as error:
        if is_ours(error):
            raise
        complain(f"{found(error)}; `{command(error, options.extra)}` brings it")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ecgpipe", description="Pictures of 12-lead ECGs to signals in millivolts.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    parser.set_defaults(extra="")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    digitize.add_command(commands)
    score.add_command(commands)
    web.add_command(commands)
    archive.add_command(commands)
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
