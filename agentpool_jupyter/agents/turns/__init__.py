"""How one turn is spoken. People see turns; a turn is tried in attempts, an attempt goes in strides, a stride in calls.

An *attempt* is one try at a turn, with a turn id of its own in the log. With ``stride: N`` it is made of *strides*,
between which the pool is read again. A *call* is one request to a server; a stride whose server fails takes several.

In reading order::

    model_agent    ModelAgent: a turn that a language model speaks, with its retries and restarts
    attempt        Attempt: its strides and calls, each within the budget
    toolbox        Toolbox: the tools that a turn may call, and their answers
    voting         a model that is asked whether something may be done
    call           Call: one request, what is set aside for it and what it took
    python_agent   PythonAgent: a turn that a function or a class of the notebook speaks
    mind           Mind: what such a class believes, decides and wants
    writer         AttemptWriter: how an attempt becomes events; RunResources: what all turns of a run share
    logger         what turns tell Python's logging
    budget         tokens reserved before a call and settled after it; what a run has spent
    live_document  LiveDocument: what a run's agents read, and what in it is news
    outbox         Outbox: from the event loop to the log, in order and in batches
"""
