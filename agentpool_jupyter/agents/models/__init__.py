"""Models at servers: which server answers, and one call of it, from request to text.

In reading order::

    endpoint      which server answers an agent, with what key, at what price and within what limits
    credentials   keys and headers out of environment variables: which goes to whom
    providers     well-known servers by a short name
    client        ModelClient: one call, streamed
    connection    bytes to the server and back; the only module that imports ``httpx2``
    answer        an answer as it comes in: text, count, and whether it ended as an answer should
    chunks        the bytes of a streamed answer as typed chunks
    refusals      what a server answered instead of text: as an error, and as a time to wait
    dialect       how a server wants to be asked, learned from what it refused
    spoken_calls  calls of tools in words, for servers that do not know any
    gauge         how many tokens a server makes of a byte, learned from what it counted
    continuation  how a server is made to go on with a text, and how its answer is joined to that text
    trial         which of these ways a server knows: tried with two short calls
"""
