"""Simulated ECGs obey the limb-lead laws and vary as patients do; WFDB records come in one form."""

import numpy as np
import pytest
import wfdb
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import LEADS
from ecgpipe.synth.ecg import list_wfdb, read_wfdb, simulate

I, II, III, AVR, AVL, AVF = range(6)  # noqa: E741


@pytest.fixture(scope="module")
def patients():
    return np.stack([simulate(np.random.default_rng(seed)) for seed in range(50)])


def beat_intervals_s(series):
    """Seconds between the QRS complexes of a record (12, n) at 500 Hz."""
    slope = np.abs(np.gradient(sosfiltfilt(butter(2, (5, 25), "band", fs=500, output="sos"), series, axis=1), axis=1))
    energy = slope.sum(axis=0)
    peaks, _ = find_peaks(energy, height=0.4 * np.percentile(energy, 99.5), distance=150)
    return np.diff(peaks) / 500


def test_limb_leads_obey_einthoven_and_goldberger(patients):
    p = patients.astype(float).transpose(1, 0, 2)
    for residual in (
        p[II] - p[I] - p[III],
        p[AVR] + (p[I] + p[II]) / 2,
        p[AVL] - p[I] + p[II] / 2,
        p[AVF] - p[II] + p[I] / 2,
    ):
        assert np.abs(residual).max() < 1e-6


@pytest.mark.parametrize("fs_hz", [100, 250, 1000])
def test_form_of_a_simulated_record(fs_hz):
    series = simulate(np.random.default_rng(1), fs_hz=fs_hz, duration_s=4.0)
    assert series.shape == (12, 4 * fs_hz) and series.dtype == np.float32
    assert np.isfinite(series).all() and np.ptp(series, axis=1).min() > 0.1


def test_a_seed_gives_one_patient_and_another_seed_another(patients):
    np.testing.assert_array_equal(simulate(np.random.default_rng(7)), patients[7])
    assert not np.allclose(patients[7], patients[8])


BANDS_HZ = ((15, 40), (40, 60), (60, 80), (80, 100), (100, 130), (130, 170), (170, 210))
# Medians over 200 records of PTB-XL: rms in µV in the bands, in QRS complexes and between beats.
IN_QRS_UV = (130, 17.8, 8.5, 5.1, 4.2, 3.3, 1.9)
BETWEEN_UV = (4.8, 1.7, 1.2, 0.9, 1.0, 0.9, 0.6)


def rms_uv(series):
    """RMS (bands, 2) of a record (12, n) at 500 Hz in its QRS complexes and far from them, the median of six leads."""
    filters = [butter(4, band, "band", fs=500, output="sos") for band in ((8, 40), *BANDS_HZ)]
    slope = np.abs(np.gradient(sosfiltfilt(filters[0], series, axis=1), axis=1)).sum(axis=0)
    slope = np.convolve(slope, np.ones(15) / 15, "same")
    steepest = np.quantile(slope, 0.99)
    qrs = maximum_filter1d(slope, 61) > 0.35 * steepest
    between = maximum_filter1d(slope, 161) <= 0.2 * steepest
    bands = [sosfiltfilt(one, series, axis=1)[[0, 1, 6, 7, 9, 11]] for one in filters[1:]]
    parts = [[np.sqrt(np.mean(band[:, part] ** 2, axis=1)) for part in (qrs, between)] for band in bands]
    return 1000 * np.median(parts, axis=-1)


def test_complexes_have_the_notches_and_records_the_noise_of_real_ones(patients):
    found = np.nanmedian([rms_uv(series.astype(float)) for series in patients], axis=0)
    ratio = found / np.stack([IN_QRS_UV, BETWEEN_UV], axis=1)
    assert ratio.min() > 0.6 and ratio.max() < 1.8  # 0.7 to 1.6; without notches and amplifier 0.0 to 1.6


