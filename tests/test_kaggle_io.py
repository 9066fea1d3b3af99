"""The real Kaggle client against a server on loopback: what arrives, and failures that cost nothing but time."""

import time
from dataclasses import replace

import pytest

from ecgpipe.kaggle.remote import KaggleCompetition
from ecgpipe.kaggle.source import download
from tests.kaggle_server import BIG, Fault
from tests.kaggle_steps import refused, tree

# ---- what arrives


def test_every_file_arrives_with_the_bytes_and_the_date_of_the_listing(remote, get, folder):
    done = get()
    assert tree(folder) == remote.files
    assert len(done.transfer.fetched) == len(remote.files) and done.transfer.kept == 0
    assert (folder / BIG).stat().st_mtime == pytest.approx(1760443200.123, abs=1e-3)


def test_the_listing_is_read_to_its_last_page(remote, kaggle_data):
    remote.page_size = 3
    files = KaggleCompetition(kaggle_data.kaggle).files()
    assert {file.path: file.bytes for file in files} == {name: len(body) for name, body in remote.files.items()}
    assert remote.asked["ListDataFiles"] == 4
    assert {file.created for file in files} == {"2025-10-14T12:00:00.123+00:00"}


def test_sizes_that_come_as_text_are_numbers(remote, get, folder):
    remote.listed_bytes[BIG] = "300000"
    get()
    assert tree(folder) == remote.files


def test_what_is_there_is_not_fetched_again(remote, get):
    get()
    remote.asked.clear()
    done = get()
    assert (done.transfer.fetched, done.transfer.kept) == ((), len(remote.files)) and not remote.fetched()


def test_a_file_that_was_spoilt_here_is_fetched_again(remote, get, folder):
    get()
    (folder / "train.csv").write_bytes(b"x" * len(remote.files["train.csv"]))
    remote.asked.clear()
    get()
    assert remote.fetched() == {"train.csv"} and tree(folder) == remote.files


def test_named_files_are_all_that_is_fetched(remote, get, folder):
    get(["test.csv", BIG])
    assert set(tree(folder)) == {"test.csv", BIG}
    assert "is it test.csv?" in refused(get, ["tst.csv"])


def test_kinds_and_records_choose_pictures_and_the_records_tables(remote, kaggle_data, folder):
    chosen = replace(kaggle_data, kinds=("0005",), kaggle=replace(kaggle_data.kaggle, records=("101",)))
    download(chosen, folder)
    tables = {"train.csv", "test.csv", "sample_submission.parquet", BIG}
    assert set(tree(folder)) == tables | {"train/101/101.csv", "train/101/101-0005.png"}


def test_an_unknown_record_is_named(get):
    assert "found '7', expected training records" in refused(get, records=("101", "7"))


@pytest.mark.parametrize("connections", [1, 4])
def test_as_many_files_come_at_once_as_there_are_connections(remote, get, connections):
    remote.delay_s = 0.05
    get(connections=connections)
    assert remote.most_bodies == connections


def test_the_key_does_not_follow_the_redirect_to_the_storage(remote, get):
    get()
    assert remote.leaked == []


# ---- zip instead of a file


def test_a_file_sent_as_a_zip_of_itself_is_unpacked(remote, get, folder):
    remote.zipped = {"train.csv", "train/100/100.csv"}
    get()
    assert tree(folder) == remote.files


def test_a_zip_that_is_cut_goes_on_where_it_was(remote, get, folder):
    remote.zipped, remote.faults[BIG] = {BIG}, [Fault(cut=200_000)]
    get([BIG])
    assert (folder / BIG).read_bytes() == remote.files[BIG] and remote.ranges


def test_a_zip_of_something_else_is_refused(remote, get, folder):
    remote.zipped = {"test.csv"}
    other = remote.body_of("test.csv")
    remote.faults["train.csv"] = [Fault(body=other)]
    text = refused(get, ["train.csv"])
    assert text.startswith("train.csv: found a zip of test.csv of 40 bytes, expected the file itself, 40 bytes; 1 of 1")
    assert tree(folder) == {}


def test_a_broken_zip_is_refused_and_fetched_anew_the_next_time(remote, get, folder):
    remote.faults["train.csv"] = [Fault(body=b"PK\x03\x04 and nothing else")]
    assert "train.csv: not a sound zip" in refused(get, ["train.csv"])
    get(["train.csv"])
    assert set(tree(folder)) == {"train.csv"}


# ---- failures that pass


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("place", ["ListDataFiles", "DownloadDataFile", BIG])
def test_a_server_that_recovers_costs_nothing_but_time(remote, get, folder, status, place):
    remote.faults[place] = [Fault(status), Fault(status)]
    get([BIG])
    assert (folder / BIG).read_bytes() == remote.files[BIG]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(remote, get, status):
    remote.faults["DownloadDataFile"] = [Fault(status, retry_after_s=1)]
    start = time.monotonic()
    get(["train.csv"])
    assert 1 <= time.monotonic() - start < 20  # a busy machine is slow


def test_waits_grow_from_the_parameter(remote, get):
    remote.faults["ListDataFiles"] = [Fault(500), Fault(500)]
    start = time.monotonic()
    get(["train.csv"], backoff_s=0.2)
    assert 0.4 <= time.monotonic() - start < 20


@pytest.mark.parametrize("fault", [Fault(cut=0), Fault(stall_s=1.5)], ids=["cut", "stalled"])
def test_a_listing_that_is_cut_or_stalls_is_asked_for_again(remote, get, folder, fault):
    remote.faults["ListDataFiles"] = [fault]
    get(["train.csv"])
    assert remote.asked["ListDataFiles"] == 3, "failed, read, and read again at the end"


@pytest.mark.parametrize(
    "fault",
    [Fault(cut=200_000), Fault(cut=200_000, stall_s=1.5), Fault(cut=200_000, unsized=True)],
    ids=["cut", "stalled", "cut without a length"],
)
def test_a_body_that_is_cut_or_stalls_goes_on_where_it_was(remote, get, folder, fault):
    remote.faults[BIG] = [fault]
    get([BIG])
    assert (folder / BIG).read_bytes() == remote.files[BIG]
    ((path, start),) = remote.ranges
    assert path == BIG and 130_000 < start <= 200_000


def test_a_body_that_moves_may_be_cut_more_often_than_attempts_are_made(remote, get, folder):
    remote.faults[BIG] = [Fault(cut=70_000)] * 4
    get([BIG], attempts=2)
    assert (folder / BIG).read_bytes() == remote.files[BIG]


def test_a_server_without_ranges_sends_the_file_from_its_start(remote, get, folder):
    remote.ranged, remote.faults[BIG] = False, [Fault(cut=200_000)]
    get([BIG])
    assert (folder / BIG).read_bytes() == remote.files[BIG] and remote.ranges == []


@pytest.mark.parametrize("body", [b"short", b"x" * 400_000], ids=["short", "long"])
@pytest.mark.parametrize("unsized", [False, True], ids=["announced", "not announced"])
def test_a_wrong_length_is_not_taken_and_asked_for_again(remote, get, folder, body, unsized):
    remote.faults[BIG] = [Fault(body=body, unsized=unsized)]
    if unsized and len(body) < 10:
        remote.ranged = False  # else the rest is joined to what came, as after a cut: nothing tells the two apart
    get([BIG])
    assert (folder / BIG).read_bytes() == remote.files[BIG]
