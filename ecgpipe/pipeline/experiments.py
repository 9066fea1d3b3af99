"""The experiments on a page: their scores, best first, and what each changed; it fits 120 columns.

python -m ecgpipe.pipeline.experiments

`dvc exp show` prints every parameter and metric, some 250 columns, and has no setting for which. Options go on to it:
`-n 3` or `--all-commits` for older commits, `--hide-failed`.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 120  # where there is no terminal to ask
SCORES = {  # heading: stage and metric
    "oof dB": ("postprocess", "snr_db/all"),
    "page dB": ("cross_validate", "snr_db_median"),
    "test dB": ("submit", "snr_db/all"),
    "loss": ("train", "loss"),
}


class Line(NamedTuple):
    """A row of the table: a commit or an experiment."""

    name: str
    scores: list[float | None]
    changed: str

    @property
    def rank(self) -> float:
        """By the first score, the best first; what has none comes last."""
        return -(self.scores[0] if self.scores[0] is not None else -math.inf)


def lines(shown: Sequence[Mapping[str, Any]]) -> Iterator[list[Line]]:
    """What `dvc exp show --json` has shown, a block for the workspace and each commit.

    A block is the commit itself and its experiments, the best out of fold first. What a commit changed is not said,
    what the workspace changed is since the commit that follows it.
    """
    for place, commit in enumerate(shown):
        below = shown[place + 1] if commit["rev"] == "workspace" and place + 1 < len(shown) else commit
        tried = [
            _line(run["revs"][0], commit, (run["executor"] or {}).get("state")) for run in commit["experiments"] or ()
        ]
        yield [_line(commit, below), *sorted(tried, key=lambda line: line.rank)]


def table(blocks: Iterator[list[Line]]) -> Table:
    """The blocks as a table; what was changed wraps in whatever width is left."""
    drawn = Table(box=box.HORIZONTALS, expand=False)
    drawn.add_column("experiment", overflow="fold", max_width=30)
    for heading in SCORES:
        drawn.add_column(heading, justify="right", no_wrap=True)
    drawn.add_column("changed", overflow="fold")
    for first, *tried in blocks:
        drawn.add_row(Text(first.name, "bold"), *_cells(first))
        for number, line in enumerate(tried, 1):
            drawn.add_row(Text(f"{'└' if number == len(tried) else '├'} {line.name}"), *_cells(line))
    return drawn


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested blocks of parameters by their paths, as `-S` of `dvc exp run` names them."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def _line(shown: Mapping[str, Any], base: Mapping[str, Any], state: str | None = None) -> Line:
    done = state in (None, "success") and not shown["error"]
    name = shown["name"] or shown["rev"][:9]
    metrics = (shown["data"] or {}).get("metrics", {}) if done else {}
    scores = [_content(metrics, f"metrics/{stage}.json").get(metric) for stage, metric in SCORES.values()]
    before, after = (flat(_content((one["data"] or {}).get("params", {}), "params.yaml")) for one in (base, shown))
    changed = [f"{path}={_value(value)}" for path, value in after.items() if before.get(path, ...) != value]
    name = name if done else f"{name} ({state or 'failed'})"
    return Line(name, scores, "  ".join(changed))


def _content(files: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    return files.get(path, {}).get("data") or {}


def _cells(line: Line) -> list[Text]:
    return [*(Text("-" if score is None else f"{score:.4g}") for score in line.scores), Text(line.changed)]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def main() -> int:
    parser = argparse.ArgumentParser(description="The experiments, their scores and what each changed.")
    _, options = parser.parse_known_args()
    done = subprocess.run([sys.executable, "-m", "dvc", "exp", "show", "--json", *options], stdout=subprocess.PIPE)
    if done.returncode == 0:
        console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
        console.print(table(lines(json.loads(done.stdout))))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
