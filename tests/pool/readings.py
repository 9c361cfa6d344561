"""What a log means, said a second time and as plainly as can be, to compare the real reading with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.pool.events import Delta, Event, File, Fork, Message, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.pool.files.entry import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentpool_jupyter.pool import Document


def first_copies(events: Iterable[Event]) -> list[Event]:
    """Return the events without those whose id was seen before."""
    seen: dict[str, Event] = {}
    for event in events:
        seen.setdefault(event.id, event)
    return list(seen.values())


def texts(events: Sequence[Event]) -> dict[str, str]:
    """Return each turn's text: its deltas before its end, by ``seq``."""
    result = {}
    for turn in {event.turn for event in events if isinstance(event, Delta | TurnStarted | TurnFinished | TurnFailed)}:
        pieces: dict[int, str] = {}
        for event in events:
            if isinstance(event, TurnFinished | TurnFailed) and event.turn == turn:
                break
            if isinstance(event, Delta) and event.turn == turn:
                pieces.setdefault(event.seq, event.text)
        result[turn] = "".join(text for _, text in sorted(pieces.items()))
    return result | {event.id: event.text for event in events if isinstance(event, Message)}


def versions(events: Iterable[Event]) -> dict[str, FileEntry]:
    """Return the version of each file: a writer's counts if it had read the one before, or a later one."""
    result: dict[str, FileEntry] = {}
    for event in events:
        if isinstance(event, File) and event.path in ("bread.md", "recipes/bread.md") and event.read < 2**53:
            before = result.get(event.path)
            if before is None or event.read >= before.number:
                result[event.path] = FileEntry.of(event)
    return result


def belongs(event: Event, branch: str, at: int, forks: dict[str, Fork]) -> bool:
    """Whether an event is part of the line that ends on ``branch`` right after ``at``."""
    if event.branch == branch:
        return event.offset <= at
    return branch in forks and belongs(event, forks[branch].parent, min(at, forks[branch].at), forks)


def line(events: Iterable[Event], branch: str, at: int, forks: dict[str, Fork]) -> list[Event]:
    """Return the events of a line."""
    return [event for event in events if belongs(event, branch, at, forks)]


def shown(document: Document) -> list[tuple[object, ...]]:
    """Return what people see of a document, without the places in the log."""
    return [(turn.id, turn.name, turn.agent, turn.text, turn.status, turn.usage) for turn in document.turns]
