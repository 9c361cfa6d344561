"""Models at servers: which server answers, and one call of it, from request to text.

In reading order::

    endpoint      which server answers an agent, with what key, at what price and within what limits
    client        ModelClient: one call, streamed; the only module that imports ``openai``
    chunks        the bytes of a streamed answer as typed chunks
    refusals      what a server answered instead of text: as an error, as a lesson, as a time to wait
    continuation  how a server is made to go on with a text, and how its answer is joined to that text
    trial         which of these ways a server knows: tried with two short calls
"""
