"""What is secret in this process's environment, which no effect carries into the log, nor to a model."""

from __future__ import annotations

import os
import re
from typing import Any

_NAMES = re.compile(
    r"(?:^|_)(?:API_?KEY|ACCESS_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)(?:_|$)", re.IGNORECASE
)
_LEAST = 8  # characters: what is shorter stands in texts by chance
MASK = "***"


def masked(value: Any) -> Any:
    """Return plain data with ``***`` in place of every secret of the environment, in keys and in values.

    Secret is what a variable holds whose name says so, such as ``OPENAI_API_KEY``, from 8 characters on.
    """
    found = _secrets()
    return _masked(value, sorted(found, key=len, reverse=True)) if found else value  # one may be the beginning of one


def secret_in(value: Any) -> str:
    """Return the name of a variable whose secret stands in plain data; empty if there is none."""
    return next((name for secret, name in _secrets().items() if _masked(value, [secret]) != value), "")


def _secrets() -> dict[str, str]:
    """Return the secrets as they are now, for a cell may set one at any time, each with its variable."""
    named = ((name, value.strip()) for name, value in os.environ.items() if _NAMES.search(name))
    return {value: name for name, value in named if len(value) >= _LEAST and not os.path.isabs(value)}  # noqa: PTH117


def _masked(value: Any, secrets: list[str]) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, MASK)
            return value
        case dict():
            return {_masked(key, secrets): _masked(one, secrets) for key, one in value.items()}
        case list() | tuple():
            return [_masked(one, secrets) for one in value]
        case _:
            return value
