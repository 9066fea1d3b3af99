"""A server on loopback that speaks as much of Kaggle's protocol as the real client asks for, and fails when told to.

Requests are `POST /v1/<Service>/<Method>` with JSON. A download is answered by a redirect to a signed address on
another host name, as Kaggle does: there the key must not arrive, and ranges work.
"""

import base64
import io
import json
import random
import re
import socket
import threading
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

USER, KEY = "reader", "key-that-must-not-be-seen"
TOKEN = "token-that-must-not-be-seen"
SIGNATURE = "signature-that-must-not-be-seen"
BIG = "test/9.png"  # of the small competition: 300,000 bytes, five chunks
COMPETITION = "physionet-ecg-image-digitization"
CREATED = "2025-10-14T12:00:00.123Z"


@dataclass
class Fault:
    """What goes wrong with one request: an HTTP status with `retry_after_s` and `message`, or a spoilt body.

    `cut`: the connection ends after that many bytes, `stall_s` later; `unsized`: no Content-Length, the end is that of
    the connection; `body`: sent instead of the file; `html`: an answer that is no JSON.
    """

    status: int = 200
    retry_after_s: int | None = None
    message: str = ""
    cut: int | None = None
    stall_s: float = 0.0
    body: bytes | None = None
    html: bool = False
    unsized: bool = False


@dataclass
class Remote:
    """What the server holds and what it was asked."""

    files: dict[str, bytes]
    created: dict[str, str] = field(default_factory=dict)
    listed_bytes: dict[str, int] = field(default_factory=dict)  # where the listing says otherwise
    zipped: set[str] = field(default_factory=set)  # sent as a zip of themselves
    teams: list[tuple[str, str]] = field(default_factory=list)
    submissions: list[dict] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))  # by method or path, in order
    always: dict[str, Fault] = field(default_factory=dict)  # the same, for every request
    before: dict[str, list] = field(default_factory=lambda: defaultdict(list))  # calls to make before a request
    asked: Counter = field(default_factory=Counter)  # requests by method and by path
    ranges: list[tuple[str, int]] = field(default_factory=list)
    delay_s: float = 0.0  # before every 64 KiB of a body
    ranged: bool = True
    bodies: int = 0  # being sent
    most_bodies: int = 0  # that were ever sent at once
    uploaded: bytes = b""
    leaked: list[str] = field(default_factory=list)
    page_size: int = 20
    endpoint: str = ""

    def fetched(self) -> set[str]:
        """The files whose bodies were asked for."""
        return {name for name in self.files if self.asked[name]}

    def body_of(self, path: str) -> bytes:
        body = self.files[path]
        return bundle({path.rsplit("/", 1)[-1]: body}) if path in self.zipped else body


def small_competition(records: int = 2, picture_bytes: int = 70_000) -> dict[str, bytes]:
    """Files in the competition's layout: tables, `records` training records of two kinds, a test picture."""
    ids = [str(100 + i) for i in range(records)]
    files = {"train.csv": "".join(["id,fs,sig_len\n", *(f"{id_},500,5000\n" for id_ in ids)]).encode()}
    files |= {"test.csv": b"id,lead,fs,number_of_rows\n9,II,500,5000\n", "sample_submission.parquet": b"PAR1"}
    for id_ in ids:
        files[f"train/{id_}/{id_}.csv"] = f"I,II\n{id_},0\n".encode() * 50
        for kind in ("0001", "0005"):
            files[f"train/{id_}/{id_}-{kind}.png"] = random.Random(id_ + kind).randbytes(picture_bytes)
    return files | {BIG: random.Random(9).randbytes(300_000)}


