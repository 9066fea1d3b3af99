"""A page and its truth belong together or do not, and what parts them is named; badly read pages raise no alarm."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from ecgpipe.base.provenance import imported_files
from ecgpipe.competition import manifest
from ecgpipe.competition.dataset import Dataset
from ecgpipe.competition.windows import mask_windows
from ecgpipe.page.layout import LEADS
from ecgpipe.rectify.picture import read_picture
from ecgpipe.synth.dataset import write_dataset
from ecgpipe.synth.ecg import simulate
from ecgpipe.trace.weights import SHIPPED
from ecgpipe.verify.files import verify
from ecgpipe.verify.pairing.match import agreement, common_shift, compare, limb_residual, segments_of
from ecgpipe.verify.pairing.pairs import JudgedPage, concluded, pages_of, pair_pages
from ecgpipe.verify.pairing.reading import RATE_HZ, Reading, Readings, is_upright_render, read_page, render_map
from ecgpipe.verify.pairing.verdict import SOUND, UNREADABLE, Verdict, judge
from ecgpipe.verify.suspects import SUSPECT, find_suspects
from examples.faults import FAULTS, Place

RECORDS = 3


# ---- segments of signals


def truth_of(seed: int) -> np.ndarray:
    """A simulated truth (12, 10·RATE_HZ) with NaN outside the windows."""
    return mask_windows(simulate(np.random.default_rng(seed))[:, :: 500 // RATE_HZ])


def late(series: np.ndarray, samples: int) -> np.ndarray:
    return np.roll(series, samples, axis=-1)


def test_shift_gain_and_offset_are_measured():
    reading = segments_of(truth_of(1))
    changed = 0.9 * late(reading, 25) + 0.2
    comparison = compare(changed, reading)
    fit = comparison.at(np.full(len(reading), common_shift(comparison.correlation)))
    assert np.allclose(fit.shift_s, 0.1)
    assert np.allclose(np.median(fit.gain), 0.9, atol=1e-6)
    assert np.allclose(np.median(fit.offset_mv), 0.2, atol=1e-6)


def test_what_was_not_read_does_not_count():
    truth = segments_of(truth_of(1))
    reading = truth.copy()
    reading[:, 400:] = np.nan
    assert agreement(truth, reading) > 0.999
    reading[:, 100:] = np.nan
    assert agreement(truth, reading) == 0.0, "too little is left"


def test_a_flat_lead_correlates_with_nothing():
    truth = segments_of(truth_of(1))
    assert agreement(np.zeros_like(truth), truth) == 0.0


def test_only_a_reading_that_is_an_ecg_keeps_the_limb_lead_laws():
    truth = truth_of(1)
    assert limb_residual(truth) < 1e-9
    assert limb_residual(np.random.default_rng(0).normal(size=truth.shape)) > 0.5
    assert limb_residual(np.full_like(truth, np.nan)) == np.inf


# ---- one page


def read_with_noise(truth: np.ndarray, level_mv: float, seed: int = 0) -> np.ndarray:
    """What a page would show that is read with errors of this size, in places twice a beat long."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=truth.shape), (0, 0), sigmaX=3, sigmaY=1e-6)
    return truth + level_mv * noise / noise.std()


@pytest.mark.parametrize("level_mv", [0.0, 0.02, 0.05, 0.1])
def test_a_page_that_shows_its_truth_is_sound_however_badly_it_is_read(level_mv, params):
    truth = truth_of(2)
    for seed in range(5):
        verdict = judge(truth, read_with_noise(truth, level_mv, seed), params.verify)
        assert verdict.status == SOUND, verdict


def test_a_page_that_is_read_as_rubbish_is_unreadable_and_not_suspect(params):
    rubbish = mask_windows(np.random.default_rng(0).normal(size=(12, 10 * RATE_HZ)))
    assert judge(truth_of(2), rubbish, params.verify).status == UNREADABLE


