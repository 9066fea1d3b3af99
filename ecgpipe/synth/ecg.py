"""Twelve-lead ECGs: simulated from a heart vector, or read from WFDB records."""

from pathlib import Path

import numpy as np

from ecgpipe.base.errors import DataError
from ecgpipe.page.layout import LEADS

WFDB_FS_HZ = 500

# Heart vector (left, down, back) in mV to I, II, V1..V6: Dower's lead vectors (Dower, Machado, Osborne 1980).
DOWER = np.array(
    [
        [0.632, -0.235, 0.059],
        [0.235, 1.066, -0.132],
        [-0.515, 0.157, -0.917],
        [0.044, 0.164, -1.387],
        [0.882, 0.098, -1.277],
        [1.213, 0.127, -0.601],
        [1.125, 0.127, -0.086],
        [0.831, 0.076, 0.230],
    ]
)
# Electrodes RA, LA, LL, V1..V6 to the same leads: noise enters here, so that it obeys the limb-lead laws too.
ELECTRODES_TO_LEADS = np.zeros((8, 9))
ELECTRODES_TO_LEADS[0, :2] = -1, 1
ELECTRODES_TO_LEADS[1, [0, 2]] = -1, 1
ELECTRODES_TO_LEADS[2:, :3] = -1 / 3
ELECTRODES_TO_LEADS[2:, 3:] = np.eye(6)
IS_LIMB = np.array([1.0] * 3 + [0.0] * 6)[:, None]

# Notches and slurs of QRS complexes, and the amplifier's noise. With these each band up to 210 Hz has 0.6 to 1.6 times
# what 200 PTB-XL records have, in QRS complexes and between them; without, a quarter at 60 to 80 Hz in complexes and
# nothing from 130 Hz on (docs/log.md, "What made simulated pages easy to read").
NOTCHES, NOTCH_S = (6, 14), (0.0012, 0.006)  # how many, and their standard deviations
NOTCH_SHARE = 0.16  # standard deviation of the widest, as a share of the main wave; it goes with the root of the width
NOTCHES_ABOUT_S = (0.005, 0.022)  # the R peak: mean and standard deviation
ECTOPIC_NOTCHES = 0.6, 1.6  # height and spread of those of a ventricular beat, beside these
AMPLIFIER_MV, AMPLIFIER_HZ = 0.00114, (60.0, 230.0)  # in the whole band; less where the rate does not reach that far

# A beat is a table (waves, 6): heart vector in mV at the wave's peak, then seconds from the R peak, rise, fall
# (standard deviations of the two half Gaussians).
DELAY, RISE, FALL = 3, 4, 5


def simulate(rng: np.random.Generator, *, fs_hz: int = 500, duration_s: float = 10.0) -> np.ndarray:
    """A made-up patient's ECG (12, n) float32 mV, leads in `layout.LEADS` order.

    Waves of a heart vector (sinus rhythm, atrial fibrillation, block, ectopic beats, pacing, infarction) go through
    Dower's leads; wander, muscle, mains and amplifier noise join at the electrodes. The limb-lead laws hold to float32
    rounding.
    """
    n = round(duration_s * fs_hz)
    t_s = np.arange(n) / fs_hz
    (fine,) = rng.spawn(1)  # of its own, so that beats do not depend on how many notches there are
    waves, fibrillating = _rhythm(rng, fine, duration_s)
    vector = waves[:, :3].T @ _bells(t_s, waves[:, DELAY], waves[:, RISE], waves[:, FALL])
    if fibrillating:
        vector += rng.normal(0, 0.06, (3, 1)) * _band_noise(rng, (3, n), fs_hz, 4.0, 9.0)
    leads = DOWER * rng.normal(1, 0.15, DOWER.shape) + rng.normal(0, 0.04, DOWER.shape)
    noise = _electrode_noise(rng, n, fs_hz) + _amplifier_noise(fine, n, fs_hz)
    independent = leads @ vector + ELECTRODES_TO_LEADS @ noise
    return from_independent(independent - np.median(independent, axis=1, keepdims=True))


def from_independent(leads: np.ndarray) -> np.ndarray:
    """All 12 leads (12, n) float32 of the 8 independent ones (8, n), I, II, V1..V6, by the limb-lead laws."""
    one, two = leads[0], leads[1]
    limb = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    return np.concatenate([limb, leads[2:]]).astype(np.float32)


