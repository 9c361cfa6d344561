"""Pools on Apache Kafka: one topic with one partition each, through kafka-python.

::

    address   kafka://… and the environment, parsed and checked; knows what is secret
    failures  the client's errors, turned into ours
    network   mends for kafka-python's network layer
    clients   kafka-python's producer, consumer and admin client, made as the address says
    topics    what the cluster's controller is asked: topics, their settings, the generations of a pool
    reader    ranges, the end and times, through one consumer
    writer    appends, through one producer
    follower  a live reading
    marks     records that say something about a topic, and nothing about its pool
    fence     what parts one generation of a pool from the next
    rewrite   makes the next generation
    log       KafkaLog: append, read, end, offset_at
    store     KafkaStore: open, list and delete pools
"""

import warnings

with warnings.catch_warnings():
    # Loading kafka-python 3.0 calls importlib.resources.read_text, which was deprecated for a while.
    warnings.simplefilter("ignore", DeprecationWarning)
    from .address import KafkaAddress
    from .follower import KafkaFollower
    from .log import KafkaLog
    from .store import KafkaStore

__all__ = ["KafkaAddress", "KafkaFollower", "KafkaLog", "KafkaStore"]
