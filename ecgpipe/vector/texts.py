"""What a drawing's words say: lead names where they stand, speeds and gains."""

import re

import numpy as np

from ecgpipe.page.layout import LEADS
from ecgpipe.recognize.marks import INVERTED, NAMES, Mark
from ecgpipe.vector.drawing import Drawing
from ecgpipe.vector.grid import Scale

_NUMBER = r"(\d+(?:[.,]\d+)?)\s*"
_SPEED = re.compile(_NUMBER + r"mm\s*/\s*s(?:ec)?\b", re.IGNORECASE)
_GAIN = re.compile(_NUMBER + r"mm\s*/\s*mV\b", re.IGNORECASE)
_MILLIVOLT = re.compile(r"\b1\s*mV\s*=\s*" + _NUMBER + r"mm\b", re.IGNORECASE)
# As most machines print them, or as some of Germany, France and Spain do.
_LEAD = re.compile(r"-?(?:D?I{1,3}|aV[RLF]|[VC]\d{1,2}R?)", re.IGNORECASE)
_SPELLED = {name.upper(): name for name in (*LEADS, INVERTED)}
_SPELLED |= {f"D{name}": name for name in LEADS[:3]} | {f"C{name[1:]}": name for name in LEADS[6:]}


def speeds(text: str) -> set[float]:
    """The speeds in mm/s that a text says."""
    return {float(number.replace(",", ".")) for number in _SPEED.findall(text)}


def gains(text: str) -> set[float]:
    """The gains in mm/mV that a text says."""
    return {float(number.replace(",", ".")) for number in _GAIN.findall(text) + _MILLIVOLT.findall(text)}


def names(drawing: Drawing, scale: Scale) -> list[Mark]:
    """The words that are names of leads, those of leads that are none of the twelve included, in mm of the sheet."""
    found = []
    for word in drawing.words:
        text = word.text.rstrip(":")
        if _LEAD.fullmatch(text) and word.angle == 0:
            x_mm, y_mm = scale.to_mm(np.array(word.middle))
            wide_mm = (word.right - word.left) / scale.x.unit
            found.append(Mark(_SPELLED.get(text.upper(), text), float(x_mm), float(y_mm), 1.0, wide_mm=wide_mm))
    return found


def turns_to_read(drawing: Drawing) -> int:
    """The counter-clockwise quarter turns after which the names of leads stand upright."""
    angles = [word.angle for word in drawing.words if word.text.rstrip(":").upper() in _SPELLED]
    return -max(range(4), key=angles.count) % 4 if angles else 0


def is_known(mark: Mark) -> bool:
    """Whether a name is that of one of the twelve leads."""
    return mark.what in NAMES
