"""What tests of the kaggle source do again and again."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.cli import main
from tests.kaggle_server import KEY, SIGNATURE, TOKEN


def point_client_at(endpoint: str) -> None:
    """Make the real client of this process speak to `endpoint`."""
    import kagglesdk.kaggle_http_client as client

    client.get_endpoint = lambda environment: endpoint


def run_stage_against(endpoint: str, folder: str, environment: dict[str, str]) -> None:
    """The stage `download` in `folder`: the target of a process that a test kills."""
    import stages.download

    os.environ.update(environment)
    os.chdir(folder)
    point_client_at(endpoint)
    stages.run(stages.download.main)


def tree(folder: Path) -> dict[str, bytes]:
    """The finished files below a folder."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    done = [path for path in paths if path.parts[0] not in (".partial", ".lock")]
    return {path.as_posix(): (folder / path).read_bytes() for path in done}


def refused(run: Callable, *args, **changes) -> str:
    """The error of `run`, which is one line and holds no secret."""
    with pytest.raises(EcgpipeError) as error:
        run(*args, **changes)
    text = str(error.value)
    assert not [bad for bad in ("\n", KEY, SIGNATURE, TOKEN) if bad in text]
    return text


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command; nowhere the key."""
    status = main(arguments)
    out, err = capsys.readouterr()
    assert KEY not in out + err
    return status, out, err