def test_heart_rates_spread_over_what_clinics_see(patients):
    rates = np.array([60 / np.median(beat_intervals_s(series)) for series in patients])
    assert np.percentile(rates, 5) < 60 and np.percentile(rates, 95) > 95
    assert 65 < np.median(rates) < 85


def test_some_rhythms_are_irregular_and_most_are_not(patients):
    spread = np.array([np.std(gaps := beat_intervals_s(series)) / np.mean(gaps) for series in patients])
    assert 0.05 < np.mean(spread > 0.1) < 0.45


def test_amplitudes_spread_from_low_voltage_to_beyond_three_millivolts(patients):
    highest = np.abs(patients).max(axis=(1, 2))
    assert highest.max() > 3.0 and highest.min() < 1.2
    assert 1.4 < np.median(highest) < 2.4
    limb = np.ptp(patients[:, :6], axis=2).max(axis=1)
    assert limb.min() < 0.8 and limb.max() > 2.5


def test_r_wave_grows_from_v1_to_v5(patients):
    r_mv = np.median(patients[:, 6:].max(axis=2), axis=0)
    s_mv = np.median(patients[:, 6:].min(axis=2), axis=0)
    assert r_mv[0] < r_mv[2] < r_mv[4] and s_mv[4] > s_mv[1]


def write_record(folder, name="00001_hr", leads=LEADS, fs=500, units="mV", gap=False):
    """A record whose lead number k of `layout.LEADS` is a ramp of height k/10 mV; returns its header."""
    signals = np.stack([np.linspace(0, (1 + [x.upper() for x in LEADS].index(n.upper())) / 10, 50) for n in leads], 1)
    if gap:
        signals[10:20, 0] = np.nan
    fmt, gain, zero = ["16"] * len(leads), [1000.0] * len(leads), [0] * len(leads)
    units = [units] * len(leads)
    wfdb.wrsamp(name, fs, units, list(leads), signals, fmt=fmt, adc_gain=gain, baseline=zero, write_dir=str(folder))
    return folder / f"{name}.hea"


def test_leads_are_found_by_name_whatever_their_order_and_case(tmp_path):
    series = read_wfdb(write_record(tmp_path, leads=[name.upper() for name in reversed(LEADS)]))
    assert series.shape == (12, 50) and series.dtype == np.float32
    np.testing.assert_allclose(series[:, -1], np.arange(1, 13) / 10, atol=1e-6)


def test_gaps_become_zero(tmp_path):
    series = read_wfdb(write_record(tmp_path, gap=True))
    assert (series[0, 10:20] == 0).all() and (series[1, 10:20] != 0).all()


@pytest.mark.parametrize(
    "change, said",
    [
        ({"fs": 100}, "100 Hz, expected 500 Hz"),
        ({"leads": LEADS[:11]}, "lacks lead V6"),
        ({"units": "uV"}, "units uV, expected mV"),
    ],
)
def test_records_of_another_form_are_refused_by_name(tmp_path, change, said):
    with pytest.raises(DataError, match=f"00001_hr.hea: {said}"):
        read_wfdb(write_record(tmp_path, **change))


def test_unreadable_records_are_refused_by_name(tmp_path):
    header = write_record(tmp_path)
    header.with_suffix(".dat").unlink()
    with pytest.raises(DataError, match=r"00001_hr.hea: not a readable WFDB record"):
        read_wfdb(header)
    header.write_text("not a header\n")
    with pytest.raises(DataError, match=r"00001_hr.hea: not a readable WFDB record"):
        read_wfdb(header)


def test_folders_are_listed_recursively_and_in_order(tmp_path):
    for folder, name in (("b", "2"), ("a", "3"), ("a", "1")):
        (tmp_path / folder).mkdir(exist_ok=True)
        write_record(tmp_path / folder, name)
    assert [path.relative_to(tmp_path).as_posix() for path in list_wfdb(tmp_path)] == ["a/1.hea", "a/3.hea", "b/2.hea"]


def test_a_folder_without_records_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=f"{tmp_path.name}: no WFDB header"):
        list_wfdb(tmp_path)
