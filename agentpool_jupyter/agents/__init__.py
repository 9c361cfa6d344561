"""Teams of agents: what they are, how they speak, and the run that is decided from the log alone.

The rooms, each of which imports only those below it::

    runs/       which runs may start, who speaks when, and what came of it
    turns/      how one turn is spoken: attempts, strides, calls, and the budget that holds them
    reminders/  what an agent is reminded of before it speaks
    models/     servers: which one answers, one streamed call, how a text is gone on with
    prompt/     what an agent is told
    team/       what a team is: its description as data and as the text of a cell
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from .runs.claims import stop_run
    from .runs.report import report
    from .runs.run import Run
    from .runs.start import Team, resume
    from .team.spec import AgentSpec, Budget, TeamSpec

__all__ = ["AgentSpec", "Budget", "Run", "Team", "TeamSpec", "report", "resume", "stop_run"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "runs.claims": ["stop_run"],
        "runs.report": ["report"],
        "runs.run": ["Run"],
        "runs.start": ["Team", "resume"],
        "team.spec": ["AgentSpec", "Budget", "TeamSpec"],
    },
)
