"""The real Kaggle client against a server on loopback: what arrives, and what each failure of the server leads to."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ecgpipe.errors import DataError, EcgpipeError, KaggleError
from ecgpipe.kaggle_io import Kaggle
from ecgpipe.kaggle_source import download
from tests.kaggle_server import COMPETITION, KEY, SIGNATURE, TOKEN, Fault

BIG = "test/9.png"  # 300,000 bytes: five chunks
ALL_STATUSES = (401, 403, 404, 429, 500, 503)


def tree(folder: Path) -> dict[str, bytes]:
    """The finished files below a folder."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {
        path.as_posix(): (folder / path).read_bytes() for path in paths if path.parts[0] not in (".partial", ".lock")
    }


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "fetched"


@pytest.fixture
def get(remote, kaggle_data, folder) -> Callable:
    """Downloads into `folder`, with other Kaggle parameters if given; what was done."""

    def run(names=(), **changes):
        return download(replace(kaggle_data, kaggle=replace(kaggle_data.kaggle, **changes)), folder, names=names)

    return run


def refused(run: Callable, *args, **changes) -> str:
    """The error of `run`, which is one line and holds no secret."""
    with pytest.raises(EcgpipeError) as error:
        run(*args, **changes)
    text = str(error.value)
    assert not [bad for bad in ("\n", KEY, SIGNATURE, TOKEN) if bad in text]
    return text


# ---- what arrives


def test_every_file_arrives_with_the_bytes_and_the_date_of_the_listing(remote, get, folder):
    done = get()
    assert tree(folder) == remote.files
    assert len(done.transfer.fetched) == len(remote.files) and done.transfer.kept == 0
    assert (folder / BIG).stat().st_mtime == pytest.approx(1760443200.123, abs=1e-3)


def test_the_listing_is_read_to_its_last_page(remote, kaggle_data):
    remote.page_size = 3
    files = Kaggle(kaggle_data.kaggle).files()
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
    assert 1 <= time.monotonic() - start < 2


def test_waits_grow_from_the_parameter(remote, get):
    remote.faults["ListDataFiles"] = [Fault(500), Fault(500)]
    start = time.monotonic()
    get(["train.csv"], backoff_s=0.2)
    assert 0.4 <= time.monotonic() - start < 1.5


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


# ---- failures that stay: one line that says what was found, expected and to do, and nothing lost


EXPECTED = {
    401: ("status 401", "expected a key that Kaggle accepts; put a token of kaggle.com/settings/api into"),
    403: ("status 403", f"accept its rules at https://www.kaggle.com/competitions/{COMPETITION}/rules"),
    404: ("status 404", f"check data.kaggle.competition ('{COMPETITION}')"),
    429: ("status 429", "too many requests, 3 attempts made; wait some minutes and run again"),
    500: ("status 500", "Kaggle's server failed, 3 attempts made; run again later"),
    503: ("status 503", "Kaggle's server failed, 3 attempts made; run again later"),
}


@pytest.mark.parametrize("status", ALL_STATUSES)
@pytest.mark.parametrize("place", ["ListDataFiles", "DownloadDataFile", BIG])
def test_a_refusal_is_one_line_that_says_what_to_do(remote, get, status, place):
    remote.always[place] = Fault(status)
    text = refused(get, [BIG])
    assert all(part in text for part in EXPECTED[status])
    assert ("listing the files" if place == "ListDataFiles" else f"opening {BIG}") in text
    assert remote.asked[place] == (3 if status in (429, 500, 503) else 1), "refusals are not repeated, failures are"


def test_what_kaggle_says_is_passed_on_without_keys_and_signatures(remote, get):
    remote.always["ListDataFiles"] = Fault(
        403, message=f"You must accept\nthe rules, {KEY}, https://x/?sig={SIGNATURE}"
    )
    assert refused(get).endswith("; Kaggle says: You must accept the rules, ***, https://x/?***")


def test_an_unknown_competition_is_named(get):
    assert "check data.kaggle.competition ('titanik')" in refused(get, competition="titanik")


def test_a_wrong_key_is_said(get, monkeypatch):
    monkeypatch.setenv("KAGGLE_KEY", "another")
    assert "expected a key that Kaggle accepts" in refused(get)


def test_no_credentials_are_one_line_without_the_clients_page_of_help(remote, get, monkeypatch, capfd):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    assert refused(get).startswith("found no valid Kaggle credentials, expected a token, ")
    assert capfd.readouterr() == ("", "")


def test_a_token_will_do_instead_of_a_key(remote, get, folder, monkeypatch):
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("KAGGLE_API_TOKEN", "expired-token")
    assert "found no valid Kaggle credentials" in refused(get) and "expired-token" not in refused(get)
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    get(["test.csv"])
    assert set(tree(folder)) == {"test.csv"} and remote.leaked == []
    remote.always["ListDataFiles"] = Fault(403, message=f"{TOKEN} must accept the rules")
    assert refused(get).endswith("Kaggle says: *** must accept the rules")


