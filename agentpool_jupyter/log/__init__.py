"""Ordered, durable logs: one contract, an embedded implementation (SQLite) and a distributed one (Kafka)."""

from .contract import Follower, Log, Record, Store
from .names import check_name
from .stores import data_home, default_store, open_store

__all__ = [
    "Follower",
    "Log",
    "Record",
    "Store",
    "check_name",
    "data_home",
    "default_store",
    "open_store",
]
