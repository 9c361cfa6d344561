"""Identifiers in texts, and what stands in their place: in releases, and in what teams read and write.

In reading order::

    identifiers  where they are: mail, telephones, cards, keys, …, and with a model of the user's names and places
    pseudonyms   Pseudonyms: the same for the same, kept on this machine alone so that a person can look behind them
    stream       text that comes in pieces: none of them ends within an identifier
    redactor     Redactor: all that a team says and reads, without identifiers
"""