def test_a_missing_client_is_said(kaggle_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaggle.api.kaggle_api_extended", None)
    assert "Kaggle's client is not installed; `pip install" in refused(Kaggle, kaggle_data.kaggle)


def test_a_proxys_page_instead_of_json_is_said(remote, get):
    remote.always["ListDataFiles"] = Fault(html=True)
    assert "found an answer that is no JSON" in refused(get)


def test_no_server_at_all_is_said(remote, get, monkeypatch):
    import kagglesdk.kaggle_env as environment

    monkeypatch.setitem(environment._env_to_endpoint, environment.KaggleEnv.PROD, "http://127.0.0.1:9")
    assert "no whole answer from Kaggle in 3 attempts (ConnectionError)" in refused(get)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (Fault(cut=0), "the transfer broke off"),
        (Fault(cut=0, stall_s=1.2), "the transfer broke off"),
        (Fault(body=b"short"), "found 5 bytes, expected the 300000 of Kaggle's listing"),
    ],
    ids=["cut", "stalled", "wrong length"],
)
def test_a_body_that_never_comes_right_is_one_line_and_the_others_stay(remote, get, folder, fault, found):
    remote.always[BIG] = fault
    text = refused(get, connections=1, attempts=2)
    assert text.startswith(f"{BIG}: ") and found in text
    assert text.endswith("2 attempts made; 1 of 10 files failed, the others are there; run again to go on")
    assert tree(folder) == {name: body for name, body in remote.files.items() if name != BIG}


def test_a_listed_file_that_is_not_there_does_not_keep_the_others_from_coming(remote, get, folder):
    remote.always[BIG] = Fault(404)
    assert refused(get).startswith(f"opening {BIG}: found HTTP status 404")
    assert len(tree(folder)) == len(remote.files) - 1


def test_a_full_disk_is_said_before_the_first_byte(remote, get, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert "0.00 GB free, expected 0.00 GB for what is to come; free some, choose a folder" in refused(get)
    assert not remote.fetched()


def test_a_disk_that_fills_up_meanwhile_is_one_line(get, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "cannot be used (No space left on device); mend that and run again" in refused(get)


@pytest.mark.parametrize("name", ["../outside.csv", "/etc/outside", "train/../../outside", ".partial/x", "a\\b", ""])
def test_a_listing_that_leads_out_of_the_folder_is_refused(remote, get, folder, name):
    remote.files[name] = b"x"
    assert "expected a path inside the data set" in refused(get)
    assert not remote.fetched()


# ---- a listing that changes


def test_a_listing_whose_pages_overlap_is_read_anew(remote, get, folder):
    remote.page_size = 3
    remote.before["ListDataFiles"] = [lambda: None, lambda: insert_first(remote, "a.csv", b"new")]
    get()
    assert tree(folder) == remote.files and "a.csv" in remote.files


def test_a_listing_that_keeps_changing_is_one_line(remote, get):
    remote.page_size = 3
    inserts = [lambda i=i: insert_first(remote, f"{i}.csv", b"new") for i in range(12)]
    remote.before["ListDataFiles"] = inserts
    assert "the listing changes while it is read; wait until the organisers are done" in refused(get)


def insert_first(remote, name: str, body: bytes) -> None:
    old = dict(remote.files)
    remote.files.clear()
    remote.files.update({name: body} | old)


def test_a_listing_that_changes_during_the_download_is_one_line_and_the_next_run_mends_it(remote, get, folder):
    def change():
        remote.files["test.csv"] += b"9,V1,500,1250\n"

    remote.before[BIG] = [change]
    text = refused(get, connections=1)
    assert text.startswith("Kaggle's listing changed during the download, 1 files, first test.csv (changed): found 54 ")
    remote.asked.clear()
    get()
    assert remote.fetched() == {"test.csv"} and tree(folder) == remote.files


def test_another_date_alone_is_another_version(remote, get):
    get()
    remote.created[BIG] = "2025-11-18T00:00:00Z"
    remote.asked.clear()
    assert [file.path for file in get().transfer.fetched] == [BIG]


def test_bytes_of_two_versions_are_never_joined(remote, get, folder):
    remote.always[BIG] = Fault(cut=200_000)
    refused(get, [BIG], attempts=1)
    remote.always.clear()
    remote.files[BIG], remote.created[BIG] = b"n" * 300_000, "2025-11-18T00:00:00Z"
    get([BIG])
    assert (folder / BIG).read_bytes() == b"n" * 300_000
    assert not list((folder / ".partial").iterdir())


# ---- manners


def test_two_downloads_into_one_folder_are_refused(remote, get, folder):
    from filelock import FileLock

    folder.mkdir()
    with FileLock(folder / ".lock"):
        assert "found another download at work here" in refused(get)


def test_nothing_is_printed_and_no_key_is_logged(remote, get, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    remote.faults[BIG] = [Fault(503), Fault(cut=70_000)]
    get()
    assert capfd.readouterr() == ("", "")
    assert KEY not in caplog.text and SIGNATURE not in caplog.text


def test_the_library_is_imported_without_kaggle_and_without_requests():
    names = {"kaggle", "kagglesdk", "requests"}
    code = f"import sys, ecgpipe.cli, ecgpipe.kaggle_source; print({names} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_error_of_the_client_that_nobody_foresaw_is_one_line(get, monkeypatch):
    from kaggle.api.kaggle_api_extended import KaggleApi

    monkeypatch.setattr(KaggleApi, "competition_list_files", lambda *_: 1 / 0)
    assert "listing the files: Kaggle's client failed with ZeroDivisionError" in refused(get)


def test_kaggle_errors_carry_their_status(remote, get):
    remote.always["ListDataFiles"] = Fault(403)
    with pytest.raises(KaggleError) as error:
        get()
    assert error.value.status == 403 and not isinstance(error.value, DataError)