def test_a_page_of_another_ecg_is_suspect_though_nothing_explains_it(params):
    verdict = judge(truth_of(2), truth_of(3), params.verify)
    assert (verdict.status, verdict.fault) == (SUSPECT, "no match")


def test_a_page_of_which_only_the_limb_leads_could_be_read_is_unreadable_and_not_suspect(params):
    truth, reading = truth_of(2), truth_of(2)
    noise = np.random.default_rng(0).normal(size=reading[6:].shape)
    reading[6:] = np.where(np.isfinite(reading[6:]), noise, np.nan)
    reading[LEADS.index("II"), RATE_HZ * 5 :] = noise[0, RATE_HZ * 5 :]  # the rhythm strip under these leads
    verdict = judge(truth, reading, params.verify)
    assert verdict.status == UNREADABLE and "of the limb leads" in verdict.evidence


@pytest.mark.parametrize("by_s", [-0.3, -0.1, 0.1, 0.3])
def test_a_shift_is_named_with_its_size_and_side(by_s, params):
    truth = truth_of(2)
    verdict = judge(mask_windows(late(truth_filled(truth), round(by_s * RATE_HZ))), truth, params.verify)
    assert verdict.fault == "shifted" and verdict.shift_s == pytest.approx(by_s, abs=0.005)
    assert ("later" in verdict.evidence) == (by_s > 0)


