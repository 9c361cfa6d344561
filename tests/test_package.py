"""The package as others see it: its names, and how little it takes to import it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import agentpool_jupyter
from agentpool_jupyter import pool
from tests.programs import output

HEAVY = ("IPython", "httpx2", "ipywidgets", "anywidget", "kafka", "mrjob", "networkx", "numpy", "openai", "rensa")
HEAVY += ("pandas",)


def test_the_public_names():
    """Others rely on them: one is added with thought, and none is taken away."""
    assert " ".join(agentpool_jupyter.__all__) == (
        "AgentPoolError Anonymized Blame Diff Document Experiment Matches Pool PrivacyReport Run Snapshot Task Team "
        "TeamSpec Trace act anonymize blame compact consensus diff experiment export_pool export_spans fold "
        "from_messages gate history_graph import_pool import_transcript index_pools label list_pools "
        "load_ipython_extension merge open_pool report resume reveal scaling similar snapshot tool trace "
        "unload_ipython_extension"
    )


def test_the_pools_public_names():
    assert " ".join(pool.__all__) == (
        "Branches Document Event EventFollower Message Pool Position Turn Usage fold list_pools merge open_pool"
    )


@pytest.mark.parametrize("name", agentpool_jupyter.__all__)
def test_every_public_name_is_there(name):
    """And completion finds it."""
    assert getattr(agentpool_jupyter, name)
    assert name in dir(agentpool_jupyter)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="agentpool_jupyter attribute Bakery"):
        agentpool_jupyter.Bakery  # noqa: B018 - reading it is the point


@pytest.mark.parametrize("module", ["agentpool_jupyter", "agentpool_jupyter.pool", "agentpool_jupyter.log"])
def test_importing_loads_no_client_library(module):
    """They come when they are used first."""
    program = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert output(program).split() == []


def test_without_the_kafka_client_it_is_told_what_to_install(tmp_path):
    """Where a pool is opened, and before a broker is started in vain."""
    program = """
import sys
from pathlib import Path
sys.modules["kafka"] = None
from agentpool_jupyter.errors import ExtraMissingError
from agentpool_jupyter.log import open_store
from agentpool_jupyter.services import broker
for use in (lambda: open_store("kafka://127.0.0.1:9092"), lambda: broker.start(0, Path(sys.argv[1], "kafka"))):
    try:
        use()
    except ExtraMissingError as error:
        print(error)
"""
    said = "pools on Kafka need kafka-python: pip install 'agentpool-jupyter[kafka]'\n"
    assert output(program, tmp_path) == said * 2
    assert not (tmp_path / "kafka").exists()


def test_an_embedded_pool_loads_no_client_library(tmp_path):
    """Also when it is written and read."""
    program = f"""
import sys
from pathlib import Path
import agentpool_jupyter as ap
with ap.open_pool("bakery", sys.argv[1]) as pool:
    pool.post("hello")
    assert pool.document()._repr_html_()
print(*sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    assert output(program, tmp_path).split() == []


@pytest.mark.parametrize("agent", ["model: test", "python: check"])
def test_the_client_of_models_is_on_its_way_once_there_is_a_team_with_models(agent):
    """Before its pool is opened, and without anybody waiting for it; functions need none."""
    program = f"""
import sys, threading
import agentpool_jupyter as ap
ap.Team.from_yaml("task: Plan a bakery.\\nagents: {{ann: {{{agent}}}}}")
for thread in threading.enumerate():
    if thread.name == "agentpool-preload":
        thread.join()
print("openai" in sys.modules)
"""
    assert output(program).strip() == str("model" in agent)


def _writes_html(source: str) -> bool:
    """Return whether a module has texts with tags that close, docstrings aside."""
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return any(re.search(r"</\w+>", text) for text in texts if isinstance(text, str))


def test_html_is_written_in_one_package():
    """Whoever shows something hands numbers and words to ``display``, where all of it is escaped."""
    root = Path(agentpool_jupyter.__file__).parent
    modules = {str(path.relative_to(root)): path.read_text("utf-8") for path in root.rglob("*.py")}
    assert [name for name, source in modules.items() if not name.startswith("display/") and _writes_html(source)] == []


def test_opening_a_pool_loads_nothing_of_jobs_or_history(tmp_path):
    """Those come when a snapshot is built, or when somebody looks back."""
    program = """
import sys
import agentpool_jupyter as ap
ap.open_pool("bakery", sys.argv[1]).close()
print(*(name for name in sys.modules if name.startswith(("agentpool_jupyter.history", "agentpool_jupyter.jobs"))))
"""
    assert output(program, tmp_path).split() == []
