"""A run as a still picture: what a saved notebook shows without kernel, widget or script.

Such a notebook has both what a widget shows and what stands in for it, one output below the other, and a mark ties
them. While the widget lives, a style of its own hides what stands in; where it cannot be shown, the other's style hides
what the front end says about that.
"""

from __future__ import annotations

import math
import re
from html import escape
from typing import TYPE_CHECKING
from uuid import uuid4

from .colours import colour
from .foreign import literal, printable
from .note import warnings_html
from .screen import bounded
from .sections import TurnSection, section_html

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .screen import AgentView, EdgeView, Reading, State, TurnView

_SIZE, _RADIUS, _NODE = 300, 105, 26


_MARK = re.compile(r"agentpool-run-[0-9a-f]{12}")


def new_mark() -> str:
    """Return a mark that nothing else has."""
    return f"agentpool-run-{uuid4().hex[:12]}"


def is_mark(text: str) -> bool:
    """Return whether a text is a mark."""
    return _MARK.fullmatch(text) is not None


def hiding_css(mark: str) -> str:
    """Return the style that hides what stands in, for the widget."""
    return f".jp-OutputArea-child:has(.{mark}), .{mark} {{display: none}}"


def hiding_html(mark: str) -> str:
    """Return the same as HTML, for a widget that is made of HTML."""
    return f"<style>{hiding_css(mark)}</style>"


def stand_in_html(mark: str, widget: str, html: str, data: Mapping[str, str] | None = None) -> str:
    """Return what stands in with its mark, and with the style that hides an output in which nothing of a class is.

    ``data`` is what a page may read of it, by name.
    """
    lost = f".jp-OutputArea-child:not(:has(.{widget})):has(+ .jp-OutputArea-child .{mark})"
    told = "".join(f' data-{name}="{escape(value)}"' for name, value in (data or {}).items())
    return f'<style>{lost} {{display: none}}</style><div class="{mark}"{told}>{html}</div>'


class Still:
    """One state of a run, as text/plain and as self-contained, escaped HTML."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def ended(self) -> bool:
        """Whether it shows how the run ended; else it says how one sees the rest."""
        return self.state.run.status not in {"starting", "running", "stopping"}

    @property
    def chars(self) -> int:
        """Length of all that was said."""
        return sum(len(turn.text) for turn in self.state.turns)

    def __repr__(self) -> str:
        turns = [
            "\n".join(
                [f"[{turn.name}{f' ({note})' if (note := _note(turn)) else ''}]\n{turn.text}".strip(), *_calls(turn)]
            )
            for turn in self._turns()
        ]
        warnings = [f"⚠ {warning}" for warning in self.state.run.lets_pass or []]
        told = (self._headline(), self._underway(), _read(self.state.run.reading), *warnings)
        head = "\n".join(filter(None, told))
        return printable("\n\n".join([head, *turns]))

    def _repr_html_(self) -> str:
        palette = {agent.name: colour(agent.place) for agent in self.state.agents}
        turns = "".join(
            section_html(TurnSection(turn.name, _note(turn), turn.text, palette.get(turn.agent, colour(None))))
            + _calls_html(turn)
            for turn in self._turns()
        )
        read = escape(_read(self.state.run.reading))
        read = f'<div class="ap-read" style="opacity:.75;margin-bottom:.4em">{read}</div>' if read else ""
        underway = f"<p><em>{escape(told)}</em></p>" if (told := self._underway()) else ""
        return literal(
            '<div class="agentpool-still" style="line-height:1.45">'
            f'<div class="ap-status" style="font-weight:600;margin-bottom:.4em">{escape(self._headline())}</div>'
            f"{underway}{read}{warnings_html(self.state.run.lets_pass or [])}"
            f'<details style="margin-bottom:.6em"><summary>agents and what flowed between them</summary>'
            f'<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:center">'
            f"{_graph(self.state.agents, self.state.edges, palette)}{_agents(self.state.agents, palette)}"
            "</div></details>"
            f'<div class="ap-document">{turns or "<em>nothing was said</em>"}</div></div>'
        )

    def _turns(self) -> list[TurnView]:
        return sorted(self.state.turns, key=lambda turn: turn.start)

    def _headline(self) -> str:
        run = self.state.run
        parts = [f"{run.pool} · {run.branch}", run.status + (f" ({run.reason})" if run.reason else "")]
        if run.finished and run.started:
            parts.append(f"{(run.finished - run.started) / 1000:.1f} s")
        taken = bounded(f"{run.tokens:,} tokens", run)
        parts.append(taken + (f" of {run.tokens_max:,}" if run.tokens_max else ""))
        if run.cost is not None:
            parts.append(bounded(f"US$ {run.cost:.4f}", run))
        return " · ".join(parts)

    def _underway(self) -> str:
        if self.ended:
            return ""
        attach = f"%agents attach {self.state.run.pool}"
        return f"this is how it stood while the team was at work: `{attach}` shows how it went on"


def _read(reading: Reading) -> str:
    """Return what reading has cost, in prompt tokens, where more than the task was read."""
    named = {"task": reading.task, "own text": reading.own, "others": reading.others, "recalled": reading.recalled}
    total = sum(named.values())
    parts = [f"{what} {tokens:,}" for what, tokens in named.items() if tokens]
    read = [f"read {total:,} = {' + '.join(parts)}"] if total > reading.task else []
    stale = "stale turn" if reading.stale == 1 else "stale turns"
    counted = {stale: reading.stale, "overtaken, began anew": reading.restarts}
    return " · ".join(read + [f"{count:,} {what}" for what, count in counted.items() if count])


def _note(turn: TurnView) -> str:
    return turn.note or {"running": "still speaking", "failed": "failed", "cancelled": "stopped"}.get(turn.status, "")


def _calls(turn: TurnView) -> list[str]:
    """Return a turn's calls, a line each, and below it what was printed."""
    return [f"  {line}" for call in turn.calls or [] for line in call.lines]


