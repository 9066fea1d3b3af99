"""The pipeline's description agrees with its code: dependencies, parameters, outputs, pins."""

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ecgpipe.base.errors import EXTRA_OF
from ecgpipe.base.provenance import PACKAGES, imported_files, imported_names
from ecgpipe.params import Params, load_params
from ecgpipe.pipeline.dependencies import has_code, rewritten

ROOT = Path(__file__).parents[1]
DVC_YAML = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = DVC_YAML["stages"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ORDER = ["download", "verify", "preprocess", "train", "cross_validate", "postprocess", "submit"]
KEYS = ["desc", "cmd", "params", "outs", "metrics", "deps"]  # what it does first, computed code last

each_stage = pytest.mark.parametrize("name", STAGES)


# ---- dvc.yaml


def test_the_order_of_the_file_is_the_story():
    assert list(STAGES) == ORDER


@each_stage
def test_a_stage_has_the_same_keys_in_the_same_order_and_says_what_it_does(name):
    stage = STAGES[name]
    assert list(stage) == [key for key in KEYS if key in stage]
    assert set(stage) == set(KEYS)
    assert len(stage["desc"].split()) >= 5


@each_stage
def test_a_stage_is_its_module_and_writes_its_metrics(name):
    assert STAGES[name]["cmd"] == f"python -m stages.{name}"
    assert STAGES[name]["metrics"] == [{f"metrics/{name}.json": {"cache": False}}]


def code_deps(name: str) -> list[Path]:
    deps = STAGES[name]["deps"]
    return [Path(dep) for dep in deps if dep.startswith(PACKAGES) and not dep.startswith("ecgpipe/weights")]


@each_stage
def test_deps_cover_what_the_module_imports(name):
    files = {file for file in imported_files(f"stages.{name}") if has_code(ROOT / file)}
    assert not [file for file in sorted(files) if not any(file.is_relative_to(dep) for dep in code_deps(name))]


@each_stage
def test_deps_name_no_code_that_the_module_does_not_import(name):
    files = imported_files(f"stages.{name}")
    assert not [dep for dep in code_deps(name) if not any(file.is_relative_to(dep) for file in files)]
    assert all((ROOT / dep).exists() for dep in code_deps(name))


@pytest.mark.parametrize("file", ["dvc.yaml", "pretrain/dvc.yaml", "paired/dvc.yaml"])
def test_make_deps_would_change_nothing(file):
    text = (ROOT / file).read_text()
    assert rewritten(text) == text, "run `make deps`"


@pytest.mark.parametrize("name", ["download", "verify", "preprocess", "submit"])
def test_a_change_to_the_training_reruns_no_stage_that_trains_nothing(name):
    losses = Path("ecgpipe/training/losses.py")
    assert not [dep for dep in code_deps(name) if losses.is_relative_to(dep)]
    assert [dep for dep in code_deps("train") if losses.is_relative_to(dep)]


@each_stage
def test_data_come_before_code_among_the_deps(name):
    code = [Path(dep) in code_deps(name) for dep in STAGES[name]["deps"]]
    assert code == sorted(code)


@each_stage
def test_params_are_the_blocks_that_the_module_reads(name):
    tree = ast.parse((ROOT / f"stages/{name}.py").read_text())
    loads = {"params", "load_params()"}
    read = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) in loads}
    assert set(STAGES[name]["params"]) == read


@each_stage
def test_outputs_are_named_in_the_module_and_kept_out_of_git(name):
    source = (ROOT / f"stages/{name}.py").read_text()
    for out in STAGES[name]["outs"]:
        assert f'"{Path(out).with_suffix("")}' in source
        ignored = subprocess.run(["git", "check-ignore", "-q", out], cwd=ROOT)
        assert ignored.returncode == 0, f"{out}: not in the committed .gitignore"


@each_stage
def test_a_stage_reads_only_what_an_earlier_one_wrote(name):
    before = [out for stage in ORDER[: ORDER.index(name)] for out in STAGES[stage]["outs"]]
    data = [dep for dep in STAGES[name]["deps"] if dep.startswith(("data", "models"))]
    assert all(any(Path(dep).is_relative_to(out) for out in before) for dep in data)


def test_plots_are_outputs_of_a_stage_and_each_table_has_its_picture_too():
    outs = [out for stage in STAGES.values() for out in stage["outs"]]
    plots = [next(iter(plot)) if isinstance(plot, dict) else plot for plot in DVC_YAML["plots"]]
    assert all(any(Path(plot).is_relative_to(out) for out in outs) for plot in plots)
    tables = [plot for plot in plots if plot.endswith(".csv")]
    assert tables and all(str(Path(table).with_suffix(".svg")) in plots for table in tables)


# ---- params.yaml


def test_every_block_of_params_belongs_to_a_stage():
    used = {block for stage in STAGES.values() for block in stage["params"]}
    assert used == {field.name for field in dataclasses.fields(Params)}


def test_the_parameters_as_shipped_are_valid():
    assert load_params(ROOT / "params.yaml")


