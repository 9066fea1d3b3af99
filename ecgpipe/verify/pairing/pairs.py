"""Every training picture against its truth: the picture is read, the two are compared, and a wrong pair is reported.

A reading does not depend on the truth and is kept under a hash of the picture, so a later run reads only pictures that
have changed. The comparison takes milliseconds and is always made.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.base.parallel import map_processes
from ecgpipe.competition.dataset import Dataset, Record, read_signal
from ecgpipe.digitize.leads import resample_leads
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.params import Verify
from ecgpipe.verify.pairing.criteria import CRITERIA
from ecgpipe.verify.pairing.match import agreement, segments_of
from ecgpipe.verify.pairing.reading import RATE_HZ, RENDER, Reading, Readings
from ecgpipe.verify.pairing.verdict import UNREADABLE, Verdict, judge
from ecgpipe.verify.suspects import FIGURES, PAGE_COLUMNS, SUSPECT

TRUTH, PICTURE = "truth", "picture"
SAMPLES = 10 * RATE_HZ  # of a truth or a reading
MOST_DRAWN = 60  # suspect pages that are drawn


@dataclass(frozen=True)
class JudgedPage:
    """One picture with its verdict; `series_mv` is what was read in it, where later checks may need it."""

    id: str
    kind: str
    verdict: Verdict
    wrong: str = PICTURE  # which of the two a fault is blamed on
    series_mv: np.ndarray | None = field(default=None, repr=False)

    def with_fault(self, fault: str, leads: tuple[str, ...], evidence: str) -> "JudgedPage":
        """The page blamed on its record's truth with this fault, unless it has another one of its own."""
        if (self.verdict.fault, self.verdict.leads) == (fault, leads):
            return replace(self, wrong=TRUTH)
        if self.verdict.status == SUSPECT:
            return self
        verdict = replace(self.verdict, status=SUSPECT, fault=fault, leads=leads, evidence=evidence)
        return replace(self, verdict=verdict, wrong=TRUTH)


@dataclass(frozen=True)
class Pairing:
    """The verdicts on all pages of a data set, in its order."""

    pages: tuple[JudgedPage, ...]
    table: pd.DataFrame  # PAGE_COLUMNS, a row a page
    records: tuple[Record, ...]

    @property
    def figures(self) -> pd.DataFrame:
        """The numbers of each page that could be read, for a plot."""
        legible = self.table[self.table["status"] != UNREADABLE]
        return legible[["id", "kind", "fault", "correlation", "shift_s", "gain", "offset_mv"]]

    @property
    def counts(self) -> dict[str, int]:
        """Pages that were read, and those that could not be."""
        return {"pages_read": len(self.table), "pages_unreadable": int((self.table["status"] == UNREADABLE).sum())}


def pages_of(dataset: Dataset, records: Sequence[Record]) -> list[tuple[Record, str]]:
    """Each picture of the records, as its record and its kind."""
    return [(record, kind) for record in records for kind in dataset.kinds_of(record.id)]


def pair_pages(
    dataset: Dataset, pages: Sequence[tuple[Record, str]], hashes: dict[str, str], params: Verify, folder: Path
) -> Iterator[JudgedPage | None]:
    """Each of the pages with what it shows judged against its record's truth; None where that has not the
    competition's form.

    `hashes` holds the SHA-256 of each file by its path relative to the data set; readings are kept in `folder`.
    """
    work = partial(_judge_page, dataset=dataset, hashes=hashes, params=params, folder=folder)
    yield from map_processes(work, pages, params.workers)


def concluded(dataset: Dataset, records: Sequence[Record], found: Iterable[JudgedPage | None]) -> Pairing:
    """All pages that were judged, record after record, once more together: which record's truth a stray page shows,
    and whether picture or truth is wrong."""
    search = _Search(dataset, records)
    of_records = groupby(filter(None, found), key=lambda page: page.id)
    pages = [page for _, of_one in of_records for page in _agreed([search.named(page) for page in of_one])]
    table = pd.DataFrame([_row(page, dataset) for page in pages], columns=list(PAGE_COLUMNS))
    return Pairing(tuple(pages), table, tuple(records))


def paired_series(dataset: Dataset, pairing: Pairing) -> Iterator[tuple[JudgedPage, str, np.ndarray]]:
    """(page, title, truth (12, SAMPLES) in mV) of suspect pages that could be read, MOST_DRAWN at most."""
    records = {record.id: record for record in pairing.records}
    drawn = [page for page in pairing.pages if page.verdict.status == SUSPECT and page.series_mv is not None]
    for page in drawn[:MOST_DRAWN]:
        title = (
            f"{page.id}, kind {page.kind}: {page.verdict.fault} {' '.join(page.verdict.leads)}\n{page.verdict.evidence}"
        )
        yield page, title, truth_series(dataset, records[page.id])


def truth_series(dataset: Dataset, record: Record) -> np.ndarray:
    """The truth of a record at the readings' rate, (12, SAMPLES) in mV."""
    return resample_leads(read_signal(dataset.signal_path(record.id), record.sig_len), SAMPLES, KIT)


