"""What became of the pages: counts of those read, warned of and refused, by reason; and how fast it goes."""

import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ecgpipe.archive.rows import READ

SHOWN = 20  # reasons
NUMBER = re.compile(r"(?<![A-Z\d])\d+(?:[.,]\d+)*")  # but not that of JPEG2000
PAGE = ["id", "page", "status", "reason", "warned"]
WINDOW_S = 600.0  # over which the rate is taken from which the end is told


class Report:
    """Counts of the pages whose rows are in `tables`, each of which has all rows of the pages in it."""

    def __init__(self, tables: Iterable[pa.Table] = ()) -> None:
        self.read = self.warned = self.refused = 0
        self.reasons: Counter[str] = Counter()
        for table in tables:
            self.add(table)

    @property
    def pages(self) -> int:
        return self.read + self.refused

    def add(self, rows: pa.Table) -> None:
        """Count the pages whose rows these are."""
        warned = pc.greater(pc.list_value_length(rows["warnings"]), 0)
        pages = pa.table([rows["id"], rows["page"], rows["status"], rows["reason"], warned], PAGE)
        for row in pages.group_by(PAGE).aggregate([]).group_by(PAGE[2:]).aggregate([([], "count_all")]).to_pylist():
            count = row["count_all"]
            if row["status"] == READ:
                self.read += count
                self.warned += count * row["warned"]
            else:
                self.refused += count
                self.reasons[NUMBER.sub("#", row["reason"])] += count

    def figures(self) -> dict[str, object]:
        """All counts by name."""
        counts = {"pages": self.pages, "read": self.read, "warned": self.warned, "refused": self.refused}
        return counts | {"reasons": dict(self.reasons.most_common())}

    def lines(self) -> Iterator[str]:
        """The counts as a person reads them: the most frequent reasons last, their numbers left out."""
        yield f"{self.pages:,} pages: {self.read:,} read, {self.warned:,} of them warned of, {self.refused:,} refused"
        for reason, count in self.reasons.most_common(SHOWN):
            yield f"{count:8,}  {reason}"
        if len(self.reasons) > SHOWN:
            yield f"{'':8}  and {len(self.reasons) - SHOWN:,} other reasons"


class Progress:
    """How many of `total` files are done, `before` of them before this run, and when the last will be."""

    def __init__(self, total: int, before: int) -> None:
        self.total, self.done, self.pages = total, before, 0
        self._began = time.monotonic()
        self._seen = deque([(self._began, before)])

    def add(self, pages: int) -> None:
        """A file of so many pages is done."""
        self.done, self.pages = self.done + 1, self.pages + pages

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def pages_per_s(self) -> float:
        """Of the whole run."""
        return self.pages / max(self.elapsed_s, 1e-9)

    def figures(self) -> dict[str, float]:
        """What this run did, by name."""
        return {"pages": self.pages, "elapsed_s": round(self.elapsed_s, 1), "pages_per_s": round(self.pages_per_s, 4)}

    def line(self) -> str:
        """Where it stands, on one line."""
        now = time.monotonic()
        self._seen.append((now, self.done))
        while len(self._seen) > 2 and self._seen[1][0] < now - WINDOW_S:
            self._seen.popleft()
        then, done_then = self._seen[0]
        rate = (self.done - done_then) / max(now - then, 1e-9)
        share = self.done / max(self.total, 1)
        text = f"{self.done:,} of {self.total:,} files ({share:.1%}), {self.pages_per_s:.2f} pages/s"
        return f"{text}, {_end(max(0, self.total - self.done) / rate)}" if rate else text


def _end(left_s: float) -> str:
    left = timedelta(seconds=round(left_s))
    end = datetime.now() + left
    return f"{left} left, until {end.strftime('%H:%M' if left < timedelta(hours=12) else '%Y-%m-%d %H:%M')}"
