"""What a test needs and a machine may not have: without it a test is skipped, and in CI it fails."""

import os

import pytest

from agentpool_jupyter.errors import AgentPoolError


def lacking(reason):
    """Skip the test, or fail where everything is required, and say why."""
    if os.environ.get("AGENTPOOL_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def require(start, absent=AgentPoolError):
    """Do something that needs Java, Kafka, Spark or Hadoop; this error says that they cannot be had."""
    try:
        return start()
    except absent as error:
        lacking(f"{error}")
