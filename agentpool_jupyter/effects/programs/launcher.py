"""Becomes another program, within limits: ``python launcher.py MEMORY FILE_SIZE PROCESSES SECONDS PROGRAM …``.

Run as a program of its own, because limits cannot safely be set between a fork and an exec of a process with threads.
"""

import contextlib
import os
import sys


def main() -> None:
    """Set the limits that this system has, and become the program."""
    _die_with_parent()
    memory, file_size, processes, seconds = map(int, sys.argv[1:5])
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        pass
    else:
        wanted = {"AS": memory, "FSIZE": file_size, "NPROC": processes, "CPU": seconds, "CORE": 0}
        for name, most in wanted.items():
            limit = getattr(resource, f"RLIMIT_{name}", None)
            try:
                if limit is not None:
                    _, hard = resource.getrlimit(limit)
                    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
                    resource.setrlimit(limit, (value, value))
            except (ValueError, OSError):  # some systems have a limit that cannot be set
                pass
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606 - no shell is what is wanted


def _die_with_parent() -> None:
    """Have this process killed when the one that watches it is gone; only Linux does that."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only here
        import signal  # noqa: PLC0415 - as above

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    main()
