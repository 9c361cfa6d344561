"""The words of prompts are pinned: prompts of old logs are rebuilt with them."""

from agentpool_jupyter.agents.prompt.build import Reminder, build_prompt
from agentpool_jupyter.agents.prompt.wording import VERSION

from .test_context import PLANNER, TEAM, history

SYSTEM = (
    "You are planner. Your job: Drafts the plan. The others are critic, builder; nobody leads, and everyone reads what "
    "everyone writes. Be brief and concrete."
)
USER = """What the team has written so far, each text set in below its author:

[planner#1 (you)]
  Rent first.

[critic#1]
  Why?
  Say it.

From earlier work, which may help:

[notes]
  The oven needs a permit.

The task: Plan {a} bakery & {{b}}.
Your job: Drafts the plan."""


def test_the_words_of_version_1_stay_as_they_are():
    """Where this fails, a word was changed: raise VERSION, keep the old words for older records, pin the new ones."""
    document = history(("planner", "Rent first."), ("critic", "Why?\nSay it."))
    prompt = build_prompt(document, TEAM, PLANNER, tokens=1000, recall=[Reminder("The oven needs a permit.", "notes")])
    assert VERSION == 1
    assert [message["content"] for message in prompt.messages] == [SYSTEM, USER]
    assert prompt.record["wording"] == 1
