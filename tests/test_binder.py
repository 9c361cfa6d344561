"""The image that Binder makes of this repository, by repo2docker's conventions: read, and (nightly) built here."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import nbformat
import psutil
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.needs import lacking
from tests.test_notebooks import NOTEBOOKS, code_cells

BINDER = ROOT / "binder"
OURS = "agentpool-jupyter"
MEMORY = 2 * 1024**3  # what Binder gives to one person


@pytest.fixture(scope="module")
def project():
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def asked():
    """What requirements.txt asks for; `.` is the package of this repository."""
    lines = [line.partition("#")[0].strip() for line in (BINDER / "requirements.txt").read_text().splitlines()]
    return [Requirement(re.sub(r"^\.", OURS, line)) for line in lines if line]


def extras_of(asked):
    return next(requirement.extras for requirement in asked if requirement.name == OURS)


def declared(project, extras):
    """What pyproject.toml asks for with these extras, those of its extras that name others included."""
    texts = [*project["dependencies"]]
    for extra in extras:
        texts += project["optional-dependencies"][extra]
    found = [
        requirement
        for requirement in map(Requirement, texts)
        if not requirement.marker or requirement.marker.evaluate()
    ]
    more = {name for requirement in found if requirement.name == OURS for name in requirement.extras} - set(extras)
    return declared(project, {*extras, *more}) if more else [each for each in found if each.name != OURS]


def installed_with(requirements):
    """The names of what pip would install, as far as this environment has it and can tell what it asks for."""
    todo, done = [(each.name, frozenset(each.extras)) for each in requirements], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        try:
            texts = requires(name) or ()
        except PackageNotFoundError:
            continue
        todo += [
            (each.name, frozenset(each.extras))
            for each in map(Requirement, texts)
            if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        ]
    return {canonicalize_name(name) for name, _ in done}


def imports(notebook):
    """The modules that the plain Python of a notebook imports."""
    for cell in code_cells(notebook):
        lines = cell.source.splitlines()
        if not lines[0].startswith("%%"):
            plain = "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines)
            for node in ast.walk(compile(plain, notebook, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    yield node.module.partition(".")[0]


def programs(notebook):
    """The programs that the agents of a notebook may run."""
    for cell in code_cells(notebook):
        if cell.source.startswith("%%agents"):
            yield from yaml.safe_load(cell.source.partition("\n")[2]).get("run", [])


def test_the_folder_holds_what_repo2docker_reads_and_nothing_else():
    """A file of another name would be passed over in silence; only the workspace is our own, for postBuild."""
    assert {path.name for path in BINDER.iterdir()} == {
        "postBuild",
        "requirements.txt",
        "runtime.txt",
        "workspace.json",
    }
    assert os.access(BINDER / "postBuild", os.X_OK)


def test_its_python_is_one_that_the_package_is_tested_on(project):
    """runtime.txt names a version of pyproject's classifiers."""
    version = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


def test_its_extras_exist_and_its_versions_are_those_of_pyproject(project, asked):
    """What is asked for beside the package is bounded as the tests bound it."""
    assert extras_of(asked) <= set(project["optional-dependencies"])
    bounds = {each.name: each.specifier for each in declared(project, {"test"})}
    assert all(bounds[each.name] == each.specifier for each in asked if each.name != OURS)


def test_it_covers_what_the_notebooks_import_and_run(project, asked):
    """Every import is Python's, ours, or comes with what is asked for; so does every program that agents run."""
    extras = extras_of(asked)
    there = installed_with([*declared(project, extras), *(each for each in asked if each.name != OURS)])
    homes = packages_distributions()
    for notebook in NOTEBOOKS:
        for module in (
            {*imports(notebook), *programs(notebook)} - sys.stdlib_module_names - {"python", "agentpool_jupyter"}
        ):
            assert there & {canonicalize_name(name) for name in homes.get(module, ())}, (notebook.name, module)


def test_the_workspace_shows_the_tour_and_its_team():
    """Both widgets of the layout are described, and the picture is that of the tour's first team."""
    workspace = json.loads((BINDER / "workspace.json").read_text())
    assert workspace["metadata"]["id"] == "default"  # that of /lab
    data = workspace["data"]
    shown = [name for area in data["layout-restorer:data"]["main"]["dock"]["children"] for name in area["widgets"]]
    tour, picture = [data[name]["data"] for name in shown]
    assert tour["path"] == picture["path"] == "notebooks/00-tour.ipynb"
    cells = nbformat.read(ROOT / tour["path"], as_version=4).cells
    assert picture["index"] == next(index for index, cell in enumerate(cells) if cell.source.startswith("%%agents"))


@pytest.mark.nightly
@pytest.mark.kafka
@pytest.mark.local_model
@pytest.mark.timeout(3600)
def test_the_image_is_built_and_runs_all_notebooks_in_two_gigabytes(tmp_path):
    """The image's steps in a clean environment with a home of its own; then each notebook, its processes weighed.

    On the embedded log, and on a Kafka that a magic starts.
    """
    home, venv = tmp_path / "home", tmp_path / "venv"
    copy_repository(home)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    own = ("AGENTPOOL_", "JUPYTER", "OPENAI_", "PYTHON", "VIRTUAL_ENV", "XDG_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"HOME": str(home), "PATH": f"{venv / 'bin'}:/usr/local/bin:/usr/bin:/bin"}
    environment.setdefault("NPM_CONFIG_USERCONFIG", str(Path.home() / ".npmrc"))  # how this machine reaches npm

    def run(*command):
        return subprocess.run(command, cwd=home, env=environment, check=True, capture_output=True, text=True)

    run("python", "-m", "pip", "install", "--no-cache-dir", "-r", "binder/requirements.txt")
    run("binder/postBuild")
    assert json.loads(run("jupyter", "lab", "workspaces", "export").stdout)["data"]
    names = sorted(path.name for path in NOTEBOOKS)
    try:
        weights = {}
        for notebook in (*names, *(on_kafka(home / "notebooks" / name) for name in names)):
            with (tmp_path / "said").open("w+") as said:
                command = ["jupyter", "execute", f"notebooks/{notebook}"]
                process = psutil.Popen(command, cwd=home, env=environment, stdout=said, stderr=said)
                weights[notebook] = heaviest(process, home)
                assert process.wait() == 0, (notebook, (tmp_path / "said").read_text()[-2000:])
    finally:
        run("agentpool", "kafka", "stop")
    print({name: f"{weight / 1024**2:.0f} MiB" for name, weight in weights.items()})
    assert max(weights.values()) < MEMORY


def on_kafka(path):
    """Make a notebook that is the same on Kafka, and return its name."""
    notebook = nbformat.read(path, as_version=4)
    start = "%load_ext agentpool_jupyter\n%kafka start --use --port 0"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(start))
    name = f"on-kafka-{path.name}"
    nbformat.write(notebook, path.with_name(name))
    return name


def copy_repository(home):
    """What a clone has: the files that Git knows."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        lacking("not a Git clone: which files a clone has cannot be told")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, home / name)


def heaviest(process, home):
    """Wait for a process, and return the most memory that all processes of this home held at one moment."""
    most = 0
    while process.poll() is None:
        weight = 0
        for each in psutil.process_iter():
            try:
                if each.environ().get("HOME") == str(home):
                    weight += each.memory_full_info().pss  # pages that are shared are counted once
            except psutil.Error:  # it has just ended, or is somebody else's
                continue
        most = max(most, weight)
        time.sleep(0.2)
    return most
