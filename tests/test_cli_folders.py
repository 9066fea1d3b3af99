"""`ecgpipe digitize` on folders, and names of results that collide."""

import pytest

from ecgpipe.cli import main


def test_a_folder_stands_for_the_pictures_in_it_and_the_same_picture_gives_the_same_bytes(
    at_once, tmp_path, page, digitized
):
    assert main(["digitize", str(page.parent), "--output", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["page.csv"]
    assert (tmp_path / "page.csv").read_bytes() == (digitized / "page.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
def test_a_page_is_not_written_over_another_pictures_result(
    at_once, tmp_path, page, three_pages, digitized, capsys, order
):
    twin = tmp_path / "scan-3.png"
    twin.write_bytes(page.read_bytes())
    images = [str(three_pages), str(twin)][::order]
    assert main(["digitize", *images, "--output", str(tmp_path / "out")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and any(f"{three_pages}, page 3: would be written as scan-3, as" in line for line in errors)
    assert (tmp_path / "out" / "scan-3.csv").read_bytes() == (digitized / "page.csv").read_bytes()


def test_a_folder_without_pictures_is_said(tmp_path, capsys):
    assert main(["digitize", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "no picture" in capsys.readouterr().err
