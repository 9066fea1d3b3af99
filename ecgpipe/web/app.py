"""The routes. What they answer is JSON, a picture, a file to save, or one of the page's own static files."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError, StarletteHTTPException
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.formats import FORMATS
from ecgpipe.page.layout import CABRERA, LEADS, SPEEDS_MM_PER_S
from ecgpipe.recognize.hints import GAINS_MM_PER_MV, MOST_STRIPS, Hints
from ecgpipe.web import downloads, edits, views
from ecgpipe.web.desk import Desk
from ecgpipe.web.guard import UPLOADS, Guard
from ecgpipe.web.limits import Limits
from ecgpipe.web.store import Full, Page, Session, Store
from ecgpipe.web.worker import Worker

STATIC = Path(__file__).parent / "static"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    **{
        f"/{path.name}": (path.name, kind)
        for suffix, kind in (
            (".js", "text/javascript; charset=utf-8"),
            (".css", "text/css; charset=utf-8"),
            (".svg", "image/svg+xml"),
        )
        for path in sorted(STATIC.glob(f"*{suffix}"))
    },
}
NEWS = "X-News"  # the number of the last news: who has `seen` that is answered when there are others
MOST_POINTS = 5000  # of a line drawn by hand
OVER = "this session is over, and its files are deleted; load the page anew"
MOST_EDITS = 200  # of a page


Number = Annotated[int, Field(ge=0, le=1000)]
Seconds = Annotated[float, Field(ge=-1000, le=1000)]
Pixels = Annotated[float, Field(ge=-100_000, le=100_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Said(_Body):
    """What somebody says of a page, as texts; empty for what is to be found."""

    layout: str = Field("", max_length=60)
    speed: str = Field("", max_length=10)
    gain: str = Field("", max_length=10)
    leads: str = Field("", max_length=120)

    def hints(self) -> Hints:
        return Hints.parsed(*(text.strip() or None for text in (self.layout, self.speed, self.gain, self.leads)))


class Blank(_Body):
    """A stretch of a window that shows nothing."""

    window: Number
    start_s: Seconds
    stop_s: Seconds


class Line(_Body):
    """A line drawn over a window, (x, y) in pixels of the picture."""

    window: Number
    points: Annotated[list[tuple[Pixels, Pixels]], Field(min_length=2, max_length=MOST_POINTS)]


def create_app(limits: Limits, hosts: frozenset[str], worker: Worker) -> Guard:
    """The whole application: `hosts` are the names it may be asked by, `worker` reads."""
    store = Store(limits)
    desk = Desk(store, worker)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(desk.work()), asyncio.create_task(desk.sweep())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            desk.worker.close()
            store.end()

    app = FastAPI(title="ecgpipe", lifespan=running, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = desk
    _add_static(app)
    _add_sessions(app, desk)
    _add_pages(app, desk)
    _add_answers_to_errors(app)
    return Guard(app, hosts, limits)


# ---- who asks


def _session(request: Request, x_session: Annotated[str, Header()] = "") -> Session:
    session = request.app.state.desk.store.get(x_session)
    if session is None:
        raise HTTPException(401, OVER)
    return session


def _page(page_id: str, session: Annotated[Session, Depends(_session)]) -> Page:
    page = session.pages.get(page_id)
    if page is None:
        raise HTTPException(404, "there is no such page in this session")
    return page


def _read_page(page: Annotated[Page, Depends(_page)]) -> Page:
    if page.digitized is None:
        raise HTTPException(409, "this page was not read, or not yet")
    return page


ASession = Annotated[Session, Depends(_session)]
APage = Annotated[Page, Depends(_page)]
AReadPage = Annotated[Page, Depends(_read_page)]


# ---- routes


def _add_static(app: FastAPI) -> None:
    for path, (name, kind) in FILES.items():
        app.add_api_route(path, _file(STATIC / name, kind), methods=["GET", "HEAD"])


def _file(path: Path, kind: str) -> Any:
    async def answer() -> FileResponse:
        return FileResponse(path, media_type=kind)

    return answer


def _add_sessions(app: FastAPI, desk: Desk) -> None:
    @app.post("/api/sessions")
    async def open_session() -> dict[str, Any]:
        return _offers(desk.store.open(), desk.store.limits)

    @app.get("/api/session")
    async def visit_again(session: ASession) -> dict[str, Any]:
        session.visit += 1
        return _offers(session, desk.store.limits)

    @app.post("/api/session/leave/{visit}", status_code=204)
    async def leave(session: ASession, visit: int) -> None:
        session.left = visit == session.visit  # the tab may have been loaded anew before this came

    @app.delete("/api/session", status_code=204)
    async def close(session: ASession) -> None:
        desk.store.close(session)


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.post(UPLOADS)
    async def upload(request: Request, session: ASession) -> dict[str, Any]:
        with desk.store.place(session) as path:
            with path.open("xb") as file:
                async for part in request.stream():
                    file.write(part)
            if not path.is_file():  # the session ended meanwhile
                raise HTTPException(401, OVER)
            if not path.stat().st_size:
                raise HTTPException(422, "the file is empty, expected a picture or a PDF")
        page = session.add(path)
        desk.read(session, page)
        return views.status(page, desk.place_of(page))

    @app.get("/api/pages")
    async def pages(session: ASession, response: Response, seen: int = -1) -> list[dict[str, Any]]:
        response.headers[NEWS] = str(await desk.news(seen))  # with which to ask next
        return [views.status(page, desk.place_of(page)) for page in session.pages.values()]

    @app.get("/api/pages/{page_id}")
    async def reading(page: AReadPage) -> Response:
        return await _reading(page)

    @app.get("/api/pages/{page_id}/picture")
    async def picture(page: APage) -> FileResponse:
        if page.size is None or not page.shown.is_file():
            raise HTTPException(409, "this picture cannot be shown, or not yet")
        return FileResponse(page.shown, media_type="image/jpeg")

    @app.delete("/api/pages/{page_id}", status_code=204)
    async def remove(page: APage, session: ASession) -> None:
        desk.remove(session, page)

    @app.post("/api/pages/{page_id}/read")
    async def read(page: APage, session: ASession, said: Said) -> dict[str, Any]:
        if page.state in ("waiting", "reading"):
            raise HTTPException(409, "this page is being read; wait until it is")
        desk.read(session, page, said.hints())
        return views.status(page, desk.place_of(page))

    @app.post("/api/pages/{page_id}/blank")
    async def blank(page: AReadPage, stretch: Blank) -> Response:
        return await _edited(page, edits.blanked, stretch.window, stretch.start_s, stretch.stop_s)

    @app.post("/api/pages/{page_id}/redraw")
    async def redraw(page: AReadPage, line: Line) -> Response:
        return await _edited(page, edits.redrawn, line.window, line.points)

    @app.delete("/api/pages/{page_id}/edits/{number}")
    async def undo(page: AReadPage, number: int) -> Response:
        if not 0 <= number < len(page.edits):
            raise HTTPException(404, "there is no such edit of this page")
        del page.edits[number]
        return await _reading(page)

    @app.get("/api/pages/{page_id}/download")
    async def download(
        page: AReadPage, what: Annotated[str, Query(max_length=40)], fs: Annotated[float, Query(allow_inf_nan=False)]
    ) -> Response:
        made = await asyncio.to_thread(downloads.download, page, what, fs)
        headers = {"Content-Disposition": f'attachment; filename="{made.name}"'}
        return Response(made.content, media_type="application/octet-stream", headers=headers)


async def _reading(page: Page) -> Response:
    view = await asyncio.to_thread(lambda: json.dumps(views.reading(page), allow_nan=False))
    return Response(view, media_type="application/json")


async def _edited(page: Page, edit: Any, *what: Any) -> Response:
    if len(page.edits) >= MOST_EDITS:
        raise EcgpipeError(f"found {len(page.edits)} edits of this page, expected at most so many; take some back")
    assert page.digitized is not None
    page.edits.append(await asyncio.to_thread(edit, page.digitized, *what))
    return await _reading(page)


def _offers(session: Session, limits: Limits) -> dict[str, Any]:
    """The session, and what the page lets somebody choose from."""
    refused = downloads.available()
    return {
        "token": session.token,
        "visit": session.visit,
        "limits": {"upload_mb": limits.upload_mb, "uploads": limits.uploads, "pages": limits.pages},
        "formats": [
            {"name": name, "suffix": kind.suffix, "rates_hz": _finite(kind.rates_hz), "refused": refused[name]}
            for name, kind in FORMATS.items()
        ],
        "extras": downloads.EXTRAS,
        "forms": list(MOST_STRIPS),
        "speeds": SPEEDS_MM_PER_S,
        "gains": GAINS_MM_PER_MV,
        "leads": LEADS,
        "cabrera": [*CABRERA, *LEADS[6:]],
    }


def _finite(rates_hz: tuple[float, float]) -> tuple[float, float]:
    low, high = rates_hz
    return max(low, downloads.LEAST_HZ), min(high, downloads.MOST_HZ)


# ---- errors: one line each


def _add_answers_to_errors(app: FastAPI) -> None:
    @app.exception_handler(StarletteHTTPException)  # of which FastAPI's own is one
    async def refused(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code)

    @app.exception_handler(Full)
    async def full(_: Request, error: Full) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 503)

    @app.exception_handler(EcgpipeError)
    async def ours(_: Request, error: EcgpipeError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, str | int))
        return JSONResponse({"error": f"{where[:60]}: {first['msg']}"}, 422)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        print(f"ecgpipe: web: unexpected {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return JSONResponse({"error": "the server failed; its log says why"}, 500)
