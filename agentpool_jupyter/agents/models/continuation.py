"""How a server is made to go on with a text that it began, and how its answer is joined to that text.

Some servers continue a last message of role ``assistant``: llama.cpp (which repeats it in front of its answer), others
when a flag says so (vLLM, SGLang: ``continue_final_message``). Others take it as history and start anew, or refuse it
(llama.cpp with a model that thinks; some hosted models): those are asked in words. Which of them a server is cannot be
read anywhere, so it is tried (:mod:`.trial`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Way = Literal["prefill", "flagged", "message", "called"]
"""The assistant's text as the last message; the same with :data:`FLAGS`; a request in words behind it; or what
the tools answered that it had called."""

FLAGS = {"continue_final_message": True, "add_generation_prompt": False}
"""What vLLM and SGLang want to be told; others may refuse it."""
GO_ON = (
    "Go on exactly where your text stops, in mid-sentence if it stops there. Repeat nothing of it and explain nothing."
)

_LEAST_OVERLAP = 8  # characters without spaces below which an answer that begins like the text's end is no repetition
_TAIL = 400  # characters at the end of a text in which such a repetition may begin
_IDEOGRAPHS = "\u2e80"  # from here on scripts put no space between words


class Continuation(NamedTuple):
    """What is known of how a server goes on."""

    way: Way
    repeats: bool = False
    """Its answer has the text itself in front."""


IN_WORDS = Continuation("message")
"""What every server can do."""


def going_on(messages: Sequence[Mapping[str, Any]], text: str, way: Way) -> list[dict[str, Any]]:
    """Return the messages that make a server go on with a text; without any text they stay as they are.

    White space at the text's end is left out: some servers refuse it, and models go on better without it.
    """
    begun = _sent(text)
    prompt = [dict(message) for message in messages]
    if begun:
        prompt.append({"role": "assistant", "content": begun})
        if way == "message":
            prompt.append({"role": "user", "content": GO_ON})
    return prompt


def _sent(text: str) -> str:
    """Return a text as a server gets it, and may repeat it; half a character is a question mark."""
    return text.rstrip().encode(errors="replace").decode()


class Seam:
    """Joins a server's answer to the text that it goes on with: what the answer repeats of the text is taken away.

    An answer is held back only as long as it may still turn out to be a repetition: as a rule for a word or two.
    White space counts for nothing in the comparison, because chat templates trim it.

    Here a server repeats the whole text, which is held back until it is complete and something new follows; the space
    that the text already ends with is not said twice:

    >>> seam = Seam("The rent is due ", Continuation("prefill", repeats=True))
    >>> [seam.feed(piece) for piece in ("The rent", " is due", " on", " Monday.")]
    ['', '', 'on', ' Monday.']

    A server that is asked in words may repeat only the last words of the text. They count as a repetition from eight
    letters on, because a shorter likeness may be chance:

    >>> seam = Seam("We open at six. The rent is", IN_WORDS)
    >>> [seam.feed(piece) for piece in ("The rent is", " due.")]
    ['', ' due.']
    """

    def __init__(self, text: str, continuation: Continuation) -> None:
        self._text = _sent(text)
        self._space = text[len(text.rstrip()) :]
        self._asked = continuation.way == "message"
        self._held = ""
        self._read = 0  # how much of what is held has been compared
        self._open = dict.fromkeys(self._starts(continuation), 0)  # where a repetition may begin: how far it goes
        self._overlap: tuple[int, int] | None = None  # the longest repetition so far, and where it ends in the answer
        self._begun = False

    def feed(self, piece: str) -> str:
        """Take in more of the answer and return what is certain to be new."""
        if self._begun:
            return piece
        self._held += piece
        self._compare()
        return "" if self._open else self._join()

    def close(self) -> str:
        """Return what was still held back at the end of the answer."""
        if self._begun:
            return ""
        if self._open and self._overlap is None and not self._asked:
            return ""  # a repetition that did not come to its end: nothing in it is new
        self._open.clear()
        return self._join(final=True)

    def _starts(self, continuation: Continuation) -> Iterator[int]:
        text = self._text
        if not text or not (continuation.repeats or self._asked):
            return
        yield len(text) - len(text.lstrip())
        if self._asked:
            for place in range(max(1, len(text) - _TAIL), len(text)):
                if text[place - 1].isspace() and not text[place].isspace():
                    yield place

    def _compare(self) -> None:
        for place in range(self._read, len(self._held)):
            char = self._held[place]
            if char.isspace():
                continue
            still = {}
            for start, length in self._open.items():
                at = start + length
                while self._text[at].isspace():
                    at += 1
                if self._text[at] != char:
                    continue
                if at + 1 < len(self._text):
                    still[start] = at + 1 - start
                elif self._overlap is None or start < self._overlap[0]:
                    self._overlap = (start, place + 1)
            self._open = still
            if not still:
                break
        self._read = len(self._held)

    def _join(self, *, final: bool = False) -> str:
        """Return the answer from where it is new, with the right space before it; empty while that is not known."""
        if not final and self._overlap is not None and self._overlap[1] == len(self._held):
            return ""  # what follows the repetition says whether it is one
        new = self._held[self._end() :]
        rest = new.lstrip()
        if not rest and not final:
            return ""
        self._begun = True
        space = new[: len(new) - len(rest)]
        if not self._space:
            return self._gap(rest) + rest if not space and self._asked and not self._end() else new
        return self._lacking(space) + rest

    def _end(self) -> int:
        """Return where in the answer the repetition ends; 0 where there is none worth the name."""
        if self._overlap is None:
            return 0
        start, end = self._overlap
        if not self._asked or not self._text[:start].strip():
            return end
        if len("".join(self._text[start:].split())) >= _LEAST_OVERLAP:
            return end
        # A word that stopped in the middle and is begun again.
        broken = not self._space and not any(char.isspace() for char in self._text[start:])
        return end if broken and self._held[end : end + 1].isalnum() and self._text[-1].isalnum() else 0

    def _lacking(self, space: str) -> str:
        """Return what the space at the text's end lacks of the answer's: its rest, else the lines that it has more."""
        if space.startswith(self._space):
            return space[len(self._space) :]
        lines = space.split("\n")[self._space.count("\n") + 1 :]
        return "".join("\n" + line for line in lines)

    def _gap(self, rest: str) -> str:
        """Return the space that an answer in words lacks between two words."""
        if not self._text or not rest:
            return ""
        last, first = self._text[-1], rest[0]
        apart = last.isalnum() or last in ",;:.!?"
        return " " if apart and first.isalnum() and max(last, first) < _IDEOGRAPHS else ""
