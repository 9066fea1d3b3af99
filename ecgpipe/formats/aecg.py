"""HL7 annotated ECG (aECG, HL7 v3, Implementation Guide of 21 March 2005), of nobody and of no clinical trial.

aECG has no sample that says "none". It has no need of one: what the page shows at one time is a sequence set with its
own beginning, and what it does not show is in none. Times count from the beginning of the recording, whose date is not
known.
"""

from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ecgpipe.base.files import atomic_path
from ecgpipe.formats.nomenclature import MDC_OID
from ecgpipe.formats.series import STEPS_PER_MV, Series
from ecgpipe.page.layout import LEADS

UV_PER_STEP = 1000 / STEPS_PER_MV
ACT_CODE = "2.16.840.1.113883.5.4"
CPT = "2.16.840.1.113883.6.12"
ROOT = {"xmlns": "urn:hl7-org:v3", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"}


def write(path: Path, series: Series) -> None:
    """Write a rhythm series of leads in steps of 0.5 µV, a sequence set for every time that leads are shown at."""
    root = ElementTree.Element("AnnotatedECG", ROOT)
    _add(root, "id", root=str(series.identifier("aECG")))
    _add(root, "code", code="93000", codeSystem=CPT)  # routine ECG with at least 12 leads
    _add(root, "text").text = series.remark()
    _add_duration(root, series)
    _add_nobody(root)
    rhythm = _add(root, "component/series")
    _add(rhythm, "id", root=str(series.identifier("series")))
    _add(rhythm, "code", code="RHYTHM", codeSystem=ACT_CODE)
    _add_duration(rhythm, series)
    device = _add(rhythm, "author/seriesAuthor/manufacturedSeriesDevice")
    _add(device, "softwareName").text = "ecgpipe"
    for (start, stop), leads in sorted(_by_time(series).items()):
        _add_sequences(rhythm, series, start, stop, leads)
    ElementTree.indent(root, " ")
    with atomic_path(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _by_time(series: Series) -> dict[tuple[int, int], list[str]]:
    """The leads that are shown from a first sample to the one after the last."""
    leads = defaultdict(list)
    for lead, start, stop in series.stretches():
        leads[start, stop].append(lead)
    return leads


def _add_duration(parent: ElementTree.Element, series: Series) -> None:
    """How long the recording is; when it was is not known."""
    _add(parent, "effectiveTime/width", value=_number(series.duration_s), unit="s")


def _add_nobody(root: ElementTree.Element) -> None:
    """The subject and the trial that the standard requires, neither of which is known."""
    assignment = _add(root, "componentOf/timepointEvent/componentOf/subjectAssignment")
    _add(assignment, "subject/trialSubject/id", nullFlavor="UNK")
    _add(assignment, "componentOf/clinicalTrial/id", nullFlavor="NA")


def _add_sequences(rhythm: ElementTree.Element, series: Series, start: int, stop: int, leads: list[str]) -> None:
    sequences = _add(rhythm, "component/sequenceSet")
    times = _add(sequences, "component/sequence")
    _add(times, "code", code="TIME_RELATIVE", codeSystem=ACT_CODE)
    value = _add(times, "value", **{"xsi:type": "GLIST_PQ"})
    _add(value, "head", value=_number(start / series.fs_hz), unit="s")
    _add(value, "increment", value=_number(1 / series.fs_hz), unit="s")
    steps = series.steps()
    for lead in leads:
        sequence = _add(sequences, "component/sequence")
        _add(sequence, "code", code=f"MDC_ECG_LEAD_{lead.upper()}", codeSystem=MDC_OID)
        value = _add(sequence, "value", **{"xsi:type": "SLIST_PQ"})
        _add(value, "origin", value="0", unit="uV")
        _add(value, "scale", value=_number(UV_PER_STEP), unit="uV")
        _add(value, "digits").text = " ".join(map(str, steps[LEADS.index(lead), start:stop].tolist()))


def _add(parent: ElementTree.Element, path: str, **attributes: str) -> ElementTree.Element:
    """Add new elements below `parent`, each in the one before it; the last has `attributes` and is returned."""
    *outer, last = path.split("/")
    for name in outer:
        parent = ElementTree.SubElement(parent, name)
    return ElementTree.SubElement(parent, last, attributes)


def _number(value: float) -> str:
    """As many digits as tell the number, without an exponent."""
    return np.format_float_positional(value, trim="-")
