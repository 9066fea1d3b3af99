"""What Kaggle refuses, or fails at for good: one line that says what to do, and nothing of what came is lost."""

import logging
import subprocess
import sys

import pytest

from ecgpipe.base.errors import DataError, KaggleError
from ecgpipe.kaggle.remote import KaggleCompetition
from tests.kaggle_server import BIG, COMPETITION, KEY, SIGNATURE, TOKEN, Fault
from tests.kaggle_steps import refused, tree

EXPECTED = {
    401: ("status 401", "expected a key that Kaggle accepts; put a token of kaggle.com/settings/api into"),
    403: ("status 403", f"accept its rules at https://www.kaggle.com/competitions/{COMPETITION}/rules"),
    404: ("status 404", f"check data.kaggle.competition ('{COMPETITION}')"),
    429: ("status 429", "too many requests, 3 attempts made; wait some minutes and run again"),
    500: ("status 500", "Kaggle's server failed, 3 attempts made; run again later"),
    503: ("status 503", "Kaggle's server failed, 3 attempts made; run again later"),
}


@pytest.mark.parametrize("status", EXPECTED)
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
    assert "Kaggle's client is not installed; `pip install" in refused(KaggleCompetition, kaggle_data.kaggle)


def test_a_proxys_page_instead_of_json_is_said(remote, get):
    remote.always["ListDataFiles"] = Fault(html=True)
    assert "found an answer that is no JSON" in refused(get)


def test_no_server_at_all_is_said(remote, get, monkeypatch):
    import kagglesdk.kaggle_http_client as client

    monkeypatch.setattr(client, "get_endpoint", lambda environment: "http://127.0.0.1:9")
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
    code = f"import sys, ecgpipe.cli, ecgpipe.kaggle.source; print({names} & set(sys.modules))"
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
