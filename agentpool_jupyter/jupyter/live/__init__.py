"""A run as it happens, from the log to a widget or a terminal.

In reading order::

    readings   what reading has cost so far
    shown      one turn: text that only grows
    view       the fold of a run's events to what is shown, and what changed
    feed       the threads that follow the pool and show that
    wire       what a widget and its views tell each other beside that
    subshells  widgets that hear while a cell blocks
    widget     the screen of a notebook
    show       one shown run, and what its buttons do
"""
