"""What agents are reminded of before they speak: earlier reasoning, here or in other pools, and documents.

In reading order::

    cue     what is asked: from a prompt to the texts that earlier reasoning is to resemble
    lookup  asking off the event loop, within a bounded time; what goes wrong is a note
    search  from a cue to reminders, none of which says what is known already
"""
