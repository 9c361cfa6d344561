"""Teams of agents: what they are, how they speak, and the run that is decided from the log alone."""

from .runs.run import Run
from .runs.start import Team, resume
from .team.spec import AgentSpec, Budget, TeamSpec

__all__ = ["AgentSpec", "Budget", "Run", "Team", "TeamSpec", "resume"]
