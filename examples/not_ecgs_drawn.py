"""Drawn pictures that show no 12-lead ECG: tables, plans, scores, maps, and the plots of other instruments."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.synth.compose import compose_layout, measured
from ecgpipe.synth.ecg import simulate
from ecgpipe.synth.marks import PageMarks
from ecgpipe.synth.page import PageStyle, draw_page

Maker = Callable[[np.random.Generator], np.ndarray]

FACE = cv2.FONT_HERSHEY_SIMPLEX
EEG = ("Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp1-F7", "F7-T3", "T3-T5", "T5-O1",
       "Fp2-F8", "F8-T4", "T4-T6", "T6-O2", "Fz-Cz", "Cz-Pz", "EOG", "ECG")  # fmt: skip
EP = ("I", "aVF", "V1", "V6", "HRA d", "HRA p", "His d", "His m", "His p", "CS 9-10", "CS 7-8", "CS 5-6", "CS 3-4",
      "CS 1-2", "RVa", "Stim", "ABP")  # fmt: skip
MONITOR = ("II", "V", "ABP", "SpO2", "RESP", "CVP")


def size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width in px of a picture."""
    return int(rng.integers(700, 2000)), int(rng.integers(700, 2600))


def spreadsheet(rng: np.random.Generator) -> np.ndarray:
    """A table of words and numbers, ruled all over or between its rows."""
    page = _sheet(rng)
    height, width = page.shape[:2]
    down, across = int(rng.integers(18, 60)), int(rng.integers(60, 220))
    line = (int(rng.integers(120, 230)),) * 3
    page[::down] = line
    if rng.random() < 0.7:
        page[:, ::across] = line
    for y in range(down - down // 4, height, down):
        for x in range(4, width, across):
            if rng.random() < 0.8:
                words = _word(rng) if rng.random() < 0.3 else f"{rng.normal(0, 100):.{rng.integers(4)}f}"
                cv2.putText(page, words, (x, y), FACE, down / 60, (20, 20, 20), 1, cv2.LINE_AA)
    return page


def sheet_music(rng: np.random.Generator) -> np.ndarray:
    """Staves of five lines with notes on them."""
    page = _sheet(rng)
    height, width = page.shape[:2]
    gap = int(rng.integers(6, 16))
    for top in range(3 * gap, height - 6 * gap, int(gap * rng.uniform(9, 14))):
        for line in range(5):
            page[top + line * gap, 2 * gap : -2 * gap] = 0
        for x in range(5 * gap, width - 3 * gap, int(gap * rng.uniform(2, 5))):
            y = top + int(rng.integers(-1, 10)) * gap // 2
            cv2.ellipse(page, (x, y), (gap * 5 // 8, gap // 2), -20, 0, 360, (0, 0, 0), -1, cv2.LINE_AA)
            cv2.line(page, (x + gap // 2, y), (x + gap // 2, y - 3 * gap), (0, 0, 0), 2)
        for x in range(2 * gap, width, width // int(rng.integers(3, 6))):
            cv2.line(page, (x, top), (x, top + 4 * gap), (0, 0, 0), 2)
    return page


def barcode(rng: np.random.Generator) -> np.ndarray:
    """A label with a barcode and a number."""
    page = _sheet(rng)
    height, width = page.shape[:2]
    unit = int(rng.integers(2, 9))
    bars = np.repeat(rng.random(width // unit + 1) < 0.5, unit)[:width]
    page[height // 5 : height * 3 // 5, bars] = 15
    page[:, : width // 10] = page[:, -width // 10 :] = 250
    cv2.putText(page, str(rng.integers(10**11, 10**12)), (width // 4, height * 3 // 4), FACE, 2, (0, 0, 0), 3)
    return page


def floor_plan(rng: np.random.Generator) -> np.ndarray:
    """Rooms within rooms, with names and measures."""
    page = _sheet(rng)
    height, width = page.shape[:2]

    def split(left: int, top: int, right: int, bottom: int, depth: int) -> None:
        cv2.rectangle(page, (left, top), (right, bottom), (30, 30, 30), 2 + 2 * depth)
        if depth and right - left > 120 and bottom - top > 120:
            at = rng.uniform(0.3, 0.7)
            if right - left > bottom - top:
                x = int(left + at * (right - left))
                rooms = ((left, top, x, bottom), (x, top, right, bottom))
            else:
                y = int(top + at * (bottom - top))
                rooms = ((left, top, right, y), (left, y, right, bottom))
            for room in rooms:
                split(*room, depth - 1)
        else:
            words = f"{_word(rng)} {rng.integers(6, 40)} m2"
            cv2.putText(page, words, (left + 8, top + 30), FACE, 0.6, (60, 60, 60), 1)

    split(40, 40, width - 40, height - 40, 5)
    return page


def street_map(rng: np.random.Generator) -> np.ndarray:
    """Streets, a river and squares, with a grid of coordinates."""
    page = _sheet(rng)
    height, width = page.shape[:2]
    for _ in range(int(rng.integers(10, 40))):
        corners = np.cumsum(rng.normal(0, 60, (7, 2)), axis=0) + rng.uniform(0, (width, height))
        colour = tuple(int(c) for c in rng.integers(150, 250, 3))
        cv2.fillPoly(page, [cv2.convexHull(corners.astype(np.int32))], colour)
    for k in range(int(rng.integers(15, 60))):
        steps = np.cumsum(rng.normal(0, 0.2, 40)) + rng.uniform(0, 2 * np.pi)
        path = rng.uniform(0, (width, height)) + 45 * np.cumsum(np.stack([np.cos(steps), np.sin(steps)], 1), axis=0)
        colour = (120, 170, 220) if k == 0 else (250, 220, 130) if k % 5 == 0 else (255, 255, 255)
        cv2.polylines(page, [path.astype(np.int32)], False, colour, 24 if k == 0 else 9, cv2.LINE_AA)
        cv2.putText(page, _word(rng), tuple(int(v) for v in path[20]), FACE, 0.6, (90, 90, 90), 1, cv2.LINE_AA)
    page[:: height // 8] = page[:, :: width // 8] = (110, 110, 200)
    return page


def function_plot(rng: np.random.Generator) -> np.ndarray:
    """Sines, decays or steps drawn on millimetre paper, as at school."""
    page = _mm_paper(rng)
    height, width = page.shape[:2]
    x = np.arange(int(0.1 * width), int(0.9 * width))
    colour = tuple(int(c) for c in rng.integers(0, 140, 3))
    for _ in range(int(rng.integers(1, 7))):
        t = (x - x[0]) / len(x) * rng.uniform(2, 80)
        wave = (np.sin(t), np.sin(t) * np.exp(-t / 20), np.sign(np.sin(t)), np.abs(t % 6 - 3) / 3)[rng.integers(4)]
        y = rng.uniform(0.15, 0.85) * height - wave * rng.uniform(0.02, 0.2) * height
        cv2.polylines(page, [np.stack([x, y], -1).astype(np.int32)], False, colour, 2, cv2.LINE_AA)
    cv2.arrowedLine(page, (x[0], height // 2), (x[-1], height // 2), (20, 20, 20), 2, tipLength=0.02)
    return page


def eeg(rng: np.random.Generator) -> np.ndarray:
    """Sixteen to twenty channels of brain waves, named at the left."""
    page = _mm_paper(rng) if rng.random() < 0.3 else _sheet(rng)
    _channels(page, rng, EEG[: rng.integers(16, 21)], (25, 25, 60), rhythmic=False)
    page[:, :: page.shape[1] // 10] = page[:, :: page.shape[1] // 10] // 2 + 100
    return page


def ep_lab(rng: np.random.Generator) -> np.ndarray:
    """A dark screen with electrograms from inside the heart, in colours, and some leads above them."""
    page = np.full((*size(rng), 3), int(rng.integers(0, 30)), np.uint8)
    _channels(page, rng, EP[: rng.integers(10, len(EP) + 1)], None, rhythmic=True)
    return page


def monitor(rng: np.random.Generator) -> np.ndarray:
    """A bedside monitor, with curves of a few kinds and large numbers at the right."""
    page = np.full((*size(rng), 3), int(rng.integers(0, 25)), np.uint8)
    height, width = page.shape[:2]
    names = MONITOR[: rng.integers(2, 7)]
    _channels(page[:, : int(0.75 * width)], rng, names, None, rhythmic=True)
    for k in range(len(names)):
        colour = tuple(int(c) for c in rng.integers(80, 255, 3))
        at = int(0.78 * width), int((k + 0.7) * height / len(names))
        cv2.putText(page, str(rng.integers(40, 140)), at, FACE, width / 500, colour, 4, cv2.LINE_AA)
    cv2.rectangle(page, (0, 0), (width - 1, height - 1), (120, 120, 125), int(rng.integers(2, 50)))
    return page


def single_lead(rng: np.random.Generator) -> np.ndarray:
    """A strip of one lead, or two, as a watch or a monitor prints it."""
    names = [LEADS[k] for k in rng.permutation(12)[: rng.integers(1, 3)]]
    width, height = rng.uniform(150, 300), rng.uniform(40, 90)
    page = compose_layout(
        f"{len(names)}x1",
        (),
        leads=names,
        size_mm=(width, height),
        left_mm=20.0,
        first_mm=0.45 * height,
        pitch_mm=0.35 * height,
        marks=PageMarks(pulses="left" if rng.random() < 0.5 else "none", legend_at=(0.1, 0.95)),
    )
    style = replace(PageStyle.random_machine(rng, page), header=(), logo=None)
    return draw_page(simulate(rng), 500, style, measured(page, style))


def _sheet(rng: np.random.Generator) -> np.ndarray:
    return np.full((*size(rng), 3), int(rng.integers(235, 256)), np.uint8)


def _mm_paper(rng: np.random.Generator) -> np.ndarray:
    """Millimetre paper of any colour, with nothing on it."""
    style = replace(PageStyle.random_kit_print(rng), header=(), qr_seed=None)
    bare = replace(KIT, names=(), texts=(), pulses=(), separators=(), windows=())
    return draw_page(np.zeros((12, 5000)), 500, style, bare)


def _channels(
    page: np.ndarray, rng: np.random.Generator, names: tuple[str, ...], ink: tuple[int, int, int] | None, rhythmic: bool
) -> None:
    """Draw a curve for each of `names`, with spikes at one rhythm or like noise; no `ink`: each in its own colour."""
    height, width = page.shape[:2]
    x = np.arange(int(0.08 * width), width)
    period, pitch = rng.uniform(0.05, 0.3) * width, height / len(names)
    for k, name in enumerate(names):
        colour = ink or tuple(int(c) for c in rng.integers(90, 256, 3))
        wave = np.cumsum(rng.normal(0, 1, len(x)))
        wave = (wave - cv2.GaussianBlur(wave[None], (0, 0), rng.uniform(4, 40))[0]) / 6
        if rhythmic:
            phase = (x / period + 0.07 * rng.integers(0, 8)) % 1
            wave = 0.15 * wave + np.sin(80 * phase) * np.exp(-(((phase - 0.3) / rng.uniform(0.02, 0.2)) ** 2)) * 2
        y = (k + 0.5) * pitch - np.clip(wave, -3, 3) * pitch * 0.25
        cv2.polylines(page, [np.stack([x, y], -1).astype(np.int32)], False, colour, 1 + height // 1200, cv2.LINE_AA)
        cv2.putText(page, name, (4, int((k + 0.5) * pitch)), FACE, min(pitch / 60, 1.0), colour, 1, cv2.LINE_AA)


def _word(rng: np.random.Generator) -> str:
    return "".join(chr(c) for c in rng.integers(97, 123, rng.integers(3, 10))).capitalize()


DRAWINGS: tuple[Maker, ...] = (
    spreadsheet,
    sheet_music,
    barcode,
    floor_plan,
    street_map,
    function_plot,
    eeg,
    ep_lab,
    monitor,
    single_lead,
)