def bundle(files: dict[str, bytes]) -> bytes:
    """A zip of `files`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def remote(self) -> Remote:
        return self.server.remote

    def log_message(self, *_) -> None:
        pass

    def fault(self, name: str) -> Fault:
        with self.server.lock:
            self.remote.asked[name] += 1
            calls = self.remote.before[name]
            if calls:
                calls.pop(0)()
            queue = self.remote.faults[name]
            return queue.pop(0) if queue else self.remote.always.get(name, Fault())

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        method = self.path.rsplit("/", 1)[-1]
        request = json.loads(content or b"{}")
        fault = self.fault(method)
        basic = "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        if fault.html:
            return self.send(200, b"<html>welcome to our proxy</html>", {"Content-Type": "text/html"})
        if fault.cut is not None:
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        if fault.stall_s:
            time.sleep(fault.stall_s)
        if fault.status != 200:
            return self.fail(fault)
        if method == "IntrospectToken":
            return self.answer({"active": request["token"] == TOKEN, "username": USER})
        if self.headers.get("Authorization") not in (basic, f"Bearer {TOKEN}"):
            return self.fail(Fault(401, message="Unauthenticated"))
        if request.get("competitionName") != COMPETITION:
            return self.fail(Fault(404, message="Not found"))
        getattr(self, method)(request)

    def fail(self, fault: Fault) -> None:
        headers = {"Content-Type": "application/json"}
        if fault.retry_after_s is not None:
            headers["Retry-After"] = str(fault.retry_after_s)
        self.send(fault.status, json.dumps({"code": fault.status, "message": fault.message}).encode(), headers)

    def answer(self, content: dict) -> None:
        self.send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def ListDataFiles(self, request: dict) -> None:
        remote, start = self.remote, int(request.get("pageToken") or 0)
        names = list(remote.files)
        size = min(request.get("pageSize", 20), remote.page_size)
        rows = [
            {
                "name": name,
                "totalBytes": remote.listed_bytes.get(name, len(remote.files[name])),
                "creationDate": remote.created.get(name, CREATED),
            }
            for name in names[start : start + size]
        ]
        self.answer({"files": rows, "nextPageToken": str(start + size) if start + size < len(names) else ""})

    def DownloadDataFile(self, request: dict) -> None:
        if request["fileName"] not in self.remote.files:
            return self.fail(Fault(404, message="Not found"))
        port = self.server.server_address[1]
        address = f"http://localhost:{port}/storage/{quote(request['fileName'])}?X-Goog-Signature={SIGNATURE}"
        self.send(302, b"", {"Location": address})

    def GetLeaderboard(self, request: dict) -> None:
        start, teams = int(request.get("pageToken") or 0), self.remote.teams
        size = min(request["pageSize"], self.remote.page_size)
        rows = [{"teamId": i, "teamName": name, "score": score} for i, (name, score) in enumerate(teams)]
        following = str(start + size) if start + size < len(teams) else ""
        self.answer({"submissions": rows[start : start + size], "nextPageToken": following})

    def ListSubmissions(self, request: dict) -> None:
        self.answer({"submissions": self.remote.submissions})

    def StartSubmissionUpload(self, request: dict) -> None:
        self.answer({"token": "blob", "createUrl": f"{self.remote.endpoint}/upload"})

    def CreateSubmission(self, request: dict) -> None:
        assert request["blobFileTokens"] == "blob"
        self.remote.submissions.append({"description": request["submissionDescription"], "teamName": "us"})
        self.answer({"message": "Successfully submitted to the competition", "ref": 7})

    def do_PUT(self) -> None:
        self.remote.uploaded = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.fault("upload")
        self.send(fault.status, b"", {})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).removeprefix("/storage/")
        if self.headers.get("Authorization"):
            self.remote.leaked.append(path)
        fault = self.fault(path)
        if fault.status != 200:
            return self.fail(fault)
        body = self.remote.body_of(path) if fault.body is None else fault.body
        start = self.start()
        if start:
            self.remote.ranges.append((path, start))
        if start and start >= len(body):
            return self.send(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if not fault.unsized:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.send_body(body[start : None if fault.cut is None else start + fault.cut], fault)

    def start(self) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(match[1]) if match and self.remote.ranged else 0

    def count(self, step: int) -> None:
        with self.server.lock:
            self.remote.bodies += step
            self.remote.most_bodies = max(self.remote.most_bodies, self.remote.bodies)

    def send_body(self, body: bytes, fault: Fault) -> None:
        self.count(1)
        try:
            for place in range(0, len(body), 1 << 16):
                time.sleep(self.remote.delay_s)
                self.wfile.write(body[place : place + (1 << 16)])
        finally:
            self.count(-1)
        if fault.cut is not None or fault.unsized:
            time.sleep(fault.stall_s)
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, remote: Remote) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.remote, self.lock = remote, threading.Lock()
        remote.endpoint = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_) -> None:
        """A client that was killed is no news."""


@contextmanager
def serving(remote: Remote) -> Iterator[Remote]:
    """`remote` at its `endpoint`."""
    server = Server(remote)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield remote
    finally:
        server.shutdown()
        server.server_close()
