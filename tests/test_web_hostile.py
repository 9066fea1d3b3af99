"""Uploads that mean harm do none: each gets its line, and a good page is read after all of them."""

import time
from pathlib import Path

import pytest

from ecgpipe.web.limits import Limits
from ecgpipe.web.reader import read_page
from tests import hostile
from tests.web_server import Client, served

HARMFUL = hostile.uploads()
PATIENCE_S = 180  # for all of them, beside other work


@pytest.fixture(scope="module")
def web(tiny_dataset, tmp_path_factory):
    """The pages that the uploads became, by what they are, and the client; a good picture came last."""
    with pytest.MonkeyPatch.context() as patch, served(Limits(uploads=60), read_page) as server:
        patch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("web")))
        web = server.begun()
        for content in HARMFUL.values():
            web.sent(content)
        web.sent(next(tiny_dataset.root.rglob("*.png")).read_bytes())
        yield web


@pytest.fixture(scope="module")
def lines(web) -> dict[str, dict]:
    until = time.monotonic() + PATIENCE_S
    pages = web.done(PATIENCE_S)
    while len(firsts := {page["upload"]: page for page in pages if page["number"] == 1}) < len(HARMFUL) + 1:
        assert time.monotonic() < until
    return dict(zip([*HARMFUL, "good"], firsts.values(), strict=True))


@pytest.mark.slow
def test_a_good_page_is_read_after_all_that_harm(lines):
    assert lines["good"]["state"] == "read", lines["good"]


@pytest.mark.slow
@pytest.mark.parametrize("what", HARMFUL)
def test_each_has_one_line_that_says_nothing_of_the_server(lines, what):
    page = lines[what]
    print(f"{what}: {page['line']}")
    assert page["state"] == "failed" and 10 < len(page["line"]) < 400, page
    for secret in ("\n", "Traceback", "/tmp", "ecgpipe-web", str(Path.home()), "<script"):
        assert secret not in page["line"]


@pytest.mark.slow
def test_nothing_of_them_can_be_downloaded_or_shown_as_anything_but_a_picture(web: Client, lines):
    for what in HARMFUL:
        page = lines[what]
        status, _ = web.ask("GET", f"/api/pages/{page['id']}/download?what=csv&fs=500")
        assert status == 409
        status, (content, headers) = web.ask("GET", f"/api/pages/{page['id']}/picture", raw=True)
        assert status == 409 or (headers["content-type"] == "image/jpeg" and b"<script" not in content)
