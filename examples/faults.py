"""Faults of a data set, each with the name that `verify` should give it: for tests and for `examples.bench_data`."""

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ecgpipe.competition.dataset import Dataset, Kind, Record, read_signal, write_signal
from ecgpipe.competition.windows import lead_segments, lead_slice
from ecgpipe.digitize.leads import resample_leads
from ecgpipe.page.layout import KIT, LEADS
from ecgpipe.verify.files import Report
from ecgpipe.verify.suspects import Suspects

KIND: Kind = "0001"


@dataclass(frozen=True)
class Place:
    """Where a fault is planted: a record of a data set, and another one that it may be mixed up with."""

    dataset: Dataset
    record: Record
    other: Record

    @property
    def picture(self) -> Path:
        return self.dataset.image_path(self.record.id, KIND)

    @property
    def truth(self) -> Path:
        return self.dataset.signal_path(self.record.id)

    def rewrite_truth(self, change: Callable[[np.ndarray, int], np.ndarray]) -> None:
        """Write `change(lead in mV, fs in Hz)` of each lead's window."""
        series = read_signal(self.truth)
        for row, lead in enumerate(LEADS):
            part = lead_slice(lead, series.shape[1])
            series[row, part] = change(series[row, part], self.record.fs)
        write_signal(self.truth, series, self.record.fs)

    def rewrite_lead(self, lead: str, change: Callable[[dict[str, np.ndarray], int], np.ndarray]) -> None:
        """Write `change(leads in mV, fs in Hz)` in the place of one lead."""
        series = read_signal(self.truth)
        series[LEADS.index(lead), lead_slice(lead, series.shape[1])] = change(lead_segments(series), self.record.fs)
        write_signal(self.truth, series, self.record.fs)

    def edit(self, line: int, old: str, new: str) -> None:
        """Replace in one line of the truth; line 0 is the header."""
        _edit(self.truth, lambda lines: [text.replace(old, new, 1) if i == line else text for i, text in lines])

    def edit_row(self, change: Callable[[str], list[str]]) -> None:
        """Replace the record's row of train.csv by the rows `change` gives."""
        path, start = self.dataset.train_table_path, f"{self.record.id},"
        rows = path.read_text().splitlines()
        rows = [new for row in rows for new in (change(row) if row.startswith(start) else [row])]
        path.write_text("\n".join(rows) + "\n")


@dataclass(frozen=True)
class Fault:
    """`plant` it; then `verify` says `named` in a finding that names the record, or as the fault of a suspect."""

    plant: Callable[[Place], object]
    named: str
    suspect: bool = False
    after_manifest: bool = False  # changed after the download; otherwise so at the source

    def found(self, record_id: str, report: Report, suspects: Suspects) -> bool:
        """Whether it is named."""
        if self.suspect:
            rows = suspects.table
            return bool(((rows["id"] == record_id) & (rows["fault"] == self.named)).any())
        return any(
            self.named in finding.problem and (record_id in finding.path + finding.problem)
            for finding in report.findings
        )


def _edit(path: Path, change: Callable[[list[tuple[int, str]]], list[str]]) -> None:
    path.write_text("".join(change(list(enumerate(path.read_text().splitlines(keepends=True))))))


def _flip_byte(place: Place) -> None:
    content = bytearray(place.picture.read_bytes())
    content[len(content) // 2] ^= 1
    place.picture.write_bytes(content)


def _pixels(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path))
    assert pixels is not None, path
    return pixels