def _bells(t_s: np.ndarray, centre_s: np.ndarray, rise_s: np.ndarray, fall_s: np.ndarray) -> np.ndarray:
    """Gaussians (waves, n) of peak 1, each with its own width on either side of its centre."""
    offset = (t_s - centre_s[:, None]).astype(np.float32)  # halves the time of the exponential
    return np.exp(-0.5 * (offset / np.where(offset < 0, *np.array([rise_s, fall_s], np.float32)[..., None])) ** 2)


def _rhythm(rng: np.random.Generator, fine: np.random.Generator, duration_s: float) -> tuple[np.ndarray, bool]:
    """All waves of a recording (waves, 6), with the time from its start as delay; whether the atria fibrillate.

    `fine` draws the notches of the QRS complexes.
    """
    rr_s = 60 / np.clip(rng.lognormal(np.log(74), 0.27), 40, 150)
    fibrillating = rng.random() < 0.08
    irregularity = rng.uniform(0.12, 0.25) if fibrillating else rng.uniform(0.002, 0.04)
    pvc_rate = rng.uniform(0.05, 0.35) if rng.random() < 0.10 else 0.0
    pac_rate = rng.uniform(0.05, 0.25) if rng.random() < 0.08 else 0.0
    conducted, ectopic = _conducted_beat(rng, rr_s), _ventricular_beat(rng, rr_s)
    height, spread = ECTOPIC_NOTCHES
    notches = _notches(fine, conducted[1, :DELAY]), _notches(fine, height * ectopic[0, :DELAY], spread)
    if not fibrillating:
        conducted = np.concatenate([_p_wave(rng, rr_s), conducted])
    beats, at_s, wait_s = [], -rr_s * rng.random(), rr_s
    while at_s < duration_s + rr_s:
        kind = rng.random()
        beat, notched, next_s = conducted, notches[0], rr_s * max(0.45, rng.normal(1, irregularity))
        if kind < pvc_rate:
            at_s -= rng.uniform(0.25, 0.4) * wait_s
            beat, notched, next_s = ectopic, notches[1], rr_s * rng.uniform(1.2, 1.4)
        elif kind < pvc_rate + pac_rate:
            at_s -= rng.uniform(0.2, 0.35) * wait_s
        beat = beat.copy()
        beat[:, :3] *= rng.normal(1, 0.03, (len(beat), 1))
        beat = np.concatenate([beat, notched])
        beat[:, DELAY] += at_s
        beats.append(beat)
        at_s, wait_s = at_s + next_s, next_s
    return np.concatenate(beats), fibrillating


def _notches(rng: np.random.Generator, main_mv: np.ndarray, spread: float = 1.0) -> np.ndarray:
    """Small fast waves (waves, 6) about the R peak of beats whose main wave is `main_mv` (3,); the same in each."""
    narrowest, widest = np.log(NOTCH_S)
    widths_s = np.exp(rng.uniform(narrowest, widest, rng.integers(*NOTCHES)))
    heights_mv = NOTCH_SHARE * np.linalg.norm(main_mv) * np.sqrt(widths_s / NOTCH_S[1]) * rng.normal(size=len(widths_s))
    delays_s = spread * rng.normal(*NOTCHES_ABOUT_S, len(widths_s))
    waves = zip(heights_mv, delays_s, widths_s, strict=True)
    return np.array([_wave(height * _direction(rng), delay_s, width_s) for height, delay_s, width_s in waves])


def _p_wave(rng: np.random.Generator, rr_s: float) -> np.ndarray:
    """Right then left atrium."""
    right = np.array([0.35, 0.75, -0.3]) * rng.uniform(0.05, 0.17)
    left = right[[1, 0, 2]] * [1, 1, -1]
    pr_s = min(rng.uniform(0.11, 0.21), 0.3 * rr_s)
    rise_s, fall_s = rng.uniform(0.014, 0.022, 2)
    return np.array([_wave(right, -pr_s - 0.015, rise_s), _wave(left, -pr_s + 0.015, fall_s)])


