"""Ports of this machine that nobody uses now."""

from __future__ import annotations

import contextlib
import socket


def free_ports(count):
    """So many different ports, free on 127.0.0.1."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
