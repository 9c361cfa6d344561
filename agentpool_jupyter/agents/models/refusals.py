"""What a server answered instead of text: as an error, as a lesson in how it wants to be asked, as a time to wait.

No client library is imported here: it is all said over status, headers and body.
"""

from __future__ import annotations

import email.utils
import json
import math
import random
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .endpoint import Endpoint

MOST_WAIT = 60.0
"""Seconds that a server may ask to be waited for; one that asks for more has failed."""
_LONGEST = 300  # characters of a server's words in a message
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
_KEYS = re.compile(r"\b(?:sk|pk|gsk|xai|hf|AIza)[-_][\w*.-]{4,}|(?<=[Bb]earer )\S+", re.ASCII)
"""Keys as hosted services write them, whole or with stars in the middle."""
_CONTEXT = re.compile(
    r"context[ _](?:length|window|size)|maximum context|exceed_context|too many tokens|prompt is too long",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](?:quota|balance|credits?)|exceeded your current quota|billing", re.IGNORECASE
)
_LOADING = re.compile(r"loading|warming up|starting up", re.IGNORECASE)
# In headers a number alone; in words "Please try again in 6m0.5s", "retryDelay": "4s", "retry_after": 20.
_WAIT = re.compile(
    r"""(?:try again|retry(?:ing)?) (?:in|after) |retry[_-]?(?:delay|after)(?:_seconds)?["']?\s*[:=]\s*["']?""",
    re.IGNORECASE,
)
_SPAN = re.compile(
    r"""(?:(?P<h>\d+)\s*h(?:ours?|rs?)?\s*)?
        (?:(?P<m>\d+)\s*m(?:in(?:ute)?s?)?(?![a-z])\s*)?  # not milliseconds
        (?:(?P<s>\d+(?:\.\d+)?)\s*(?P<ms>ms|mil)?)?""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Said:
    """What the body of a refusal says."""

    text: str
    code: str = ""
    parameter: str = ""
    """Which field of the request it is about."""
    raw: str = ""

    @classmethod
    def of(cls, body: Any) -> Said:
        """Read a body: bytes, or the data that a server put into an event; nothing in it has to be as expected."""
        raw = body.decode(errors="replace") if isinstance(body, bytes) else json.dumps(body, default=str)
        if isinstance(body, bytes):
            try:
                body = json.loads(raw)
            except (ValueError, RecursionError):
                body = " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", raw, flags=re.DOTALL).split())
        if isinstance(body, list) and body:
            body = body[0]
        while isinstance(body, dict) and isinstance(body.get("error"), dict | str) and body["error"]:
            body = body["error"]
        if not isinstance(body, dict):
            return cls(str(body) if body else "no reason given", raw=raw)
        text = next((body[key] for key in ("message", "detail", "error_message", "msg") if body.get(key)), body)
        parameter = body.get("param")
        if isinstance(text, list) and text and isinstance(text[0], dict):  # FastAPI's: [{loc, msg, type}]
            place = text[0].get("loc")
            parameter = parameter or (place[-1] if isinstance(place, list) and place else None)
        text = text if isinstance(text, str) else json.dumps(text, default=str)
        return cls(text, str(body.get("code") or body.get("type") or ""), str(parameter or ""), raw)


def one_line(text: str, endpoint: Endpoint) -> str:
    """Return a server's words fit for a message: one line, not too long, and without any key."""
    text = " ".join(text.encode(errors="replace").decode().split())
    for secret in endpoint.secrets:
        text = text.replace(secret, "***")
    text = _KEYS.sub("***", text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def failure(
    endpoint: Endpoint, what: str, *, kind: str, retriable: bool = True, retry_after: float | None = None
) -> ModelError:
    """Return the error that says where it happened and what; ``what`` may quote the server."""
    message = f"{endpoint.model} at {endpoint.host}: {one_line(what, endpoint)}"
    return ModelError(message, kind=kind, retriable=retriable, retry_after=retry_after)


def refused(
    endpoint: Endpoint, status: int, said: Said, headers: Mapping[str, str] | None = None, patience: float = MOST_WAIT
) -> ModelError:
    """Return the error for an HTTP status that is no success.

    A server that asks to be waited for longer than ``patience`` is not tried again.
    """
    kind, retriable, hint = _judge(endpoint, status, said, headers or {})
    wait = retry_after(headers or {}, said.raw) if retriable else None
    if wait is not None and wait > patience:
        hint = f"asks to wait {_span(wait)}, longer than the {patience:g} s that are waited"
        kind, retriable, wait = "rate_limit", False, None
    words = f"status {status}: {said.text}"
    told = f"{hint} ({words})" if hint else words
    return failure(endpoint, told, kind=kind, retriable=retriable, retry_after=wait)


def _judge(endpoint: Endpoint, status: int, said: Said, headers: Mapping[str, str]) -> tuple[str, bool, str]:  # noqa: PLR0911
    """Return the kind of a refusal, whether it may pass, and what to do."""
    match status:
        case 402 | 429 if status == 402 or _NO_CREDIT.search(said.code):  # noqa: PLR2004
            return "rate_limit", False, "the account has no credit left"
        case 429:
            return "rate_limit", True, "too many requests"
        case 401 | 403:
            return "auth", False, _key_hint(endpoint)
        case 404:
            return "request", False, "no such model or address: check model and base_url"
        case 408:
            return "timeout", True, ""
    if status in (409, 425) or status >= 500:  # noqa: PLR2004 - HTTP's own class of statuses
        return "server", True, "the server failed"
    if status < 400:  # noqa: PLR2004 - a prompt goes to the server that was named, and to no other
        return "request", False, f"it sends elsewhere, to {headers.get('location', 'nowhere')}: check base_url"
    if too_long(said.text):
        return "request", False, "the prompt does not fit into the model's context: give the agent a smaller context"
    return "request", False, ""


def _key_hint(endpoint: Endpoint) -> str:
    if not endpoint.secrets:
        return "it wants a key and none was sent: name the environment variable that holds it in `api_key_env`"
    return f"the key was refused: check the environment variable {endpoint.key_variable or 'that holds it'}"


def told_in_stream(endpoint: Endpoint, told: Any, patience: float = MOST_WAIT) -> ModelError:
    """Return the error for a failure that a server told in an answer with status 200."""
    said = Said.of(told)
    code = int(said.code) if said.code.isdecimal() else 0
    if 400 <= code < 600:  # noqa: PLR2004 - an HTTP status in the wrong place
        return refused(endpoint, code, said, patience=patience)
    if too_long(said.text):
        return refused(endpoint, 400, said)
    if "rate" in said.code and "limit" in said.code:
        return refused(endpoint, 429, said, patience=patience)
    return failure(endpoint, f"the server failed in mid-stream: {said.text}", kind="server")


def too_long(text: str) -> bool:
    """Return whether a server's words say that the prompt does not fit into the context."""
    return _CONTEXT.search(text) is not None


def still_loading(status: int, said: Said) -> bool:
    """Return whether a server says that it is there and its model is not yet."""
    return status == 503 and _LOADING.search(said.text) is not None  # noqa: PLR2004


def retry_after(headers: Mapping[str, str], body: str = "") -> float | None:
    """Return the seconds a server asks to wait, or None where it names no time that can be read.

    Reads ``retry-after-ms`` (OpenAI), ``retry-after`` as seconds or as a date (RFC 9110, 10.2.3), then the words of the
    body: ``Please try again in 6m0s``, or Google's ``"retryDelay": "4s"``.
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
        return _said_wait(body)
    return max(0.0, date.timestamp() - time.time())


def _said_wait(body: str) -> float | None:
    told = _WAIT.search(body)
    span = _SPAN.match(body, told.end()) if told else None
    if span is None or not span.group().strip():
        return None
    small = float(span["s"] or 0) / (1000 if span["ms"] else 1)
    return int(span["h"] or 0) * 3600 + int(span["m"] or 0) * 60 + small


def _span(seconds: float) -> str:
    """Return a span of time in words: ``23 h 59 min``."""
    minutes = round(seconds / 60)
    if minutes < 2:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004


def backoff(attempt: int, retry_after: float | None) -> float:
    """Return the seconds to wait before the next attempt.

    Exponential with full jitter (Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015), and never
    less than the server asked for.
    """
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
    jitter = random.uniform(longest / 4, longest)  # noqa: S311 - no secret
    return jitter if retry_after is None else retry_after + random.uniform(0, 0.1 * retry_after)  # noqa: S311