def _conducted_beat(rng: np.random.Generator, rr_s: float) -> np.ndarray:
    """QRS, ST, T and U of a beat that came from the atria or a pacemaker."""
    size = rng.lognormal(0.08, 0.32) * rng.choice([1.0, 0.35, 2.0], p=[0.9, 0.05, 0.05])  # low voltage, hypertrophy
    conduction = rng.choice(["normal", "left block", "right block", "paced"], p=[0.83, 0.06, 0.08, 0.03])
    axis = np.deg2rad(rng.normal(28, 32))
    back = rng.uniform(0.4, 1.0) if conduction == "left block" else rng.uniform(-0.25, 0.4)
    main = np.array([np.cos(axis), np.sin(axis), back]) * rng.uniform(1.0, 1.4) * size
    waves = _qrs(rng, main, size, conduction)
    if rng.random() < 0.12:  # an old infarction's Q wave
        waves.append(_wave(_direction(rng) * rng.uniform(0.2, 0.6) * size, -0.025, 0.011))
    if rng.random() < 0.3:  # a notch
        waves.append(_wave(_direction(rng) * rng.uniform(0.05, 0.25) * size, rng.uniform(-0.02, 0.04), 0.005))
    towards = main if conduction == "normal" else -main
    return np.array(waves + _repolarisation(rng, towards, size, rr_s))


def _qrs(rng: np.random.Generator, main: np.ndarray, size: float, conduction: str) -> list[np.ndarray]:
    """Septum, free walls and base, in this order, and what a block or a pacemaker adds."""
    width = rng.uniform(0.75, 1.15) * (rng.uniform(1.7, 2.1) if conduction in ("left block", "paced") else 1.0)
    septal = np.array([-0.3, -0.15, -0.65]) * rng.uniform(0.15, 0.7) * size
    basal = np.array([-0.2, -0.25, 0.8]) * rng.uniform(0.5, 1.6) * size
    waves = [
        _wave(septal, -0.022 * width, 0.007 * width),
        _wave(main, 0.0, 0.0095 * width),
        _wave(basal, 0.022 * width, 0.010 * width),
    ]
    if conduction == "right block":
        late = np.array([-0.6, -0.1, -0.7]) * rng.uniform(0.4, 1.0) * size
        waves.append(_wave(late, 0.058, rng.uniform(0.016, 0.024)))
    elif conduction == "left block":
        waves.append(_wave(main * rng.uniform(0.5, 0.9), 0.05, 0.018))
    elif conduction == "paced":
        waves.append(_wave(_direction(rng) * rng.uniform(0.4, 2.0), -0.07, 0.0015))
    return waves


def _repolarisation(rng: np.random.Generator, main: np.ndarray, size: float, rr_s: float) -> list[np.ndarray]:
    """ST, T and perhaps U wave of a beat whose QRS points along `main`."""
    qt_s = rng.normal(0.40, 0.025) * np.sqrt(rr_s)  # Bazett
    peak_s = qt_s - 0.11
    along = main / np.linalg.norm(main) + rng.normal(0, 0.25, 3) - [0, 0, 0.6]
    strength = rng.choice([1.0, 0.25, -0.8], p=[0.78, 0.12, 0.10]) * rng.uniform(0.2, 0.55) * np.sqrt(size)
    rise_s = rng.uniform(0.045, 0.07) * np.sqrt(rr_s)
    waves = [_wave(along * strength, peak_s, rise_s, rise_s * rng.uniform(0.5, 0.8))]
    st_mv = rng.uniform(0.06, 0.3) if rng.random() < 0.25 else 0.02
    waves.append(_wave(_direction(rng) * st_mv, 0.5 * peak_s, 0.25 * peak_s, 0.35 * peak_s))
    if rng.random() < 0.15:
        waves.append(_wave(along * 0.04, peak_s + 0.19 * np.sqrt(rr_s), 0.03))
    return waves


def _ventricular_beat(rng: np.random.Generator, rr_s: float) -> np.ndarray:
    """A premature ventricular beat: wide, without P, its T the other way."""
    first = _direction(rng) * rng.uniform(0.8, 2.2)
    second = 0.5 * first + _direction(rng) * rng.uniform(0.3, 1.0)
    peak_s = rng.uniform(0.26, 0.32) * np.sqrt(rr_s) + 0.04
    waves = [
        _wave(first, 0.0, rng.uniform(0.02, 0.03)),
        _wave(second, rng.uniform(0.04, 0.07), rng.uniform(0.02, 0.03)),
        _wave(-first * rng.uniform(0.2, 0.45), peak_s, 0.07, 0.05),
    ]
    return np.array(waves)


