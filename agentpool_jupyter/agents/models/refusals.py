"""What a server answered instead of text: as an error, as a lesson in how it wants to be asked, as a time to wait.

No client library is imported here: it is all said over status, headers and body.
"""

from __future__ import annotations

import email.utils
import math
import random
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from agentpool_jupyter.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .endpoint import Endpoint

_LONGEST = 300  # characters of a server's words in a message
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
_KEYS = re.compile(r"\b(?:sk|pk|gsk|xai|hf|AIza)[-_][\w*.-]{4,}|(?<=[Bb]earer )\S+")
"""Keys as hosted services write them, whole or with stars in the middle."""
_CONTEXT = re.compile(
    r"context[ _](?:length|window|size)|maximum context|exceed_context|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_PARAMETERS = re.compile(r"\b(max_completion_tokens|max_tokens|stream_options|temperature|seed|stop)\b")
_UNKNOWN = re.compile(
    r"unsupported|not supported|not support|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|not allowed",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Dialect:
    """How a server wants to be asked; learned from its refusals and remembered."""

    limit: Literal["max_tokens", "max_completion_tokens"]
    swapped: bool = False
    leave_out: frozenset[str] = frozenset()

    def without(self, parameter: str) -> Dialect | None:
        """Return a dialect that avoids a parameter, or None where nothing is left to try.

        The limit is never left out: budgets are reserved by it.
        """
        if parameter == self.limit and not self.swapped:
            other: Any = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[self.limit]
            return replace(self, limit=other, swapped=True)
        if parameter == self.limit or parameter in self.leave_out:
            return None
        return replace(self, leave_out=self.leave_out | {parameter})

    def body(self, max_tokens: int, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a request beside its model and messages."""
        wanted = {self.limit: max_tokens, "stream_options": {"include_usage": True}, **options}
        return {name: value for name, value in wanted.items() if name not in self.leave_out and value is not None}


def one_line(text: str, endpoint: Endpoint) -> str:
    """Return a server's words fit for a message: one line, not too long, and without any key."""
    text = " ".join(text.split())
    text = text.replace(endpoint.key, "***") if endpoint.key else text
    text = _KEYS.sub("***", text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def failure(
    endpoint: Endpoint, what: str, *, kind: str, retriable: bool = True, retry_after: float | None = None
) -> ModelError:
    """Return the error that says where it happened and what; ``what`` may quote the server."""
    message = f"{endpoint.model} at {endpoint.host}: {one_line(what, endpoint)}"
    return ModelError(message, kind=kind, retriable=retriable, retry_after=retry_after)


def refused(endpoint: Endpoint, status: int, headers: Mapping[str, str], text: str, code: str | None) -> ModelError:  # noqa: PLR0911
    """Return the error for an HTTP status that is no success; ``code`` is the error code in the body, if any."""
    said = f"status {status}: {text}"
    match status:
        case 429 if code == "insufficient_quota":
            return failure(endpoint, f"the account has no credit left ({said})", kind="rate_limit", retriable=False)
        case 429:
            return failure(endpoint, f"too many requests ({said})", kind="rate_limit", retry_after=retry_after(headers))
        case 401 | 403:
            hint = "the key was refused: check the environment variable that holds it"
            return failure(endpoint, f"{hint} ({said})", kind="auth", retriable=False)
        case 404:
            hint = "no such model or address: check model and base_url"
            return failure(endpoint, f"{hint} ({said})", kind="request", retriable=False)
        case 408:
            return failure(endpoint, said, kind="timeout", retry_after=retry_after(headers))
        case 409 | 425:
            return failure(endpoint, said, kind="server", retry_after=retry_after(headers))
        case _ if status >= 500:  # noqa: PLR2004 - HTTP's own class of statuses
            return failure(endpoint, f"the server failed ({said})", kind="server", retry_after=retry_after(headers))
        case _ if too_long(text):
            hint = "the prompt does not fit into the model's context: give the agent a smaller context"
            return failure(endpoint, f"{hint} ({said})", kind="request", retriable=False)
        case _:
            return failure(endpoint, said, kind="request", retriable=False)


def too_long(text: str) -> bool:
    """Return whether a server's words say that the prompt does not fit into the context."""
    return _CONTEXT.search(text) is not None


def unknown_parameter(text: str, parameter: str | None) -> str | None:
    """Return the request parameter that a refusal says the server does not know, if it says so."""
    if not _UNKNOWN.search(text):
        return None
    found = _PARAMETERS.search(parameter or "") or _PARAMETERS.search(text)
    return found.group(1) if found else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks to wait, or None where it names no time that can be read.

    Reads ``retry-after-ms`` (OpenAI), then ``retry-after`` as seconds or as a date (RFC 9110, 10.2.3).
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        date = email.utils.parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, date.timestamp() - time.time())


def backoff(attempt: int, retry_after: float | None) -> float:
    """Return the seconds to wait before the next attempt.

    Exponential with full jitter (Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015), and never
    less than the server asked for.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
    jitter = random.uniform(longest / 4, longest)  # noqa: S311 - no secret
    return jitter if retry_after is None else retry_after + random.uniform(0, 0.1 * retry_after)  # noqa: S311
