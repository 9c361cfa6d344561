"""What reading costs: of a call's prompt tokens, how many were the agent's own text, others', recalled, or the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.pool.events import Usage


def shared_out(usage: Usage, record: Mapping[str, Any]) -> Usage:
    """Return a call's usage with its prompt tokens shared out among the parts that its context's record names.

    In proportion to their bytes, because servers only count prompts as a whole; what is rounded off is the task's.
    """
    sizes = record.get("sizes", {})
    total = sum(sizes.values())
    if not total:
        return usage

    def tokens(*parts: str) -> int:
        return int(usage.prompt * sum(sizes.get(part, 0) for part in parts) / total)

    return msgspec.structs.replace(usage, own=tokens("own"), others=tokens("new", "heard"), recalled=tokens("recall"))
