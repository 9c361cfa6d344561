"""A run as a still picture: what a saved notebook shows without kernel, widget or script.

Such a notebook has both what a widget shows and what stands in for it, one output below the other, and a mark ties
them. While the widget lives, a style of its own hides what stands in; where it cannot be shown, the other's style hides
what the front end says about that.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING
from uuid import uuid4

from .colours import colour
from .foreign import literal, printable
from .note import code_html, warnings_html
from .pictures.flows import Flow, flows_html, flows_text
from .screen import bounded
from .sections import TurnSection, section_html
from .table import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .screen import AgentView, Reading, State, TurnView


_FEW = 12  # agents whose table is shown without a click
_LEFT = '<td style="text-align:left">'  # JupyterLab's own is to the right
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
    return f'<div class="{mark}"{told}>{html}</div><style>{lost} {{display: none}}</style>'


class Still:
    """One state of a run, as text/plain and as self-contained, escaped HTML."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def ended(self) -> bool:
        """Whether it shows how the run ended; else it says how one sees the rest."""
        return self.state.run.status not in {"starting", "running", "stopping"}

    def __repr__(self) -> str:
        turns = [
            "\n".join(
                [f"[{turn.name}{f' ({note})' if (note := _note(turn)) else ''}]\n{turn.text}".strip(), *_calls(turn)]
            )
            for turn in self._turns()
        ]
        warnings = [f"⚠ {warning}" for warning in self.state.run.lets_pass or []]
        flows = flows_text(self._flows())
        told = (self._headline(), self._underway(), _read(self.state.run.reading), flows, *warnings, self._left_out())
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
        read = f'<div class="ap-still-read" style="opacity:.75;margin-bottom:.4em">{read}</div>' if read else ""
        underway = f"<p><em>{code_html(told)}</em></p>" if (told := self._underway()) else ""
        return literal(
            '<div class="agentpool-still" style="line-height:1.45">'
            f'<div class="ap-status" style="font-weight:600;margin-bottom:.4em">{escape(self._headline())}</div>'
            f"{underway}{read}{warnings_html(self.state.run.lets_pass or [])}"
            f'<details{" open" if len(palette) <= _FEW else ""} style="margin-bottom:.6em">'
            "<summary>agents, and who read whom</summary>"
            f'<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:center">'
            f"{flows_html(palette, self._flows())}{_agents(self.state.agents, palette)}"
            "</div></details>"
            f"{f'<p><em>{code_html(left)}</em></p>' if (left := self._left_out()) else ''}"
            f'<div class="ap-document">{turns or "<em>nothing was said</em>"}</div></div>'
        )

    def _flows(self) -> list[Flow]:
        return [Flow(edge.source, edge.target, edge.chars) for edge in self.state.edges]

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

    def _left_out(self) -> str:
        number = len(self.state.later or ())
        return (
            f"{counted(number, 'earlier turn')} not shown here: `%pool {self.state.run.pool}` shows all"
            if number
            else ""
        )

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
        f'<tr>{_LEFT}<strong style="color:{palette[agent.name]}">{escape(agent.name)}</strong></td>'
        f"{_LEFT}{escape(agent.model)}</td><td>{agent.turns}</td><td>{bounded(f'{agent.tokens:,}', agent)}</td>"
        f"{_LEFT}{escape(_read(agent.reading))}</td>{_LEFT}{escape(agent.note or agent.state)}</td></tr>"
        for agent in agents
    )
    words = ("agent", "model", "turns", "tokens", "read", "state")
    head = "".join(f'<th style="text-align:left">{word}</th>' for word in words)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
