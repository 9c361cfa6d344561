"""``%trace``: what its line may say, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from agentpool_jupyter.display.note import Note
from agentpool_jupyter.errors import UserError
from agentpool_jupyter.jupyter.magics.jobs import bar_in_cell
from agentpool_jupyter.jupyter.magics.usage import POOL, STORE, SessionMagics, at_most_one

if TYPE_CHECKING:
    from argparse import Namespace

    from agentpool_jupyter.jupyter.session import Session
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.tracing import Blame


_LISTED = 500  # turns that are offered
_LABEL = 60  # characters of a label


@magics_class
class TraceMagics(SessionMagics):
    """``%trace``: why an agent said or did what it did."""

    @line_magic
    @magic_arguments()
    @argument(
        "what",
        nargs="*",
        help="planner#2, an agent, a run, a branch or the id of an effect (default: the current branch)",
    )
    @argument("--failures", action="store_true", help="only what went wrong")
    @argument("--text", metavar="PHRASE", help="words: who brought them in, and how they spread")
    @argument("--against", metavar="OTHER", help="another turn, agent, run or branch to stand beside it")
    @argument("--otlp", metavar="TO", help="export a run as OpenTelemetry spans: http://host:4318, or a file")
    @argument("--content", action="store_true", help="with --otlp: with prompts, texts, arguments and results")
    @argument("--label", metavar="LABEL", help="say of a turn how it failed, such as 'task derailment'")
    @argument("--why", default="", metavar="TEXT", help="with --label: the reason")
    @argument("--withdraw", action="store_true", help="with --label: take it back")
    @argument("--blame", metavar="CHECK", help="a function of the document: which step made it say no")
    @argument("--repeats", type=int, default=4, metavar="N", help="with --blame: tries from each step (default: 4)")
    @argument("--budget", type=int, metavar="TOKENS", help="with --blame: most tokens of all tries together")
    @argument("--every", action="store_true", help="with --blame: try from every step")
    @argument("--act", action="store_true", help="with --blame: tools are called again, for real")
    @argument("--branch", help="the branch on which a name is meant (default: the current one)")
    @POOL
    @STORE
    def trace(self, line: str) -> Any:
        """Explain a turn, an agent, a run, a branch or an effect from the log alone.

        ::

            %trace planner#2             what it was asked (the exact prompt), had read and not read, said and did,
                                         what went wrong, what it took, what it came from and what came from it
            %trace planner               all turns of an agent; likewise a run, a branch, the id of an effect
            %trace [WHAT] --failures     what went wrong
            %trace A --against B         two turns, agents, runs or branches side by side: prompts and texts
            %trace --text "a phrase"     the turn, offset and read set that brought words in, and how they spread

            %trace TURN --label LABEL    say of a turn how it failed, for those who look at it later
            %trace [RUN] --otlp TO       the run as OpenTelemetry spans, to an OTLP receiver or a file
            %trace [RUN] --blame CHECK   the step that made a run fail: the team goes on from its steps, in a copy of
                                         the pool, and CHECK, a function of the document, says how it turns out

        A prompt is rebuilt from the log and checked against the digest that was recorded when it was sent.
        """
        return self.answer(self.trace, line, _trace)


def _trace(session: Session, arguments: Namespace) -> Any:
    from agentpool_jupyter.tracing import trace  # noqa: PLC0415 - loading the extension stays quick

    pool = session.pool(arguments.pool, arguments.store)
    what = at_most_one(arguments.what, "%trace explains one thing")
    if arguments.blame is not None:
        return _blame(session, pool, what, arguments)
    if arguments.otlp is not None:
        from agentpool_jupyter.tracing import export_spans  # noqa: PLC0415

        count = export_spans(pool, arguments.otlp, run=what, content=arguments.content)
        return Note(f"exported {count:,} spans to {arguments.otlp}")
    if arguments.label is not None:
        return _label(pool, what, arguments)
    chosen = {"text": arguments.text, "against": arguments.against}
    found = trace(pool, what, **chosen, branch=arguments.branch, failures=arguments.failures)
    if session.widgets:
        _offer(session, pool, found)
    return found


def _offer(session: Session, pool: Pool, found: Any) -> None:
    """Show a list of the turns that a trace names, to look at one of them."""
    from agentpool_jupyter.tracing import PhraseTrace, Trace, TurnsTrace, trace  # noqa: PLC0415

    from .picker import TurnPicker  # noqa: PLC0415

    branch = None
    if isinstance(found, PhraseTrace):
        branch = found.branch
        turns = [(f"{place.turn.name}: {place.origin}"[:_LABEL], place.turn) for place in found.places]
    elif isinstance(found, TurnsTrace):
        turns = [(turn.name, turn) for turn in found.turns]
    elif isinstance(found, Trace):
        parents = [(f"{turn.name}, which it came from", turn) for turn in found.parents]
        turns = parents + [(f"{turn.name}, which came from it", turn) for turn in found.descendants]
    else:
        return
    if not turns:
        return
    picker = TurnPicker(
        [(label, turn.id) for label, turn in turns[-_LISTED:]],
        lambda turn: trace(pool, turn, branch=branch)._repr_html_(),
    )
    session.keep(picker)
    picker.display()


def _label(pool: Pool, what: str | None, arguments: Namespace) -> Note:
    from agentpool_jupyter.tracing import label  # noqa: PLC0415

    if what is None:
        message = "--label is put on a turn: `%trace planner#2 --label 'task derailment'`"
        raise UserError(message)
    put = label(pool, what, arguments.label, arguments.why, branch=arguments.branch, withdraw=arguments.withdraw)
    done = "was taken from" if put.withdrawn else "stands on"
    return Note(f"{put.label!r} {done} {what}, offset {put.offset}")


def _blame(session: Session, pool: Pool, run: str | None, arguments: Namespace) -> Blame:
    from agentpool_jupyter.tracing import blame  # noqa: PLC0415

    check = session.variables.get(arguments.blame)
    if not callable(check):
        message = f"there is no function {arguments.blame!r}: define one that says of a document if it is good"
        raise UserError(message)
    with bar_in_cell(f"blame in {pool.name}", widgets=session.widgets) as bar:
        return blame(
            pool,
            check,
            run=run,
            repeats=arguments.repeats,
            budget=arguments.budget,
            functions=session.variables,
            every=arguments.every,
            act=arguments.act,
            progress=bar.tell,
        )
