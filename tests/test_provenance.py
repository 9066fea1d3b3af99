"""A module's hash follows from all files of ours that it imports, and from nothing else."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from ecgpipe.base.provenance import ROOT, code_hash, imported_files, imported_names

FILES = {
    "ecgpipe/__init__.py": "",
    "ecgpipe/a.py": "import numpy\nfrom ecgpipe.room import b\n",
    "ecgpipe/room/__init__.py": "",
    "ecgpipe/room/b.py": "def late():\n    from . import c\n",
    "ecgpipe/room/c.py": "from ecgpipe import a\n",
    "ecgpipe/other.py": "",
    "stages/__init__.py": "",
    "stages/one.py": "import ecgpipe.other\n",
    "numpy/__init__.py": "",
}


@pytest.fixture
def tree(tmp_path) -> Callable[..., Path]:
    """Makes a folder of FILES, some of them changed."""

    def make(name: str = "tree", **changed: str) -> Path:
        for file, text in (FILES | changed).items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / name

    return make


def names(*files: Path) -> set[str]:
    return {file.as_posix() for file in files}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from b.c import d", {"b.c", "b.c.d"}),
        ("def f():\n    import e", {"e"}),
        ("try:\n    import e\nexcept ImportError:\n    import f", {"e", "f"}),
        ("if TYPE_CHECKING:\n    import e", set()),
        ("if typing.TYPE_CHECKING:\n    import e\nelse:\n    import f", {"f"}),
        ("from . import x\nfrom ..y import z", {"p.q", "p.q.x", "p.y", "p.y.z"}),
    ],
)
def test_names_of_every_import_that_runs(source, expected):
    assert set(imported_names(ast.parse(source), "p.q")) == expected


def test_the_walk_goes_round_circles_and_takes_packages_with_it(tree):
    room = {"ecgpipe/room/__init__.py", "ecgpipe/room/b.py", "ecgpipe/room/c.py"}
    for module in ("ecgpipe.a", "ecgpipe.room.c"):
        assert names(*imported_files(module, tree())) == {"ecgpipe/__init__.py", "ecgpipe/a.py"} | room


def test_packages_that_are_not_ours_are_not_walked_though_they_lie_beside(tree):
    assert not [file for file in imported_files("ecgpipe.a", tree()) if file.is_relative_to("numpy")]


def test_stages_are_ours_too(tree):
    assert names(*imported_files("stages.one", tree())) == {
        "stages/__init__.py",
        "stages/one.py",
        "ecgpipe/__init__.py",
        "ecgpipe/other.py",
    }


def test_a_module_that_is_not_there_has_no_hash(tree):
    with pytest.raises(ModuleNotFoundError, match=r"stages\.two"):
        code_hash("stages.two", root=tree())


@pytest.mark.parametrize(
    ("file", "text", "same"),
    [
        ("ecgpipe/room/c.py", "from ecgpipe import a\nX = 1\n", False),
        ("ecgpipe/room/__init__.py", "X = 1\n", False),
        ("ecgpipe/other.py", "X = 1\n", True),
        ("numpy/__init__.py", "X = 1\n", True),
    ],
)
def test_the_hash_changes_with_what_is_imported_only(tree, file, text, same):
    assert (code_hash("ecgpipe.a", root=tree()) == code_hash("ecgpipe.a", root=tree("edited", **{file: text}))) == same


def test_the_hash_changes_with_data_and_with_a_librarys_version(tree, tmp_path, monkeypatch):
    weights = [tmp_path / name for name in ("one", "two")]
    for path in weights:
        path.write_text(path.name)
    first, second = (code_hash("ecgpipe.a", (path,), tree()) for path in weights)
    assert first != second
    monkeypatch.setattr("ecgpipe.base.provenance.version", lambda library: f"newer {library}")
    code_hash.cache_clear()
    assert code_hash("ecgpipe.a", (weights[0],), tree()) != first
    assert code_hash("ecgpipe.other", root=tree()) == code_hash("ecgpipe.other", root=tree("again"))


def test_the_repositorys_own_modules_are_found():
    files = names(*imported_files("ecgpipe.base.provenance"))
    assert files == {f"ecgpipe/{name}.py" for name in ("__init__", "base/__init__", "base/files", "base/provenance")}
    assert all((ROOT / file).is_file() for file in files)