# ---- constraints.txt


def pins() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    exact = [re.match(r"([\w.-]+)==\S+$", line) for line in lines if line and not line.startswith("#")]
    assert all(exact), "constraints.txt: a line is no exact pin"
    return {canonicalize_name(match[1]) for match in exact}


def requirements(name: str, extras: frozenset[str], seen: set) -> set[str]:
    """Names of everything that an installed distribution needs here, directly or not."""
    if (name, extras) in seen:
        return set()
    seen.add((name, extras))
    names = {name}
    for text in distribution(name).requires or []:
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            names |= requirements(canonicalize_name(need.name), frozenset(need.extras), seen)
    return names


@cache
def installed(*extras: str) -> set[str]:
    """Names of all that an installation with these extras brings."""
    try:
        return requirements("ecgpipe", frozenset(extras), set()) - {"ecgpipe"}
    except PackageNotFoundError as error:
        pytest.skip(f"not installed as `make` does it: {error}")


def test_everything_that_an_installation_brings_is_pinned():
    assert installed("dev") <= pins()


# ---- two installs

READING = [
    "rectify.picture",
    "digitize.digitizer",
    "digitize.overlay",
    "formats.csv",
    "formats.wfdb",
    "score.compare",
]


def outside_modules(files: set[Path], *, at_once: bool = False) -> set[str]:
    """Top-level modules of others that these files import; `at_once` leaves out what functions import when called."""
    names = set()
    for file in files:
        tree = ast.parse((ROOT / file).read_text())
        if at_once:
            tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names |= {name.partition(".")[0] for name in imported_names(tree)}
    return names - set(sys.stdlib_module_names) - set(PACKAGES)


distributions_by_module = cache(packages_distributions)


def distributions(modules: set[str]) -> set[str]:
    known = distributions_by_module()
    return {canonicalize_name(name) for module in modules for name in known[module]}


def declared(extra: str = "") -> set[str]:
    needs = PYPROJECT["optional-dependencies"][extra] if extra else PYPROJECT["dependencies"]
    return {canonicalize_name(Requirement(text).name) for text in needs}


def test_the_plain_install_brings_what_reading_and_scoring_import_and_no_more():
    files = set().union(*(imported_files(f"ecgpipe.{name}") for name in READING))
    # their own imports, not those of what speaks to Kaggle
    files |= {Path("ecgpipe/cli.py"), *(path.relative_to(ROOT) for path in (ROOT / "ecgpipe/commands").glob("*.py"))}
    needed = distributions(outside_modules(files, at_once=True))
    assert needed <= declared() <= distributions(outside_modules(files))  # OpenVINO is imported when a network is run


def test_the_plain_install_has_no_training_pipeline_or_kaggle():
    assert not installed() & {"torch", "pytorch-lightning", "dvc", "kaggle", "pandas", "matplotlib", "wfdb"}


def test_an_extra_is_named_for_every_module_that_only_it_brings():
    assert set(EXTRA_OF.values()) <= set(PYPROJECT["optional-dependencies"])
    for module, extra in EXTRA_OF.items():
        assert distributions({module}) & installed(extra) and not distributions({module}) & installed()


def test_the_library_and_the_stages_import_nothing_that_no_extra_declares():
    rooms = ("ecgpipe", "experiments", "stages", "pretrain", "paired")
    files = {file.relative_to(ROOT) for room in rooms for file in (ROOT / room).rglob("*.py")}
    known = map(declared, ("", "formats", "heif", "kaggle", "scale", "search", "train", "web"))
    undeclared = distributions(outside_modules(files)).difference(*known)
    assert undeclared <= {"kagglesdk", "requests", "urllib3"}  # the Kaggle client's own


def test_there_is_one_version():
    assert version("ecgpipe") == PYPROJECT["version"]
    assert f"## [{PYPROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()


# ---- rooms


def rooms() -> list[str]:
    """The rooms of the library as README lists them, the upper ones first."""
    tree = (ROOT / "README.md").read_text().partition("the library; a room imports only")[2].partition("manifests/")[0]
    lines = [re.match(r"  ((?:\w+(?:/|\.py) ?)+)", line) for line in tree.splitlines()]
    return [name.rstrip("/") for line in lines if line for name in line[1].split()]


def test_readme_lists_every_room():
    there = {path.name for path in (ROOT / "ecgpipe").iterdir() if not path.name.startswith("_")}
    assert set(rooms()) == there


def test_a_room_imports_only_what_stands_below_it_in_the_readme():
    height = {room.removesuffix(".py"): place for place, room in enumerate(rooms())}
    wrong = []
    for path in (ROOT / "ecgpipe").glob("*/**/*.py"):
        own = path.relative_to(ROOT / "ecgpipe").parts[0]
        for name in imported_names(ast.parse(path.read_text())):
            package, _, rest = name.partition(".")
            if package == "ecgpipe" and height.get(rest.partition(".")[0], len(height)) < height[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong
