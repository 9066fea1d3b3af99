"""What machines print around the traces: a made-up patient, measured values, statements, a logo."""

import numpy as np

from ecgpipe.page.layout import PageLayout

STATEMENTS = (
    "Sinus rhythm", "Normal ECG", "Sinus bradycardia", "Left axis deviation", "Nonspecific ST and T wave abnormality",
    "Abnormal ECG", "Atrial fibrillation", "*** Poor data quality, interpretation may be adversely affected",
    "Right bundle branch block", "Unconfirmed diagnosis", "Borderline ECG", "Possible left atrial enlargement",
    "Reviewed by:", "004 Normal sinus rhythm", "193 Anteroseptal infarction, probably old", "RUHE-EKG", "Sinusrhythmus",
)  # fmt: skip
DETAILS = (
    "ID: {n}", "Name: Doe, {w}", "Patient {n}", "Male   {a} yr", "Sex: F", "Age: {a}", "Born 19{a}-03-12", "Room: {a}",
    "Technician: {w}", "Loc: {a}", "12-Lead ECG", "Resting ECG", "Height: 1{a} cm", "Med: -", "{d} {h}:{m}:17",
    "Department of Cardiology", "Test ind: {w}", "{d}", "Weight: {a} kg", "Pat. ID: {n}", "Comments:",
)  # fmt: skip
VALUES = (
    ("Vent. rate", "{a} bpm"), ("PR interval", "1{a} ms"), ("QRS duration", "{a} ms"), ("QT/QTc", "3{a}/4{m} ms"),
    ("P-R-T axes", "{a} {m} {h}"), ("PQ", "1{a} ms"), ("HR", "{a}/min"), ("RV5/SV1", "1.{a}/0.{m} mV"),
)  # fmt: skip
WORDS = ("Adam", "Berta", "Carla", "Doric", "Emden", "Falun", "Gerda", "Hobart", "Imola", "Jena")

HeaderLine = tuple[float, float, str]  # left edge and baseline in mm, and the words


def random_header(rng: np.random.Generator, layout: PageLayout, size_mm: float) -> tuple[HeaderLine, ...]:
    """Lines of text in blocks above the traces of `layout`, sometimes over their edge, and a line at the foot."""
    if rng.random() < 0.12:
        return ()
    pitch_mm = size_mm * rng.uniform(1.15, 1.6)
    reach = 1.0 if rng.random() < 0.15 else rng.uniform(0.4, 0.75)  # of the way down to the first row's 0 mV
    count = min(int(layout.baselines_mm[0] * reach / pitch_mm), 8)
    lines: list[HeaderLine] = []
    x_mm = rng.uniform(2, 15)
    for makes in rng.permutation(np.array(BLOCKS, object))[: rng.integers(1, 5)]:
        wide, words = makes(rng, int(rng.integers(1, count + 1)) if count > 0 else 0)
        if x_mm + wide * size_mm > layout.width_mm:
            break
        lines += [(x_mm + dx * size_mm, pitch_mm * (k + 1), text) for k, row in enumerate(words) for dx, text in row]
        x_mm += wide * size_mm + rng.uniform(0, 25)
    if rng.random() < 0.5:
        foot = "   ".join(_filled(rng, DETAILS[rng.integers(len(DETAILS))]) for _ in range(rng.integers(1, 4)))
        lines.append((rng.uniform(0.3, 0.6) * layout.width_mm, layout.height_mm - rng.uniform(1, 5), foot))
    return tuple((float(x), float(y), words) for x, y, words in lines)


def _filled(rng: np.random.Generator, form: str) -> str:
    return form.format(
        n=rng.integers(10_000, 999_999),
        a=rng.integers(40, 99),
        m=rng.integers(10, 60),
        h=rng.integers(10, 24),
        w=WORDS[rng.integers(len(WORDS))],
        d=f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.20{rng.integers(10, 26)}",
    )


def _details(rng: np.random.Generator, count: int) -> tuple[float, list]:
    """Width in letter heights, and lines of (offset in letter heights, words)."""
    return 14.0, [[(0.0, _filled(rng, DETAILS[k]))] for k in rng.permutation(len(DETAILS))[:count]]


def _values(rng: np.random.Generator, count: int) -> tuple[float, list]:
    rows = [VALUES[k] for k in np.sort(rng.permutation(len(VALUES))[:count])]
    return 18.0, [[(0.0, name), (9.0, _filled(rng, value))] for name, value in rows]


def _statements(rng: np.random.Generator, count: int) -> tuple[float, list]:
    return 26.0, [[(0.0, STATEMENTS[k])] for k in rng.permutation(len(STATEMENTS))[:count]]


BLOCKS = (_details, _details, _values, _statements)  # that a header is made of, at most one each
