"""What a result depends on: the source files that a module imports, directly or not, and the libraries they use."""

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from importlib.util import resolve_name
from pathlib import Path

from ecgpipe.base.files import sha256_of

ROOT = Path(__file__).parents[2]  # the repository, or where the package is installed among others
PACKAGES = ("ecgpipe", "examples", "experiments", "paired", "pretrain", "stages")  # ours; what else lies in ROOT is not


def imported_names(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Dotted names that may be modules, of every import in a module of `package` that runs, inside functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from imported_names(ast.Module(node.orelse, []), package)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)
        else:
            yield from imported_names(node, package)


@cache
def imported_files(module: str, root: Path = ROOT) -> frozenset[Path]:
    """The file of `module` and every file of ours that it imports, directly or not, relative to `root`.

    Packages' `__init__` count, what only a type checker imports does not. ModuleNotFoundError if `module` has no file
    below `root`.
    """
    if _file_of(module, root) is None:
        raise ModuleNotFoundError(f"{module}: found no such file below {root}")
    files: set[Path] = set()
    names = {module}
    while names:
        new = {file for name in names for file in _files_of(name, root)} - files
        files |= new
        names = {name for file in new for name in _names_in(root / file, root)}
    return frozenset(files)


@cache
def code_hash(module: str, data: tuple[Path, ...] = (), root: Path = ROOT) -> str:
    """A hash of all files of ours that `module` imports, of the libraries' versions that they import, and of `data`."""
    files = sorted(imported_files(module, root))
    tops = {name.partition(".")[0] for file in files for name in _names_in(root / file, root)}
    known, others = packages_distributions(), tops - {*PACKAGES, *sys.stdlib_module_names}
    libraries = {library for top in others for library in known.get(top, ())}
    parts = [f"{file.as_posix()} {sha256_of(root / file)}" for file in files]
    parts += [sha256_of(path) for path in data]
    parts += [f"{library} {version(library)}" for library in sorted(libraries)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _names_in(file: Path, root: Path) -> frozenset[str]:
    package = ".".join(file.relative_to(root).parent.parts)
    return frozenset(imported_names(ast.parse(file.read_bytes()), package))


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """The file of a dotted name, if it is one of our modules, and those of the packages that it lies in."""
    parts = name.split(".")
    if parts[0] in PACKAGES:
        for length in range(1, len(parts) + 1):
            if file := _file_of(".".join(parts[:length]), root):
                yield file


def _file_of(name: str, root: Path) -> Path | None:
    path = root.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.relative_to(root)
    return None
