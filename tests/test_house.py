"""The pipeline's description agrees with its code: dependencies, parameters, outputs, pins."""

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ecgpipe.base.errors import EXTRA_OF
from ecgpipe.params import Params, load_params

ROOT = Path(__file__).parents[1]
DVC_YAML = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = DVC_YAML["stages"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ORDER = ["download", "verify", "preprocess", "train", "cross_validate", "postprocess", "submit"]
KEYS = ["desc", "cmd", "deps", "params", "outs", "metrics"]

each_stage = pytest.mark.parametrize("name", STAGES)


# ---- what a module imports


def module_file(name: str) -> Path | None:
    """The repository's file of a dotted module name, None for anything else."""
    path = ROOT.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.relative_to(ROOT)
    return None


def imported_names(tree: ast.AST) -> set[str]:
    """Dotted names that may be modules, of every import that runs, inside functions too."""
    names = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "write imports from the root"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        names |= imported_names(node)
    return names


def imported_files(file: Path, seen: set[Path]) -> set[Path]:
    """`file` and every file of the repository that it imports, directly or not, packages' __init__ included."""
    if file in seen:
        return seen
    seen.add(file)
    for name in imported_names(ast.parse((ROOT / file).read_text())):
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            if found := module_file(".".join(parts[:length])):
                imported_files(found, seen)
    return seen


def test_the_walk_finds_imports_inside_functions_and_packages():
    source = "if TYPE_CHECKING:\n    import a\ndef f():\n    from b.c import d\n    import e\n"
    assert imported_names(ast.parse(source)) == {"b.c", "b.c.d", "e"}


# ---- dvc.yaml


def test_the_order_of_the_file_is_the_story():
    assert list(STAGES) == ORDER


@each_stage
def test_a_stage_has_the_same_keys_in_the_same_order_and_says_what_it_does(name):
    stage = STAGES[name]
    assert list(stage) == [key for key in KEYS if key in stage]
    assert set(KEYS) - set(stage) <= {"deps"} if name == "download" else set(stage) == set(KEYS)
    assert len(stage["desc"].split()) >= 5


@each_stage
def test_a_stage_is_its_module_and_writes_its_metrics(name):
    assert STAGES[name]["cmd"] == f"python -m stages.{name}"
    assert STAGES[name]["metrics"] == [{f"metrics/{name}.json": {"cache": False}}]


@each_stage
def test_deps_cover_what_the_module_imports(name):
    deps = [Path(dep) for dep in STAGES[name]["deps"]]
    files = imported_files(Path(f"stages/{name}.py"), set()) | {Path("stages/__init__.py")}
    uncovered = [file for file in sorted(files) if not any(file.is_relative_to(dep) for dep in deps)]
    assert not uncovered


@each_stage
def test_deps_name_no_code_that_the_module_does_not_import(name):
    code = [Path(dep) for dep in STAGES[name]["deps"] if dep.startswith(("ecgpipe", "stages")) and "weights" not in dep]
    files = imported_files(Path(f"stages/{name}.py"), set()) | {Path("stages/__init__.py")}
    assert not [dep for dep in code if not any(file.is_relative_to(dep) for file in files)]
    assert all((ROOT / dep).exists() for dep in code)


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


def installed(extras: set[str]) -> set[str]:
    """Names of all that an installation with these extras brings."""
    try:
        return requirements("ecgpipe", frozenset(extras), set()) - {"ecgpipe"}
    except PackageNotFoundError as error:
        pytest.skip(f"not installed as `make` does it: {error}")


def test_everything_that_an_installation_brings_is_pinned():
    assert installed({"dev"}) <= pins()


# ---- two installs

READING = [
    "rectify/picture.py",
    "digitize/digitizer.py",
    "digitize/export.py",
    "digitize/overlay.py",
    "score/compare.py",
]


def outside_modules(files: set[Path], *, at_once: bool = False) -> set[str]:
    """Top-level modules of others that these files import; `at_once` leaves out what functions import when called."""
    names = set()
    for file in files:
        tree = ast.parse((ROOT / file).read_text())
        if at_once:
            tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names |= {name.partition(".")[0] for name in imported_names(tree)}
    return names - set(sys.stdlib_module_names) - {"ecgpipe", "stages", "pretrain", "examples"}


def distributions(modules: set[str]) -> set[str]:
    known = packages_distributions()
    return {canonicalize_name(name) for module in modules for name in known[module]}


def declared(extra: str = "") -> set[str]:
    needs = PYPROJECT["optional-dependencies"][extra] if extra else PYPROJECT["dependencies"]
    return {canonicalize_name(Requirement(text).name) for text in needs}


def test_the_plain_install_brings_what_reading_and_scoring_import_and_no_more():
    files = {Path("ecgpipe/cli.py")}  # its own imports, not those of what speaks to Kaggle
    for name in READING:
        imported_files(Path("ecgpipe") / name, files)
    assert distributions(outside_modules(files, at_once=True)) == declared()


def test_the_plain_install_has_no_training_pipeline_or_kaggle():
    assert not installed(set()) & {"torch", "pytorch-lightning", "dvc", "kaggle", "pandas", "matplotlib", "wfdb"}


def test_an_extra_is_named_for_every_module_that_only_it_brings():
    assert set(EXTRA_OF.values()) <= set(PYPROJECT["optional-dependencies"])
    for module, extra in EXTRA_OF.items():
        assert distributions({module}) & installed({extra}) and not distributions({module}) & installed(set())


def test_the_library_and_the_stages_import_nothing_that_no_extra_declares():
    files = {
        file.relative_to(ROOT) for room in ("ecgpipe", "stages", "pretrain") for file in (ROOT / room).rglob("*.py")
    }
    undeclared = distributions(outside_modules(files)) - declared() - declared("train") - declared("kaggle")
    assert undeclared <= {"kagglesdk", "requests", "urllib3"}  # the Kaggle client's own


def test_there_is_one_version():
    assert version("ecgpipe") == PYPROJECT["version"]
    assert f"## [{PYPROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()
