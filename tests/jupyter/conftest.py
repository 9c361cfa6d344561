"""A real IPython shell with the magics, as in a terminal."""

import pytest
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
