"""`ecgpipe digitize` and several pages in one file: each has its own results, and its own line when it fails."""

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ecgpipe.formats.csv import read_series

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def three_read(tmp_path_factory, three_pages) -> tuple[Path, subprocess.CompletedProcess]:
    """The folder that `digitize` wrote for three pages, one of them blank, and what it said."""
    out = tmp_path_factory.mktemp("three")
    command = ["digitize", str(three_pages), "--output", str(out), "--overlay", "--quality", str(out / "q.csv")]
    return out, subprocess.run([sys.executable, "-m", "ecgpipe", *command], capture_output=True, text=True)


def test_each_page_of_a_file_has_its_own_results(three_read, three_pages, digitized):
    out, done = three_read
    written = {"scan.csv", "scan.overlay.jpg", "scan-3.csv", "scan-3.overlay.jpg", "q.csv"}
    assert {path.name for path in out.iterdir()} == written
    assert (out / "scan.csv").read_bytes() == (digitized / "page.csv").read_bytes()
    first, third = read_series(out / "scan.csv"), read_series(out / "scan-3.csv")
    assert np.nanmax(np.abs(first - third)) < 0.3 and np.nanmedian(np.abs(first - third)) < 0.01
    assert f"{three_pages}, page 3 -> {out / 'scan-3.csv'} (3x4+1R(II)" in done.stdout
    assert np.mean(np.abs(cv2.imread(str(out / "scan.overlay.jpg"))[::-1, ::-1].astype(int)
                          - cv2.imread(str(out / "scan-3.overlay.jpg")))) < 4  # fmt: skip


def test_a_page_that_fails_costs_one_line_that_names_file_and_page(three_read, three_pages):
    _, done = three_read
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ecgpipe: {three_pages}, page 2: blank")


def test_the_table_of_quality_has_a_row_a_page_and_the_reason_of_a_refusal(three_read, three_pages):
    rows = list(csv.DictReader((three_read[0] / "q.csv").open()))
    assert [(row["picture"], row["page"], row["status"]) for row in rows] == [
        (str(three_pages), number, status) for number, status in zip("123", ("read", "refused", "read"), strict=True)
    ]
    assert "blank" in rows[1]["reason"] and rows[1]["hidden_share"] == "" and float(rows[2]["hidden_share"]) < 0.06
