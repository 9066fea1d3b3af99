"""Which pictures are found in what is named, under which names their results are written, and what is passed over."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.cli import main
from ecgpipe.commands.inputs import sources
from ecgpipe.formats.csv import read_series
from ecgpipe.synth.compose import compose_layout
from tests.pdf_pages import Look, write_page
from tests.test_vector_pages import SIGNAL


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A function that makes empty files in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()

    return make


def named(*paths: str, spelled=str, output="out") -> dict[str, str]:
    return {str(source.path): source.name for source in sources(map(Path, paths), Path(output), spelled)}


def test_a_file_keeps_its_name_wherever_it_is(files):
    files("a/photo.jpg", "scan.v2.tif")
    assert named("a/photo.jpg", "scan.v2.tif", "lost.png") == {
        "a/photo.jpg": "photo", "scan.v2.tif": "scan.v2", "lost.png": "lost"
    }  # fmt: skip


def test_a_folder_is_searched_in_depth_and_keeps_its_shape(files):
    files("ward/b.png", "ward/a.pdf", "ward/7/old/c.HEIC", "ward/7/a.pdf")
    assert list(named("ward").items()) == [
        ("ward/a.pdf", "a"), ("ward/b.png", "b"), ("ward/7/a.pdf", "7/a"), ("ward/7/old/c.HEIC", "7/old/c")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "asked", "names"),
    [
        (("photo.jpg", "photo.png", "x.png"), ("photo.jpg", "photo.png", "x.png"), ("photo.jpg", "photo.png", "x")),
        (("w/photo.jpg", "w/photo.png"), ("w",), ("photo.jpg", "photo.png")),
        (("a/photo.jpg", "b/photo.jpg"), ("a/photo.jpg", "b/photo.jpg"), ("a/photo", "b/photo")),
        (("a/photo.jpg", "b/photo.png"), ("a", "b"), ("a/photo", "b/photo")),
        (("1/a/p.jpg", "2/a/p.jpg"), ("1/a/p.jpg", "2/a/p.jpg"), ("1/a/p", "2/a/p")),
        (("1/a/p.jpg", "2/a/p.jpg", "2/a/p.png"), ("1/a", "2/a"), ("1/a/p", "2/a/p.jpg", "2/a/p.png")),
        (("a/P.jpg", "b/p.jpg"), ("a", "b"), ("a/P", "b/p")),  # some disks do not tell them apart
    ],
)
def test_pictures_of_one_name_are_told_apart_by_folder_then_by_suffix(files, made, asked, names):
    files(*made)
    assert tuple(named(*asked).values()) == names
    assert set(named(*asked[::-1]).values()) == set(names), "whatever the order"


def test_a_pdf_beside_the_picture_of_its_page_leaves_it_the_plain_name(files):
    files("a.pdf", "a.png", "b.jpg", "b.pdf", "b.png")
    assert named(".") == {
        "a.pdf": "a.pdf", "a.png": "a", "b.jpg": "b.jpg", "b.pdf": "b.pdf", "b.png": "b.png"
    }  # fmt: skip


def test_a_picture_that_is_named_twice_is_read_once(files):
    files("a/photo.jpg")
    assert named("a", "a/photo.jpg", "./a/../a/photo.jpg") == {"a/photo.jpg": "photo"}


def test_names_that_a_format_does_not_allow_are_spelled_as_it_does(files):
    files("ward/photo 1.jpg", "ward/photo 1.png")
    spelled = named("ward", spelled=lambda name: name.replace(" ", "_").replace(".", "_"))
    assert list(spelled.values()) == ["photo_1_jpg", "photo_1_png"]


@given(st.sets(st.tuples(st.sampled_from("abA"), st.sampled_from("abB"), st.sampled_from(["jpg", "png"])), min_size=1))
def test_no_two_pictures_have_one_name(tmp_path_factory, pictures):
    root = tmp_path_factory.mktemp("names")
    paths = [root / folder / f"{stem}.{suffix}" for folder, stem, suffix in pictures]
    names = [source.name for source in sources(paths, root / "out")]
    assert len({name.casefold() for name in names}) == len(paths) or len({str(p).casefold() for p in paths}) < len(
        paths
    )


def test_what_is_passed_over_in_a_folder_is_said_in_one_line(files, capsys):
    files("w/a.png", "w/a.csv", "w/b/c.csv", "w/README", "w/a.overlay.jpg", "w/.hidden.png", "w/.git/x.png")
    assert named("w") == {"w/a.png": "a"}
    assert capsys.readouterr().err == (
        "ecgpipe: w: passed over 4 files not to be read: 2 .csv, 1 overlays, 1 without a suffix\n"
    )


def test_results_are_not_looked_for_in_the_folder_that_they_are_written_to(files, capsys):
    files("w/a.png", "w/out/a.png")
    assert named("w", output="w/out") == {"w/a.png": "a"}
    assert named("w", output="w") == {"w/a.png": "a", "w/out/a.png": "out/a"}
    assert capsys.readouterr().err == ""


def test_a_folder_without_a_picture_is_an_error(files):
    files("w/a/b.txt")
    with pytest.raises(EcgpipeError, match=r"w: found no picture in this folder, expected \.avif \.bmp"):
        named("w")


# ---- on the command line


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Path:
    """A folder of PDFs, one of which has two pages."""
    root = tmp_path_factory.mktemp("ward")
    layout = compose_layout("12x1", ())
    for name in ("a/page.pdf", "b/page.pdf"):
        (root / name).parent.mkdir()
        write_page(root / name, SIGNAL, layout, Look())
    return root


def test_results_keep_the_shape_of_the_folder(ward, tmp_path, capsys):
    assert main(["digitize", str(ward), "--output", str(tmp_path)]) == 0
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv")) == ["a/page.csv", "b/page.csv"]
    assert "12x1, 25 mm/s, 10 mm/mV; traces as the page draws them)" in capsys.readouterr().out
    assert abs(read_series(tmp_path / "a/page.csv") - SIGNAL).max() < 0.003
