"""What somebody is told whose Python lacks a part: one line that names what to install, and status 1."""

import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def run(tmp_path):
    """Runs a module in the repository by a Python that lacks the modules `without`."""

    def start(*arguments: str, flags: tuple[str, ...] = (), without: str = "") -> subprocess.CompletedProcess:
        if without:
            error = f"ModuleNotFoundError({f'No module named {without!r}'!r}, name={without!r})"
            (tmp_path / f"{without}.py").write_text(f"raise {error}\n")
        command = [sys.executable, *flags, "-m", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)

    return start


@pytest.mark.parametrize("stage", ["download", "train", "submit"])
def test_a_stage_outside_the_environment_says_so_in_one_line(run, stage):
    done = run(f"stages.{stage}", flags=("-S",))  # without site-packages
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: found no module '") and sys.executable in line
    assert "'.[pipeline]'" in line or "'.[train]'" in line
    assert "make repro" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "without", "extra"),
    [
        (["stages.train"], "torch", "train"),
        (["stages.cross_validate"], "pytorch_lightning", "train"),
        (["stages.submit"], "pyarrow", "train"),
        (["ecgpipe", "download"], "pandas", "kaggle"),
        (["stages.download"], "rich", "pipeline"),
        (["ecgpipe", "download"], "kaggle", "kaggle"),
        (["ecgpipe", "submit", "a.parquet", "-m", "x"], "yaml", "kaggle"),
        (["ecgpipe", "web"], "fastapi", "web"),
        (["ecgpipe", "web"], "uvicorn", "web"),
        (["ecgpipe", "digitize", "a.png", "--output", "out"], "openvino", ""),
    ],
)
def test_a_missing_module_names_the_extra_that_brings_it(run, arguments, without, extra):
    done = run(*arguments, without=without)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"[{extra}]'" in line if extra else "`pip install -c constraints.txt '.'`" in line


def test_a_parquet_submission_without_pyarrow_is_one_line(run, tmp_path):
    submission = tmp_path / "submission.parquet"
    submission.write_bytes(b"PAR1")
    done = run("ecgpipe", "submit", str(submission), "-m", "x", without="pyarrow")
    assert done.returncode == 1 and "'.[train]'" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_mistake_in_the_repository_keeps_its_traceback(run, tmp_path):
    (tmp_path / "mistaken.py").write_text("import stages, ecgpipe.nowhere\n")
    done = run("mistaken")
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_version_is_that_of_the_project():
    done = subprocess.run(
        [sys.executable, "-m", "ecgpipe", "--version"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("ecgpipe 0.")


def test_importing_the_package_imports_nothing_else():
    code = "import sys, ecgpipe; print(sorted({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert set(eval(done.stdout)) <= {"__main__", "ecgpipe", "openvino_telemetry"}
