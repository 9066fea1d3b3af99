"""Only the page that the server sent may ask it for anything, and not without end."""

import socket
import time

import pytest

from ecgpipe.web.limits import Limits
from tests.web_server import served

FOREIGN = "only this server's own page may"
LIMITS = Limits(upload_mb=0.2, request_bytes=2000, stall_s=0.7, upload_s=2.0)


@pytest.fixture(scope="module")
def web():
    with served(LIMITS) as web:
        yield web.begun()


@pytest.mark.parametrize(
    ("headers", "line"),
    [
        ({"Host": "evil.example"}, "not known by that name"),  # DNS rebinding: their name, our address
        ({"Host": "127.0.0.1.evil.example:80"}, "not known by that name"),
        ({"Host": ""}, "not known by that name"),
        ({"Origin": "https://evil.example"}, FOREIGN),
        ({"Origin": "http://127.0.0.1:1"}, FOREIGN),  # another server of this machine
        ({"Origin": "null"}, FOREIGN),  # a sandboxed frame, a file
        ({"Sec-Fetch-Site": "cross-site"}, FOREIGN),
        ({"Sec-Fetch-Site": "same-site"}, FOREIGN),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/pages"), ("POST", "/api/sessions")])
def test_others_are_refused_even_with_a_session(web, headers, line, method, path):
    status, answer = web.ask(method, path, headers=headers)
    assert status == 403 and line in answer["error"]


def test_the_page_itself_is_served_by_every_name_of_loopback_and_links_may_lead_to_it(web):
    for host in (f"localhost:{web.port}", f"127.0.0.1:{web.port}", "[::1]"):
        status, _ = web.ask("GET", "/api/pages", headers={"Host": host, "Origin": f"http://{host}"})
        assert status == 200
    status, _ = web.ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site"}, raw=True)
    assert status == 200


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/pages", "/none", "/../app.py", "/%2e%2e/app.py"])
def test_every_answer_has_the_strict_headers(web, path):
    _, (_, headers) = web.ask("GET", path, raw=True)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin" and "server" not in headers
    assert "access-control-allow-origin" not in headers and "set-cookie" not in headers


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(web, method):
    status, _ = web.ask(method, "/api/pages", raw=True)
    assert status == 405


def test_a_body_that_says_that_it_is_too_large_is_refused_before_it_comes(web):
    status, answer = web.ask("POST", "/api/uploads", headers={"Content-Length": str(10**18)})
    assert status == 413 and "at most 0.2 MB" in answer["error"]
    status, answer = web.ask("POST", "/api/pages/x/read", b"{" + b" " * 3000)
    assert status == 413


def speak(web, first: bytes, more: bytes = b"", wait_s: float = 0.0) -> tuple[bytes, float]:
    """What a server answers to a body that comes bit by bit and never ends, and after how many seconds."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", web.port), timeout=20) as connection:
        connection.sendall(
            b"POST /api/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Session: %s\r\n%s\r\n" % (web.token.encode(), first)
        )
        answer = b""
        try:
            while more and not answer:
                connection.sendall(more)
                connection.settimeout(wait_s or 0.001)
                try:
                    answer = connection.recv(65536)
                except TimeoutError:
                    continue
            connection.settimeout(20)
            while part := connection.recv(65536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answer, time.monotonic() - begun


def test_a_body_without_end_is_cut_off(web):
    chunk = b"1000\r\n" + bytes(0x1000) + b"\r\n"
    answer, seconds = speak(web, b"Transfer-Encoding: chunked\r\n", chunk)
    assert seconds < 10 and (not answer or b" 413 " in answer.splitlines()[0])
    assert web.ask("GET", "/api/pages") == (200, [])


def test_a_body_that_stops_coming_is_given_up(web):
    answer, seconds = speak(web, b"Content-Length: 1000\r\n")
    assert b" 408 " in answer.splitlines()[0] and b"stopped coming" in answer and seconds < 10


def test_a_body_that_trickles_is_given_up(web):
    answer, seconds = speak(web, b"Content-Length: 1000\r\n", b"x", wait_s=0.2)
    assert b" 408 " in answer.splitlines()[0] and 1.5 < seconds < 10


def test_a_body_that_breaks_off_leaves_no_page(web):
    with socket.create_connection(("127.0.0.1", web.port)) as connection:
        token = web.token.encode()
        connection.sendall(
            b"POST /api/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Session: %s\r\nContent-Length: 99\r\n\r\nx" % token
        )
    time.sleep(0.3)
    assert web.ask("GET", "/api/pages") == (200, [])
