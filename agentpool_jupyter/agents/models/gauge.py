"""How many tokens a server's tokenizer makes of a byte, learned from what the server counts exactly.

A tokenizer never makes more tokens than there are bytes, and as a rule makes four or five times fewer. Before a server
has counted anything only that bound is known; afterwards its own ratio is, with a margin.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

MARGIN = 1.15
"""What is estimated is this much above what was learned: rather too much is charged than too little."""
_ENOUGH = 40  # bytes below which a ratio says nothing
_KEPT = 50_000  # bytes after which what was learned counts half
_PLAIN = re.compile(r"[A-Za-z\s]+")
_PIECES_ARE_TOKENS = 4
"""Bytes a piece on average from which on pieces are taken for tokens: less, and a proxy cuts text into letters."""
_MOST_BYTES = 10
"""Bytes a token on average that no tokenizer reaches over a whole answer."""
_SLACK, _FEW = 64, 8  # bytes, and tokens, that are let pass in any case


class Load(NamedTuple):
    """The size of a text in bytes."""

    bytes: int
    dense: int
    """How many are no plain letters: digits, marks and other alphabets make more tokens of a byte."""

    @classmethod
    def of(cls, text: str, extra: int = 0) -> Load:
        """Return the load of a text, and ``extra`` bytes for what stands around it."""
        return cls(len(text.encode(errors="replace")) + extra, len(_PLAIN.sub("", text).encode(errors="replace")))


class _Ratio:
    """Tokens a byte, on average and at most."""

    def __init__(self) -> None:
        self._tokens = self._bytes = self._most = 0.0

    def learn(self, tokens: int, size: int) -> None:
        if tokens > size or size < 1:  # no tokenizer does that: it is counted in some other way
            return
        if self._bytes > _KEPT:
            self._tokens, self._bytes = self._tokens / 2, self._bytes / 2
        self._tokens += tokens
        self._bytes += size
        if size >= _ENOUGH:
            self._most = max(self._most, tokens / size)

    @property
    def mean(self) -> float:
        """1 where nothing is known."""
        return min(1.0, MARGIN * self._tokens / self._bytes) if self._bytes >= _ENOUGH else 1.0

    @property
    def most(self) -> float:
        return min(1.0, MARGIN * max(self._most, self._tokens / self._bytes)) if self._bytes >= _ENOUGH else 1.0

    @property
    def known(self) -> bool:
        return self._bytes >= _ENOUGH


class Gauge:
    """What one endpoint's tokens come to. Until it has counted, every estimate is the upper bound.

    >>> gauge = Gauge()
    >>> gauge.completion(100)
    100
    >>> gauge.learn(prompt=Load(4000, 200), prompt_tokens=1000, said=400, completion_tokens=100)
    >>> gauge.completion(100), gauge.prompt(Load(4000, 200))
    (29, 1150)

    A prompt with more digits and marks than any before may have more tokens a byte; what is beyond is taken for one
    token a byte where tokens are set aside:

    >>> gauge.prompt(Load(4000, 1200), reserve=True)
    1863
    """

    def __init__(self) -> None:
        self._prompt, self._completion = _Ratio(), _Ratio()
        self._dense = 0.0  # the largest share of dense bytes so far
        self._added = 0
        self.hides = False
        """Its model thinks, and does not show what: that an answer is short does not say that it was cheap."""
        self.beyond = 0
        """Most tokens that an answer took beyond its limit."""

    def learn(self, *, prompt: Load, prompt_tokens: int, said: int, completion_tokens: int, hidden: int = 0) -> None:
        """Take in what a server counted of a prompt, and of an answer of so many bytes; ``hidden`` tokens come on top.

        A prompt with more tokens than bytes has something in front of it that the server adds.
        """
        self._added = max(self._added, prompt_tokens - prompt.bytes)
        self._prompt.learn(prompt_tokens, prompt.bytes)
        self._completion.learn(completion_tokens, said)
        self._dense = max(self._dense, prompt.dense / max(1, prompt.bytes))
        self.hides |= hidden > 0

    def prompt(self, load: Load, *, reserve: bool = False) -> int:
        """Return about how many tokens a prompt has; to ``reserve``, how many it has at most."""
        if not reserve:
            return math.ceil(load.bytes * self._prompt.mean) + self._added
        beyond = max(0.0, load.dense - self._dense * load.bytes) if self._prompt.known else 0.0
        return math.ceil((load.bytes - beyond) * self._prompt.most + beyond) + self._added

    def completion(self, size: int) -> int:
        """Return about how many tokens a text of so many bytes has."""
        return math.ceil(size * self._completion.mean)

    def past(self, limit: int, size: int, pieces: int) -> bool:
        """Return whether an answer has passed its limit of tokens, though its server should have ended it there.

        Pieces are tokens, or several, where they are long enough. A limit of 50 is passed with the 52nd piece of four
        bytes or more, or with 1.15 times as many bytes as 50 tokens have here, or with 500 bytes anywhere.
        """
        if size <= limit:
            return False
        if pieces > limit + 1 and size > pieces * _PIECES_ARE_TOKENS:
            return True
        if size > limit * _MOST_BYTES + _SLACK:
            return True
        return self._completion.known and size * self._completion.mean > (limit + _FEW) * MARGIN**2
