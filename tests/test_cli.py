"""`ecgpipe digitize` and `ecgpipe score`: what they write, and what a user is told when something is wrong."""

import csv
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import wfdb
from PIL import Image

from ecgpipe.cli import main
from ecgpipe.competition.dataset import write_signal
from ecgpipe.digitize.digitizer import Digitizer
from ecgpipe.digitize.leads import DEFAULT, LeadOptions, resample_leads
from ecgpipe.digitize.overlay import trace_mm
from ecgpipe.formats.csv import read_series, write_csv
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.recognize.hints import Hints
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.page import PageStyle, draw_page
from ecgpipe.trace.weights import SHIPPED, SHIPPED_ANY

FS_HZ = 500
GIVEN = [Path("a"), Path("b")]


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    return simulate(np.random.default_rng(5), fs_hz=FS_HZ)


@pytest.fixture(scope="module")
def page(tmp_path_factory, signal) -> Path:
    """A clean page of kind 0001."""
    path = tmp_path_factory.mktemp("pages") / "page.png"
    cv2.imwrite(str(path), draw_page(signal, FS_HZ, PageStyle.random(np.random.default_rng(5)), KIT)[..., ::-1])
    return path


@pytest.fixture(scope="module")
def digitized(tmp_path_factory, page) -> Path:
    """The folder that `digitize` wrote for the clean page."""
    folder = tmp_path_factory.mktemp("out")
    assert main(["digitize", str(page), "--output", str(folder), "--overlay", "--sigma"]) == 0
    return folder


# ---- what digitize writes


def test_a_csv_has_twelve_named_leads_of_ten_seconds(digitized):
    lines = (digitized / "page.csv").read_text().splitlines()
    assert lines[0] == "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"
    assert len(lines) == 1 + 10 * FS_HZ


def test_a_lead_has_values_in_its_printed_window_and_nothing_outside(digitized):
    finite = np.isfinite(read_series(digitized / "page.csv"))
    assert finite[LEADS.index("II")].all()
    assert finite[LEADS.index("V1"), 2500:3750].all() and finite[LEADS.index("V1")].sum() == 1250


def test_the_series_are_those_of_the_page(tmp_path, digitized, signal, capsys):
    write_signal(tmp_path / "page.csv", signal, FS_HZ)
    assert main(["score", str(digitized), str(tmp_path)]) == 0
    assert printed_score(capsys) > 34  # 35.2


def test_sigma_has_a_value_for_each_of_the_series_and_nearly_all_errors_are_within_two_of_it(digitized, signal):
    series, sigma = read_series(digitized / "page.csv"), read_series(digitized / "page.sigma.csv")
    np.testing.assert_array_equal(np.isfinite(sigma), np.isfinite(series))
    known = np.isfinite(series)
    assert np.mean(np.abs(series - signal)[known] <= 2 * sigma[known]) > 0.99  # 0.999
    assert np.median(sigma[known]) < 0.007  # 0.0061, not bought by a sigma that covers anything


def test_an_overlay_changes_the_picture_at_the_trace_and_keeps_its_size(digitized, page):
    picture, overlay = cv2.imread(str(page)), cv2.imread(str(digitized / "page.overlay.jpg"))
    assert overlay.shape == picture.shape
    assert 0.02 < np.mean(np.abs(overlay.astype(int) - picture).max(-1) > 60) < 0.035  # 0.028


def test_wfdb_at_another_rate_holds_the_same_series(tmp_path, page, digitized):
    assert main(["digitize", str(page), "--output", str(tmp_path), "--format", "wfdb", "--fs", "250"]) == 0
    record = wfdb.rdrecord(str(tmp_path / "page"))
    assert (record.fs, record.sig_len, record.sig_name) == (250, 2500, list(LEADS))
    csv = resample_leads(read_series(digitized / "page.csv"), 2500, KIT)
    np.testing.assert_allclose(record.p_signal.T, csv, atol=3.5e-4)  # 3.0e-4: the CSV's and WFDB's rounding


