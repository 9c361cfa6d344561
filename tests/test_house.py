"""The house is in order: rooms have maps and are not crowded, words mean one thing, and nothing goes in circles.

All of it is read from the source, without importing it.
"""

import ast
import graphlib
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.glob("agentpool_jupyter/**/*.py"))}
FOLDERS = sorted({path.parent for path in SOURCES})
MOST_MODULES = 16


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): tree for path, tree in SOURCES.items()}
PACKAGES = {module_name(path) for path in SOURCES if path.name == "__init__.py"}


def imported(module):
    """The package's modules that one imports, wherever in it that stands, for types or for use."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = (
                module.split(".")[: len(module.split(".")) - node.level + (module in PACKAGES)] if node.level else []
            )
            source = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{source}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else source for name in names]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def test_no_two_public_classes_share_a_name():
    """One noun, one thing."""
    homes = defaultdict(list)
    for module, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_no_module_imports_itself_by_way_of_others():
    """Imports for type checkers and within functions count."""
    try:
        graphlib.TopologicalSorter({module: set(imported(module)) for module in MODULES}).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_imports_are_seen():
    """The test above would else be of no use: relative ones, those for type checkers and those within functions."""
    assert "agentpool_jupyter.agents.runs.run" in imported("agentpool_jupyter.agents")
    assert "agentpool_jupyter.agents.turns.writer" in imported("agentpool_jupyter.agents.turns.attempt")
    assert "agentpool_jupyter.pool" in imported("agentpool_jupyter.agents.turns.outbox")
    assert "agentpool_jupyter.agents.models.client" in imported("agentpool_jupyter.agents.runs.schedule")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: module_name(folder / "__init__.py"))
def test_a_folder_is_a_room_with_a_map(folder):
    """Of few enough modules to be looked over; its head names each of them, and its folders, in an indented line."""
    assert folder / "__init__.py" in SOURCES
    modules = {path.stem for path in SOURCES if path.parent == folder} - {"__init__"}
    folders = {inner.name for inner in FOLDERS if inner.parent == folder}
    assert len(modules) <= MOST_MODULES
    lines = (ast.get_docstring(SOURCES[folder / "__init__.py"]) or "").splitlines()
    named = {word for line in lines if line.startswith("    ") for word in re.findall(r"\w+", line)}
    assert modules | folders <= named


def test_the_head_of_a_folder_imports_nothing_of_ours():
    """Two threads that import a folder and a module of it at once would else wait for each other.

    Python then hands one of them a module that is half loaded. Heads offer what they have through `lazy_loader`;
    those that check for an extra first are only ever imported as a whole.
    """
    eager = {
        package
        for package in PACKAGES
        for node in MODULES[package].body
        if isinstance(node, ast.ImportFrom) and (node.level or node.module.startswith("agentpool_jupyter"))
    }
    assert eager <= {f"agentpool_jupyter.{name}" for name in ("log.kafka", "measure.scaling", "privacy")}


def test_the_tests_of_a_group_stay_on_one_worker(request):
    """Else each worker starts services of its own: pytest and xdist have to agree on how a test is named."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("one process runs all tests")
    assert request.node.nodeid.endswith("@test_house")
