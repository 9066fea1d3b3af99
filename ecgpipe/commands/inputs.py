"""From what is named on the command line to picture files, and the name under which the results of each are written.

A picture's results have its name. Those of a folder's pictures keep the folder's shape; where two pictures have one
name, that of the folder that they are in is put before it, and where they are in the same folder their suffixes count:
but a PDF's alone, where it lies beside one picture, as many keep both.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecgpipe.base.errors import EcgpipeError
from ecgpipe.commands.complaints import complain
from ecgpipe.rectify.leaves import PICTURE_SUFFIXES

OVERLAY_SUFFIX = ".overlay.jpg"  # of results, which are no pictures to read


@dataclass(frozen=True)
class Source:
    """A picture file, and the `name` of its results below the folder for them, with / between folders."""

    path: Path
    name: str


def sources(paths: Iterable[Path], output: Path, spelled: Callable[[str], str] = str) -> list[Source]:
    """The pictures named by `paths`, and those in the folders among them, however deep, each once.

    Nothing is looked for in the folder `output`, nor in hidden ones. `spelled` gives a name as all formats allow it.
    What is passed over in a folder is said on stderr; EcgpipeError if a folder has no picture.
    """
    found: dict[str, Path] = {}  # by place, the path below the folder that was named
    shown: dict[str, Path] = {}
    for path in paths:
        inside = _pictures(path, output) if path.is_dir() else [path]
        for picture in inside:
            place = os.path.abspath(picture)
            if place not in found:
                found[place] = picture.relative_to(path) if path.is_dir() else Path(picture.name)
                shown[place] = picture
    names = _names(found, spelled)
    return [Source(shown[place], names[place]) for place in found]


def _pictures(folder: Path, output: Path) -> Sequence[Path]:
    """The pictures in a folder, however deep."""
    pictures: list[Path] = []
    others: Counter[str] = Counter()
    for path in _files(folder, output):
        suffix = path.suffix.lower()
        if path.name.lower().endswith(OVERLAY_SUFFIX):
            others["overlays"] += 1
        elif suffix in PICTURE_SUFFIXES:
            pictures.append(path)
        else:
            others[suffix or "without a suffix"] += 1
    if not pictures:
        raise EcgpipeError(f"{folder}: found no picture in this folder, expected {' '.join(sorted(PICTURE_SUFFIXES))}")
    if others:
        count = others.total()
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(others.items()))
        complain(
            f"{folder}: passed over {'a file' if count == 1 else f'{count} files'} not to be read: {kinds}",
            f"{folder}:",
        )
    return pictures


def _files(folder: Path, output: Path) -> Iterator[Path]:
    """The files in a folder, however deep, but for hidden ones and what lies in `output`."""
    for place, folders, names in os.walk(folder, onerror=_cannot_open):
        folders[:] = sorted(
            name for name in folders if name[0] != "." and os.path.abspath(Path(place, name)) != os.path.abspath(output)
        )
        yield from (Path(place, name) for name in sorted(names) if name[0] != ".")


def _cannot_open(error: OSError) -> None:
    complain(f"{error.filename}: this folder cannot be opened: {error.strerror}", f"{error.filename}:")


def _names(found: dict[str, Path], spelled: Callable[[str], str]) -> dict[str, str]:
    """The name of the results of each picture, given by its place and its path below what was named."""
    depth = {place: len(below.parts) for place, below in found.items()}

    def name(place: str, *, whole: bool = False) -> str:
        *folders, last = Path(place).parts[-depth[place] :]
        return "/".join([*folders, spelled(last if whole else Path(last).stem)])

    growing = True
    while growing:
        growing = False
        for clash in _clashes({place: name(place) for place in found}):
            if len({os.path.dirname(place) for place in clash}) > 1:
                for place in clash:
                    longer = min(depth[place] + 1, len(Path(place).parts) - 1)
                    growing |= longer > depth[place]
                    depth[place] = longer
    names = {place: name(place) for place in found}
    for clash in _clashes(names):
        pictures = [place for place in clash if Path(place).suffix.lower() != ".pdf"]
        longer_names = set(clash) - set(pictures) if len(pictures) == 1 else clash
        names |= {place: name(place, whole=True) for place in longer_names}
    return names


def _clashes(names: dict[str, str]) -> list[list[str]]:
    """The places that have one name, also as a disk that does not tell capitals from small letters sees it."""
    groups: dict[str, list[str]] = defaultdict(list)
    for place, name in names.items():
        groups[name.casefold()].append(place)
    return [group for group in groups.values() if len(group) > 1]