def _calls_html(turn: TurnView) -> str:
    pre = '<pre style="white-space:pre-wrap;overflow-wrap:anywhere;word-break:normal">'
    return "".join(
        '<details class="ap-call" style="margin:.2em 0 .2em 1.2em">'
        f"<summary><code>{escape(call.what)}</code>: {escape(call.status)}</summary>"
        f"{''.join(f'{pre}{escape(told)}</pre>' for told in (call.answer, call.output) if told)}</details>"
        for call in turn.calls or []
    )


def _agents(agents: list[AgentView], palette: dict[str, str]) -> str:
    rows = "".join(
        f'<tr><td><strong style="color:{palette[agent.name]}">{escape(agent.name)}</strong></td>'
        f"<td>{escape(agent.model)}</td><td>{agent.turns}</td>"
        f"<td>{bounded(f'{agent.tokens:,}', agent)}</td>"
        f"<td>{escape(_read(agent.reading))}</td><td>{escape(agent.note or agent.state)}</td></tr>"
        for agent in agents
    )
    head = "".join(f"<th>{word}</th>" for word in ("agent", "model", "turns", "tokens", "read", "state"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _graph(agents: list[AgentView], edges: list[EdgeView], palette: dict[str, str]) -> str:
    """Return the agents on a circle, and an arrow for all text that flowed, the wider the more."""
    centre = _SIZE / 2
    places = {
        agent.name: (
            centre + _RADIUS * math.sin(2 * math.pi * i / len(agents)),
            centre - _RADIUS * math.cos(2 * math.pi * i / len(agents)),
        )
        for i, agent in enumerate(agents)
    }
    most = max((edge.chars for edge in edges), default=0) or 1
    lines = "".join(
        _arrow(places[edge.source], places[edge.target], 1 + 5 * edge.chars / most, palette[edge.source], edge)
        for edge in edges
        if edge.chars and edge.source in places and edge.target in places
    )
    nodes = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_NODE}" fill="{palette[name]}"/>'
        f'<text x="{x:.1f}" y="{y + _NODE + 14:.1f}" text-anchor="middle" font-size="13" fill="currentColor">'
        f"{escape(name)}</text>"
        for name, (x, y) in places.items()
    )
    return f'<svg width="{_SIZE}" height="{_SIZE}" viewBox="0 0 {_SIZE} {_SIZE}" role="img">{lines}{nodes}</svg>'


def _arrow(source: tuple[float, float], target: tuple[float, float], width: float, colour: str, edge: EdgeView) -> str:
    dx, dy = target[0] - source[0], target[1] - source[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    side = 5  # the two directions run side by side
    x1, y1 = source[0] + ux * _NODE - uy * side, source[1] + uy * _NODE + ux * side
    x2, y2 = target[0] - ux * (_NODE + 8) - uy * side, target[1] - uy * (_NODE + 8) + ux * side
    tip = f"{x2 + ux * 8:.1f},{y2 + uy * 8:.1f} {x2 - uy * 5:.1f},{y2 + ux * 5:.1f} {x2 + uy * 5:.1f},{y2 - ux * 5:.1f}"
    title = f"{edge.source} → {edge.target}: {edge.chars:,} characters"
    return (
        f'<g><title>{escape(title)}</title><line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:.1f}" opacity=".7"/><polygon points="{tip}" fill="{colour}"/></g>'
    )