def _judge_page(
    page: tuple[Record, str], dataset: Dataset, hashes: dict[str, str], params: Verify, folder: Path
) -> JudgedPage | None:
    record, kind = page
    try:
        truth = truth_series(dataset, record)
    except EcgpipeError:
        return None  # among the findings about the file's form
    readings, path = Readings(folder), dataset.image_path(record.id, kind)
    sha256 = hashes[path.relative_to(dataset.root).as_posix()]
    reading = readings.of(path, sha256, kind)
    verdict = _verdict(truth, reading, params)
    if verdict.status == UNREADABLE or verdict.fault == "no match":
        mirrored = readings.of(path, sha256, kind, mirrored=True)
        reached = agreement(segments_of(truth), segments_of(mirrored.series_mv)) if mirrored.legible else 0.0
        if reached > CRITERIA.undone:
            evidence = f"seen in a mirror it shows the truth (correlation {reached:.3f})"
            reading, verdict = mirrored, Verdict(SUSPECT, "mirrored picture", (), evidence, verdict.correlation)
    # what sound pages show is not needed any more; what does not match its truth may match another one
    keep = verdict.status == SUSPECT or verdict.differing or (reading.legible and verdict.status == UNREADABLE)
    return JudgedPage(record.id, kind, verdict, series_mv=reading.series_mv if keep else None)


def _verdict(truth: np.ndarray, reading: Reading, params: Verify) -> Verdict:
    if not reading.legible:
        return Verdict(UNREADABLE, evidence=reading.reason)
    return judge(truth, reading.series_mv, params, hidden=reading.hidden_share, slipped=reading.slipped_share > 0)


class _Search:
    """Looks for the record whose truth a stray page shows. Truths are read when the first stray page comes."""

    def __init__(self, dataset: Dataset, records: Sequence[Record]) -> None:
        self.dataset, self.records = dataset, {record.id: record for record in records}
        self.truths: dict[str, np.ndarray] | None = None
        self.likely: dict[str, str] = {}  # whose truth other pages of a record show

    def named(self, page: JudgedPage) -> JudgedPage:
        """`page`, with the fault "other record" if it shows the truth of another one, or "duplicate truth" if its own
        truth is another record's as well.
        """
        stray = page.verdict.fault == "no match" or page.verdict.status == UNREADABLE
        if not stray or page.series_mv is None:
            return page
        if self.truths is None:
            self.truths = dict(self._read())
        shown = segments_of(page.series_mv)
        others = [id_ for id_ in self.truths if id_ != page.id]
        for id_ in sorted(others, key=lambda id_: id_ != self.likely.get(page.id)):
            if (reached := agreement(self.truths[id_], shown)) > CRITERIA.undone:
                self.likely[page.id] = id_
                found = f"correlation {page.verdict.correlation:.3f} with its truth, {reached:.3f} with that of {id_}"
                return replace(
                    page, verdict=replace(page.verdict, status=SUSPECT, fault="other record", evidence=found)
                )
        if page.verdict.status == UNREADABLE:
            return page
        for id_ in others:
            if (reached := agreement(self.truths[id_], self.truths[page.id])) > CRITERIA.same_truth:
                found = f"its truth is that of {id_} (correlation {reached:.3f}), which it does not show"
                return replace(page, verdict=replace(page.verdict, fault="duplicate truth", evidence=found))
        return page

    def _read(self) -> Iterator[tuple[str, np.ndarray]]:
        for record in self.records.values():
            try:
                yield record.id, segments_of(truth_series(self.dataset, record)).astype(np.float32)
            except EcgpipeError:
                continue  # among the findings about the file's form


def _agreed(pages: Sequence[JudgedPage]) -> list[JudgedPage]:
    """The pages of a record, judged together: is its truth wrong, or are single pictures?

    A fault on more than half of the legible pages, and at least on two, is one of the truth and so of all its pages. So
    is a lead that differs from its truth on every legible page, if there are two of them or one clean render.
    Otherwise the pictures are wrong, because something may hide a lead.
    """
    legible = [page for page in pages if page.verdict.status != UNREADABLE]
    faults = Counter((page.verdict.fault, page.verdict.leads) for page in legible)
    (fault, leads), count = faults.most_common(1)[0] if faults else (("", ()), 0)
    if fault and count > 1 and 2 * count > len(legible):
        evidence = f"so say {count} of {len(legible)} pages of the record"
        return [page.with_fault(fault, leads, evidence) for page in pages]
    differing = _differing(legible)
    if differing and not fault:
        evidence = f"no page of the record shows the truth of {', '.join(differing)}"
        return [page.with_fault("lead differs", differing, evidence) for page in pages]
    return list(pages)


def _differing(legible: Sequence[JudgedPage]) -> tuple[str, ...]:
    if not legible or (len(legible) == 1 and legible[0].kind != RENDER):
        return ()
    return tuple(lead for lead in LEADS if all(lead in page.verdict.differing for page in legible))


def _row(page: JudgedPage, dataset: Dataset) -> dict:
    verdict, suspect = page.verdict, page.verdict.status == SUSPECT
    at_fault = dataset.signal_path(page.id) if page.wrong == TRUTH else dataset.image_path(page.id, page.kind)
    return {
        "path": at_fault.relative_to(dataset.root).as_posix(),
        "id": page.id,
        "kind": page.kind,
        "status": verdict.status,
        "fault": verdict.fault,
        "wrong": page.wrong if suspect else "",
        "leads": " ".join(verdict.leads),
        **{name: getattr(verdict, name) for name in FIGURES},
        "evidence": verdict.evidence,
    }
