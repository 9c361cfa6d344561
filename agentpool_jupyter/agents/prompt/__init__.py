"""What an agent is told before it speaks: a pure function from the document to a prompt, and an account of it.

In reading order::

    build    build_prompt: which turns stand in a prompt, in what order, and what of each
    wording  the words around them, with a version, for prompts are rebuilt from the log
    edits    how messages were changed before they were sent, where a team redacts
    frame    how a text stands in a prompt, so that it cannot pose as another's
    shares   how a prompt's room is shared out among its parts, and what of each part goes in
    record   the account of a prompt: which turns went in, which did not, and what reading them cost
"""