def truth_filled(truth: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(truth), truth, np.nanmean(truth, axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("gain", "fault"), [(0.9, "scaled"), (0.97, ""), (1.03, ""), (1.1, "scaled"), (10.0, "scaled")]
)
def test_a_gain_beyond_the_limit_is_named(gain, fault, params):
    verdict = judge(gain * truth_of(2), truth_of(2), params.verify)
    assert verdict.fault == fault and verdict.gain == pytest.approx(gain, rel=0.01)


@pytest.mark.parametrize(("hidden", "fault"), [(0.0, "scaled"), (0.3, "")])
def test_a_page_whose_grid_is_hidden_may_be_off_by_more(hidden, fault, params):
    assert judge(1.08 * truth_of(2), truth_of(2), params.verify, hidden=hidden).fault == fault
    assert judge(1.3 * truth_of(2), truth_of(2), params.verify, hidden=hidden).fault == "scaled"


@pytest.mark.parametrize(("slipped", "fault"), [(False, "shifted"), (True, "")])
def test_a_lead_on_a_part_that_may_have_slipped_is_not_said_to_be_shifted(slipped, fault, params):
    truth = truth_of(2)
    reading = truth.copy()
    row = LEADS.index("V2")
    reading[row] = mask_windows(late(truth_filled(truth), 50))[row]  # a box of 5 mm
    assert judge(truth, reading, params.verify, slipped=slipped).fault == fault


@pytest.mark.parametrize(("a", "b"), [("V1", "V2"), ("V5", "V6"), ("aVR", "aVF"), ("I", "III")])
def test_exchanged_leads_are_named_though_they_look_alike(a, b, params):
    truth = truth_of(2)
    changed = truth.copy()
    rows = [LEADS.index(a), LEADS.index(b)]
    changed[rows] = changed[rows[::-1]]
    verdict = judge(changed, read_with_noise(truth, 0.01), params.verify)
    assert (verdict.fault, verdict.leads) == ("exchanged leads", (a, b))


def test_a_badly_read_lead_beside_one_much_like_it_is_no_copied_lead(params):
    truth = truth_of(2)
    v5, v6 = LEADS.index("V5"), LEADS.index("V6")
    truth[v5] = 0.97 * truth[v6]
    reading = read_with_noise(truth, 0.01)
    reading[v5] = read_with_noise(truth, 0.3, seed=1)[v5]
    assert judge(truth, reading, params.verify).fault == ""
    truth[v5] = truth[v6]
    reading[v5] = read_with_noise(truth_of(3), 0.01)[v5]
    assert judge(truth, reading, params.verify).fault == "copied lead", "it is, if the truths are one"


# ---- the pages of a record


def page(kind: str, fault: str = "", leads: tuple[str, ...] = (), **verdict) -> JudgedPage:
    return JudgedPage(
        "1", kind, Verdict(**{"status": SUSPECT if fault else SOUND, "fault": fault, "leads": leads} | verdict)
    )


def concluded_from(*pages: JudgedPage) -> pd.DataFrame:
    return concluded(Dataset("raw"), [], pages).table[["kind", "status", "fault", "wrong", "path"]]


def test_what_most_pages_say_is_a_fault_of_the_truth_and_of_all_its_pages():
    mouldy, lost = page("0010"), page("0012", status=UNREADABLE)
    table = concluded_from(page("0001", "scaled"), page("0003", "scaled"), mouldy, lost)
    assert table["fault"].tolist() == ["scaled"] * 4 and table["wrong"].tolist() == ["truth"] * 4
    assert set(table["path"]) == {"train/1/1.csv"}


def test_what_one_page_says_is_a_fault_of_its_picture():
    table = concluded_from(page("0001"), page("0003", "mirrored picture"), page("0004"))
    assert table["status"].tolist() == [SOUND, SUSPECT, SOUND]
    assert table.loc[1, ["wrong", "path"]].tolist() == ["picture", "train/1/1-0003.png"]


def test_a_page_with_a_fault_of_its_own_keeps_it():
    table = concluded_from(page("0001", "scaled"), page("0003", "scaled"), page("0004", "mirrored picture"))
    assert table["fault"].tolist() == ["scaled", "scaled", "mirrored picture"]
    assert table["wrong"].tolist() == ["truth", "truth", "picture"]


def test_a_lead_that_no_page_shows_differs_but_one_that_mould_hides_does_not():
    hidden, clear = page("0010", differing=("V2", "V3")), page("0001", differing=("V3",))
    assert concluded_from(hidden, clear)["fault"].tolist() == ["lead differs"] * 2
    assert concluded_from(hidden, page("0001"))["fault"].tolist() == [""] * 2
    assert concluded_from(hidden)["fault"].tolist() == [""]
    assert concluded_from(clear)["fault"].tolist() == ["lead differs"]


# ---- pictures


@pytest.fixture(scope="module")
def pristine(params, tmp_path_factory) -> Dataset:
    """Three records of kind 0001. Read only."""
    root = tmp_path_factory.mktemp("pairs") / "raw"
    few = replace(params.data, train_records=RECORDS, test_records=1, kinds=("0001",), turned_share=0, seed=5)
    write_dataset(root, few)
    return Dataset(root)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory) -> Path:
    """Readings of all tests: a picture that was read is not read again."""
    return tmp_path_factory.mktemp("readings")


@pytest.fixture
def check(params, scratch) -> Callable:
    """Examines a data set: the report on its files, and the suspects."""

    def run(dataset: Dataset, expected: pd.DataFrame | None = None):
        one = replace(params.verify, workers=1)
        report = verify(dataset.root, manifest.build(dataset.root) if expected is None else expected, one)
        found = list(pair_pages(dataset, pages_of(dataset, report.records), report.hashes, one, scratch))
        return report, find_suspects(report, concluded(dataset, report.records, found).table, "exclude")

    return run


def test_sound_pairs_raise_no_alarm_and_are_measured(pristine, params, scratch):
    hashes = {row.path: row.sha256 for row in manifest.build(pristine.root).itertuples()}
    records = pristine.train_records()
    one = replace(params.verify, workers=1)
    pairing = concluded(
        pristine, records, list(pair_pages(pristine, pages_of(pristine, records), hashes, one, scratch))
    )
    table = pairing.table
    assert table["status"].tolist() == [SOUND] * RECORDS
    assert table["correlation"].min() > 0.987 and (table["gain"] - 1).abs().max() < 0.01  # 0.9901, 0.0057
    assert table["shift_s"].abs().max() < 0.001 and table["offset_mv"].abs().max() < 0.001  # 0, 0.0003


