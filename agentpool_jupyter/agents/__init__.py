"""Teams of agents: what they are, how they speak, and the run that is decided from the log alone."""

from .run import Run
from .spec import AgentSpec, Budget, TeamSpec
from .team import Team, resume

__all__ = ["AgentSpec", "Budget", "Run", "Team", "TeamSpec", "resume"]
