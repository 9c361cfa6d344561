"""Parts of a trace in words: prompts, calls of tools, names in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentpool_jupyter.display.account import Part
from agentpool_jupyter.display.table import clip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.pool.effects import Effect

    from .prompt import RebuiltPrompt

NAMED = 40
"""Turns that are named in a row; the object has all."""


def handed_over(pool: Pool) -> dict[str, str]:
    """Return the runs to which tasks were handed over, by the key of the call by which that was done."""
    return {run.key: run.id for run in pool.runs.values() if run.key}


def effect_lines(effect: Effect, handed: Mapping[str, str]) -> str:
    """Return a call and what became of it, in lines; ``handed`` are the runs to which tasks were handed over."""
    lines = [f"{effect.told}: {effect.status} (proposed at offset {effect.proposal.offset})"]
    lines += [
        f"  {voter}: {'yes' if vote.accept else 'no'}{f', {vote.text}' if vote.text else ''}"
        for voter, vote in effect.votes.items()
    ]
    lines += [f"  {vote.agent}: does not count, {why}" for vote, why in effect.idle]
    lines += [f"  what it rests on changed at offset {change.offset}: {change.why}" for change in effect.changes]
    lines += [f"  agreed beforehand: grant {effect.granted.id}"] if effect.granted else []
    lines += [f"  let pass: {effect.let_pass}"] if effect.let_pass else []
    if run := handed.get(effect.proposal.key):
        lines.append(f"  the task went to run {run}")
    ended = effect.ended
    if ended is not None:
        lines.append(f"  {clip(str(getattr(ended, 'error', '') or getattr(ended, 'result', '')), 300)}")
    return "\n".join(lines)


def prompt_part(prompt: RebuiltPrompt, number: str) -> Part:
    """Return a prompt, message by message, or what is known of it; ``number`` begins its title."""
    state = "exactly as it was sent" if prompt.verified else prompt.problem
    how = f" to go on ({prompt.way})" if prompt.way else ""
    title = f"{number}it was asked{how} at offset {prompt.offset}, having read below {prompt.seen}: {state}"
    texts = [f"[{message.get('role')}]\n{_content(message)}" for message in prompt.messages]
    if not texts:
        texts = ["the turns in it: " + (listed([one.turn.name for one in prompt.read]) or "not known")]
        texts += [f"recalled: {hit.get('source', '')}" for hit in prompt.recalled]
    return Part(title[0].upper() + title[1:], "\n".join(texts), shut=bool(prompt.way))


def _content(message: dict[str, Any]) -> str:
    calls = [
        f"calls {call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls", [])
    ]
    return "\n".join([str(message.get("content") or ""), *calls]).strip()


def listed(names: Sequence[str]) -> str:
    """Return names in a row, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
