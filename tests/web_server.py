"""The web page's server in this process, on a free port of loopback, and a client of it that is no browser."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import cv2
import numpy as np
import uvicorn

from ecgpipe.base.errors import PageNotFound
from ecgpipe.digitize.digitizer import Digitized
from ecgpipe.digitize.leads import leads_of, sigma_of
from ecgpipe.page.geometry import PageMap
from ecgpipe.page.layout import KIT, PageLayout
from ecgpipe.rectify.quality import Quality
from ecgpipe.trace.reader import Traces
from ecgpipe.web.limits import Limits
from ecgpipe.web.reader import Job
from ecgpipe.web.server import LOOPBACK, listen, server_of
from ecgpipe.web.worker import Function, Tell

SIZE = (1600, 1300)  # of the picture that `reading` comes from


def tilted(points_mm: np.ndarray) -> np.ndarray:
    """Where a page lies in a picture of SIZE: turned by three degrees, and curved."""
    x, y = np.moveaxis(np.asarray(points_mm, np.float64), -1, 0)
    x, y = 5.2 * x + 60, 5.2 * y + 70 + 8 * np.sin(x / 60)
    return np.stack([x * np.cos(0.05) - y * np.sin(0.05), x * np.sin(0.05) + y * np.cos(0.05)], axis=-1)


def reading(layout: PageLayout = KIT, seed: int = 1) -> Digitized:
    """A page of `layout` with a sine on every row, read without a network; a tenth of a second is unsure."""
    rng = np.random.default_rng(seed)
    count = round(500 * layout.printed_s)
    t_s = np.arange(count) / 500
    rows = np.stack([np.sin(2 * np.pi * rng.uniform(0.5, 2) * t_s + row) for row in range(layout.rows)]) * 0.5
    sigma = np.full_like(rows, 0.01)
    sigma[:, 200:250] = 0.2
    traces = Traces(rows.astype(np.float32), sigma.astype(np.float32), layout)
    quality = Quality(0.0, 0.0, 0.0, 0.01, 0.01, 0.9, 0)
    return Digitized(
        leads_of(traces), sigma_of(traces, 0.02), traces, PageMap.from_function(layout, tilted), quality, ("one doubt",)
    )


def quick(job: Job, tell: Tell) -> Digitized:
    """Stands for the reader: what a file says in words is done."""
    said = job.path.read_bytes()
    tell("of", 30 if said == b"many" else 1)
    if said == b"none":
        raise PageNotFound("no ECG page here")
    if said == b"slow":
        time.sleep(0.3)
    if said == b"crash":
        os._exit(1)
    cv2.imwrite(str(job.shown), np.full((SIZE[1] // 2, SIZE[0] // 2, 3), 255, np.uint8))
    tell("size", SIZE)
    return reading()


class Client:
    """Speaks to a server at `port` in the name of one session."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port, self.token = port, token

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *, raw: bool = False
    ) -> tuple[int, Any]:
        """Status and content of an answer, its JSON unless `raw`. A body that is not bytes is sent as JSON."""
        sent = {"X-Session": self.token} if self.token else {}
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if raw:
            return answer.status, (content, dict(answer.getheaders()))
        return answer.status, json.loads(content) if content else None

    def begun(self) -> "Client":
        """A client with a session of its own."""
        status, offers = self.ask("POST", "/api/sessions")
        assert status == 200, offers
        return Client(self.port, offers["token"])

    def sent(self, content: bytes) -> dict[str, Any]:
        """The page that an upload became."""
        status, page = self.ask("POST", "/api/uploads", content)
        assert status == 200, page
        return page

    def done(self, seconds: float = 60.0) -> list[dict[str, Any]]:
        """All pages, once none waits."""
        until = time.monotonic() + seconds
        while True:
            status, pages = self.ask("GET", "/api/pages")
            assert status == 200 and time.monotonic() < until, pages
            if all(page["state"] in ("read", "failed") for page in pages):
                return pages
            time.sleep(0.05)


@contextmanager
def served(limits: Limits = Limits(), function: Function = quick) -> Iterator[Client]:  # noqa: B008
    """A server that reads with `function`, ended afterwards; a client without a session."""
    with running(server_of(limits, LOOPBACK, function)) as port:
        yield Client(port)


@contextmanager
def running(server: uvicorn.Server) -> Iterator[int]:
    """The port of a server that runs in a thread."""
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            until = time.monotonic() + 30
            while not server.started:
                assert thread.is_alive() and time.monotonic() < until, "the server did not start"
                time.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