def test_a_quality_table_has_a_line_a_picture_and_the_reason_of_a_refusal(tmp_path, page):
    blank = tmp_path / "blank.png"
    cv2.imwrite(str(blank), np.full((600, 800, 3), 255, np.uint8))
    table = tmp_path / "quality.csv"
    assert main(["digitize", str(blank), str(page), "--output", str(tmp_path), "--quality", str(table)]) == 1
    refused, read = csv.DictReader(table.open())
    assert (refused["status"], refused["hidden_share"]) == ("refused", "") and "blank" in refused["reason"]
    assert (read["status"], read["reason"], read["cut_off_share"]) == ("read", "", "0")
    assert float(read["expected_error_mm"]) < 0.012 and float(read["hidden_share"]) < 0.06  # 0.009, 0.046
    assert (refused["page"], read["page"]) == ("1", "1")
    assert {
        "layout": "3x4+1R(II)",
        "lead_order": "standard",
        "speed_mm_per_s": "25",
        "gain_mm_per_mv": "10",
        "columns": "sequential",
        "warnings": "",
    }.items() <= read.items()
    assert 0.005 < float(read["median_sigma_mv"]) < 0.007 and float(read["unsure_share"]) < 0.02  # 0.0061, 0.013


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (SHIPPED, SHIPPED_ANY, DEFAULT, "none", Hints())),
        (["--weights", "a", "--weights", "b", "--flips", "both"], (GIVEN, GIVEN, DEFAULT, "both", Hints())),
        (["--lead-laws", "off"], (SHIPPED, SHIPPED_ANY, LeadOptions(merge_rhythm=True), "none", Hints())),
        (
            ["--layout", "6x1", "--speed", "50", "--gain", "20", "--leads", "V1,V2,V3,V4,V5,V6"],
            (SHIPPED, SHIPPED_ANY, DEFAULT, "none", Hints("6x1", 50.0, 20.0, LEADS[6:])),
        ),
        (["--leads=-aVR,I,II"], (SHIPPED, SHIPPED_ANY, DEFAULT, "none", Hints(leads=("-aVR", "I", "II")))),
    ],
)
def test_weights_lead_laws_flips_and_hints_reach_the_digitizer(monkeypatch, tmp_path, page, arguments, expected):
    asked = []
    monkeypatch.setattr(
        "ecgpipe.digitize.digitizer.Digitizer",
        lambda weights, options, flips, hints, other_weights: asked.append(
            (weights, other_weights, options, flips, hints)
        ),
    )
    main(["digitize", str(page), "--output", str(tmp_path), *arguments])
    assert asked == [expected]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layout", "4x3"], "layout: found 4x3, expected 3x4, 6x2"),
        (["--speed", "30"], "speed: found 30, expected 12.5, 25, 50 or 100 mm/s"),
        (["--gain", "ten"], "gain: found ten, expected 2.5, 5, 10 or 20 mm/mV"),
        (["--layout", "3x1", "--leads", "I,II"], "leads: found 2, expected the 3 of 3x1"),
    ],
)
def test_hints_that_no_page_has_are_one_line_and_nothing_is_read(tmp_path, page, capsys, arguments, words):
    assert main(["digitize", str(page), "--output", str(tmp_path / "out"), *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_gain_that_is_said_is_that_of_the_reading(tmp_path, page, digitized, capsys):
    assert main(["digitize", str(page), "--output", str(tmp_path), "--gain", "20"]) == 0
    assert f"{page} -> {tmp_path / 'page.csv'} (3x4+1R(II), 25 mm/s, 20 mm/mV; map good to" in capsys.readouterr().out
    half, whole = read_series(tmp_path / "page.csv"), read_series(digitized / "page.csv")
    known = np.isfinite(whole)
    assert np.polyfit(whole[known], half[known], 1)[0] == pytest.approx(0.5, abs=0.05)


def test_a_column_of_times_comes_before_the_leads_of_each_csv(tmp_path, page, digitized):
    assert main(["digitize", str(page), "--output", str(tmp_path), "--time", "--sigma"]) == 0
    for name in ("page.csv", "page.sigma.csv"):
        timed, plain = ((folder / name).read_text().splitlines() for folder in (tmp_path, digitized))
        times, rest = zip(*(line.split(",", 1) for line in timed), strict=True)
        assert list(rest) == plain
        assert times[0] == "time_s" and [float(text) for text in times[1:]] == [row / FS_HZ for row in range(5000)]


@pytest.mark.slow
def test_a_page_of_five_seconds_has_half_as_many_rows(tmp_path, monkeypatch, page):
    halved = replace(
        KIT, windows=tuple(replace(w, start_s=w.start_s / 2, duration_s=w.duration_s / 2) for w in KIT.windows)
    )
    read = Digitizer.read

    def read_as_five_seconds(self, found):
        done = read(self, found)
        return replace(done, series_mv=done.series_mv[:, ::2], sigma_mv=done.sigma_mv[:, ::2],
                       traces=replace(done.traces, layout=halved))  # fmt: skip

    monkeypatch.setattr(Digitizer, "read", read_as_five_seconds)
    for fs, rows in (("500", 2500), ("100", 500)):
        assert main(["digitize", str(page), "--output", str(tmp_path), "--fs", fs]) == 0
        assert read_series(tmp_path / "page.csv").shape == (12, rows)
    assert main(["digitize", str(page), "--output", str(tmp_path), "--format", "wfdb", "--fs", "250"]) == 0
    assert wfdb.rdheader(str(tmp_path / "page")).sig_len == 1250


@pytest.fixture(scope="module")
def strip_of_v1(tmp_path_factory, signal) -> Path:
    """A clean page whose rhythm strip shows V1."""
    path = tmp_path_factory.mktemp("v1") / "v1.png"
    strip = replace(KIT.windows[-1], lead="V1")
    layout = replace(KIT, windows=(*KIT.windows[:-1], strip))
    cv2.imwrite(str(path), draw_page(signal, FS_HZ, PageStyle(), layout)[..., ::-1])
    return path


def test_a_strip_of_another_lead_is_warned_of_and_not_taken_for_lead_ii(tmp_path, strip_of_v1, signal, capsys):
    table = tmp_path / "quality.csv"
    assert main(["digitize", str(strip_of_v1), "--output", str(tmp_path), "--quality", str(table)]) == 0
    assert "v1.png: warning: the strip of lead II differs from its short window" in capsys.readouterr().err
    (row,) = csv.DictReader(table.open())
    assert "left out" in row["warnings"] and (row["speed_mm_per_s"], row["gain_mm_per_mv"]) == ("25", "10")
    second = read_series(tmp_path / "v1.csv")[LEADS.index("II")]
    assert np.isnan(second[1250:]).all()
    np.testing.assert_allclose(second[20:1230], signal[LEADS.index("II"), 20:1230], atol=0.1)


def test_weights_that_are_not_there_are_one_line_that_names_them(tmp_path, page, capsys):
    weights = str(tmp_path / "lost.safetensors")
    assert main(["digitize", str(page), "--output", str(tmp_path), "--weights", weights]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_stands_for_the_pictures_in_it_and_the_same_picture_gives_the_same_bytes(tmp_path, page, digitized):
    assert main(["digitize", str(page.parent), "--output", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["page.csv"]
    assert (tmp_path / "page.csv").read_bytes() == (digitized / "page.csv").read_bytes()


# ---- bad input: one line each, the others done, exit status 1


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    header = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + header + zlib.crc32(header).to_bytes(4)


def encoded(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def fur() -> np.ndarray:
    """A photo-like texture without any page in it."""
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    return cv2.resize(noise, (1600, 1200), interpolation=cv2.INTER_CUBIC)


BAD_PICTURES = {
    "empty": lambda page: b"",
    "truncated": lambda page: page[: len(page) // 2],
    "text": lambda page: b"not a picture\n",
    "one-pixel": lambda page: encoded(np.full((1, 1, 3), 255, np.uint8)),
    "huge": lambda page: png_of_size(60_000, 60_000),
    "white": lambda page: encoded(np.full((1700, 2200, 3), 255, np.uint8)),
    "fur": lambda page: encoded(fur()),
}


@pytest.fixture(scope="module")
def bad_run(tmp_path_factory, page) -> tuple[Path, dict[str, str], int, str]:
    """Every bad picture and a good one in one go: output folder, stderr line by picture, exit status, stderr."""
    folder = tmp_path_factory.mktemp("bad")
    paths = [folder / f"{name}.png" for name in BAD_PICTURES] + [folder / "absent.png"]
    for path, make in zip(paths, BAD_PICTURES.values(), strict=False):
        path.write_bytes(make(page.read_bytes()))
    command = [
        sys.executable,
        "-m",
        "ecgpipe",
        "digitize",
        *map(str, paths),
        str(page),
        "--output",
        str(folder / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    return folder / "out", {p.stem: [line for line in lines if str(p) in line] for p in paths}, done.returncode, lines


@pytest.mark.parametrize("name", [*BAD_PICTURES, "absent"])
def test_a_bad_picture_is_one_line_that_names_it(bad_run, name):
    (line,) = bad_run[1][name]
    assert line.startswith("ecgpipe: ") and len(line.rsplit(f"{name}.png: ", 1)[1].split()) >= 3
    assert "unexpected" not in line


def test_after_bad_pictures_the_good_one_is_done_and_the_status_is_1(bad_run):
    out, by_picture, status, lines = bad_run
    assert status == 1 and [path.name for path in out.iterdir()] == ["page.csv"]
    assert len(lines) == len(by_picture), "nothing else on stderr"


# ---- several pages in one file


@pytest.fixture(scope="module")
def three_pages(tmp_path_factory, page) -> Path:
    """A TIFF of the clean page, a blank one and the clean page on its head."""
    first = Image.open(page).convert("RGB")
    path = tmp_path_factory.mktemp("several") / "scan.tif"
    blank = Image.new("RGB", first.size, "white")
    first.save(path, save_all=True, append_images=[blank, first.rotate(180)], compression="tiff_lzw")
    return path


@pytest.fixture(scope="module")
def three_read(tmp_path_factory, three_pages) -> tuple[Path, subprocess.CompletedProcess]:
    """The folder that `digitize` wrote for it, and what it said."""
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
    out, done = three_read
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"ecgpipe: {three_pages}, page 2: blank")
    rows = list(csv.DictReader((out / "q.csv").open()))
    assert [(row["picture"], row["page"], row["status"]) for row in rows] == [
        (str(three_pages), number, status) for number, status in zip("123", ("read", "refused", "read"), strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("order", [1, -1])
def test_a_page_is_not_written_over_another_pictures_result(tmp_path, page, three_pages, digitized, capsys, order):
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


@pytest.mark.parametrize("rate", ["0", "-500", "nan", "333.33", "fast"])
def test_a_rate_that_gives_no_whole_rows_is_a_usage_error(rate, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["digitize", "x.png", "--output", "out", "--fs", rate])
    assert stop.value.code == 2 and "--fs" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(count, capsys):
    with pytest.raises(SystemExit):
        main(["digitize", "x.png", "--output", "out", "--workers", count])
    assert f"found {count}, expected a whole number" in capsys.readouterr().err


def test_digitize_starts_without_what_it_does_not_need():
    slow = {"torch", "pytorch_lightning", "dvc", "kaggle", "matplotlib", "pandas", "wfdb"}
    used = "ecgpipe.cli, ecgpipe.digitize.digitizer, ecgpipe.formats.csv, ecgpipe.rectify.picture"
    code = f"import sys, {used}; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ---- score


@pytest.fixture
def truth(tmp_path) -> Path:
    """A sine with whole periods in every window, so that the offset granted to a lead is worth nothing."""
    sine = np.sin(2 * np.pi * 4 * np.arange(10 * FS_HZ) / FS_HZ)
    write_signal(tmp_path / "truth" / "a.csv", np.tile(sine, (len(LEADS), 1)), FS_HZ)
    return tmp_path / "truth"


def printed_score(capsys) -> float:
    return float(capsys.readouterr().out.rsplit(":", 1)[1].split()[0])


@pytest.mark.parametrize(("gain", "cap", "expected"), [(0.9, "1e6", 20.0), (0.9, "10", 10.0), (0.5, "1e6", 6.02)])
def test_a_gain_error_scores_its_ratio_up_to_the_cap(tmp_path, truth, capsys, gain, cap, expected):
    write_csv(tmp_path / "read" / "a.csv", read_series(truth / "a.csv") * gain)
    main(["score", str(tmp_path / "read"), str(truth), "--cap", cap])
    assert printed_score(capsys) == pytest.approx(expected, abs=0.01)


def test_a_page_without_prediction_counts_as_zero_millivolt(tmp_path, truth, capsys):
    (tmp_path / "read").mkdir()
    main(["score", str(tmp_path / "read"), str(truth)])
    assert printed_score(capsys) == 0


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", ",".join(LEADS) + "\n1,2\n", ",".join(LEADS) + "\n" + "x," * 12])
def test_a_prediction_that_is_no_table_of_leads_is_named(tmp_path, truth, capsys, content):
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "a.csv").write_text(content)
    assert main(["score", str(tmp_path / "read"), str(truth)]) == 1
    error = capsys.readouterr().err
    assert "a.csv" in error and error.count("\n") == 1


def test_a_gap_in_a_lead_breaks_its_trace():
    window = KIT.windows[0]
    lead = np.zeros(10 * FS_HZ)
    lead[100:200] = np.nan
    first, second = trace_mm(lead, window, KIT)
    assert len(first) == 100 and len(second) == 1250 - 200
    assert second[0, 0] == pytest.approx(15 + 200 / FS_HZ * 25)


@pytest.mark.parametrize(
    ("module", "slow"),
    [("ecgpipe.cli", {"numpy", "cv2", "scipy", "openvino"}), ("ecgpipe.recognize.pages", {"openvino"})],
)
def test_pages_are_being_found_before_the_reader_is_imported(module, slow):
    code = f"import sys, {module}; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
