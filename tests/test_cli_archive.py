"""`ecgpipe archive` as it is called."""

import subprocess
import sys
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from ecgpipe.cli import main
from tests.conftest import REPOSITORY

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="ray is not installed; `pip install -c constraints.txt '.[scale]'`"
)


def test_without_the_extra_one_line_names_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["archive", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "found no module 'ray'" in said and "'.[scale]'" in said


@pytest.mark.parametrize(
    "options, says",
    [
        (["--part", "3/2"], "expected such as 3/16"),
        (["--workers", "0"], "expected a whole number from 1 on"),
        (["--fs", "0.5"], "expected 1 to 100000 Hz"),
    ],
)
def test_an_option_that_is_none_is_said(options, says, capsys):
    with pytest.raises(SystemExit):
        main(["archive", "in", "--output", "out", *options])
    assert says in capsys.readouterr().err


@needs_ray
@pytest.mark.parametrize(
    "address, says",
    [("127.0.0.1:1", "no Ray can be reached there"), ("ray://host:10001", "found a Ray client's address")],
)
def test_a_cluster_that_is_not_to_be_had_is_said_on_one_line(address, says, tmp_path, capsys):
    (tmp_path / "1.png").write_bytes(b"")
    assert main(["archive", str(tmp_path), "--output", str(tmp_path / "out"), "--address", address]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and said[1].startswith(f"ecgpipe: {address}: {says}")


@pytest.mark.slow
@needs_ray
def test_pages_are_read_as_the_digitizer_reads_them_and_what_is_none_has_a_row_with_the_reason(tmp_path):
    import pyarrow.parquet as pq

    from ecgpipe import Digitizer, read_picture
    from ecgpipe.page.layout import KIT
    from ecgpipe.synth.ecg import simulate
    from ecgpipe.synth.page import PageStyle, draw_page

    rng = np.random.default_rng(5)
    page = draw_page(simulate(rng, fs_hz=500), 500, PageStyle.random(rng), KIT)
    (tmp_path / "in" / "ward").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "in" / "ward" / "1.png"), page[..., ::-1])
    (tmp_path / "in" / "2.png").write_text("no picture")
    (tmp_path / "list.txt").write_text(f"in/ward/1.png\n{(tmp_path / 'in' / '2.png').as_uri()}\nin/3.png\n")
    command = ["archive", str(tmp_path / "list.txt"), "--output", str(tmp_path / "out"), "--workers", "1"]
    run = subprocess.run(
        [sys.executable, "-m", "ecgpipe", *command], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "3 pages: 1 read, 0 of them warned of, 2 refused" in run.stdout and "this run: 3 pages in" in run.stdout
    rows = pq.read_table(tmp_path / "out").to_pylist()
    read = {row["lead"]: row["samples_mv"] for row in rows if row["path"] == "in/ward/1.png"}
    series_mv = Digitizer().digitize(read_picture(tmp_path / "in" / "ward" / "1.png")).series_mv
    np.testing.assert_allclose(np.array(read["II"], float), series_mv[1], atol=2e-3)  # by processors' rounding
    reasons = {row["path"].rpartition("/")[2]: row["reason"] for row in rows if row["status"] == "refused"}
    assert reasons["2.png"].startswith("not a picture that can be read") and reasons["3.png"].startswith("no such file")
