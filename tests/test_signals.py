"""Signal operations: what each must change, what it must leave, and what it must refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import LEADS
from ecgpipe.signals import (
    denoise_wavelet,
    fill_gaps,
    fourier_resample,
    limb_lead_laws,
    remove_baseline_wander,
    smooth_signal,
    smoothed,
)


def beats(time_s, rate_hz=1.1):
    """A smooth train of narrow beats, which a 250 Hz sampling still represents."""
    phase = (time_s * rate_hz + 0.37) % 1 - 0.5
    return np.exp(-((phase / 0.02) ** 2)) + 0.2 * np.exp(-(((phase - 0.25) / 0.06) ** 2))


def ramp_of_beats(rows):
    """2.5 s of beats on a drift, so that the two ends differ by half a millivolt."""
    time_s = np.arange(rows) * 2.5 / rows
    return beats(time_s) + 0.2 * time_s


@pytest.mark.parametrize("rows", [625, 640, 1249, 1251, 1280, 2500, 2562, 2563])
def test_resampling_gives_the_exact_row_count_and_the_signal(rows):
    resampled = fourier_resample(ramp_of_beats(1250), rows)
    assert resampled.shape == (rows,)
    np.testing.assert_allclose(resampled, ramp_of_beats(rows), atol=2e-4)  # 1.3e-4 at 2563, in the last samples


@pytest.mark.parametrize("rows", [625, 2563])
def test_mirror_rings_less_than_the_plain_transform_at_the_ends(rows):
    signal, expected = ramp_of_beats(1250), ramp_of_beats(rows)
    ends = np.r_[:10, rows - 10 : rows]
    plain = np.abs(resample(signal, rows) - expected)[ends].max()
    assert np.abs(fourier_resample(signal, rows) - expected)[ends].max() < plain / 1500  # 1900 and 2800 times less


@pytest.mark.parametrize("rows", [800, 999, 1001, 3000])
def test_agrees_with_scipy_on_the_mirrored_signal_and_on_periodic_data(rows):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((3, 1000))
    mirrored = np.concatenate([noise, noise[:, ::-1]], axis=1)
    np.testing.assert_allclose(fourier_resample(noise, rows), resample(mirrored, 2 * rows, axis=1)[:, :rows], atol=1e-9)
    periodic = np.cos(2 * np.pi * 5 * np.arange(1000) / 1000)
    inner = slice(rows // 10, -rows // 10)
    np.testing.assert_allclose(fourier_resample(periodic, rows)[inner], resample(periodic, rows)[inner], atol=5e-7)


def test_resampling_to_the_same_count_copies():
    signal = np.arange(10.0)
    same = fourier_resample(signal, 10)
    same[0] = 99
    assert signal[0] == 0


def test_up_and_down_again_restores_the_signal():
    signal = np.stack([ramp_of_beats(1250), -ramp_of_beats(1250)])
    np.testing.assert_allclose(fourier_resample(fourier_resample(signal, 2563), 1250), signal, atol=2e-5)


@pytest.mark.parametrize(
    ("longest", "expected"), [(None, [1, 2, 3, 3, 3, 3]), (2, [1, 2, 3, 3, 3, 3]), (1, [1, 2, 3, np.nan, np.nan, 3])]
)
def test_gaps_up_to_the_longest_are_bridged(longest, expected):
    np.testing.assert_allclose(fill_gaps(np.array([1, np.nan, 3, np.nan, np.nan, 3]), longest), expected)


def test_ends_and_empty_rows_of_a_series_stay_unknown():
    series = np.full((2, 5), np.nan)
    series[0, [1, 3]] = 0.0, 1.0
    np.testing.assert_array_equal(fill_gaps(series), [[np.nan, 0, 0.5, 1, np.nan], [np.nan] * 5])


@pytest.mark.parametrize("fs_hz", [250, 500, 1025])
def test_wander_goes_and_beats_stay(fs_hz):
    time_s = np.arange(10 * fs_hz) / fs_hz
    clean = beats(time_s, rate_hz=1.5)
    wander = 0.8 * np.sin(2 * np.pi * 0.08 * time_s) + 2.0
    found = remove_baseline_wander(clean + wander, sampling_rate=fs_hz)
    middle = slice(2 * fs_hz, 8 * fs_hz)
    left = found - (clean - clean.mean())
    assert np.std(left[middle]) < 0.002 * np.std(wander[middle])  # 0.0016 at each rate
    assert abs(found.mean()) < 0.0025  # 0.0022: the ends


def test_wander_filter_does_not_move_the_beats():
    clean = np.tile(beats(np.arange(5000) / 500), (12, 1))
    assert (remove_baseline_wander(clean)[:, 1000:1400].argmax(axis=1) == clean[:, 1000:1400].argmax(axis=1)).all()


@pytest.mark.parametrize("method", ["savgol", "median", "gaussian", "mean"])
def test_smoothing_takes_its_share_of_the_noise_and_keeps_a_line(method):
    noise = np.random.default_rng(0).standard_normal((2, 20_000))
    left = {"savgol": 0.456, "median": 0.375, "gaussian": 0.394, "mean": 0.302}  # root of the sum of squared weights
    assert np.std(smooth_signal(noise, method)) == pytest.approx(left[method], rel=0.03)
    line = np.linspace(0, 1, 200)
    np.testing.assert_allclose(smooth_signal(line, method)[10:-10], line[10:-10], atol=1e-9)


@pytest.mark.parametrize(("samples", "sigma"), [(600, 2.5), (7, 5.0)])
def test_the_quick_gaussian_is_that_of_scipy(samples, sigma):
    signal = np.random.default_rng(0).normal(size=(2, 3, samples))
    assert smoothed(signal, sigma) == pytest.approx(gaussian_filter1d(signal, sigma, axis=-1))


def test_savgol_keeps_a_peak_that_the_mean_flattens():
    peak = beats(np.arange(1250) / 500)
    lost = {method: peak.max() - smooth_signal(peak, method).max() for method in ("savgol", "mean")}
    assert lost["savgol"] < 0.05 * lost["mean"]  # 0.043


def test_median_drops_an_outlier():
    signal = np.zeros(100)
    signal[50] = 9.0
    assert not smooth_signal(signal, "median").any()


@pytest.mark.parametrize("samples", [1250, 2563])
def test_wavelets_take_noise_rather_than_beats(samples):
    rng = np.random.default_rng(0)
    clean = np.stack([beats(np.arange(samples) / 500), 0.5 * beats(np.arange(samples) / 500)])
    noisy = clean + 0.03 * rng.standard_normal(clean.shape)
    denoised = denoise_wavelet(noisy)
    assert denoised.shape == clean.shape
    assert np.std(denoised - clean) < 0.5 * np.std(noisy - clean)


def test_wavelets_at_no_strength_change_nothing():
    signal = np.random.default_rng(0).standard_normal(1000)
    np.testing.assert_allclose(denoise_wavelet(signal, strength=0.0), signal, atol=1e-9)


def limb_leads(samples=100):
    """Twelve leads that obey the laws, (12, samples) mV."""
    rng = np.random.default_rng(0)
    series = rng.standard_normal((12, samples))
    one, two = series[:2]
    series[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    return series


def residuals(series):
    leads = dict(zip(LEADS, series, strict=True))
    return np.stack([leads["I"] - leads["II"] + leads["III"], leads["aVR"] + leads["aVL"] + leads["aVF"]])


def of_one_level(series):
    return series - np.median(series, axis=1, keepdims=True)


def test_all_six_leads_come_from_the_two_that_fit_them_best():
    lawful = limb_leads(3000)
    measured = lawful + 0.005 * np.random.default_rng(1).standard_normal(lawful.shape)
    corrected = limb_lead_laws(measured, residual_limit_mv=0.1)
    np.testing.assert_allclose(np.ptp(residuals(corrected), axis=1), 0, atol=1e-12)
    left, was = (np.square(of_one_level(some - lawful)[:6]).sum() for some in (corrected, measured))
    assert left / was == pytest.approx(1 / 3, abs=0.02)  # two unknowns of six measurements
    np.testing.assert_array_equal(corrected[6:], measured[6:])


def test_a_lead_keeps_its_level():
    lawful = limb_leads()
    measured = lawful + np.linspace(-0.1, 0.2, 12)[:, None]
    np.testing.assert_allclose(limb_lead_laws(measured, 0.01), measured, atol=1e-12)


def test_the_least_sure_lead_is_moved_most():
    lawful = limb_leads()
    measured, sigma = lawful.copy(), np.full(lawful.shape, 0.001)
    measured[2, :40] += 0.05
    sigma[2, :40] = 1.0
    np.testing.assert_allclose(limb_lead_laws(measured, 1.0, sigma), lawful, atol=1e-5)
    sigma[2, :40] = np.nan  # as of a sample of which nothing is known
    np.testing.assert_allclose(limb_lead_laws(measured, 1.0, sigma), lawful, atol=1e-5)


def test_what_is_misread_where_a_lead_has_a_gap_is_no_level():
    lawful = limb_leads(500)
    measured = lawful.copy()
    measured[1, 100:120] -= 0.3
    measured[3, 100:120] = np.nan
    corrected = limb_lead_laws(measured, 1.0)
    assert np.abs(corrected - lawful)[1, 100:120].max() < 0.15


def test_a_standard_error_of_nothing_and_one_for_each_lead_are_as_good_as_any():
    lawful = limb_leads()
    measured, sigma = lawful.copy(), np.zeros((12, 1))
    measured[2, :40] += 0.05
    sigma[2] = 1.0
    np.testing.assert_allclose(limb_lead_laws(measured, 1.0, sigma), lawful, atol=1e-9)


def test_large_residuals_are_left_alone():
    measured = limb_leads()
    measured[0, 10] += 0.4
    np.testing.assert_allclose(limb_lead_laws(measured, 0.1), measured, atol=1e-12)


def test_correction_fades_without_a_step():
    measured = limb_leads(1001)
    measured[3:6] = np.nan
    ramp = np.concatenate([np.zeros(501), np.linspace(0, 0.4, 500)])
    measured[0] += ramp
    change = limb_leads(1001)[0] + ramp - limb_lead_laws(measured, 0.1)[0]
    assert change.max() == pytest.approx(0.05, abs=1e-4)  # where a third of the ramp is half the limit
    assert np.abs(np.diff(change)).max() < 6e-4
    np.testing.assert_allclose(change[-100:], 0, atol=1e-12)


def test_each_stretch_keeps_to_the_laws_of_the_leads_that_are_printed_there():
    lawful = limb_leads(400)
    noisy = lawful + 0.01 * np.random.default_rng(2).standard_normal(lawful.shape)
    noisy[[0, 2], 100:] = np.nan  # I and III only in the first quarter, II throughout
    noisy[3:6, :100] = noisy[3:6, 200:] = np.nan
    corrected = limb_lead_laws(noisy, 1.0)
    np.testing.assert_array_equal(np.isnan(corrected), np.isnan(noisy))
    np.testing.assert_array_equal(corrected[1, 200:], noisy[1, 200:])  # alone
    assert np.ptp(residuals(corrected)[0, :100]) < 1e-12 and np.ptp(residuals(corrected)[1, 100:200]) < 1e-12
    strip = 1.5 * corrected[1, 100:200] - (corrected[5] - corrected[3])[100:200]
    assert np.ptp(strip) < 1e-12  # the strip of lead II says something of aVR and aVF


def test_a_strip_of_another_time_is_left_out():
    lawful = limb_leads(400)
    measured = lawful.copy()
    measured[[0, 2]] = np.nan
    measured[1] = np.roll(measured[1], 50)
    measured[3] += 0.01 * np.random.default_rng(3).standard_normal(400)
    corrected = limb_lead_laws(measured, 1.0)
    np.testing.assert_array_equal(corrected[1], measured[1])
    assert np.ptp(residuals(corrected)[1]) < 1e-12
    measured[3] = np.roll(measured[3], 90)  # now no three of them are of one time
    np.testing.assert_array_equal(limb_lead_laws(measured, 1.0), measured)


def test_no_limit_is_no_correction():
    measured = limb_leads() + 0.01
    np.testing.assert_array_equal(limb_lead_laws(measured, 0.0), measured)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fourier_resample(np.float64(1), 5), r"shape \(\)"),
        (lambda: fourier_resample(np.zeros((12, 0)), 5), r"shape \(12, 0\)"),
        (lambda: fourier_resample(np.zeros(9), 0), "0 rows"),
        (lambda: fourier_resample(np.array([1.0, np.nan, 2.0]), 5), "1 NaN or infinite"),
        (lambda: fill_gaps(np.array([1.0, np.inf])), "1 NaN or infinite"),
        (lambda: remove_baseline_wander(np.zeros(99), sampling_rate=0.9), "cutoff of 0.5 Hz at 0.9 Hz"),
        (lambda: smooth_signal(np.zeros(99), "wish"), "'wish', expected one of savgol"),
        (lambda: smooth_signal(np.zeros(99), window=10), "window of 10"),
        (lambda: smooth_signal(np.zeros(9)), "window of 11, expected an odd one of 5 to 9"),
        (lambda: denoise_wavelet(np.zeros(99), wavelet="wish"), "'wish'"),
        (lambda: denoise_wavelet(np.zeros(9)), "9 samples, too few"),
        (lambda: limb_lead_laws(np.zeros((100, 12)), 0.1), r"\(100, 12\), expected \(12, samples\)"),
    ],
)
def test_wrong_input_is_refused(call, words):
    with pytest.raises(DataError, match=words):
        call()


# ---- for any signal


def random_signal(seed: int, samples: int, leads: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (leads, samples))


seeds, lengths = st.integers(0, 2**32 - 1), st.integers(2, 400)


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(300, 1300), st.integers(1, 1300))
def test_a_smooth_signal_resampled_to_more_samples_and_back_is_the_same(seed, samples, more):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, samples, endpoint=False)
    signal = sum(rng.normal(0, 0.3) * np.sin(2 * np.pi * rng.uniform(0, 10) * t + rng.uniform(0, 6)) for _ in range(5))
    # 2000 such signals: 0.014 at worst, in the first and last samples, as the mirror is a new one
    back = fourier_resample(fourier_resample(signal, samples + more), samples)
    np.testing.assert_allclose(back, signal, atol=0.02)


@settings(max_examples=50, deadline=None)
@given(seeds, lengths, st.integers(1, 900), st.floats(-5, 5), st.floats(-5, 5))
def test_resampling_is_linear_and_keeps_a_constant(seed, samples, rows, gain, offset):
    one, two = random_signal(seed, samples)
    together = fourier_resample(gain * one + two + offset, rows)
    np.testing.assert_allclose(together, gain * fourier_resample(one, rows) + fourier_resample(two, rows) + offset)


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(2, 300), st.floats(0.01, 3.0))
def test_lead_laws_applied_to_lawful_leads_change_nothing(seed, samples, limit_mv):
    lawful = random_signal(seed, samples, 12)
    one, two = lawful[:2]
    lawful[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    np.testing.assert_allclose(limb_lead_laws(lawful, limit_mv), lawful, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(40, 300))
def test_lead_laws_far_above_the_residuals_are_a_projection(seed, samples):
    measured = random_signal(seed, samples, 12)
    one, two = measured[:2]
    measured[2:6] = two - one, -(one + two) / 2, one - two / 2, two - one / 2
    measured += 0.02 * random_signal(seed + 1, samples, 12)
    sigma = np.random.default_rng(seed).uniform(0.01, 1.0, measured.shape)
    once = limb_lead_laws(measured, 10.0, sigma)
    np.testing.assert_allclose(limb_lead_laws(once, 10.0, sigma), once, atol=1e-12)
    assert np.ptp(residuals(once), axis=1).max() < 1e-9 < np.ptp(residuals(measured), axis=1).min()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.just(np.nan), st.floats(-5, 5)), min_size=2, max_size=60), st.integers(1, 60))
def test_filled_gaps_keep_every_known_sample_and_stay_between_their_neighbours(values, longest):
    signal = np.array(values)
    filled, known = fill_gaps(signal, longest), np.isfinite(signal)
    np.testing.assert_array_equal(filled[known], signal[known])
    if known.any():
        assert np.nanmin(filled) >= signal[known].min() - 1e-12 and np.nanmax(filled) <= signal[known].max() + 1e-12
    np.testing.assert_array_equal(fill_gaps(filled, longest), filled)
