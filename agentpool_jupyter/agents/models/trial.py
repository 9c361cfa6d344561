"""How a server goes on with a text cannot be read anywhere: it is tried, with at most two short calls.

The server is given the beginning of a count that a fresh answer could not reach in so few tokens.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import ModelError

from .continuation import FLAGS, IN_WORDS, Continuation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agentpool_jupyter.pool.events import Usage

    from .client import ModelClient
    from .continuation import Way

_BEGUN = "one, two, three, four, five,"
PROBE = (
    {"role": "user", "content": "Count from one to nine in words."},
    {"role": "assistant", "content": _BEGUN},
)
"""What a server is tried with."""
PROBE_TOKENS = 4

_TRIED: tuple[tuple[Way, dict[str, bool] | None], ...] = (("prefill", None), ("flagged", FLAGS))
MOST_CALLS = len(_TRIED)


async def find_continuation(client: ModelClient) -> AsyncGenerator[Usage | None, None]:
    """Try how a client's server goes on with a text, remember it there, and yield the usage of each call.

    Raises ModelError where that could not be tried; nothing is remembered then.
    """
    for way, flags in _TRIED:
        answer, usage = "", None
        try:
            asked = client.stream(
                PROBE, max_tokens=PROBE_TOKENS, temperature=0, options=flags, repeats=len(_BEGUN.encode())
            )
            async with aclosing(asked) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        answer += piece
                    else:
                        usage = piece.usage
        except ModelError as error:
            if error.kind != "request":
                raise
            continue  # it refuses such a message
        repeats = judge(answer)
        if repeats is not None:
            client.continuation = Continuation(way, repeats)
            yield usage
            return
        yield usage
    client.continuation = IN_WORDS


def judge(answer: str) -> bool | None:
    """Return whether a server's answer to the probe repeats its beginning; None where it does not go on with it."""
    if answer.lstrip().startswith(_BEGUN):
        return True
    return False if answer.lstrip(" ,").lower().startswith(("six", "6")) else None
