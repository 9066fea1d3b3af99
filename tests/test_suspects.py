"""Pages that are there twice or of an odd size are suspect, and what becomes of suspects is what was asked for."""

import pandas as pd
import pytest

from ecgpipe.base.errors import DataError
from ecgpipe.competition.dataset import Record
from ecgpipe.verify.files import Picture, Report
from ecgpipe.verify.suspects import PAGE_COLUMNS, SUSPECT, Suspects, find_suspects, read_excluded

SCAN, PHOTO = (1652, 2190), (3024, 4032)


def report_of(pictures: dict[str, Picture], hashes: dict[str, str] | None = None) -> Report:
    return Report((), {}, hashes or {}, pictures, (Record("1", 500, 5000), Record("2", 500, 5000)))


def pages(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame(
        [{"status": SUSPECT, "leads": "", "evidence": "seen"} | row for row in rows], columns=PAGE_COLUMNS
    )


def said(suspects: Suspects) -> list[tuple[str, str, str]]:
    return list(suspects.table[["path", "kind", "fault"]].itertuples(index=False, name=None))


def test_nothing_to_suspect(tmp_path):
    suspects = find_suspects(report_of({"train/1/1-0003.png": Picture(SCAN, "a")}), pages(), "fail")
    suspects.raise_if("fail", "nothing to do")
    suspects.write(tmp_path / "suspects.csv")
    assert suspects.counts == {"suspects": 0, "excluded": 0}
    assert read_excluded(tmp_path / "suspects.csv") == frozenset()


def test_the_same_pixels_twice_are_suspect_both():
    pictures = {f"train/{i}/{i}-0003.png": Picture(SCAN, "same" if i < 3 else "other") for i in (1, 2, 3)}
    suspects = find_suspects(report_of(pictures), pages(), "warn")
    names = [("train/1/1-0003.png", "0003", "duplicate picture"), ("train/2/2-0003.png", "0003", "duplicate picture")]
    assert said(suspects) == names
    assert suspects.table["evidence"][0] == "the same as train/2/2-0003.png"


def test_where_pairing_told_which_of_two_is_wrong_the_other_is_not_suspect():
    pictures = {f"train/{i}/{i}-0003.png": Picture(SCAN, "same") for i in (1, 2)}
    wrong = {"path": "train/2/2-0003.png", "id": "2", "kind": "0003", "fault": "other record"}
    suspects = find_suspects(report_of(pictures), pages(wrong), "warn")
    assert said(suspects) == [("train/2/2-0003.png", "0003", "other record")]
    assert suspects.table["evidence"][0] == "seen; the same picture as train/1/1-0003.png"


def test_the_same_truth_twice_is_suspect_whichever_pages_tell():
    hashes = {"train/1/1.csv": "same", "train/2/2.csv": "same", "train.csv": "same"}
    suspects = find_suspects(report_of({}, hashes), pages(), "exclude")
    assert said(suspects) == [("train/1/1.csv", "", "duplicate truth"), ("train/2/2.csv", "", "duplicate truth")]
    told = {"path": "train/2/2.csv", "id": "2", "kind": "0003", "fault": "no match"}
    suspects = find_suspects(report_of({}, hashes), pages(told), "exclude")
    assert said(suspects) == [("train/2/2.csv", "0003", "duplicate truth")]


@pytest.mark.parametrize(
    ("kind", "sides", "odd"),
    [
        ("0001", (1700, 2200), False),
        ("0001", (1700, 2199), True),
        ("0003", SCAN, False),
        ("0003", PHOTO, True),
        ("0006", PHOTO, False),
        ("0005", (1008, 1344), False),
        ("0009", (400, 533), True),
    ],
)  # fmt: skip
def test_a_picture_of_another_size_than_its_kind_is_suspect(kind, sides, odd):
    suspects = find_suspects(report_of({f"train/1/1-{kind}.png": Picture(sides, "a")}), pages(), "warn")
    assert list(suspects.table["fault"]) == ["odd size"] * odd


def test_test_pictures_are_of_any_kind():
    assert find_suspects(report_of({"test/9.png": Picture((400, 533), "a")}), pages(), "warn").table.empty


@pytest.mark.parametrize("on_suspect", ["fail", "exclude", "warn"])
def test_what_becomes_of_suspects(on_suspect, tmp_path):
    wrong = {"path": "train/2/2-0003.png", "id": "2", "kind": "0003", "fault": "exchanged leads", "leads": "V1 V2"}
    suspects = find_suspects(report_of({}), pages(wrong), on_suspect)
    suspects.write(tmp_path / "suspects.csv")
    excluded = {("2", "0003")} if on_suspect == "exclude" else set()
    assert read_excluded(tmp_path / "suspects.csv") == excluded
    assert suspects.counts == {"suspects": 1, "excluded": len(excluded), "suspects/exchanged_leads": 1}
    if on_suspect != "fail":
        return suspects.raise_if(on_suspect, "look")
    with pytest.raises(DataError) as error:
        suspects.raise_if(on_suspect, "look")
    line = "suspect pages: 1, first: train/2/2-0003.png: exchanged leads (V1 V2), seen; look"
    assert str(error.value) == line


def test_a_file_that_lists_no_suspects_is_an_error(tmp_path):
    (tmp_path / "suspects.csv").write_text("path,problem\n")
    with pytest.raises(DataError, match=r"found the columns path,problem, expected suspects; run `dvc repro verify`"):
        read_excluded(tmp_path / "suspects.csv")
