"""What stands before every route: requests of other sites and endless ones are refused, answers carry strict headers.

A page of another site can make a browser send requests to loopback, and can give its own name the address 127.0.0.1
(DNS rebinding). The first names itself in `Origin` or `Sec-Fetch-Site`, the second in `Host`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from ecgpipe.web.limits import Limits

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

API, UPLOADS = "/api/", "/api/uploads"
METHODS = ("GET", "HEAD", "POST", "DELETE")
UNREAD = (408, 413)  # answers before which a body was not read to its end: more of it may come
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """An ASGI application around another: `hosts` are the names, without a port, that it is reached by."""

    app: App
    hosts: frozenset[str]
    limits: Limits

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # there are no web sockets here
            return await send({"type": "websocket.close", "code": 1008})
        most = self.limits.upload_bytes if scope["path"] == UPLOADS else self.limits.request_bytes
        send = _with_headers(send)
        if refusal := self._refusal(scope, most):
            status, line = refusal
            return await JSONResponse({"error": line}, status)(scope, receive, send)
        await self.app(scope, self._bounded(receive, most), send)

    def _refusal(self, scope: Message, most: int) -> tuple[int, str] | None:
        """Status and line for a request that goes no further."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if _name(host) not in self.hosts:
            return 403, "this server is not known by that name; start it with --allow-host if it should be"
        foreign = origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")
        site = headers.get("sec-fetch-site", "none")  # links elsewhere may lead to the page, but to nothing else
        if foreign or (scope["path"].startswith(API) and site not in ("same-origin", "none")):
            return 403, "a page of another site asked for this; only this server's own page may"
        if scope["method"] not in METHODS:
            return 405, f"found the method {scope['method'][:20]}, expected one of {', '.join(METHODS)}"
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            return 413, _too_large(most)
        return None

    def _bounded(self, receive: Receive, most: int) -> Receive:
        """`receive`, but a body that is too large, stops or takes too long raises HTTPException."""
        taken, whole = 0, False
        deadline = time.monotonic() + self.limits.upload_s

        async def bounded() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()  # the client's leaving, whenever that is
            try:
                patience_s = min(self.limits.stall_s, deadline - time.monotonic())
                message = await asyncio.wait_for(receive(), max(patience_s, 0.0))
            except TimeoutError:
                raise HTTPException(408, "the file stopped coming; send it again") from None
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "the file did not come whole; send it again")
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > most:
                raise HTTPException(413, _too_large(most))
            return message

        return bounded


def _name(host: str) -> str:
    """A host without its port: `[::1]:80` is `[::1]`."""
    name, _, port = host.rpartition(":")
    return name if name and port.isdecimal() else host


def _too_large(most: int) -> str:
    return f"the file is too large, expected at most {most / 1e6:g} MB; scale it down or send fewer pages"


def _with_headers(send: Send) -> Send:
    extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            closing = [(b"connection", b"close")] if message["status"] in UNREAD else []
            message = {**message, "headers": [*message.get("headers", []), *extra, *closing]}
        await send(message)

    return sent
