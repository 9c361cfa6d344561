"""A real Redis for tests, on a free loopback port, that can be stopped and started again."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import redis

from agentpool_jupyter.services.broker_setup import free_port
from tests.needs import lacking


class RedisServer:
    """The server and its address."""

    def __init__(self, folder) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            lacking("needs redis-server: apt-get install redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        self._process = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        for line in self._process.stdout:
            if "Ready to accept connections" in line:
                return
        pytest.fail(f"redis-server ended with {self._process.wait()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)
