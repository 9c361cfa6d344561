"""What goes into the snapshot job, besides records, and comes out of it: JSON, one summary a line."""

from __future__ import annotations

import msgspec

from agentpool_jupyter.jobs.records import SourceLine

from .node import Node  # noqa: TC001 - msgspec reads annotations at run time
from .summary import Summary  # noqa: TC001 - as above


class SummaryLine(SourceLine, tag="summary"):
    """One summary; in the input, without a node, those of earlier snapshots that larger windows still need."""

    light: Summary
    node: Node | None = None
    """What is to be stored."""


read_line = msgspec.json.Decoder(SummaryLine).decode
