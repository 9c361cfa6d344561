"""The Kafka client's errors, turned into ours."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

from kafka import errors

from agentpool_jupyter.errors import AgentPoolError, LogCorruptError, LogError, LogUnavailableError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import KafkaAddress

LOGIN = (errors.SaslAuthenticationFailedError, errors.UnsupportedSaslMechanismError, errors.IllegalSaslStateError)
TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_LOST = (errors.LogTruncationError, errors.OffsetOutOfRangeError)
_OPTIONS = (errors.KafkaConfigurationError, errors.UnsupportedCodecError, AssertionError, OSError, ValueError)


def unavailable(address: KafkaAddress, timeout_ms: float, trouble: str = "") -> LogUnavailableError:
    """Return the error for a cluster that stayed silent; ``trouble`` is what its servers did instead of answering."""
    where = ",".join(address.hosts)
    return LogUnavailableError(
        f"Kafka at {where} did not answer within {timeout_ms / 1000:g} s; is it running? "
        "A local one: `agentpool kafka status`, `agentpool kafka start`" + (f" ({trouble})" if trouble else "")
    )


def translate(error: BaseException, address: KafkaAddress, timeout_ms: float, trouble: str = "") -> AgentPoolError:
    """Return our error for one of the client's; what it says holds no secret."""
    where = ",".join(address.hosts)
    if isinstance(error, errors.KafkaError) and error.retriable:
        return unavailable(address, timeout_ms, trouble)
    for kinds, made, text in (
        (LOGIN, StoreError, "refused the login: check user, password and sasl_mechanism"),
        ((errors.AuthorizationError,), StoreError, f"does not allow this user to do that ({type(error).__name__})"),
        (TOO_LARGE, LogError, "does not take a record of that size: make it smaller, or raise max.message.bytes"),
        (_LOST, LogCorruptError, f"has lost records that were there before ({type(error).__name__})"),
        (_OPTIONS, StoreError, f"cannot be used with these options: {_reason(error)}"),
    ):
        if isinstance(error, kinds):
            return made(f"Kafka at {where} {text}")
    return LogError(f"Kafka at {where} answered with {type(error).__name__}")


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError | FileNotFoundError | PermissionError):
        return f"{error.strerror or type(error).__name__}" + (f" ({error.filename})" if error.filename else "")
    told = isinstance(error, errors.KafkaConfigurationError | AssertionError) and error.args
    return str(error.args[0]) if told else type(error).__name__


@contextlib.contextmanager
def translated(address: KafkaAddress, timeout_ms: float) -> Iterator[None]:
    """Raise our errors for the client's within the block."""
    try:
        yield
    except (errors.KafkaError, *_OPTIONS) as error:
        raise translate(error, address, timeout_ms) from error
