"""A reader that reads nothing: what a file's words say happens, so that thousands of pages can be tried.

python -m examples.archive_stub FOLDER OUTPUT --workers 2
"""

import argparse
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from ecgpipe.archive.rows import SCHEMA, refused_rows
from ecgpipe.archive.run import Plan, archive
from ecgpipe.archive.sources import Source
from ecgpipe.page.layout import KIT, LEADS

SIGNALS = {"segv": signal.SIGSEGV, "oom": signal.SIGKILL}


@dataclass(frozen=True)
class StubReader:
    """Stands in for a PageReader. A file has a word for each of its pages, which is what the page does:

    `read`, `warn`, `refuse`, `segv` and `oom` (die, as by a fault or for want of memory), `once` (die the first time
    only), `hang`. Each page takes `delay_s`, and a line in the file `log` when it is begun.
    """

    log: Path
    delay_s: float = 0.0

    def __call__(self, source: Source, first: int = 1) -> Iterator[int | pa.RecordBatch]:
        words = Path(source.place).read_text().split()
        yield len(words)
        for page, word in list(enumerate(words, 1))[first - 1 :]:
            with self.log.open("a") as log:
                log.write(f"{source.path} {page}\n")
            time.sleep(3600 if word == "hang" else self.delay_s)
            if word in SIGNALS or (word == "once" and self._times(source, page) == 1):
                os.kill(os.getpid(), SIGNALS.get(word, signal.SIGKILL))
            if word == "refuse":
                yield refused_rows(source, page, len(words), "found 7 px, expected more")
            else:
                yield _rows(source, page, len(words), ["it looks odd"] if word == "warn" else [])

    def _times(self, source: Source, page: int) -> int:
        return self.log.read_text().split("\n").count(f"{source.path} {page}")


def _rows(source: Source, page: int, pages: int, warnings: list[str]) -> pa.RecordBatch:
    """Rows as large as those of the competition's page."""
    rng = np.random.default_rng(int(source.id, 16) + page)
    common = {
        **{"id": source.id, "path": source.path, "version": source.version, "page": page, "pages": pages},
        **{"status": "read", "warnings": warnings, "layout": KIT.name, "fs_hz": 500.0, "start_s": 0.0},
    }
    return pa.RecordBatch.from_pylist(
        [
            common | {"lead": lead, "samples_mv": rng.normal(0, 0.1, 5000 if lead == "II" else 1250).tolist()}
            for lead in LEADS
        ],
        SCHEMA,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="An archive by a reader that reads nothing.")
    parser.add_argument("source")
    parser.add_argument("output", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--shard", type=int, default=50)
    parser.add_argument("--every", type=float, default=1.0)
    options = parser.parse_args()
    plan = Plan(options.source, options.output, workers=options.workers, files_per_shard=options.shard)
    say = partial(print, flush=True)
    report, _ = archive(plan, partial(StubReader, options.log, options.delay), say, options.every)
    say("\n".join(report.lines()))


if __name__ == "__main__":
    main()
