"""A session over HTTP: sent, read in turn, corrected, changed by hand, gone."""

import json
import threading
import time

import numpy as np
import pytest

from ecgpipe.page.layout import KIT
from ecgpipe.web.desk import NEWS_S
from ecgpipe.web.limits import Limits
from ecgpipe.web.server import LOOPBACK, server_of
from tests.web_server import Client, quick, running, served, tilted


@pytest.fixture(scope="module")
def server():
    with served(Limits(pages=5, sessions=40)) as web:
        yield web


@pytest.fixture
def web(server):
    return server.begun()


def test_a_page_is_read_and_shown(web):
    page = web.sent(b"good")
    assert page["name"] == "ecg-1" and page["state"] in ("waiting", "reading")
    (done,) = web.done()
    assert done["state"] == "read" and done["size"] == [1600, 1300]
    status, shown = web.ask("GET", f"/api/pages/{page['id']}")
    assert status == 200 and len(shown["windows"]) == 13 and shown["layout"]["name"] == KIT.name
    status, (picture, headers) = web.ask("GET", f"/api/pages/{page['id']}/picture", raw=True)
    assert status == 200 and headers["content-type"] == "image/jpeg" and picture[:2] == b"\xff\xd8"


def test_a_page_that_cannot_be_read_costs_its_line(web):
    for content in (b"none", b"crash", b"good"):
        web.sent(content)
    none, crash, good = web.done()
    assert (none["state"], none["line"]) == ("failed", "no ECG page here")
    assert crash["state"] == "failed" and "process" in crash["line"] and good["state"] == "read"
    status, answer = web.ask("GET", f"/api/pages/{none['id']}")
    assert status == 409 and "was not read" in answer["error"]


def test_twenty_at_once_are_all_served_in_turn_while_the_server_answers(server):
    clients = [server.begun() for _ in range(20)]
    sent = [threading.Thread(target=client.sent, args=(b"good" if k else b"slow",)) for k, client in enumerate(clients)]
    for thread in sent:
        thread.start()
    begun = time.monotonic()
    assert clients[0].ask("GET", "/", raw=True)[0] == 200 and time.monotonic() - begun < 5
    for thread in sent:
        thread.join()
    assert all([page["state"] for page in client.done()] == ["read"] for client in clients)


def test_who_has_heard_the_news_is_answered_when_there_are_others(web):
    web.sent(b"good")
    web.done()
    begun = time.monotonic()
    _, (_, headers) = web.ask("GET", "/api/pages", raw=True)
    seen = headers["x-news"]
    _, (_, headers) = web.ask("GET", f"/api/pages?seen={seen}", raw=True)  # the other tests' sessions are silent
    waited_s = time.monotonic() - begun
    assert headers["x-news"] == seen and NEWS_S <= waited_s < NEWS_S + 5
    threading.Timer(0.1, web.sent, [b"good"]).start()
    _, (content, headers) = web.ask("GET", f"/api/pages?seen={seen}", raw=True)
    assert int(headers["x-news"]) > int(seen) and len(json.loads(content)) == 2
    web.done()


def test_those_who_wait_are_told_how_many_are_before_them(web):
    web.sent(b"slow")
    time.sleep(0.1)
    web.sent(b"slow")
    third = web.sent(b"good")
    assert third["state"] == "waiting" and third["ahead"] == 1


def test_every_page_of_a_file_is_read_up_to_a_limit(web):
    web.sent(b"many")
    until = time.monotonic() + 20
    while len(pages := web.done()) < 5:
        assert time.monotonic() < until
    assert [page["number"] for page in pages] == [1, 2, 3, 4, 5] and {page["of"] for page in pages} == {30}
    _, shown = web.ask("GET", f"/api/pages/{pages[0]['id']}")
    assert "the file has 30 pages, and the first 5 of them are read; send the others apart" in shown["warnings"]


def test_what_is_said_of_a_page_is_checked_and_it_is_read_again(web):
    page = web.sent(b"good")
    web.done()
    again = f"/api/pages/{page['id']}/read"
    status, answer = web.ask("POST", again, {"layout": "5x5"})
    assert status == 422 and answer["error"].startswith("layout: found 5x5, expected 3x4")
    for wrong in ({"speed": "30"}, {"leads": "I,X"}, {"gain": "9" * 30}, {"path": "/etc"}, [], "x", {"layout": 5}):
        status, answer = web.ask("POST", again, wrong)
        assert status == 422 and "\n" not in answer["error"] and len(answer["error"]) < 300
    status, _ = web.ask("POST", again, {"layout": "12x1", "speed": "50", "gain": "", "leads": " "})
    assert status == 200
    web.done()
    _, shown = web.ask("GET", f"/api/pages/{page['id']}")
    assert shown["hints"] == {"layout": "12x1", "speed_mm_per_s": 50.0}