PLANTED = [name for name in FAULTS if name not in ("pixel bomb", "text bomb")]  # slow to pack: test_verify has one


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_named_and_no_other_record_is_blamed(name, pristine, check, tmp_path):
    dataset = Dataset(shutil.copytree(pristine.root, tmp_path / "raw"))
    record, other, bystander = dataset.train_records()
    fault = FAULTS[name]
    before = manifest.build(dataset.root)
    fault.plant(Place(dataset, record, other))
    report, suspects = check(dataset, before if fault.after_manifest else None)
    assert fault.found(record.id, report, suspects), (report.findings, suspects.table.to_dict("records"))
    assert bystander.id not in "".join(finding.path for finding in report.findings) + "".join(suspects.table["path"])


def test_a_second_look_reads_no_picture(pristine, check, monkeypatch):
    check(pristine)
    monkeypatch.setattr("ecgpipe.verify.pairing.reading.read_page", lambda *_, **__: pytest.fail("was read again"))
    _, suspects = check(pristine)
    assert suspects.table.empty


def test_readings_of_pictures_that_are_gone_are_removed(tmp_path, monkeypatch):
    blank = Reading(np.full((12, 10 * RATE_HZ), np.nan, np.float32), "nothing there", 0.25, 0.5)
    monkeypatch.setattr("ecgpipe.verify.pairing.reading.read_page", lambda *_, **__: blank)
    readings = Readings(tmp_path)
    for sha256 in ("a", "b"):
        assert readings.of(Path("x.png"), sha256, "0005").reason == "nothing there"
    readings.keep_only({("a", "0005")})
    assert [path.stem for path in (tmp_path / "readings").iterdir()] == [readings.key("a", "0005")]
    kept = readings.of(Path("x.png"), "a", "0005")
    assert not kept.legible and (kept.hidden_share, kept.slipped_share) == (0.25, 0.5)


def test_a_render_is_read_without_looking_for_the_page_as_well_as_with(pristine, monkeypatch):
    record = pristine.train_records()[0]
    path = pristine.image_path(record.id, "0001")
    with monkeypatch.context() as patch:
        patch.setattr("ecgpipe.verify.pairing.reading.rectify", lambda _: pytest.fail("was looked for"))
        exact = read_page(path, "0001").series_mv
    found = read_page(path, "0005")
    assert (found.hidden_share, found.slipped_share) == (pytest.approx(0, abs=0.05), 0)
    assert np.nanmax(np.abs(exact - found.series_mv)) < 0.3 and np.nanstd(exact - found.series_mv) < 0.02


def test_only_an_upright_render_is_taken_for_one(pristine):
    picture = read_picture(pristine.image_path(pristine.train_records()[0].id, "0001"))
    assert is_upright_render(picture)
    assert not is_upright_render(picture[::-1, ::-1])
    assert not is_upright_render(picture[:, ::-1])
    assert not is_upright_render(np.roll(picture, 8, axis=1)), "a millimetre off"
    assert not is_upright_render(picture[:-1])
    assert np.allclose(render_map().to_picture(np.array([15.0, 90.0])), [117.61, 708.16], atol=0.01)


def test_the_key_covers_the_code_and_the_weights_that_readings_follow_from(tmp_path):
    files = {path.as_posix() for path in imported_files("ecgpipe.verify.pairing.reading")}
    parts = ("trace/network", "trace/decode", "rectify/rectifier", "digitize/leads", "signals", "page/layout")
    assert {f"ecgpipe/{part}.py" for part in parts} <= files
    assert not [file for file in files if file.startswith(("ecgpipe/training", "ecgpipe/competition"))]
    assert SHIPPED in Readings(tmp_path).cache.data
