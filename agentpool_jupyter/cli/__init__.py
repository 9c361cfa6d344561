"""The command ``agentpool``."""
