"""How a comparison is told: means with their spread over seeds, and what of a Markdown file a command writes."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from scipy.stats import t as student

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path

CONFIDENCE = 0.95


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation."""
    if len(values) < 2:
        return f"{values[0]:.3g}" if values else "failed"
    return f"{statistics.mean(values):.3g} ± {statistics.stdev(values):.2g}"


def verdict(gains: Sequence[float]) -> str:
    """The mean of what each seed gained with its 95 % interval by Student's t, and whether that leaves 0 out."""
    if len(gains) < 2:
        return "too few runs"
    mean = statistics.mean(gains)
    reach = student.ppf((1 + CONFIDENCE) / 2, len(gains) - 1) * statistics.stdev(gains) / len(gains) ** 0.5
    word = "no difference" if abs(mean) <= reach else "better" if mean > 0 else "worse"
    return f"{word}: {mean:+.2f} ± {reach:.2f}"


def replace_part(path: Path, command: str, lines: Iterable[str]) -> None:
    """Put `lines` between `<!-- COMMAND -->` and `<!-- end -->` of a file; DataError where these are not."""
    text = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {command} -->\n", "<!-- end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise DataError(f"{path}: found no {begin.strip()} before an {end}, expected them about the part to write")
    with atomic_path(path) as temporary:
        temporary.write_text(before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after, encoding="utf-8")
