"""A real Hadoop on this machine: HDFS and YARN of Hadoop's own mini cluster, and a HADOOP_HOME that reaches it."""

import contextlib
import json
import re
import subprocess
import time
from urllib.request import urlopen
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from agentpool_jupyter.errors import ServiceError
from agentpool_jupyter.services import java as jvm

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
# Processes that live for seconds: no second compiler, no threads that collect garbage.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_START_SECONDS = 90
_ADDRESSES = (
    "fs.defaultFS",
    "yarn.resourcemanager.address",
    "yarn.resourcemanager.scheduler.address",
    "mapreduce.jobhistory.address",
)
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
exec {java} -Xmx256m {quick} {opens} -cp "{conf}:{jars}/*" $class "$@"
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
    settings = {
        "dfs.replication": "1",
        "mapreduce.framework.name": "yarn",
        "yarn.is.minicluster": "true",  # tasks take their classpath from whoever starts the job
        "yarn.resourcemanager.scheduler.address": "127.0.0.1:0",
        "yarn.resourcemanager.resource-tracker.address": "127.0.0.1:0",
        "yarn.resourcemanager.admin.address": "127.0.0.1:0",
        "yarn.resourcemanager.webapp.address": "127.0.0.1:0",
        "mapreduce.jobhistory.admin.address": "127.0.0.1:0",
        "mapreduce.jobhistory.webapp.address": "127.0.0.1:0",
        "yarn.log-aggregation-enable": "true",
        "yarn.app.mapreduce.am.command-opts": f"-Xmx256m {QUICK} {_OPENS}",
        "yarn.app.mapreduce.am.resource.mb": "512",
        "mapreduce.map.memory.mb": "512",
        "mapreduce.reduce.memory.mb": "512",
        "mapred.child.java.opts": f"-Xmx200m {QUICK}",
        # What is asked for every second, or every five, is asked for at once: tests have one small job at a time.
        "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms": "100",
        "yarn.app.mapreduce.am.scheduler.heartbeat.interval-ms": "100",
        "yarn.client.application-client-protocol.poll-interval-ms": "50",
        "mapreduce.client.progressmonitor.pollinterval": "100",
        "mapreduce.client.completion.pollinterval": "100",
        "mapreduce.job.maps": "1",
        # A job of two pools runs in one process of the cluster; one of more files in a process for each.
        "mapreduce.job.ubertask.enable": "true",
        "mapreduce.job.ubertask.maxmaps": "2",
        "mapreduce.map.maxattempts": "1",
        "mapreduce.reduce.maxattempts": "1",
    }
    _write_home(home, java)
    command = [java, "-Xmx768m", *QUICK.split(), _OPENS, f"-Dtest.build.data={folder / 'data'}"]
    command += ["-cp", f"{_conf(home)}:{_lib(home)}/*", "org.apache.hadoop.mapreduce.MiniHadoopClusterManager"]
    command += ["-format", "-writeDetails", "details.json"]
    for name, value in settings.items():
        command += ["-D", f"{name}={value}"]
    log = folder / "cluster.log"
    with log.open("wb") as said:
        cluster = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        _await(cluster, folder / "details.json", log)
        _write_settings(home, settings | _addresses(log))
        yield home
    finally:
        cluster.kill()
        cluster.wait()


def _conf(home):
    return home / "etc" / "hadoop"


def _lib(home):
    return home / "share" / "hadoop" / "lib"


def _write_home(home, java):
    for place in (home / "bin", _conf(home), _lib(home).parent):
        place.mkdir(parents=True)
    _lib(home).symlink_to(jars()[0].parent)
    (_conf(home) / "log4j.properties").write_text(_LOG4J)
    for name in ("hadoop", "yarn"):
        script = home / "bin" / name
        script.write_text(_HADOOP.format(java=java, quick=QUICK, opens=_OPENS, conf=_conf(home), jars=_lib(home)))
        script.chmod(0o755)


def _addresses(log):
    """Where the parts of the cluster listen: each has taken a free port, and the page of YARN's manager tells."""
    page = re.search(r"ResourceManager web address: (\S+)", log.read_text())[1]
    found = {}
    for name in _ADDRESSES:
        with urlopen(f"http://{page}/conf?name={name}") as answer:
            found[name] = ET.parse(answer).findtext("property/value")
    return found


def _write_settings(home, settings):
    properties = "".join(
        f"<property><name>{name}</name><value>{escape(value)}</value></property>\n" for name, value in settings.items()
    )
    for part in ("core", "hdfs", "mapred", "yarn"):  # in each, or another part's defaults win
        (_conf(home) / f"{part}-site.xml").write_text(f"<configuration>\n{properties}</configuration>\n")


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
    command = [home / "bin" / "yarn", "application", "-list", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def files(home, folder):
    """The names of what is in a folder of HDFS."""
    command = [home / "bin" / "hadoop", "fs", "-ls", "-C", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
