"""A real Hadoop on this machine: HDFS and YARN of Hadoop's own mini cluster, and a HADOOP_HOME that reaches it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from xml.sax.saxutils import escape

from agentpool_jupyter.errors import ServiceError
from agentpool_jupyter.services import java as jvm
from tests.jobs.ports import free_ports

VERSION = "3.4.2"
_GROUP = "org.apache.hadoop:hadoop-"
_PARTS = (
    "common",
    "hdfs",
    "hdfs-client",
    "mapreduce-client-app",
    "mapreduce-client-hs",
    "mapreduce-client-jobclient",
    "streaming",
    "yarn-server-nodemanager",
    "yarn-server-resourcemanager",
    "yarn-server-timelineservice",
)
# hadoop-minicluster's own description of these is of a kind that jgo does not know.
_TESTS = ("common", "hdfs", "mapreduce-client-jobclient", "yarn-server-tests")
_OTHERS = ("junit:junit:4.13.2", "org.bouncycastle:bcpkix-jdk18on:1.78.1", "org.mockito:mockito-core:2.28.2")
_FIX = "pip install 'agentpool-jupyter[broker]' and have a Java 11 to 21 on the PATH"
# Guice, in Hadoop's daemons, opens what Java closed after 8.
_OPENS = "--add-opens=java.base/java.lang=ALL-UNNAMED"
_START_SECONDS = 90
_HADOOP = """\
#!/bin/sh
case "$(basename "$0") $1" in
  "hadoop version") class=org.apache.hadoop.util.VersionInfo ;;
  "hadoop fs") class=org.apache.hadoop.fs.FsShell ;;
  "hadoop jar") class=org.apache.hadoop.util.RunJar ;;
  "yarn application") class=org.apache.hadoop.yarn.client.cli.ApplicationCLI ;;
  "yarn logs") class=org.apache.hadoop.yarn.client.cli.LogsCLI ;;
  *) echo "not in this Hadoop: $0 $*" >&2; exit 2 ;;
esac
[ "$1" = application ] || shift
exec {java} -Xmx256m -XX:TieredStopAtLevel=1 {opens} -cp "{conf}:{jars}/*" $class "$@"
"""
_LOG4J = """\
log4j.rootLogger=INFO,A
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.target=System.err
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d{yy/MM/dd HH:mm:ss} %p %c{2}: %m%n
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
"""


def jars():
    """The jars of Hadoop and its mini cluster, fetched once."""
    coordinates = [
        *(f"{_GROUP}{part}:{VERSION}" for part in _PARTS),
        *(f"{_GROUP}{part}:jar:tests:{VERSION}" for part in _TESTS),
        *_OTHERS,
    ]
    return jvm.jars("hadoop", "Apache Hadoop", VERSION, coordinates, fix=_FIX)


@contextlib.contextmanager
def running_cluster(folder):
    """A mini cluster of one node; yields the HADOOP_HOME whose commands and settings reach it."""
    # Hadoop 3.4 asks Java for the current Subject in a way that Java 24 has dropped (HADOOP-19212).
    java = jvm.java("Hadoop", least=11, most=21, fix=_FIX)
    home = folder / "home"
    ports = dict(zip(("namenode", "manager", "scheduler", "tracker", "admin", "history"), free_ports(6), strict=True))
    settings = {
        "fs.defaultFS": f"hdfs://127.0.0.1:{ports['namenode']}",
        "dfs.replication": "1",
        "mapreduce.framework.name": "yarn",
        "yarn.is.minicluster": "true",  # tasks take their classpath from whoever starts the job
        "yarn.resourcemanager.address": f"127.0.0.1:{ports['manager']}",
        "yarn.resourcemanager.scheduler.address": f"127.0.0.1:{ports['scheduler']}",
        "yarn.resourcemanager.resource-tracker.address": f"127.0.0.1:{ports['tracker']}",
        "yarn.resourcemanager.admin.address": f"127.0.0.1:{ports['admin']}",
        "yarn.resourcemanager.webapp.address": "127.0.0.1:0",
        "mapreduce.jobhistory.address": f"127.0.0.1:{ports['history']}",
        "mapreduce.jobhistory.admin.address": "127.0.0.1:0",
        "mapreduce.jobhistory.webapp.address": "127.0.0.1:0",
        "yarn.log-aggregation-enable": "true",
        "yarn.app.mapreduce.am.command-opts": f"-Xmx256m {_OPENS}",
        "yarn.app.mapreduce.am.resource.mb": "512",
        "mapreduce.map.memory.mb": "512",
        "mapreduce.reduce.memory.mb": "512",
        "mapred.child.java.opts": "-Xmx200m -XX:TieredStopAtLevel=1",
        "mapreduce.map.maxattempts": "1",
        "mapreduce.reduce.maxattempts": "1",
    }
    _write_home(home, java, settings)
    command = [java, "-Xmx768m", _OPENS, f"-Dtest.build.data={folder / 'data'}", "-cp", f"{_conf(home)}:{_lib(home)}/*"]
    command += ["org.apache.hadoop.mapreduce.MiniHadoopClusterManager", "-format"]
    command += ["-nnport", str(ports["namenode"]), "-rmport", str(ports["manager"])]
    command += ["-jhsport", str(ports["history"]), "-writeDetails", "details.json"]
    for name, value in settings.items():
        command += ["-D", f"{name}={value}"]
    log = folder / "cluster.log"
    with log.open("wb") as said:
        cluster = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        _await(cluster, folder / "details.json", log)
        yield home
    finally:
        cluster.kill()
        cluster.wait()


def _conf(home):
    return home / "etc" / "hadoop"


def _lib(home):
    return home / "share" / "hadoop" / "lib"


def _write_home(home, java, settings):
    for place in (home / "bin", _conf(home), _lib(home).parent):
        place.mkdir(parents=True)
    _lib(home).symlink_to(jars()[0].parent)
    properties = "".join(
        f"<property><name>{name}</name><value>{escape(value)}</value></property>\n" for name, value in settings.items()
    )
    for part in ("core", "hdfs", "mapred", "yarn"):  # in each, or another part's defaults win
        (_conf(home) / f"{part}-site.xml").write_text(f"<configuration>\n{properties}</configuration>\n")
    (_conf(home) / "log4j.properties").write_text(_LOG4J)
    for name in ("hadoop", "yarn"):
        script = home / "bin" / name
        script.write_text(_HADOOP.format(java=java, opens=_OPENS, conf=_conf(home), jars=_lib(home)))
        script.chmod(0o755)


def _await(cluster, details, log):
    deadline = time.monotonic() + _START_SECONDS
    while not _whole(details):
        if cluster.poll() is not None or time.monotonic() > deadline or "Exception in thread" in log.read_text():
            message = f"Hadoop's mini cluster did not start; its log is {log}: {log.read_text()[-2000:]}"
            raise ServiceError(message)
        time.sleep(0.1)


def _whole(details):
    try:
        return "resourcemanager_port" in json.loads(details.read_text())
    except (OSError, ValueError):
        return False


def applications(home, *arguments):
    """What `yarn application -list` says."""
    done = subprocess.run(
        [home / "bin" / "yarn", "application", "-list", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    return done.stdout


def files(home, folder):
    """The names of what is in a folder of HDFS."""
    command = [home / "bin" / "hadoop", "fs", "-ls", "-C", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
