"""The desk that pages wait at: one queue, one worker, everybody in turn."""

import asyncio
import sys
from collections import deque
from contextlib import suppress
from typing import Any

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.recognize.hints import Hints
from ecgpipe.web.reader import Job
from ecgpipe.web.store import Page, Session, Store
from ecgpipe.web.worker import Worker

SWEEP_S = 5.0  # between two looks for sessions that are over
NEWS_S = 1.0  # that news are waited for at most: a server that is to stop waits as long


class Desk:
    """Reads the pages of all sessions in the order in which they came. All of it runs in one event loop."""

    def __init__(self, store: Store, worker: Worker) -> None:
        self.store, self.worker = store, worker
        self._waiting: deque[tuple[Session, Page]] = deque()
        self._come = asyncio.Event()
        self._news, self._heard = 0, asyncio.Event()

    def read(self, session: Session, page: Page, hints: Hints = Hints()) -> None:  # noqa: B008, frozen
        """Let a page wait to be read, again if it was before: what was found and changed by hand is forgotten."""
        page.hints, page.digitized, page.line, page.notes = hints, None, "", ()
        page.edits.clear()
        page.state, page.stage = "waiting", ""
        self._waiting.append((session, page))
        self._come.set()
        self._spread()

    def remove(self, session: Session, page: Page) -> None:
        """Forget a page, which then is before nobody."""
        session.remove(page)
        self._spread()

    async def news(self, seen: int) -> int:
        """The number of the last news of any page, once that is not `seen`, or after NEWS_S."""
        if seen == self._news:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), NEWS_S)
        return self._news

    def place_of(self, page: Page) -> int:
        """How many pages will be read before this one that waits, the one that is being read left out."""
        ahead = 0
        for _, other in self._waiting:
            if other is page:
                break
            ahead += not other.gone
        return ahead

    async def work(self) -> None:
        """Read pages for as long as the server runs."""
        await asyncio.to_thread(self.worker.start)
        while True:
            while not self._waiting:
                self._come.clear()
                await self._come.wait()
            session, page = self._waiting.popleft()
            if not page.gone:
                await self._read(session, page)

    async def sweep(self) -> None:
        """End the sessions that are over for as long as the server runs."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.store.expire()

    async def _read(self, session: Session, page: Page) -> None:
        loop = asyncio.get_running_loop()
        page.state = "reading"
        self._spread()
        job = Job(page.path, page.number, page.hints, page.shown)

        def told(kind: str, content: Any) -> None:
            loop.call_soon_threadsafe(lambda: self._told(session, page, kind, content))

        try:
            page.digitized = await asyncio.to_thread(self.worker.do, job, told)
            page.state = "read"
        except EcgpipeError as error:
            page.state, page.line = "failed", str(error)
        except Exception as error:
            page.state, page.line = "failed", "cannot be read: the server failed; its log says why"
            print(f"ecgpipe: web: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        page.stage = ""
        self._spread()

    def _spread(self) -> None:
        """Tell all who wait for news that there are some."""
        self._news += 1
        self._heard.set()
        self._heard = asyncio.Event()

    def _told(self, session: Session, page: Page, kind: str, content: Any) -> None:
        if kind == "stage":
            page.stage = content
        elif kind == "size":
            page.size = content
        elif kind == "of" and page.number == 1 and page.of != content and not page.gone:
            self._pages_of_file(session, page, content)
        self._spread()

    def _pages_of_file(self, session: Session, first: Page, count: int) -> None:
        """The other pages of a file whose first one is being read."""
        most = self.store.limits.pages
        first.of = count
        if count > most:
            first.notes = (f"the file has {count} pages, and the first {most} of them are read; send the others apart",)
        for number in range(2, min(count, most) + 1):
            self.read(session, session.add(first.path, first.upload, number, count), first.hints)
