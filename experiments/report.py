"""Parts of a Markdown file that a command writes, between two comments, in a text that people write."""

from collections.abc import Iterable
from pathlib import Path

from ecgpipe.base.errors import DataError
from ecgpipe.base.files import atomic_path


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
