"""The kept logs of jobs, and the line in them that says why one failed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

import platformdirs

from agentpool_jupyter.log.files import make_folder

_KEPT = 50  # logs; the oldest go, but not while their job may still run
_RUNNING_SECONDS = 24 * 3600.0  # for which a job that says nothing may still run
_TAIL_BYTES = 1_000_000
_SHOWN = 300
_KILLED = "a task was killed"

# The last line of a Python traceback.
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit)(?:: .*)?$")
_JAVA = re.compile(r"^(?:java|javax|org|com|scala|sun|py4j)\.")
_LOGGED = re.compile(r"^.* ERROR \S+: (.+)$")
_USAGE = re.compile(r"^\S+\.py: error: ")
_ENDED = re.compile(r"Command .* (?:returned non-zero exit status|died with \S+?:?) ?<?(?:\S+: )?(\d+)\S*")
# What a task's shell said last, as mrjob tells it.
_CAUSE = re.compile(
    r"^Probable cause of failure:$(.+?)(?:^\(from lines?|^while reading|^\d{4}-\d\d-\d\d )", re.DOTALL | re.MULTILINE
)
_CLIENT = r"(?:.* INFO mrjob\.logs\.step:\s+)"  # of Spark or Hadoop
_JAVA_RAISED = re.compile(
    rf"^{_CLIENT}?(?:Caused by: |: |Exception in thread \S+ )(?:[\w$]+\.)*([\w$]+(?:Exception|Error)(?:: .+)?)$"
)
_CLIENT_SAID = re.compile(rf"^{_CLIENT}(.*: No such file or directory|.*[Ee]rror.*)$")
_GOES_ON = re.compile(r"(?<=[^\n])\n  (?=in \")")  # YAML says on lines of their own in which file
_SHELL = 128  # is added to the number of the signal that ended a shell's command


def new(key: str) -> Path:
    """Return the path of a new log in the user's state folder, and drop the oldest of many, none younger than a day."""
    folder = Path(platformdirs.user_state_dir("agentpool", appauthor=False), "jobs")
    make_folder(folder)
    for old in sorted(folder.glob("*.log"))[: -(_KEPT - 1)]:
        with contextlib.suppress(FileNotFoundError):  # another job drops it, too
            if time.time() - old.stat().st_mtime > _RUNNING_SECONDS:
                old.unlink()
    return folder / f"{key}.log"


def why(log: Path) -> str:
    """Return the line of a log that says best why its job failed, cut to a readable length."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = _GOES_ON.sub(" ", file.read().decode(errors="replace"))
    except OSError as error:  # somebody has removed it: the job's failure is to be told all the same
        return f"nobody can say why, its log cannot be read ({error.strerror or error})"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if _RAISED.match(line)]
    logged = [_ENDED.sub(_ending, match[1]) for line in lines if (match := _LOGGED.match(line))]
    causes = [said for match in _CAUSE.findall("\n".join(lines)) for said in match.strip().splitlines()[-1:]]
    for candidates in (  # those that say most first
        [line for line in raised if not _JAVA.match(line)],
        [line for line in lines if _USAGE.match(line)],
        [line for line in logged if _KILLED in line],
        causes,
        [match[1] for line in lines if (match := _JAVA_RAISED.match(line))],
        [match[1] for line in lines if (match := _CLIENT_SAID.match(line))],
        logged,
        raised,
        lines,
    ):
        if candidates:
            line = candidates[-1]
            return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
    return "nothing was said"


def _ending(match: re.Match[str]) -> str:
    """Say in words how a task's process ended; its long command line is in the log."""
    status = int(match[1])
    # mrjob waits for Spark's client itself, and tells what `wait` returned, in which a status stands above a signal.
    status = os.waitstatus_to_exitcode(status) if "spark-submit" in match[0] else status
    number = status - _SHELL if status > _SHELL else abs(status)
    if "died" in match[0] or status > _SHELL or status < 0:
        with contextlib.suppress(ValueError):
            return f"{_KILLED} ({signal.Signals(number).name})"
    return f"a task ended with exit status {status}"
