"""Code entries of a dvc.yaml are computed, as few as may be; what was written by hand stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from ecgpipe.pipeline.dependencies import MARK, code_entries, rewritten
from tests.conftest import REPOSITORY

FULL = "".join(f"from ecgpipe.full import m{index}\n" for index in range(6))


@pytest.fixture
def root(tmp_path) -> Path:
    """A stage that imports six of seven modules of one room, and two of three of another."""
    files = {
        "ecgpipe/__init__.py": "import sys\nsys.flags\n",
        "ecgpipe/full/__init__.py": "",
        **{f"ecgpipe/full/m{index}.py": "X = 1" for index in range(7)},
        "ecgpipe/part/__init__.py": '"""Says nothing."""\n',
        **{f"ecgpipe/part/m{index}.py": "X = 1" for index in range(3)},
        "ecgpipe/never/m.py": "X = 1",
        "stages/__init__.py": "X = 1",
        "stages/one.py": FULL + "from ecgpipe.part import m0, m2\n",
    }
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    return tmp_path


ENTRIES = [
    "ecgpipe/__init__.py",
    "ecgpipe/full",
    "ecgpipe/part/m0.py",
    "ecgpipe/part/m2.py",
    "stages/__init__.py",
    "stages/one.py",
]


def test_a_room_is_named_whole_if_nearly_all_of_it_is_imported(root):
    assert code_entries("stages.one", root) == ENTRIES


def test_two_modules_that_are_not_imported_are_too_many(root):
    (root / "ecgpipe/full/m7.py").write_text("X = 1")
    assert [entry for entry in code_entries("stages.one", root) if "full" in entry] == [
        f"ecgpipe/full/m{index}.py" for index in range(6)
    ]


def test_an_init_with_code_is_a_dependency(root):
    (root / "ecgpipe/part/__init__.py").write_text('"""Says something."""\nX = 1\n')
    assert "ecgpipe/part/__init__.py" in code_entries("stages.one", root)


HAND = """# a comment
stages:
  one:   # spaced by hand
    desc: One
    cmd: python -m stages.one --flag
    params: [ data ]
    deps:
      - data/raw
      - ecgpipe/weights
      {mark}
{code}    outs: [x]

plots:
  - a.csv: {{x: "1.0"}}
"""


@pytest.mark.parametrize("before", ["", "      - ecgpipe/gone.py\n      - stages/one.py\n"])
def test_only_code_below_the_mark_is_rewritten(root, before):
    expected = HAND.format(mark=MARK, code="".join(f"      - {entry}\n" for entry in ENTRIES))
    assert rewritten(HAND.format(mark=MARK, code=before), root) == expected
    assert rewritten(expected, root) == expected


def test_a_file_without_the_mark_stays_as_it_is(root):
    text = HAND.format(mark="# another", code="      - ecgpipe/gone.py\n")
    assert rewritten(text, root) == text


def test_the_command_writes_the_files_it_is_given(tmp_path):
    path = tmp_path / "dvc.yaml"
    path.write_text(f"stages:\n  s:\n    cmd: python -m stages.submit\n    deps:\n      {MARK}\n")
    subprocess.run([sys.executable, "-m", "ecgpipe.pipeline.dependencies", str(path)], cwd=REPOSITORY, check=True)
    assert "      - ecgpipe/score\n" in path.read_text() and path.read_text().endswith("- stages/submit.py\n")
