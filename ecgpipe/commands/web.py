"""`ecgpipe web`: the same reading on a page in a browser, on this machine."""

import argparse
from typing import Any

from ecgpipe.commands.options import count, positive

PORT = 8765
MOST_PORT = 65535


def add_command(commands: Any) -> None:
    """Add the parser of `web` to the subparsers `commands`."""
    web = commands.add_parser("web", help="read ECG pictures on a page in a browser, on this machine")
    web.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default 127.0.0.1)")
    web.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"default {PORT}; 0 takes any free one")
    web.add_argument("--max-mb", type=positive, default=50.0, metavar="MB", help="largest file (default 50)")
    web.add_argument("--max-files", type=count, default=50, metavar="N", help="files of a session (default 50)")
    web.add_argument("--max-sessions", type=count, default=32, metavar="N", help="sessions at once (default 32)")
    web.add_argument(
        "--idle-minutes",
        type=positive,
        default=30.0,
        metavar="MIN",
        help="after which a session ends and its files are deleted (default 30)",
    )
    web.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that the server is reached by, such as that of a proxy in front of it; several times for several",
    )
    web.set_defaults(run=_web, extra="web")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"found {text}, expected a port from 0 to {MOST_PORT}")
    return int(text)


def _web(options: argparse.Namespace) -> int:
    from ecgpipe.web.limits import Limits
    from ecgpipe.web.server import serve

    limits = Limits(
        upload_mb=options.max_mb,
        uploads=options.max_files,
        sessions=options.max_sessions,
        idle_s=60 * options.idle_minutes,
        store_mb=max(Limits.store_mb, 4 * options.max_mb),
    )
    serve(options.host, options.port, limits, options.allow_host)
    return 0
