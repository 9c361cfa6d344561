"""One turn explained: what it was asked, what it had read and what not, what it said and did, what it came from."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.display.account import Account, Part
from agentpool_jupyter.display.table import Table, clip, counted
from agentpool_jupyter.pool.words import PYTHON

from .causes import CausalGraph
from .course import Course, Teams, courses
from .labels import label_line
from .prompt import RebuiltPrompt, rebuilt
from .told import NAMED, effect_lines, handed_over, listed, prompt_part
from .unseen import UnseenTurn, unseen_by

if TYPE_CHECKING:
    from agentpool_jupyter.pool import Document, Pool, Turn
    from agentpool_jupyter.pool.effects import Effect
    from agentpool_jupyter.pool.events import File, Label

    from .line import Line

_CLIPPED = 100  # characters of a text in a line about it


class AttemptTrace(msgspec.Struct, frozen=True):
    """One attempt at a turn."""

    turn: Turn
    """What it said, its status, error, usage and cost."""
    course: Course
    prompts: list[RebuiltPrompt]
    """What its model was asked, call by call; empty for a Python agent."""

    @property
    def seen(self) -> int:
        """One past the last offset that it had read when it said its last words."""
        return max([asking.event.seen for asking in self.course.askings], default=self.turn.seen)


class SaidPiece(msgspec.Struct, frozen=True):
    """A piece of a turn's text, as the log took it."""

    offset: int
    seconds: float
    """Since the attempt began, by the log's times."""
    text: str


