"""A program on a fresh checkout of files: as a function for Python, and as the tool ``run_program`` for agents."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agentpool_jupyter.effects.tool import Tool, tool
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.files.checkout import check_out

from .child import ChildEnd, run_child
from .limits import ChildLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentpool_jupyter.pool.files.version import FileVersion

RUN_PROGRAM = "run_program"
"""The name of the tool."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_USUAL = ChildLimits()
_ROOM = 30.0  # seconds that the checkout and the end of a program may take


async def run_program(
    files: Mapping[str, FileVersion], program: str, arguments: Sequence[str] = (), limits: ChildLimits = _USUAL
) -> ChildEnd:
    """Run a program by its name on a fresh checkout of files (``document.files``), and return how it ended.

    What it writes there is thrown away. It has no input, the folder of the files as its current one, a home of its own,
    and an environment of a few variables. Raises UserError where there is no such program. This is no sandbox: see
    :mod:`agentpool_jupyter.effects.programs`.
    """
    found = find_program(program)
    home = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="agentpool-run-"))
    try:
        folder = home / "files"
        await asyncio.to_thread(check_out, files, folder)
        for name in ("home", "tmp"):
            (home / name).mkdir()
        return await run_child([found, *arguments], folder, _environment(home), limits)
    except (OSError, ValueError) as error:
        message = f"{program} could not be run: {error}"
        raise UserError(message) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


def find_program(name: str) -> str:
    """Return the full path of a program, first of those beside this Python; raises UserError where there is none."""
    if not _NAME.fullmatch(name):
        message = f"{name!r} cannot name a program: write its plain name, such as `pytest`"
        raise UserError(message)
    if name == "python":
        return sys.executable
    found = shutil.which(name, path=_search_path())
    if found is None:
        message = f"there is no program {name!r} here: install it, or leave it out of `run`"
        raise UserError(message)
    return str(Path(found).absolute())


def program_tool(
    programs: Sequence[str], files: Callable[[], Mapping[str, FileVersion]], limits: ChildLimits = _USUAL
) -> Tool:
    """Return the tool by which agents run some programs; ``files`` returns what they are run on."""

    @tool(idempotent=True, timeout=limits.seconds + _ROOM)
    async def run(program: str, arguments: list[str], *, key: str) -> dict[str, Any]:  # noqa: ARG001 - runs anew
        """Run a program on the files that the team shares, and get its exit status and what it printed.

        It starts in a folder with those files. What it writes there is not kept.
        """
        ended = await run_program(await asyncio.to_thread(files), program, arguments, limits)
        killed = {"killed": ended.killed} if ended.killed else {}
        return {"status": ended.status, **killed, "output": ended.output}

    run.__annotations__["program"] = Literal[tuple(programs)]
    return Tool.of(RUN_PROGRAM, run)


def _search_path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _environment(home: Path) -> dict[str, str]:
    """Return all that a program is told: of this process's own environment only where programs are."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "COMSPEC", "PATHEXT") if name in os.environ}
    return kept | {
        "PATH": _search_path(),
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "TEMP": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
