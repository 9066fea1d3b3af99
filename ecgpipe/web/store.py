"""Sessions and their pages: a private temporary folder each, gone when the session ends and when the server does.

A session is known by its token alone, which only its page has, in memory: there is no cookie that a browser would send
by itself. Names of files never come here; what is written to disk is named by numbers.
"""

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.recognize.hints import Hints
from ecgpipe.web.limits import MB, Limits

if TYPE_CHECKING:
    from ecgpipe.digitize.digitizer import Digitized
    from ecgpipe.web.edits import Edit

State = Literal["waiting", "reading", "read", "failed"]
PREFIX = "ecgpipe-web-"


class Full(EcgpipeError):
    """A limit of sessions, files or disk is reached."""


@dataclass(eq=False)
class Page:
    """One page of an uploaded file `path`: the `number`th `of` those in it, and what is known of it so far.

    `shown` is the JPEG of its picture, which had the `size` (width, height) in px as it was read, to measure in. `line`
    says why it `failed`, `notes` what else there is to say.
    """

    id: str
    name: str
    path: Path
    upload: str
    number: int = 1
    of: int = 1
    state: State = "waiting"
    stage: str = ""
    line: str = ""
    size: tuple[int, int] | None = None
    hints: Hints = Hints()  # noqa: RUF009, frozen
    digitized: "Digitized | None" = None
    edits: "list[Edit]" = field(default_factory=list)
    notes: tuple[str, ...] = ()
    gone: bool = False

    @property
    def shown(self) -> Path:
        return self.path.with_name(f"{self.path.name}-{self.number}.jpg")


@dataclass(eq=False)
class Session:
    """What one tab of a browser sent: its `pages` by id in the order of their coming, in `folder`."""

    token: str
    folder: Path
    pages: dict[str, Page] = field(default_factory=dict)
    uploads: int = 0
    names: int = 0
    touched_s: float = field(default_factory=time.monotonic)
    visit: int = 0  # counts how often the tab was loaded
    left: bool = False

    def add(self, path: Path, upload: str = "", number: int = 1, of: int = 1) -> Page:
        """A new page, named neutrally by how many came before."""
        self.names += 1
        identifier = secrets.token_urlsafe(12)
        page = Page(identifier, f"ecg-{self.names}", path, upload or identifier, number, of)
        self.pages[identifier] = page
        return page

    def remove(self, page: Page) -> None:
        """Forget a page and its picture, and the file when its last page goes."""
        page.gone = True
        del self.pages[page.id]
        page.shown.unlink(missing_ok=True)
        if all(other.path != page.path for other in self.pages.values()):
            page.path.unlink(missing_ok=True)


class Store:
    """All sessions, below one temporary folder that nobody else may read."""

    def __init__(self, limits: Limits) -> None:
        _sweep()
        self.limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
        self._sessions: dict[str, Session] = {}
        self._coming = 0

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def open(self) -> Session:
        """A new session; Full if there are as many as there may be."""
        self.expire()
        if len(self._sessions) >= self.limits.sessions:
            raise Full(f"{self.limits.sessions} sessions are open, and no more may be; close one or come back later")
        token = secrets.token_urlsafe(32)
        session = Session(token, Path(tempfile.mkdtemp(dir=self.folder)))
        self._sessions[token] = session
        return session

    def get(self, token: str) -> Session | None:
        """The session of a token, which lives on by being asked for; None if there is none."""
        session = self._sessions.get(token)
        if session is not None:
            session.touched_s, session.left = time.monotonic(), False
        return session

    @contextmanager
    def place(self, session: Session) -> Iterator[Path]:
        """Where a file goes that a session sends, removed if it does not come whole.

        Full if the session has sent enough, or if there is no more room for the largest of files.
        """
        if session.uploads >= self.limits.uploads:
            raise Full(f"{session.uploads} files were sent, and no more may be; start afresh to send others")
        used = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        if used + (1 + self._coming) * self.limits.upload_bytes > self.limits.store_mb * MB:
            raise Full("the server holds as much as it may; remove pages or come back later")
        session.uploads += 1
        path = session.folder / str(session.uploads)
        self._coming += 1
        try:
            yield path
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            self._coming -= 1

    def close(self, session: Session) -> None:
        """End a session and delete all that it sent."""
        self._sessions.pop(session.token, None)
        for page in session.pages.values():
            page.gone = True
        shutil.rmtree(session.folder, ignore_errors=True)

    def expire(self) -> None:
        """Close the sessions that nobody has asked for in too long."""
        for session in self:
            patience_s = self.limits.left_s if session.left else self.limits.idle_s
            if time.monotonic() - session.touched_s > patience_s:
                self.close(session)

    def end(self) -> None:
        """Close all sessions and remove the folder."""
        for session in self:
            self.close(session)
        self._folder.cleanup()


def _sweep() -> None:
    """Remove what a server left that was killed: our folders of processes that no longer live."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        match = re.fullmatch(rf"{PREFIX}(\d+)-\w+", folder.name)
        try:
            if match and folder.stat().st_uid == os.getuid() and not folder.is_symlink() and not _alive(int(match[1])):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
