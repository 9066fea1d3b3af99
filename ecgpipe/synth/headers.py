"""What machines print around the traces (a made-up patient, values, statements, frames), and what hides it."""

import numpy as np

from ecgpipe.page.layout import PageLayout

STATEMENTS = (
    "Sinus rhythm", "Normal ECG", "Sinus bradycardia", "Left axis deviation", "Nonspecific ST and T wave abnormality",
    "Abnormal ECG", "Atrial fibrillation", "*** Poor data quality, interpretation may be adversely affected",
    "Right bundle branch block", "Unconfirmed diagnosis", "Borderline ECG", "Possible left atrial enlargement",
    "Reviewed by:", "004 Normal sinus rhythm", "193 Anteroseptal infarction, probably old", "RUHE-EKG", "Sinusrhythmus",
    "ST elevation, consider inferior injury (II, III, aVF)", "T wave inversion in V1 V2 V3", "Q in III, aVF",
    "rSr' in V1 or V2", "*** ACUTE MI ***", "VPC", "Lagetyp: Linkstyp", "LOW VOLTAGE, LIMB LEADS", "No previous ECGs",
    "When compared with ECG of 12-MAR-2009,", "Confirmed by {w}, MD", "Rythme sinusal", "Ritmo sinusal",
    "Linksventrikulaere Hypertrophie", "Unconfirmed Analysis", "Data must be reviewed by a qualified physician",
)  # fmt: skip
DETAILS = (
    "ID: {n}", "Name: Doe, {w}", "Patient {n}", "Male   {a} yr", "Sex: F", "Age: {a}", "Born 19{a}-03-12", "Room: {a}",
    "Technician: {w}", "Loc: {a}", "12-Lead ECG", "Resting ECG", "Height: 1{a} cm", "Med: -", "{d} {h}:{m}:17",
    "Department of Cardiology", "Test ind: {w}", "{d}", "Weight: {a} kg", "Pat. ID: {n}", "Comments:",
    "Referred by: {w}", "EDT {h}:{m}", "Opt: {a}", "Caucasian", "{w} {w}", "{n}", "Device: {n}", "Speed", "I.D. {n}",
    "Order: {n}", "Account No: {n}", "Patientenname: {w}", "Geb.: {d}", "BP: 1{m}/{a} mmHg", "Seite {m}", "1/1",
)  # fmt: skip
VALUES = (
    ("Vent. rate", "{a} bpm"), ("PR interval", "1{a} ms"), ("QRS duration", "{a} ms"), ("QT/QTc", "3{a}/4{m} ms"),
    ("P-R-T axes", "{a} {m} {h}"), ("PQ", "1{a} ms"), ("HR", "{a}/min"), ("RV5/SV1", "1.{a}/0.{m} mV"),
    ("Herzfrequenz", "{a} /min"), ("QT Intervall", "3{a} ms"), ("P", "{a} deg"), ("RR", "8{m} ms"), ("T", "{m}"),
    ("Sokolow", "2.{m} mV"), ("SV1", "1.{m} mV"), ("QTcB", "4{m}"), ("-- AXIS --", ""), ("P-QRS-T", "{a}/{m}/{h}"),
)  # fmt: skip
WORDS = ("Adam", "Berta", "Carla", "Doric", "Emden", "Falun", "Gerda", "Hobart", "Imola", "Jena")

HeaderLine = tuple[float, float, str]  # left edge and baseline in mm, and the words
Rule = tuple[float, float, float, float]  # a ruled line: centre x and y, width and height in mm
Cover = tuple[float, float, float, float, int]  # left, top, right and bottom in mm of what hides a name, and its grey


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
    if rng.random() < 0.15:  # another block, anywhere: below or beside the traces, or over them
        wide, words = BLOCKS[rng.integers(len(BLOCKS))](rng, int(rng.integers(1, 6)))
        x_mm, y_mm = (rng.uniform(0, 0.9) * side for side in layout.size_mm)
        if rng.random() < 0.7:
            y_mm = layout.baselines_mm[-1] + rng.uniform(8, 15)
        lines += [(x_mm + dx * size_mm, y_mm + pitch_mm * k, text) for k, row in enumerate(words) for dx, text in row]
    return tuple((float(x), float(y), words) for x, y, words in lines)


def random_rules(rng: np.random.Generator, layout: PageLayout) -> tuple[Rule, ...]:
    """Lines ruled on a page of `layout`: none, a frame around the traces or the header, or a table."""
    if rng.random() < 0.8:
        return ()
    thick, first = rng.uniform(0.15, 0.6), layout.baselines_mm[0]
    left, right = rng.uniform(1, 8), layout.width_mm - rng.uniform(1, 8)
    middle, bottom = max(first - rng.uniform(10, 25), 3.0), layout.height_mm - rng.uniform(1, 8)
    top, kind = min(rng.uniform(1, 5), middle - 1), rng.integers(4)
    x_mm, y_mm = [left, right], [[middle, bottom], [top, middle], [top, middle, bottom], []][kind]
    if not y_mm:
        x_mm, y_mm = (list(np.linspace(*ends, rng.integers(2, 7))) for ends in ((left, right), (top, middle)))
    middle_x, middle_y = (x_mm[0] + x_mm[-1]) / 2, (y_mm[0] + y_mm[-1]) / 2
    across = [(middle_x, y, x_mm[-1] - x_mm[0] + thick, thick) for y in y_mm]
    down = [(x, middle_y, thick, y_mm[-1] - y_mm[0] + thick) for x in x_mm]
    return tuple((float(x), float(y), float(wide), float(high)) for x, y, wide, high in across + down)


def random_covers(rng: np.random.Generator, layout: PageLayout) -> tuple[Cover, ...]:
    """Black or white bars over a name in the header, most often none."""
    if rng.random() < 0.88:
        return ()
    covers = []
    for _ in range(rng.integers(1, 4)):
        left, top = rng.uniform(0, 0.7) * layout.width_mm, rng.uniform(0, max(layout.baselines_mm[0] - 18, 1))
        right, bottom = left + rng.uniform(15, 60), top + rng.uniform(3, 9)
        covers.append((float(left), float(top), float(right), float(bottom), int(rng.choice([0, 20, 255]))))
    return tuple(covers)


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
    return 26.0, [[(0.0, _filled(rng, STATEMENTS[k]))] for k in rng.permutation(len(STATEMENTS))[:count]]


BLOCKS = (_details, _details, _values, _statements)  # that a header is made of, at most one each