class Trace(Account):
    """Why a turn is as it is, from the log alone; displays itself, and ``str`` has all of it."""

    def __init__(self, pool: Pool, document: Document, line: Line, turn: Turn) -> None:
        self.pool = pool
        self.turn = turn
        self._causes = CausalGraph(pool, line, document.turns)
        self._line = line
        tries = _attempts(document, turn)
        stop = (line.position.at if turn.end is None else turn.end) + 1
        told = courses(pool, [one.id for one in tries], min(one.start for one in tries), stop)
        teams = Teams(pool)
        self.attempts = [
            AttemptTrace(
                one,
                told[one.id],
                rebuilt(told[one.id], teams, pool.document, text=one.text)
                if one.model and not one.model.startswith(PYTHON)
                else [],
            )
            for one in tries
        ]
        """All attempts at it, in order; the last is the one that counts."""
        ids = {one.id for one in tries}
        self.effects: list[Effect] = [one for one in pool.effects.values() if one.proposal.turn in ids]
        """The tools that it called, with who agreed and what came of it."""
        self.votes = [
            (one, vote)
            for one in pool.effects.values()
            for vote in one.votes.values()
            if vote.agent == turn.agent
            and vote.branch == turn.branch
            and tries[0].start <= vote.offset <= (turn.end or stop)
        ]
        """The votes that its agent cast meanwhile on what others wanted to do."""
        last = self.attempts[-1]
        latest = last.prompts[-1].read if last.prompts else []
        found = unseen_by(turn, document, line, seen=last.seen, latest=latest) if turn.model else ()
        self.unseen: list[UnseenTurn] = list(found)
        """What it had not read, or not all of, by the time it ended, and why."""

    # What it was asked ---------------------------------------------------------------------------------------

    @property
    def prompts(self) -> list[RebuiltPrompt]:
        """What its model was asked, call by call, in all attempts."""
        return [prompt for attempt in self.attempts for prompt in attempt.prompts]

    @property
    def prompt(self) -> RebuiltPrompt | None:
        """What the attempt that counts was first asked; None for a person or a Python agent."""
        return next(iter(self.attempts[-1].prompts), None)

    @property
    def seen(self) -> list[Turn]:
        """The turns that it had read, in the order in which they began."""
        turns = self._causes.turns
        return [turns[key] for key in turns if key in self._line.read_by(self.turn.id)]

    @property
    def readers(self) -> list[Turn]:
        """The turns that had read it, all of it or a part, in the order in which they began."""
        turns = self._causes.turns
        return [turns[key] for key in turns if self.turn.id in self._line.read_by(key)]

    # What it said and did ------------------------------------------------------------------------------------

    @property
    def said(self) -> list[SaidPiece]:
        """What it said, piece by piece, with when."""
        course = self.attempts[-1].course
        begun = course.begin.time if course.begin else self.turn.time
        return [SaidPiece(delta.offset, (delta.time - begun) / 1000, delta.text) for delta in course.deltas]

    @property
    def files(self) -> list[File]:
        """The versions of files that it wrote."""
        return [file for attempt in self.attempts for file in attempt.course.files]

    @property
    def recalled(self) -> list[dict[str, Any]]:
        """What it was reminded of."""
        return [hit for prompt in self.prompts for hit in prompt.recalled]

    @property
    def errors(self) -> list[str]:
        """What went wrong, in all attempts, in order: of calls that were made again, and of attempts."""
        found = []
        for attempt in self.attempts:
            found += [prompt.error for prompt in attempt.prompts if prompt.error]
            found += [attempt.turn.error] if attempt.turn.error else []
        return found

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens of all attempts."""
        return sum(one.turn.usage.total for one in self.attempts if one.turn.usage)

    @property
    def cost(self) -> float | None:
        """US dollars of all attempts; None where the price is not known."""
        costs = [one.turn.cost for one in self.attempts if one.turn.usage]
        return None if None in costs or not costs else sum(cost for cost in costs if cost is not None)

    @property
    def first_token(self) -> float | None:
        """Seconds to its first words; see :attr:`.Course.first_token`."""
        return self.attempts[-1].course.first_token

    @property
    def seconds(self) -> float | None:
        """Seconds from its beginning to its end; None while it runs."""
        return self.attempts[-1].course.seconds

    @property
    def labels(self) -> list[Label]:
        """What people, and its run, say of it (:mod:`.labels`)."""
        return self._line.labels(self.turn.id)

    # What it came from, and what came from it ----------------------------------------------------------------

    @property
    def parents(self) -> list[Turn]:
        """The turns that it came from directly (:class:`.CausalGraph`)."""
        return [self._causes.turns[key] for key in self._causes.causes.get(self.turn.id, [])]

    @property
    def ancestors(self) -> list[Turn]:
        """All turns that it came from, in the order in which they began."""
        return [self._causes.turns[key] for key in self._causes.ancestors(self.turn.id)]

    @property
    def descendants(self) -> list[Turn]:
        """All turns that came from it, in the order in which they began."""
        return [self._causes.turns[key] for key in self._causes.descendants(self.turn.id)]

    @cached_property
    def causes(self) -> CausalGraph:
        """The turn with those that it came from and that came from it."""
        keys = {self.turn.id, *(turn.id for turn in (*self.ancestors, *self.descendants))}
        return self._causes.part(keys)

    @property
    def graph(self) -> Any:
        """The same as a networkx ``DiGraph`` (:meth:`.CausalGraph.networkx`)."""
        return self.causes.networkx()

    # Shown ---------------------------------------------------------------------------------------------------

    @property
    def head(self) -> str:
        """It in a line: who, where, how it ended, what it took."""
        turn = self.turn
        facts = [f"{turn.status}{f' ({turn.remark})' if turn.remark else ''}", f"offsets {turn.start} to {turn.end}"]
        facts += [f"branch {turn.branch}"]
        facts += [f"run {turn.run}"] if turn.run else []
        facts += [turn.model] if turn.model else ["a person's message"]
        if len(self.attempts) > 1:
            facts.append(f"{len(self.attempts)} attempts")
        if self.seconds is not None:
            facts.append(f"{self.seconds:.2f} s")
        if self.first_token is not None:
            facts.append(f"first words after {self.first_token:.2f} s")
        if turn.usage:
            facts.append(f"{'≤ ' if turn.usage.estimated else ''}{self.tokens:,} tokens")
        if self.cost is not None:
            facts.append(f"US$ {self.cost:.4f}")
        return f"{turn.name}: {', '.join(facts)}"

    def _parts(self) -> list[Part]:
        parts = []
        for attempt in self.attempts:
            number = f"attempt {attempt.turn.attempt}: " if len(self.attempts) > 1 else ""
            parts += [prompt_part(prompt, number) for prompt in attempt.prompts]
        if self.turn.model.startswith(PYTHON):
            parts.append(
                Part(f"It is a Python agent and was given the document as it was before offset {self.turn.seen}")
            )
        if self.turn.model:
            names = [turn.name for turn in self.seen]
            parts.append(Part(f"It had read {counted(len(names), 'turn')}", listed(names)))
            rows = [(one.turn.name, one.why) for one in self.unseen[-NAMED:]]
            unread = Part(f"It had not read {len(self.unseen)}", Table(("turn", "why"), rows))
            parts.append(unread if rows else _ALL_READ)
        if self.recalled:
            hits = [f"{hit.get('source', '')}: {clip(str(hit.get('text', '')), _CLIPPED)}" for hit in self.recalled]
            parts.append(Part(f"It was reminded of {counted(len(hits), 'passage')}", "\n".join(hits)))
        parts += self._deeds()
        parents = listed([turn.name for turn in self.parents]) or "nothing"
        before, after = [one.name for one in self.ancestors], [one.name for one in self.descendants]
        relatives = (
            f"from: {parents}\nall before: {listed(before) or 'nothing'}\nall after: {listed(after) or 'nothing'}"
        )
        parts.append(Part(f"It came from {counted(len(before), 'turn')}, and {len(after):,} came from it", relatives))
        causes = self.causes
        parts.append(
            Part(
                "The turns that it came from and that came from it",
                causes.text({self.turn.id}),
                causes.svg({self.turn.id}),
            )
        )
        return parts

    def _deeds(self) -> list[Part]:
        parts = []
        said = [(one.offset, f"{one.seconds:.2f}", one.text.strip()) for one in self.said]
        if said:
            told = "\n".join(f"{offset:>8} {seconds:>7} s  {' '.join(text.split())}" for offset, seconds, text in said)
            parts.append(Part(f"What it said over time, in {len(said)} pieces", told, shut=True))
        parts.append(Part("What it said", self.turn.text.strip() or "(nothing)"))
        if self.effects:
            lines = [effect_lines(one, handed_over(self.pool)) for one in self.effects]
            parts.append(Part(f"It called {len(self.effects)} tools", "\n".join(lines)))
        if self.votes:
            lines = [f"{'yes' if vote.accept else 'no'} to {one.told}: {vote.text}" for one, vote in self.votes]
            parts.append(Part(f"Its agent cast {len(lines)} votes meanwhile", "\n".join(lines)))
        if self.files:
            lines = [f"{file.path}: version {file.read + 1}, {file.size:,} bytes" for file in self.files]
            parts.append(Part(f"It wrote {len(lines)} versions of files", "\n".join(lines)))
        if self.labels:
            parts.append(Part("Labels", "\n".join(map(label_line, self.labels))))
        if self.errors:
            parts.append(Part(f"{len(self.errors)} times something went wrong", "\n".join(self.errors)))
        return parts


_ALL_READ = Part("It had read all that was said before it ended")


def _attempts(document: Document, turn: Turn) -> list[Turn]:
    """Return all attempts at a turn: those of its agent in its run that were tried again right before it, and it."""
    found: list[Turn] = []
    shown = {one.id for one in document.turns}
    for one in document.attempts:
        if (one.agent, one.run) != (turn.agent, turn.run):
            continue
        found.append(one)
        if one.id == turn.id:
            return found
        if one.id in shown or one.status == "finished":
            found = []
    return [turn]
