"""What is shown of one run, kept up to date event by event; pure, without threads or widgets.

In reading order::

    view      events are folded into it, patches and states come out
    parts     a question, a call and an agent as they are shown
    shown     one turn: text that only grows, and how much of it was sent
    timeline  when who spoke, and what happened between
    causes    which turns each of them came from
    files     which files the run's line has
    readings  what reading has cost, summed up as events come
    past      how it stood at earlier moments, folded from few events
"""
