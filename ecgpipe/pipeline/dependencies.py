"""The code that each stage of a dvc.yaml depends on, computed from what its module imports.

python -m ecgpipe.pipeline.dependencies dvc.yaml pretrain/dvc.yaml paired/dvc.yaml

Rewrites the lines below MARK in the `deps:` of each stage; everything else stays as it is.
"""

import ast
import re
import sys
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

from ecgpipe.base.files import atomic_path
from ecgpipe.base.provenance import PACKAGES, ROOT, imported_files

MARK = "# code, by `make deps`"
MOST_STRAY = 1 / 7  # share of a folder's modules that a stage need not import for the folder to be named as a whole
_MODULE = re.compile(r"\s+cmd: python -m (\S+)")
_CODE = re.compile(rf"\s+- ({'|'.join(PACKAGES)})/")


def code_entries(module: str, root: Path = ROOT) -> list[str]:
    """Files and folders below `root` that cover all code that `module` imports, sorted, as few as may be.

    A folder of which nearly all modules are imported is one entry; an `__init__` without code gets no entry.
    """
    modules = {path.relative_to(root) for package in PACKAGES for path in (root / package).rglob("*.py")}
    modules = {path for path in modules if has_code(root / path)}
    return sorted(_entries(Path(), modules, imported_files(module, root) & modules))


@cache
def has_code(file: Path) -> bool:
    """Whether a module says more than its docstring."""
    return not all(isinstance(statement, ast.Expr) for statement in ast.parse(file.read_bytes()).body)


def rewritten(text: str, root: Path = ROOT) -> str:
    """The text of a dvc.yaml whose code entries, those below MARK, are what the module of the stage's `cmd` needs."""
    return "".join(_rewritten(text.splitlines(keepends=True), root))


def _entries(folder: Path, modules: Set[Path], needed: Set[Path]) -> Iterator[str]:
    inside = {path for path in modules if path.is_relative_to(folder)}
    wanted = inside & needed
    if len(folder.parts) > 1 and len(wanted) > 1 and len(inside) - len(wanted) <= MOST_STRAY * len(inside):
        yield folder.as_posix()
        return
    for child in {Path(*path.parts[: len(folder.parts) + 1]) for path in wanted}:
        if child in wanted:
            yield child.as_posix()
        else:
            yield from _entries(child, modules, needed)


def _rewritten(lines: list[str], root: Path) -> Iterator[str]:
    module, below = "", False
    for line in lines:
        if found := _MODULE.match(line):
            module = found[1]
        below = below and _CODE.match(line) is not None
        if not below:
            yield line
        if line.strip() == MARK:
            below, indent = True, line[: line.index(MARK)]
            yield from (f"{indent}- {entry}\n" for entry in code_entries(module, root))


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        text = rewritten(path.read_text(encoding="utf-8"))
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
