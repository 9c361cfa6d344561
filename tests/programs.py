"""What a test starts beside itself: Python programs in processes of their own, and threads."""

import contextlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def start(program, *arguments):
    """Start a Python program with which one talks by lines; as a context it is waited for."""
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def running(program, *arguments):
    """A Python program that is gone at the end."""
    with start(program, *arguments) as child:
        try:
            yield child
        finally:
            child.kill()


def tell(*children, line=""):
    """Send each of some programs a line."""
    for child in children:
        child.stdin.write(f"{line}\n")
        child.stdin.flush()


def output(program, *arguments, **options):
    """Run a Python program to its end, which has to be a good one; return what it printed."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120, **options).stdout


def at_once(*acts):
    """Do things in a thread each, and wait for all of them; what one raises is raised."""
    with ThreadPoolExecutor(len(acts)) as threads:
        for done in [threads.submit(act) for act in acts]:
            done.result()
