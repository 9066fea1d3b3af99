"""The server itself: where it listens, what it is called by, and its end."""

import ipaddress
import socket
import sys
from collections.abc import Iterable

import uvicorn

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.web.app import create_app
from ecgpipe.web.limits import Limits
from ecgpipe.web.reader import prepare, read_page
from ecgpipe.web.worker import Function, Worker

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def serve(host: str, port: int, limits: Limits, other_names: Iterable[str] = ()) -> None:
    """Serve the page at `host`:`port` until it is interrupted; `other_names` are hosts that a proxy in front is known
    by. EcgpipeError where it cannot listen."""
    listening = listen(host, port)
    hosts = names(host, other_names)
    server = server_of(limits, hosts)
    shown = f"[{host}]" if ":" in host else host
    if not _is_loopback(host):
        print(
            f"ecgpipe: other machines may reach {host}, without a password and in plain text; see docs/web.md",
            file=sys.stderr,
            flush=True,
        )
    print(f"http://{shown}:{listening.getsockname()[1]}/ (Ctrl-C ends it and deletes what was sent)", flush=True)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()


def server_of(limits: Limits, hosts: frozenset[str], function: Function = read_page) -> uvicorn.Server:
    """A server of the page that was not started yet, asked by `hosts`; `function` reads, in a process of its own."""
    worker = Worker(function, limits.page_s, prepare if function is read_page else None)
    config = uvicorn.Config(
        create_app(limits, hosts, worker),
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; EcgpipeError where it may not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # who comes before the server has started waits for it
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise EcgpipeError(f"{host}:{port}: cannot listen there ({reason}); choose another --port or --host") from None
    return listening


def names(host: str, other_names: Iterable[str] = ()) -> frozenset[str]:
    """The names that the server answers to: its own, those of loopback, and others that are given."""
    own = f"[{host}]" if ":" in host else host
    return frozenset({own.lower(), *(name.lower() for name in other_names)}) | LOOPBACK


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
