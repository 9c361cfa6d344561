"""Pools on Apache Kafka: one topic with one partition each, through kafka-python.

::

    store     KafkaStore: open, list, restore and delete pools
    log       KafkaLog: append, read, end, offset_at
    writer    appends, through one producer; and copies, into a topic that is yet to be a pool's
    reader    ranges, the end and times, through one consumer
    follower  a live reading
    rewrite   makes the next generation of a pool, which is what compaction needs
    marks     the records that say so
    fence     what ends one generation, so that the next can begin
    topics    what the cluster's controller is asked: topics, their settings, the generations of a pool
    address   kafka://… and the environment, parsed and checked; knows what is secret
    clients   kafka-python's producer, consumer and admin client, made as the address says
    network   mends for kafka-python's network layer
    compression  its gzip, quicker
    failures  the client's errors, turned into ours
"""

import warnings

from agentpool_jupyter.errors import ExtraMissingError

try:
    with warnings.catch_warnings():
        # Loading kafka-python 3.0 calls importlib.resources.read_text, which was deprecated for a while.
        warnings.simplefilter("ignore", DeprecationWarning)
        from .address import KafkaAddress
        from .log import KafkaLog
        from .store import KafkaStore
except ModuleNotFoundError as error:
    message = "pools on Kafka need kafka-python: pip install 'agentpool-jupyter[kafka]'"
    raise ExtraMissingError(message) from error

__all__ = ["KafkaAddress", "KafkaLog", "KafkaStore"]
