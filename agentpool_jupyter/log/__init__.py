"""Ordered, durable logs: one contract, an embedded implementation (SQLite) and a distributed one (Kafka)."""

from .contract import FILLER, Follower, Log, Record, Rewritten, Store
from .names import check_name
from .stores import data_home, default_store, open_store

__all__ = [
    "FILLER",
    "Follower",
    "Log",
    "Record",
    "Rewritten",
    "Store",
    "check_name",
    "data_home",
    "default_store",
    "open_store",
]
