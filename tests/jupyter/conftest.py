"""A real IPython shell with the magics, as in a terminal."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


@pytest.fixture
def shell(tmp_path, monkeypatch, store):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "agentpool_jupyter")
    yield shell
    shell.run_line_magic("unload_ext", "agentpool_jupyter")
    InteractiveShell.clear_instance()


def completed(shell, line):
    """What is offered at the end of a line."""
    with provisionalcompleter():
        return {completion.text for completion in shell.Completer.completions(line, len(line))}
