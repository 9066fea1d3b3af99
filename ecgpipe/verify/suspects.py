"""Suspects: pages whose files are in order but that training should not see.

They are paired with the wrong truth, are there twice, or have another size than their kind. What becomes of them is the
parameter `verify.on_suspect`: `fail` stops the pipeline, `exclude` leaves them out from `preprocess` on, `warn` only
lists them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import pandas as pd

from ecgpipe.base.errors import DataError
from ecgpipe.base.tables import read_strict_csv, write_table
from ecgpipe.competition.dataset import SIZE_LIMITS_PX, page_of

if TYPE_CHECKING:  # not needed to read the list of what is excluded
    from ecgpipe.verify.files import Picture, Report

FIGURES = ("correlation", "shift_s", "gain", "offset_mv")
PAGE_COLUMNS = ("path", "id", "kind", "status", "fault", "wrong", "leads", *FIGURES, "evidence")
SUSPECT = "suspect"
NAMED = 3  # suspects that the one-line summary spells out

_UNPAIRED = ("no match", "other record")  # faults of which a duplicate truth is the cause


@dataclass(frozen=True)
class Suspects:
    """`table` has a row for each suspect page, or for a record if kind is empty.

    Its columns are PAGE_COLUMNS without status, and `excluded`.
    """

    table: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """How many there are, in all and by fault."""
        faults = self.table["fault"].value_counts()
        named = {f"suspects/{fault.replace(' ', '_')}": int(count) for fault, count in faults.items()}
        return {"suspects": len(self.table), "excluded": int(self.table["excluded"].sum())} | named

    def write(self, path: str | Path) -> None:
        """Write the table as CSV; a data set without suspects leaves the header alone."""
        write_table(path, self.table, decimals=4)

    def summary(self) -> str:
        """One line with the first suspects."""
        rows = self.table.head(NAMED).itertuples()
        return f"suspect pages: {len(self.table)}, first: " + "; ".join(
            f"{row.path}: {row.fault}{f' ({row.leads})' if row.leads else ''}, {row.evidence}" for row in rows
        )

    def raise_if(self, on_suspect: str, advice: str) -> None:
        """DataError of one line if there are suspects and `on_suspect` is `fail`."""
        if len(self.table) and on_suspect == "fail":
            raise DataError(f"{self.summary()}; {advice}")


def find_suspects(report: "Report", pages: pd.DataFrame, on_suspect: Literal["fail", "exclude", "warn"]) -> Suspects:
    """The suspects among the files of `report` and its judged `pages`, a table of PAGE_COLUMNS that may be empty."""
    rows = pages[pages["status"] == SUSPECT].to_dict("records")
    rows = _with_duplicates(rows, _same_pictures(report.pictures), "picture")
    rows = _with_duplicates(rows, _same_truths(report.hashes), "truth")
    rows += [row for row in _odd_sizes(report.pictures) if row["path"] not in {known["path"] for known in rows}]
    table = pd.DataFrame(rows, columns=[name for name in PAGE_COLUMNS if name != "status"])
    table = table.sort_values(["path", "kind"], ignore_index=True)
    return Suspects(table.assign(excluded=on_suspect == "exclude"))


def read_excluded(path: str | Path) -> frozenset[tuple[str, str]]:
    """(id, kind) of each page that a written table of suspects excludes; an empty kind stands for the whole record."""
    table = read_strict_csv(path, dtype=str)
    if not {"id", "kind", "excluded"} <= set(table):
        raise DataError(f"{path}: found the columns {','.join(table)}, expected suspects; run `dvc repro verify`")
    chosen = table[table["excluded"] == "True"]
    return frozenset(zip(chosen["id"], chosen["kind"], strict=True))


def _same_pictures(pictures: Mapping[str, "Picture"]) -> list[list[str]]:
    return _groups({path: picture.pixels for path, picture in pictures.items()})


def _same_truths(hashes: Mapping[str, str]) -> list[list[str]]:
    return _groups({path: sha256 for path, sha256 in hashes.items() if page_of(path) and path.endswith(".csv")})


def _groups(content: Mapping[str, str]) -> list[list[str]]:
    """Paths with the same content, two or more."""
    paths = defaultdict(list)
    for path, digest in sorted(content.items()):
        paths[digest].append(path)
    return [group for group in paths.values() if len(group) > 1]


def _with_duplicates(rows: list[dict], groups: list[list[str]], side: str) -> list[dict]:
    """`rows`, and a row for each file of the `groups` of equal files.

    If a group has suspects among `rows`, these are the wrong ones: they say so, and the others get no row.
    """
    rows = list(rows)
    for group in groups:
        ids = {_place(path)["id"] for path in group}
        known = [row for row in rows if (row["path"] in group if side == "picture" else row["id"] in ids)]
        for row in known:
            others = [path for path in group if _place(path)["id"] != row["id"]] or group
            row["evidence"] += f"; the same {side} as {others[0]}"
            if side == "truth" and row["fault"] in _UNPAIRED:
                row["fault"] = f"duplicate {side}"
        if not known:
            for path in group:
                same = ", ".join(other for other in group if other != path)
                rows.append(
                    _place(path)
                    | {"fault": f"duplicate {side}", "wrong": side, "leads": "", "evidence": f"the same as {same}"}
                )
    return rows


def _odd_sizes(pictures: Mapping[str, "Picture"]) -> Iterator[dict]:
    for path, picture in sorted(pictures.items()):
        place = _place(path)
        if place["kind"] not in SIZE_LIMITS_PX:
            continue
        ranges = SIZE_LIMITS_PX[place["kind"]]
        if not all(low <= side <= high for side, (low, high) in zip(picture.sides_px, ranges, strict=True)):
            found = "x".join(map(str, reversed(picture.sides_px)))
            expected = " by ".join(f"{low} to {high}" for low, high in reversed(ranges))
            evidence = f"found {found} px, expected {expected} of kind {place['kind']}"
            yield place | {"fault": "odd size", "wrong": "picture", "leads": "", "evidence": evidence}


def _place(path: str) -> dict[str, str]:
    """Path, id and kind of a file of the data set; a test picture has no kind."""
    id_, kind = page_of(path) or (PurePosixPath(path).stem, "")
    return {"path": path, "id": id_, "kind": kind}
