"""Programs on a disk that is soon full: a small file system in memory, which only the program sees."""

import contextlib
import subprocess
import sys

import pytest

_MOUNTED = 'mount -t tmpfs -o size="$3" agentpool "$1" && exec "$0" -c "$2" "$1"'


def on_small_disk(folder, program, size="3400k"):
    """Run a program with a small disk at a folder, which is its argument; return the lines that it prints."""
    for way in (["unshare", "--user", "--map-root-user", "--mount"], ["unshare", "--mount"]):
        with contextlib.suppress(OSError):
            if not subprocess.run([*way, "true"], check=False, capture_output=True, timeout=60).returncode:
                command = [*way, "sh", "-c", _MOUNTED, sys.executable, str(folder), program, size]
                return subprocess.run(
                    command, check=True, capture_output=True, text=True, timeout=120
                ).stdout.splitlines()
    pytest.skip("no small disk can be mounted here: needs unshare, and user namespaces or root")
