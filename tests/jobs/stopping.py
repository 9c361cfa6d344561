"""Stopping a job in mid-run."""

import threading
import time

import psutil
import pytest

from agentpool_jupyter.errors import JobCancelledError
from agentpool_jupyter.jobs import run_job

SLEEPING = "tests.jobs.toy:Sleeping"


def cancel_when_running(lines, tmp_path, engine, options=None):
    """Run the sleeping job, cancel it when its first mapper is at work, and return the error and the mappers' ids."""
    cancel = threading.Event()
    caught = []

    def run():
        signed = {"sign": str(tmp_path / "mapper")} | (options or {})
        with pytest.raises(JobCancelledError) as error:
            run_job(SLEEPING, [lines], output=tmp_path / "out", engine=engine, options=signed, cancel=cancel)
        caught.append(error.value)

    thread = threading.Thread(target=run)
    thread.start()
    while not running_mappers(tmp_path) and thread.is_alive():
        time.sleep(0.05)
    cancel.set()
    thread.join()
    return caught[0], running_mappers(tmp_path)


def running_mappers(tmp_path):
    """The process ids that mappers have left."""
    return [int(path.suffix[1:]) for path in tmp_path.glob("mapper.*")]


def assert_gone(pids):
    """No process of these lives, or will live on."""
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    assert alive == []
