"""`ecgpipe web`: where it listens, what it says, and that it leaves nothing."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.cli import main
from ecgpipe.web.server import LOOPBACK, listen, names
from tests.conftest import REPOSITORY
from tests.web_server import Client


@pytest.mark.slow
def test_it_serves_on_loopback_until_it_is_interrupted_and_leaves_nothing(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "ecgpipe", "web", "--port", "0", "--max-mb", "0.001"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, **pipes)
    try:
        said = process.stdout.readline()
        port = int(re.match(r"http://127\.0\.0\.1:(\d+)/ ", said)[1])
        web = Client(port).begun()
        status, answer = web.ask("POST", "/api/uploads", bytes(1001))
        assert status == 413 and "at most 0.001 MB" in answer["error"]
        web.sent(b"no picture")
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("ecgpipe-web-")]
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0 and "Traceback" not in complaints
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("ecgpipe-web-")]


def test_a_port_that_is_taken_gets_a_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["web", "--port", str(port)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ecgpipe: 127.0.0.1:{port}: cannot listen there") and "choose another --port" in line


@pytest.mark.parametrize("host", ["256.1.1.1", "no such host", "192.0.2.1"])
def test_an_address_that_is_none_of_this_machine_gets_a_line(host):
    with pytest.raises(EcgpipeError, match=r"cannot listen there .* choose another --port or --host"):
        listen(host, 0)


@pytest.mark.parametrize(
    "options",
    [["--port", "70000"], ["--port", "x"], ["--max-mb", "0"], ["--max-files", "0"], ["--idle-minutes", "nan"]],
)
def test_what_is_no_limit_is_refused(options, capsys):
    with pytest.raises(SystemExit):
        main(["web", *options])
    assert "expected" in capsys.readouterr().err


def test_it_answers_to_its_own_names_and_those_that_it_is_given():
    assert names("127.0.0.1") == LOOPBACK
    assert names("0.0.0.0", ["ECG.example"]) == LOOPBACK | {"0.0.0.0", "ecg.example"}
    assert "[::]" in names("::")
