"""``%similar`` and ``%%similar``."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import line_cell_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from agentpool_jupyter.errors import IndexUnavailableError
from agentpool_jupyter.jupyter.magics.usage import ENGINES, POOL, STORE, SessionMagics, usage_errors

from . import actions
from .line import split_line

_QUESTIONS = ("resembles", "contained", "both")
_PLACES = ("pool", "pools", "library")


@magics_class
class SimilarMagics(SessionMagics):
    """``%similar``: what was thought or written before that is like something."""

    @line_cell_magic
    @no_var_expand
    @magic_arguments()
    @argument("text", nargs="*", metavar="TEXT | TURN", help="what is looked for, without quotes (default: see above)")
    @argument("--now", metavar="AGENT", help="look for what this agent is saying right now")
    @argument("--document", action="store_true", help="look for every turn of the document")
    @argument("-k", "--k", type=int, default=5, metavar="N", help="how many hits at most (default: 5)")
    @argument("--threshold", type=float, default=0.5, metavar="SCORE", help="the least score, 0 to 1 (default: 0.5)")
    @argument(
        "--question",
        choices=_QUESTIONS,
        default="both",
        help="hits that resemble the query (Jaccard), in which it is contained, or both (default)",
    )
    @argument("--agent", action="append", metavar="AGENT", help="only what this agent said; may be repeated")
    @argument("--since", metavar="POSITION", help="only turns after it: 120, planner#2, -3, 14:05, 10m, branch, tag")
    @argument("--until", metavar="POSITION", help="only turns that had ended by it")
    @argument("--branch", help="only turns on this branch's line (default: all, also what was rolled back)")
    @argument(
        "--over",
        action="append",
        choices=_PLACES,
        help="this pool, all pools of the store, or the library; may be repeated "
        "(default: this pool, and the library where it has documents)",
    )
    @POOL
    @STORE
    @argument(
        "--add", action="append", metavar="PATH", help="add a file, a folder or a glob (docs/**/*.md) to the library"
    )
    @argument("--remove", action="append", metavar="PATH", help="take documents out of the library; files stay")
    @argument("--library", action="store_true", help="list the documents of the library")
    @argument("--index", action="store_true", help="bring the index of all pools up to date by one MapReduce job")
    @argument("--engine", default="local", help=f"of --index: {ENGINES}")
    @argument("-O", "--option", action="append", metavar="NAME=VALUE", help="an option of the engine: num_cores=2")
    def similar(self, line: str, cell: str | None = None) -> Any:
        """Look up what was said or written before that is like a text, or contains it; a click puts it in the pool.

        ::

            %similar the lease comes first     a text, as it is: quotes, braces and # need no care
            %similar planner#2                 a turn of the current line
            %similar                           the latest finished turn
            %similar --now critic              what an agent is saying right now
            %similar --document                every turn of the document
            %%similar [options]                the cell's body
            %similar --index --engine spark    take in what many pools hold, on a cluster; else that is done when asked
            %similar --add docs/**/*.md        documents to be found too: text, code, HTML, notebooks, JSONL, PDF

        Options stand before or after the text; after ``--`` all is text. ``{{name}}`` is filled from the notebook's
        variables. A query needs two words or more. Scores are exact; a passage that has all of the text comes first. To
        look through the library alone needs no pool. The value is a list of matches, best first, with
        ``.to_pandas()``, and ``.insert(0)`` for a click.
        """
        with usage_errors(IndexUnavailableError):
            words, text = split_line(line, self.similar.parser)
            arguments = self.similar.parser.parse_args(words)
            arguments.text = text
            return actions.do(self.session, arguments, cell)
