"""Digitised series as files: what was written is what is read, to the step of the format."""

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgpipe.base.errors import DataError
from ecgpipe.digitize.export import (
    ADC_LIMIT,
    ADC_PER_MV,
    SERIES_DECIMALS,
    read_series,
    wfdb_name,
    write_csv,
    write_wfdb,
)
from ecgpipe.page.layout import LEADS


def random_series(seed: int, samples: int) -> np.ndarray:
    """Series (12, samples) with some unknown samples and some large ones."""
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 3, (len(LEADS), samples))
    series[rng.random(series.shape) < 0.2] = np.nan
    return series


seeds, lengths = st.integers(0, 2**32 - 1), st.integers(1, 60)


@settings(max_examples=30, deadline=None)
@given(seeds, lengths)
def test_a_csv_keeps_every_series_to_a_tenth_of_a_microvolt(tmp_path_factory, seed, samples):
    path, series = tmp_path_factory.mktemp("csv") / "1.csv", random_series(seed, samples)
    write_csv(path, series)
    np.testing.assert_allclose(read_series(path), series, rtol=0, atol=0.501 * 10.0**-SERIES_DECIMALS)


@settings(max_examples=30, deadline=None)
@given(seeds, lengths, st.sampled_from([250, 256.5, 500, 1025]))
def test_a_wfdb_record_keeps_every_series_to_half_a_step(tmp_path_factory, seed, samples, fs_hz):
    folder, series = tmp_path_factory.mktemp("wfdb"), random_series(seed, samples)
    write_wfdb(folder, "1", series, fs_hz)
    record = wfdb.rdrecord(str(folder / "1"))
    assert (record.sig_name, record.fs, record.sig_len) == (list(LEADS), fs_hz, samples)
    np.testing.assert_allclose(record.p_signal.T, series, rtol=0, atol=0.501 / ADC_PER_MV)


def test_a_wfdb_record_is_byte_for_byte_that_of_the_wfdb_package(tmp_path):
    series = random_series(0, 5000)
    write_wfdb(tmp_path / "ours", "page", series, 500)
    (tmp_path / "theirs").mkdir()
    wfdb.wrsamp(
        "page",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(LEADS),
        p_signal=series.T,
        fmt=["16"] * 12,
        adc_gain=[ADC_PER_MV] * 12,
        baseline=[0] * 12,
        write_dir=str(tmp_path / "theirs"),
    )
    for name in ("page.dat", "page.hea"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()
    assert len(list((tmp_path / "ours").iterdir())) == 2


def test_what_passes_sixteen_bits_is_held_at_their_end_and_not_turned_over(tmp_path):
    write_wfdb(tmp_path, "1", np.full((12, 3), 99.0) * [1, -1, 0], 500)
    found = wfdb.rdrecord(str(tmp_path / "1")).p_signal[:, 0]
    np.testing.assert_allclose(found, np.array([1, -1, 0]) * ADC_LIMIT / ADC_PER_MV)


@given(st.text(min_size=1, max_size=30))
def test_any_name_becomes_one_that_wfdb_takes(stem):
    name = wfdb_name(stem)
    assert len(name) == len(stem) and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    assert wfdb_name(name) == name


def test_a_row_that_is_short_or_no_number_is_named(tmp_path):
    path = tmp_path / "1.csv"
    for row in ("1,2,3", ",".join(["x"] * 12)):
        path.write_text(",".join(LEADS) + "\n" + row + "\n")
        with pytest.raises(DataError, match=r"1\.csv: .*row 0 .*: found"):
            read_series(path)