def test_edits_are_made_said_downloaded_and_taken_back(web):
    page = web.sent(b"good")
    web.done()
    at = f"/api/pages/{page['id']}"
    window = KIT.windows[0]
    points = tilted(np.array([(KIT.x_mm(window, t), KIT.y_mm(window, 0.3)) for t in (0.5, 1.0)])).tolist()
    status, shown = web.ask("POST", f"{at}/redraw", {"window": 0, "points": points})
    assert status == 200 and shown["edits"][0].startswith("lead I redrawn from 0.5")
    status, shown = web.ask("POST", f"{at}/blank", {"window": 7, "start_s": 5.2, "stop_s": 5.4})
    assert status == 200 and shown["edits"][1] == "lead V2 blanked from 5.200 to 5.400 s"
    status, (content, headers) = web.ask("GET", f"{at}/download?what=fhir&fs=500", raw=True)
    assert status == 200 and headers["content-disposition"] == 'attachment; filename="ecg-1-edited.json"'
    assert "edited by hand: lead I redrawn" in json.loads(content)["note"][0]["text"]
    for number in (1, 0):
        status, shown = web.ask("DELETE", f"{at}/edits/{number}")
    assert shown["edits"] == []
    status, (_, headers) = web.ask("GET", f"{at}/download?what=csv&fs=500", raw=True)
    assert headers["content-disposition"] == 'attachment; filename="ecg-1.csv"'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("redraw", {"window": 0, "points": []}),
        ("redraw", {"window": 0, "points": [[0, 0]] * 6000}),
        ("redraw", {"window": 0, "points": [[0, "x"], [1, 1]]}),
        ("redraw", {"window": 0, "points": [[1e300, 1e300], [-1e300, 0]]}),
        ("redraw", {"window": 10**30, "points": [[0, 0], [1, 1]]}),
        ("blank", {"window": 0, "start_s": -1e308, "stop_s": -1}),
        ("blank", {"window": "../../etc", "start_s": 0, "stop_s": 1}),
        ("blank", b'{"window": 0, "start_s": NaN, "stop_s": Infinity}'),
        ("blank", b"[" * 5000),
        ("blank", b"\xff\xfe"),
    ],
)
def test_nonsense_as_an_edit_gets_a_line(web, path, body):
    page = web.sent(b"good")
    web.done()
    status, answer = web.ask("POST", f"/api/pages/{page['id']}/{path}", body, {"Content-Type": "application/json"})
    assert status in (400, 422) and 0 < len(answer["error"]) < 300 and "Traceback" not in answer["error"]


def test_nobody_sees_the_pages_of_another_session(server, web):
    page = web.sent(b"good")
    web.done()
    for other, expected in ((server.begun(), 404), (Client(server.port, "guessed"), 401), (Client(server.port), 401)):
        for method, path in (("GET", ""), ("GET", "/picture"), ("GET", "/download?what=csv&fs=500"), ("DELETE", "")):
            status, answer = other.ask(method, f"/api/pages/{page['id']}{path}")
            assert status == expected and answer["error"]
    assert web.ask("GET", f"/api/pages/{page['id']}")[0] == 200


def test_a_removed_page_and_an_ended_session_are_gone(web):
    page = web.sent(b"good")
    web.done()
    assert web.ask("DELETE", f"/api/pages/{page['id']}") == (204, None)
    assert web.ask("GET", "/api/pages") == (200, [])
    assert web.ask("DELETE", "/api/session") == (204, None)
    status, answer = web.ask("GET", "/api/pages")
    assert status == 401 and "this session is over" in answer["error"]


def test_a_tab_that_was_closed_is_forgotten_soon_and_one_loaded_anew_is_not():
    with served(Limits(left_s=0.1)) as server:
        left, anew = server.begun(), server.begun()
        anew.ask("GET", "/api/session")
        for client in (left, anew):
            client.ask("POST", "/api/session/leave/0")
        time.sleep(0.3)
        server.begun()  # which looks for sessions that are over
        assert left.ask("GET", "/api/pages")[0] == 401 and anew.ask("GET", "/api/pages")[0] == 200


def test_the_server_says_when_it_has_enough():
    with served(Limits(sessions=1, uploads=1)) as web:
        one = web.begun()
        status, answer = web.ask("POST", "/api/sessions")
        assert status == 503 and "1 sessions are open" in answer["error"]
        one.sent(b"good")
        status, answer = one.ask("POST", "/api/uploads", b"good")
        assert status == 503 and "1 files were sent" in answer["error"]


def test_nothing_is_left_when_the_server_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with running(server_of(Limits(), LOOPBACK, quick)) as port:
        Client(port).begun().sent(b"good")
        assert list(tmp_path.rglob("*/1"))
    assert not list(tmp_path.iterdir())
