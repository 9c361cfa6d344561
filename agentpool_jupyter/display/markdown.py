"""Markdown as agents write it, as HTML that stays harmless whatever is in it.

``labextension/src/markdown.ts`` is the mirror: the same fixtures, ``tests/display/markdown.json``, hold for both. The
dialect is CommonMark with tables and strikethrough, and differs where a text of others asks for it:

- HTML is text, and so is a link to anything but the web or a mailbox; an image is its description and its address, and
  is never fetched.
- A link says where it leads.
- A line that was broken stays broken, as models write lines.
- Definitions of references stay text: they would vanish, and could change what stands far above them, while it is read.
- Nothing becomes mathematics.
- Headings are no headings of the page: a notebook would put them into its table of contents.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

NESTING = 40
"""Levels of lists and quotes; a block that has more is shown as it was written."""
LONGEST = 10_000
"""Characters of a paragraph in which signs are looked for: the time that takes can grow as their square."""
_PRE = "background:rgba(127,127,127,.1);border-radius:4px;padding:.5em .8em;margin:.4em 0;overflow:auto"
_SIZES = {"1": "1.25em", "2": "1.12em"}
_SAFE = re.compile(r"(https?://|mailto:)", re.IGNORECASE)


@lru_cache(maxsize=4096)  # a pool is shown again and again, and most of it has not changed
def markdown_html(text: str) -> str:
    """Return Markdown as HTML without scripts, styles of its own, or anything that is fetched."""
    html = str(_parser().render(text))
    return html.replace(
        "<pre><code", f'<pre style="{_PRE}"><code style="background:none"'
    )  # in a text it would be escaped


def markdown_words(text: str) -> str:
    """Return what people read of Markdown, in a line of plain text."""
    said = [part for token in _parser().parse(text) for part in (*(token.children or [token]), None)]
    words = (" " if part is None or part.tag == "br" else part.content for part in said)
    return " ".join("".join(words).split())


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - loads for longer than all of this package

    options = {"html": False, "linkify": False, "typographer": False, "breaks": True, "maxNesting": NESTING}
    parser = MarkdownIt("js-default", options).disable("reference")
    parser.validateLink = lambda url: _SAFE.match(url) is not None  # type: ignore[method-assign]
    parser.core.ruler.after("block", "calm", _calm)
    for rule in (_heading_open, _heading_close, _link_open, _link_close, _image):
        parser.add_render_rule(rule.__name__[1:], rule)
    return parser


def _calm(state: StateCore) -> None:
    """Leave what would take too long, or would be cut off, as it was written."""
    from markdown_it.token import Token  # noqa: PLC0415 - as above

    lines = state.src.split("\n")
    calm: list[Token] = []
    block: list[Token] = []
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > LONGEST:
            token.type = "text"
        if token.type in {"th_open", "td_open"}:
            token.attrs.setdefault("style", "text-align:left")  # JupyterLab's own is to the right
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            if any(each.level >= NESTING - 2 for each in block):
                first, last = block[0].map or (0, len(lines))
                block = [Token("code_block", "code", 0, content="\n".join(lines[first:last]) + "\n")]
            calm += block
            block = []
    state.tokens = calm


def _heading_open(_self: object, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    level = tokens[index].tag[1:]
    return f'<p role="heading" aria-level="{level}" style="font-size:{_SIZES.get(level, "1em")}"><strong>'


def _heading_close(*_args: object) -> str:
    return "</strong></p>\n"


def _link_open(_self: object, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    return f'<a href="{escape(str(tokens[index].attrs["href"]))}" rel="noopener noreferrer" target="_blank">'


def _link_close(_self: object, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    opened = next(at for at in range(index, -1, -1) if tokens[at].type == "link_open")
    address = str(tokens[opened].attrs["href"])
    said = "".join(token.content for token in tokens[opened + 1 : index])
    return "</a>" if said in {address, address.removeprefix("mailto:")} else f"</a> {_address(address)}"


def _image(_self: object, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
    image = tokens[index]
    return f"<em>image: {escape(image.content)}</em> {_address(str(image.attrs['src']))}"


def _address(address: str) -> str:
    return f"<small>({escape(address)})</small>"