def _wave(vector: np.ndarray, delay_s: float, rise_s: float, fall_s: float | None = None) -> np.ndarray:
    return np.array([*vector, delay_s, rise_s, rise_s if fall_s is None else fall_s])


def _direction(rng: np.random.Generator) -> np.ndarray:
    """A random unit vector."""
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def _electrode_noise(rng: np.random.Generator, n: int, fs_hz: int) -> np.ndarray:
    """Wander (the chest's breathing), muscle (the limbs' more) and mains noise (9, n) mV at the electrodes."""
    shape, level = (len(IS_LIMB), n), rng.lognormal(0, 0.7, (9, 1))
    wander = rng.lognormal(np.log(0.036), 0.8) * level * (1 - 0.5 * IS_LIMB) * _band_noise(rng, shape, fs_hz, 0.05, 0.6)
    burst = 1 + 2 * (_band_noise(rng, shape, fs_hz, 0.1, 1.0) > 1.5)
    muscle = rng.lognormal(np.log(0.0012), 0.9) * (1 + IS_LIMB) * burst * _band_noise(rng, shape, fs_hz, 10.0, 110.0)
    mains_mv = rng.uniform(0.001, 0.012) if rng.random() < 0.25 else 0.0
    mains = mains_mv * level * np.sin(2 * np.pi * 50 * np.arange(n) / fs_hz + rng.uniform(0, 6.28))
    return wander + muscle + mains


def _amplifier_noise(rng: np.random.Generator, n: int, fs_hz: int) -> np.ndarray:
    """As strong at every frequency of its band (9, n) mV."""
    low_hz, high_hz = AMPLIFIER_HZ
    share = (min(high_hz, fs_hz / 2) - low_hz) / (high_hz - low_hz)
    if share <= 0:
        return np.zeros((len(IS_LIMB), n))
    return AMPLIFIER_MV * np.sqrt(share) * _band_noise(rng, (len(IS_LIMB), n), fs_hz, low_hz, high_hz)


def _band_noise(
    rng: np.random.Generator, shape: tuple[int, int], fs_hz: int, low_hz: float, high_hz: float
) -> np.ndarray:
    """Noise (channels, n) of unit variance between two frequencies; half of a period, so that its ends do not meet."""
    channels, n = shape
    frequency = np.fft.rfftfreq(2 * n, 1 / fs_hz)
    band = (frequency >= low_hz) & (frequency <= high_hz)
    spectrum = np.zeros((channels, len(frequency)), complex)
    spectrum[:, band] = rng.normal(size=(channels, band.sum(), 2)) @ [1, 1j]
    noise = np.fft.irfft(spectrum, 2 * n)
    return noise[:, :n] / noise.std(axis=1, keepdims=True)


def list_wfdb(folder: Path | str) -> list[Path]:
    """All WFDB header paths below `folder`, sorted; raises DataError where there are none."""
    headers = sorted(Path(folder).rglob("*.hea"))
    if not headers:
        raise DataError(f"{folder}: no WFDB header (*.hea) found; give a folder of 12-lead records at {WFDB_FS_HZ} Hz")
    return headers


def read_wfdb(path: Path | str) -> np.ndarray:
    """The record (12, n) float32 mV of a WFDB header, leads in `layout.LEADS` order, gaps as 0.

    Raises DataError where the record cannot be read, lacks a lead, or has another rate than 500 Hz or unit than mV.
    """
    import wfdb  # a machine that only trains may do without

    path = Path(path)
    try:
        record = wfdb.rdrecord(str(path.with_suffix("")))
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise DataError(f"{path}: not a readable WFDB record ({error}); give the .hea beside its .dat") from error
    if record.fs != WFDB_FS_HZ:
        raise DataError(f"{path}: {record.fs:g} Hz, expected {WFDB_FS_HZ} Hz; resample the record")
    if set(record.units) != {"mV"}:
        raise DataError(f"{path}: units {', '.join(sorted(set(record.units)))}, expected mV; convert the record")
    column = {name.upper(): index for index, name in enumerate(record.sig_name)}
    missing = [lead for lead in LEADS if lead.upper() not in column]
    if missing:
        raise DataError(f"{path}: lacks lead {', '.join(missing)}; a 12-lead record has {', '.join(LEADS)}")
    series = record.p_signal.T[[column[lead.upper()] for lead in LEADS]]
    return np.nan_to_num(series).astype(np.float32)
