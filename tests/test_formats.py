"""All formats of series: what was written is what another's reader finds, to the step of the format."""

import subprocess
import sys
import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe import write_series
from ecgpipe.base.errors import DataError, EcgpipeError
from ecgpipe.formats import FORMATS
from ecgpipe.formats.series import Series
from ecgpipe.page.layout import LEADS
from tests.conftest import REPOSITORY
from tests.format_readers import READERS, STEP_MV, kit_series, random_series, read_csv

each_format = pytest.mark.parametrize("name", FORMATS)


def written(folder, name: str, series: Series):
    """The path of `series` in the format of this name; a CSV with its times, so that its rate can be read."""
    path = folder / f"page{FORMATS[name].suffix}"
    if name == "csv":
        series = Series(series.series_mv, series.fs_hz, with_time=True)
    write_series(path, series)
    return path


@each_format
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.sampled_from([250, 256.5, 500, 1000]))
def test_any_series_is_read_back_by_another_reader_to_half_a_step(tmp_path_factory, name, seed, samples, fs_hz):
    series = random_series(seed, samples, fs_hz)
    found, rate = READERS[name](written(tmp_path_factory.mktemp(name), name, series))
    assert rate == pytest.approx(fs_hz, rel=1e-6)
    np.testing.assert_allclose(found[:, :samples], series.series_mv, rtol=0, atol=0.501 * STEP_MV[name])
    assert np.isnan(found[:, samples:]).all() and (name == "edf" or found.shape[1] == samples)


@each_format
def test_a_page_is_the_csv_of_it_to_the_steps_of_both(tmp_path, name):
    page = kit_series()
    (found, fs_hz), (csv, _) = READERS[name](written(tmp_path, name, page)), read_csv(written(tmp_path, "csv", page))
    assert fs_hz == 500 and found.shape == csv.shape == (12, 5000)
    np.testing.assert_allclose(found, csv, rtol=0, atol=0.501 * (STEP_MV[name] + STEP_MV["csv"]))


@each_format
def test_the_same_series_gives_the_same_bytes_and_nothing_is_left_beside_them(tmp_path, name):
    first, second = (written(tmp_path / place, name, kit_series()) for place in ("a", "b"))
    files = sorted(path.name for path in first.parent.iterdir())
    assert files == (["page.dat", "page.hea"] if name == "wfdb" else [first.name])
    assert all((first.parent / file).read_bytes() == (second.parent / file).read_bytes() for file in files)


@each_format
def test_a_lead_that_is_not_shown_at_all_is_missing_and_the_others_are_in_their_places(tmp_path, name):
    page = kit_series()
    page.series_mv[3] = np.nan
    found, _ = READERS[name](written(tmp_path, name, page))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(page.series_mv))


@each_format
def test_a_format_says_what_its_users_need_to_know_on_its_page(name):
    pages = (REPOSITORY / "docs/formats.md").read_text()
    assert f"## {name}\n" in pages and f"`{FORMATS[name].suffix}`" in pages


@pytest.mark.parametrize(("name", "step"), [("edf", 0.5), ("dicom", 0.5), ("aecg", 0.5), ("wfdb", 0.5)])
def test_what_passes_sixteen_bits_is_held_at_their_end_and_not_turned_over(tmp_path, name, step):
    path = written(tmp_path, name, Series(np.full((12, 3), 99.0) * [1, -1, 0], 500))
    np.testing.assert_allclose(READERS[name](path)[0][0, :3], np.array([1, -1, 0]) * 32767 * step / 1000, atol=1e-12)


# ---- names, rates, packages


def test_a_suffix_of_no_format_and_a_name_that_one_does_not_allow_are_said(tmp_path):
    with pytest.raises(EcgpipeError, match=r"page\.txt: found the suffix '\.txt', expected one of \.csv"):
        write_series(tmp_path / "page.txt", kit_series())
    with pytest.raises(EcgpipeError, match=r"ward 7\.hea: .* expected ward_7\.hea"):
        write_series(tmp_path / "ward 7.hea", kit_series())
    assert not list(tmp_path.iterdir())


@given(st.text(min_size=1, max_size=30))
def test_any_name_becomes_one_that_wfdb_takes(stem):
    name = FORMATS["wfdb"].stem(stem)
    assert len(name) == len(stem) and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    assert FORMATS["wfdb"].stem(name) == name


@pytest.mark.parametrize("kind", [kind for kind in FORMATS.values() if kind.needs], ids=lambda kind: kind.name)
def test_a_package_that_is_not_installed_is_one_line_that_names_the_extra(tmp_path, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, kind.needs, None)
    with pytest.raises(
        EcgpipeError, match=rf"^{kind.name}: found no module '{kind.needs}' in .*'\.\[formats\]'`"
    ) as said:
        write_series(tmp_path / f"page{kind.suffix}", kit_series())
    assert "\n" not in str(said.value)


def test_the_extra_brings_what_the_formats_need_and_no_more():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["formats"] == sorted(kind.needs for kind in FORMATS.values() if kind.needs)


def test_the_names_of_formats_are_known_without_importing_what_they_need():
    code = "import sys, ecgpipe.formats; print({'numpy', 'edfio', 'pydicom', 'pyarrow'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


# ---- what a writer is given


def test_stretches_are_what_the_page_shows_of_each_lead():
    found = list(kit_series().stretches())
    assert ("II", 0, 5000) in found and ("aVR", 1250, 2500) in found
    assert [part[1:] for part in found if part[0] == "V6"] == [(3750, 4000), (4050, 5000)]
    assert {lead for lead, *_ in found} == set(LEADS)


def test_identifiers_follow_from_samples_rate_and_purpose():
    ids = {
        kit_series().identifier("study"),
        kit_series(seed=1).identifier("study"),
        Series(kit_series().series_mv, 250).identifier("study"),
        kit_series().identifier("series"),
    }
    assert len(ids) == 4 and kit_series().identifier("study") in ids


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros((11, 5)), 500), r"shape \(11, 5\), expected \(12, n\)"),
        ((np.zeros((12, 0)), 500), r"shape \(12, 0\)"),
        ((np.zeros((12, 5)), 0), "rate of 0 Hz"),
        ((np.zeros((12, 5)), 500, np.zeros((12, 4))), r"errors of shape \(12, 4\)"),
        ((np.full((12, 5), np.inf), 500), "infinite"),
    ],
)
def test_what_is_no_series_is_refused_when_it_is_made(arguments, words):
    with pytest.raises(DataError, match=words):
        Series(*arguments)
