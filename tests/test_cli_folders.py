"""`ecgpipe digitize` on folders, and names of results that collide."""

import pytest

from ecgpipe.cli import main


def test_a_folder_stands_for_the_pictures_in_it_and_the_same_picture_gives_the_same_bytes(
    at_once, tmp_path, page, digitized
):
    assert main(["digitize", str(page.parent), "--output", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["page.csv"]
    assert (tmp_path / "page.csv").read_bytes() == (digitized / "page.csv").read_bytes()


def test_two_pictures_of_one_name_are_refused_rather_than_overwritten(already_read, tmp_path, page, capsys):
    twin = tmp_path / "page.jpg"
    twin.write_bytes(page.read_bytes())
    assert main(["digitize", str(page), str(twin), "--output", str(tmp_path / "out")]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and all("written as page" in line for line in errors)
    assert not (tmp_path / "out").exists()


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


def test_of_two_files_of_one_name_no_page_is_written(already_read, tmp_path, three_pages, capsys):
    twin = tmp_path / "scan.tiff"
    twin.write_bytes(three_pages.read_bytes())
    assert main(["digitize", str(three_pages), str(twin), "--output", str(tmp_path / "out")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 6 and not (tmp_path / "out").exists()


def test_a_folder_without_pictures_is_said(tmp_path, capsys):
    assert main(["digitize", str(tmp_path), "--output", str(tmp_path)]) == 1
    assert "no picture" in capsys.readouterr().err
