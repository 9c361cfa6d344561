"""Runs: a team at work in a pool. Which runs may start, who speaks when, and what came of it.

In reading order::

    start     Team and resume: from a description, or from an interrupted run, to a Run
    plan      before a team starts: what would fail, and what would be asked (a dry run)
    trust     servers and keys that a pool from outside names
    redaction what a team may neither read nor say
    claims    which runs may start: one at a time in a pool, and the log's order decides
    renewal   Renewal: a holder's signs of life, and its end where it cannot give them
    run       Run: one background thread and event loop, from the first event to the last
    hand_over tasks that agents hand to teams below theirs, each a run of its own
    goal      what ends a run when it holds
    schedule  who speaks when: Schedule lets agents take turns until there is a reason to end
    report    what each agent did and what it took
    drift     agents that repeat themselves or others, leave their task, or do not know when to stop
    measures  how fast a run was and what it cost to be many: definitions, units, sources
    times     when turns began, first said something and ended
    stale     turns that ended without having read what they should have
"""
