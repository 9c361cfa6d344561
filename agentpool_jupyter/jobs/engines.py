"""The engines: what each needs, and how mrjob is told to use it.

=========  =====================================================================================
inline     in one process, one task after the other
local      processes of this machine, as many as ``num_cores`` (default: all cores)
spark      Apache Spark, extra ``spark``; ``spark_master`` (default ``local[*]``) may be ``spark://host:port``
hadoop     the user's Hadoop, at ``HADOOP_HOME``: MapReduce on YARN, output fetched from HDFS
emr        Amazon's, dataproc: Google's; mrjob's own runners, configured in the user's ``mrjob.conf``
=========  =====================================================================================

On a cluster of several machines, name the workers' Python in ``python_bin`` (it needs this package's dependencies)
and, for Spark, a folder that all machines see in ``spark_tmp_dir``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentpool_jupyter.errors import EngineError, ServiceError
from agentpool_jupyter.services import java as jvm

from . import hadoop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .code import JobCode
    from .scratch import Scratch

OptionValue = str | int | bool | list[str]
"""The value of an option of mrjob's, or of the job's own: a list is an option given several times."""

_SPARK_PORT = 7077
_REACH_SECONDS = 5.0
_INTERACTIVE = ("PYSPARK_DRIVER_PYTHON", "PYSPARK_DRIVER_PYTHON_OPTS", "PYSPARK_SUBMIT_ARGS")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# Tells which tasks have ended, in lines that mrjob can read.
_SPARK_LOG = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = info
"""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What runs a job."""

    name: str
    module: str = "mrjob"
    """What it needs besides mrjob."""
    install: str = "'agentpool-jupyter'"
    """What pip has to install for that."""
    ships_code: bool = True
    """Whether workers get the code as a file, because they may not see this machine's folders."""
    own_files: bool = False
    """Whether output has to be fetched from a file system of its own."""
    cloud: bool = False

    def check(self) -> None:
        """Raise EngineError for what is missing here; the message says how to get it."""
        if sys.platform == "win32":
            message = "jobs are not supported on Windows: use WSL"
            raise EngineError(message)
        # mrjob imports two modules that newer Pythons dropped, and our dependencies bring back.
        for module in ("mrjob", self.module, "distutils", "pipes"):
            if not _installed(module):
                why = f"needs {module!r}, which is not installed: pip install {self.install}"
                message = f"the engine {self.name!r} {why}"
                raise EngineError(message)
        if self.name == "hadoop":
            hadoop.home()

    def environment(self, options: Mapping[str, OptionValue]) -> dict[str, str | None]:
        """Return the environment variables that it needs, None for those that are in its way.

        Raises EngineError where Spark has no Java, or no master.
        """
        if self.name != "spark":
            return {}
        master = _spark_master(options)
        _reach(master)
        try:
            launcher = jvm.java("Spark", fix="install one, or pip install 'agentpool-jupyter[spark]'")
        except ServiceError as error:
            raise EngineError(str(error)) from error
        # What people set to have `pyspark` open a notebook would open one in place of the job.
        variables: dict[str, str | None] = dict.fromkeys(_INTERACTIVE)
        variables["JAVA_HOME"] = str(launcher.resolve().parents[1])
        if not Path(
            os.environ.get("SPARK_HOME", ""), "bin", "spark-class"
        ).is_file():  # there is no Spark, or not any more
            variables["SPARK_HOME"] = None
        if master.startswith("local") or urlsplit(master).hostname in _LOOPBACK:  # it is on no network
            variables |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
        return variables

    def arguments(
        self, options: Mapping[str, OptionValue], *, key: str, code: JobCode, scratch: Scratch, draft: Path
    ) -> list[str]:
        """Return mrjob's command line, without inputs and output; ``options`` win over what we set."""
        given: dict[str, OptionValue] = {"runner": self.name}
        if self.ships_code:
            given["py_files"] = str(code.write_zip(scratch.folder))
        if self.cloud:  # what happens to a cluster is for the user's own configuration to say
            return _switches(given | dict(options))
        given |= {"cleanup": "ALL", "cleanup_on_failure": "ALL"}
        if self.ships_code:
            given |= {"local_tmp_dir": str(scratch.folder), "python_bin": shlex.quote(sys.executable)}
        else:  # tasks import mrjob from where this process has it
            given |= {"local_tmp_dir": str(scratch.bulk), "no_conf": True, "no_bootstrap_mrjob": True}
        jobconf: list[str] = []
        if self.name == "hadoop":
            jobconf = [f"mapreduce.job.tags={key.lower()}"]
            # The whole folder is ours to remove; mrjob would leave it behind, empty.
            given |= {"hadoop_tmp_dir": hadoop.folder(key), "cleanup": "LOCAL_TMP", "cleanup_on_failure": "LOCAL_TMP"}
        elif self.name == "spark":
            given["spark_master"] = master = _spark_master(options)
            given["spark_tmp_dir"] = str(draft.with_name(f"{draft.name}.tmp"))
            jobconf = _spark_settings(master, scratch)
        own = options.get("jobconf", [])
        jobconf += own if isinstance(own, list) else [str(own)]
        return _switches(given | dict(options) | {"jobconf": jobconf})


_ALL: Sequence[Engine] = (
    Engine(name="inline", ships_code=False),
    Engine(name="local", ships_code=False),
    Engine(name="spark", module="pyspark", install="'agentpool-jupyter[spark]'"),
    Engine(name="hadoop", own_files=True),
    Engine(name="emr", module="boto3", install="'mrjob[aws]'", own_files=True, cloud=True),
    Engine(name="dataproc", module="google.cloud.dataproc_v1", install="'mrjob[google]'", own_files=True, cloud=True),
)
ENGINES = tuple(engine.name for engine in _ALL)
"""The names of the engines."""


def find(name: str) -> Engine:
    """Return the engine of that name; raises EngineError, naming those that there are."""
    if name not in ENGINES:
        message = f"no engine {name!r}: choose one of {', '.join(ENGINES)}"
        raise EngineError(message)
    return _ALL[ENGINES.index(name)]


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package around it
        return False


def _spark_master(options: Mapping[str, OptionValue]) -> str:
    return str(options.get("spark_master", "local[*]"))


def _reach(master: str) -> None:
    """Raise EngineError where no standalone master answers, which takes Spark itself a minute to find out."""
    scheme, _, hosts = master.partition("://")
    if scheme != "spark":
        return
    for host in hosts.split(","):
        address = urlsplit(f"//{host}")
        with contextlib.suppress(OSError, ValueError):
            port = address.port or _SPARK_PORT
            socket.create_connection((address.hostname or "", port), timeout=_REACH_SECONDS).close()
            return
    message = f"no Spark master answers at {master}: start it, or name another in spark_master"
    raise EngineError(message)


def _spark_settings(master: str, scratch: Scratch) -> list[str]:
    log = scratch.folder / "log4j2.properties"
    log.write_text(_SPARK_LOG)
    return [
        "spark.ui.enabled=false",
        "spark.ui.showConsoleProgress=false",
        f"spark.driver.extraJavaOptions=-Dlog4j2.configurationFile={log.as_uri()}",
        *([f"spark.local.dir={scratch.bulk}"] if master.startswith("local") else []),
    ]


def _switches(options: Mapping[str, OptionValue]) -> list[str]:
    switches: list[str] = []
    for name, value in options.items():
        switch = f"--{name.replace('_', '-')}"
        values = value if isinstance(value, list) else [value]
        switches += [switch if one is True else f"{switch}={one}" for one in values if one is not False]
    return switches
