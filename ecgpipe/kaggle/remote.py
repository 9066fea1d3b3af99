"""Kaggle through its own client: listing, bodies of files, submission, leaderboard. Every failure is one line.

The client signs in, words requests, reads answers and uploads. Bodies are read here, from the responses that the
client opens: its own download has no time limit on the first answer, takes an error page that comes in a retry for the
file, compares no size with the listing, and waits fixed times. Retries before a body are urllib3's, as an adapter in
the client's session (`ecgpipe.kaggle.client`).
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecgpipe.base.errors import KaggleError
from ecgpipe.kaggle.client import secrets, sign_in, silence
from ecgpipe.kaggle.errors import Interrupted, as_kaggle_error
from ecgpipe.params import KaggleOptions

PAGE_SIZE = 200  # files or teams a request
CHUNK_BYTES = 1 << 16  # what a cut connection costs at most


@dataclass(frozen=True, order=True)
class RemoteFile:
    """A file as the listing has it; `created` is ISO 8601 in UTC, "" where the listing has no date."""

    path: str
    bytes: int
    created: str

    @property
    def created_s(self) -> float:
        """Seconds since 1970; 0 where the listing has no date."""
        return datetime.fromisoformat(self.created).timestamp() if self.created else 0.0


@dataclass(frozen=True)
class Body:
    """The bytes of a file from `offset` on; `total` is the whole size that the server states, None if it does not."""

    offset: int
    total: int | None
    chunks: Iterator[bytes]


@dataclass(frozen=True)
class Place:
    """A row of the leaderboard, best first; `score` in dB, None where it is no number."""

    rank: int
    team: str
    score: float | None


class KaggleCompetition:
    """One competition, signed in with the user's credentials. `open` may be called from several threads."""

    def __init__(self, options: KaggleOptions) -> None:
        self.options, self._thread = options, threading.local()
        self._api = sign_in(options)

    def files(self) -> list[RemoteFile]:
        """Every file of the competition by path; read once more if pages overlap because the listing changed
        meanwhile."""
        for _ in range(2):
            files = list(self._listed())
            if len({file.path for file in files}) == len(files):
                break
        else:
            raise KaggleError(
                f"{self.options.competition}: found a file twice in Kaggle's listing, expected each once: "
                "the listing changes while it is read; wait until the organisers are done and run again"
            )
        if not files:
            raise KaggleError(f"{self.options.competition}: found no file in Kaggle's listing, expected at least one")
        return sorted(files)

    def open(self, path: str, offset: int = 0) -> Body:
        """The body of a file, from byte `offset` on if the server can; the body's own `offset` says whether it did."""
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFileRequest

        client = self._thread_client()
        request = ApiDownloadDataFileRequest()
        request.competition_name, request.file_name = self.options.competition, path
        headers = client.http_client()._session.headers
        try:
            if offset:
                headers["Range"] = f"bytes={offset}-"  # kept by the redirect to the storage
            with self._explained(f"opening {path}"):
                response = client.competitions.competition_api_client.download_data_file(request)
        except KaggleError as error:
            if offset and error.status == 416:  # the file is shorter than what is here
                headers.pop("Range", None)
                return self.open(path)
            raise
        finally:
            headers.pop("Range", None)
        return _body(response)

    def submit(self, path: str | Path, message: str) -> str:
        """Upload and submit a file; what Kaggle answered."""
        with self._explained(f"submitting {path}"), silence():
            answer = self._api.competition_submit(str(path), message, self.options.competition, quiet=True)
        if answer.message == self._api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
            raise KaggleError(f"{path}: the upload to Kaggle failed, nothing was submitted; run again")
        return answer.message

    def leaderboard(self) -> list[Place]:
        """Every team, best first."""
        from kagglesdk.competitions.types.competition_api_service import ApiGetLeaderboardRequest

        request, rows = ApiGetLeaderboardRequest(), []
        request.competition_name, request.page_size = self.options.competition, PAGE_SIZE
        with self._explained("reading the leaderboard"), self._api.build_kaggle_client() as client:
            for token in _tokens():
                request.page_token = token.text
                answer = client.competitions.competition_api_client.get_leaderboard(request)
                rows += answer.submissions
                token.following = answer.next_page_token
        return [Place(rank, row.team_name, _number(row.score)) for rank, row in enumerate(rows, start=1)]

    def team(self) -> str | None:
        """The name of the team that the newest submission of this account belongs to, None before the first."""
        with self._explained("reading the submissions"), silence():
            submissions = self._api.competition_submissions(self.options.competition, page_size=1)
        return next((submission.team_name for submission in submissions or () if submission.team_name), None)

    def _listed(self) -> Iterator[RemoteFile]:
        for token in _tokens():
            with self._explained("listing the files"):
                page = self._api.competition_list_files(self.options.competition, token.text, PAGE_SIZE)
            token.following = page.next_page_token
            for file in page.files:
                created = file.creation_date  # naive, in UTC
                text = created.replace(tzinfo=UTC).isoformat(timespec="milliseconds") if created else ""
                yield RemoteFile(file.name, int(file.total_bytes), text)  # sizes may come as text

    def _thread_client(self) -> Any:
        if not hasattr(self._thread, "client"):
            self._thread.client = self._api.build_kaggle_client()
        return self._thread.client

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except KaggleError:
            raise
        except Exception as error:  # of the client, requests or urllib3: their words may hold keys and signed addresses
            raise as_kaggle_error(error, doing, self.options, secrets(self._api)) from None


# ---- pages


@dataclass
class _Token:
    text: str
    following: str | None = None


def _tokens() -> Iterator[_Token]:
    """The token of each page; the caller, having fetched the page, sets the token of the next."""
    token, seen = _Token(""), set()
    while token.text not in seen:
        seen.add(token.text)
        yield token
        if not token.following:
            return
        token = _Token(token.following)
    raise KaggleError("found a page of Kaggle's answer that leads back to an earlier one, expected an end; run again")


def _number(score: str) -> float | None:
    try:
        return float(score)
    except ValueError:
        return None


# ---- bodies


def _body(response: Any) -> Body:
    match = re.fullmatch(r"bytes (\d+)-\d*/(\d+)", response.headers.get("Content-Range", ""))
    if response.status_code == 206 and match:
        return Body(int(match[1]), int(match[2]), _chunks(response))
    length = response.headers.get("Content-Length", "")
    return Body(0, int(length) if length.isdigit() else None, _chunks(response))


def _chunks(response: Any) -> Iterator[bytes]:
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        with response:
            yield from response.iter_content(CHUNK_BYTES)
    except (RequestException, HTTPError, OSError) as error:
        raise Interrupted(f"the transfer broke off ({type(error).__name__})") from None