def _repaint(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    cv2.imwrite(str(path), change(_pixels(path)))


def _resampled_truth(dataset: Dataset, source: Record, rows: int) -> np.ndarray:
    return resample_leads(read_signal(dataset.signal_path(source.id)), rows, KIT)


def _swap_truths(place: Place) -> None:
    pair = (place.record, place.other)
    swapped = [_resampled_truth(place.dataset, a, b.sig_len) for a, b in (pair[::-1], pair)]
    for record, series in zip(pair, swapped, strict=True):
        write_signal(place.dataset.signal_path(record.id), series, record.fs)


def _exchange(place: Place, a: str, b: str) -> None:
    series = read_signal(place.truth)
    rows = [LEADS.index(a), LEADS.index(b)]
    series[rows] = series[rows[::-1]]
    write_signal(place.truth, series, place.record.fs)


def _link(place: Place) -> None:
    elsewhere = place.dataset.root.parent / f"{place.record.id}.aside.png"
    place.picture.rename(elsewhere)
    place.picture.symlink_to(elsewhere)


def _png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (header, *chunks, (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _zeros(count: int) -> bytes:
    """`count` zero bytes, packed a thousand times smaller."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(count >> 20)), packer.flush()])


def _pixel_bomb(place: Place) -> None:
    place.picture.write_bytes(_png(19_000, 19_000, (b"IDAT", _zeros(1 << 30))))


def _text_bomb(place: Place) -> None:
    place.picture.write_bytes(_png(2200, 1700, (b"zTXt", b"note\0\0" + _zeros(1 << 30)), (b"IDAT", _zeros(1 << 20))))


def _shift(lead: np.ndarray, fs: int, seconds: float) -> np.ndarray:
    """The lead later by `seconds`; its first or last value fills the gap."""
    by = round(seconds * fs)
    return np.r_[np.full(by, lead[0]), lead[:-by]] if by > 0 else np.r_[lead[-by:], np.full(-by, lead[-1])]


def _slower(lead: np.ndarray, ratio: float) -> np.ndarray:
    return np.interp(np.arange(len(lead)) / ratio, np.arange(len(lead)), lead)


def _set_value(path: Path, lead: str, value: str) -> None:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[7, lead] = value
    table.to_csv(path, index=False)


def _copy_truth(place: Place) -> None:
    series = _resampled_truth(place.dataset, place.other, place.record.sig_len)
    write_signal(place.truth, series, place.record.fs)


def _copy_picture(place: Place) -> None:
    place.picture.write_bytes(place.dataset.image_path(place.other.id, KIND).read_bytes())


def _copy_into_test(place: Place) -> None:
    ids = place.dataset.test_ids()
    target = place.dataset.test_image_path(ids[int(place.record.id) % len(ids)])
    _repaint(place.picture, lambda picture: picture)
    cv2.imwrite(str(target), _pixels(place.picture), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _add_file(place: Place) -> None:
    place.picture.with_name(f"{place.record.id}-0007.png").write_bytes(b"?")


def _other_rate(place: Place) -> None:
    place.edit_row(lambda row: [f"{place.record.id},{place.record.fs + 50},{place.record.sig_len + 500}"])


def _noise(leads: dict[str, np.ndarray], fs: int) -> np.ndarray:
    return np.random.default_rng(fs).normal(0, 0.3, len(leads["V4"]))


def _smaller(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)


FAULTS = {
    "flipped byte": Fault(_flip_byte, "changed: found", after_manifest=True),
    "truncated picture": Fault(lambda p: os.truncate(p.picture, p.picture.stat().st_size // 2), "truncated or corrupt"),
    "zero bytes": Fault(lambda p: p.picture.write_bytes(b""), "the file is empty"),
    "no picture": Fault(lambda p: p.picture.write_text("<html>not here</html>"), "not a picture that can be read"),
    "blank picture": Fault(lambda p: _repaint(p.picture, lambda x: np.full_like(x, 255)), "blank, all pixels"),
    "pixel bomb": Fault(_pixel_bomb, "found 19000x19000 pixels"),
    "text bomb": Fault(_text_bomb, "refused before decoding"),
    "missing kind": Fault(lambda p: p.picture.unlink(), "found no such file"),
    "extra file": Fault(_add_file, "found a file that train.csv"),
    "symbolic link": Fault(_link, "found a symbolic link"),
    "missing row": Fault(
        lambda p: _edit(p.truth, lambda lines: [text for i, text in lines if i != 9]), "every lead has"
    ),
    "text for a number": Fault(lambda p: p.edit(5, ",", ",?"), "expected a number in mV"),
    "renamed lead": Fault(lambda p: p.edit(0, "aVL", "AVL"), "lead aVL is missing"),
    "NaN inside": Fault(lambda p: _set_value(p.truth, "II", "NaN"), "expected a number inside"),
    "number outside": Fault(lambda p: _set_value(p.truth, "V6", "0.1"), "expected NaN outside"),
    "microvolts": Fault(lambda p: p.rewrite_truth(lambda x, fs: 1000 * x), "expected at most 10 mV"),
    "huge table": Fault(lambda p: os.truncate(p.truth, 1 << 26), "expected at most"),
    "duplicate id": Fault(lambda p: p.edit_row(lambda row: [row, row]), "each record once"),
    "path in an id": Fault(lambda p: p.edit_row(lambda row: [row, f"../{row}"]), "letters, digits, - or _"),
    "wrong fs": Fault(_other_rate, "every lead has"),
    "sig_len": Fault(lambda p: p.edit_row(lambda row: [row + "0"]), "expected 10 times fs"),
    "picture of another record": Fault(_copy_picture, "other record", True),
    "swapped truths": Fault(_swap_truths, "other record", True),
    "copied truth": Fault(_copy_truth, "duplicate truth", True),
    "exchanged leads": Fault(lambda p: _exchange(p, "V1", "V2"), "exchanged leads", True),
    "copied lead": Fault(lambda p: p.rewrite_lead("V3", lambda x, fs: x["V1"]), "copied lead", True),
    "inverted lead": Fault(lambda p: p.rewrite_lead("V2", lambda x, fs: -x["V2"]), "inverted", True),
    "late lead": Fault(lambda p: p.rewrite_lead("V5", lambda x, fs: _shift(x["V5"], fs, 0.1)), "shifted", True),
    "noise for a lead": Fault(lambda p: p.rewrite_lead("V4", _noise), "lead differs", True),
    "shift": Fault(lambda p: p.rewrite_truth(lambda x, fs: _shift(x, fs, 0.1)), "shifted", True),
    "early": Fault(lambda p: p.rewrite_truth(lambda x, fs: _shift(x, fs, -0.1)), "shifted", True),
    "gain": Fault(lambda p: p.rewrite_truth(lambda x, fs: 0.9 * x), "scaled", True),
    "offset": Fault(lambda p: p.rewrite_truth(lambda x, fs: x + 0.2), "offset", True),
    "inverted": Fault(lambda p: p.rewrite_truth(lambda x, fs: -x), "inverted", True),
    "reversed": Fault(lambda p: p.rewrite_truth(lambda x, fs: x[::-1]), "reversed in time", True),
    "wrong rate": Fault(lambda p: p.rewrite_truth(lambda x, fs: _slower(x, 1.024)), "wrong rate", True),
    "mirrored picture": Fault(lambda p: _repaint(p.picture, lambda x: x[:, ::-1]), "mirrored picture", True),
    "small picture": Fault(lambda p: _repaint(p.picture, _smaller), "odd size", True),
    "duplicate picture": Fault(_copy_into_test, "duplicate picture", True),
}
