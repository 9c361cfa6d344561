"""A job small enough to check by hand: sums ``n`` per ``key`` over lines of JSON."""

import json
import os
import signal
import time
from pathlib import Path

from mrjob.job import MRJob
from mrjob.protocol import JSONValueProtocol
from mrjob.step import MRStep


class Sum(MRJob):
    OUTPUT_PROTOCOL = JSONValueProtocol

    def mapper(self, _, line):
        record = json.loads(line)
        self.increment_counter("toy", "lines")
        yield record["key"], record["n"]

    def combiner(self, key, values):
        yield key, sum(values)

    def reducer(self, key, values):
        yield None, {"key": key, "sum": sum(values)}


class Scaled(Sum):
    """Two steps, and an option of its own."""

    def configure_args(self):
        super().configure_args()
        self.add_passthru_arg("--factor", type=int, default=1)

    def steps(self):
        return [MRStep(mapper=self.mapper, reducer=self.add), MRStep(mapper=self.scale)]

    def add(self, key, values):
        yield key, sum(values)

    def scale(self, key, value):
        yield None, {"key": key, "sum": value * self.options.factor}


class Failing(Sum):
    def mapper(self, _, line):
        message = f"cannot take {json.loads(line)['key']}"
        raise ArithmeticError(message)
        yield


class Sleeping(Sum):
    """Waits for its end, and says that it runs."""

    def configure_args(self):
        super().configure_args()
        self.add_passthru_arg("--sign", default="")

    def mapper(self, _, line):
        Path(f"{self.options.sign}.{os.getpid()}").touch()
        time.sleep(600)
        yield "", 0


class Killed(Sum):
    def mapper(self, _, line):
        os.kill(os.getpid(), signal.SIGKILL)
        yield "", 0
