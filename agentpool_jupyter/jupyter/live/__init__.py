"""A run that is shown while it goes on.

How a token travels::

    log -> follower -> feed -> view -> patch -> widget | terminal   ... and at the end: view -> state -> still

An agent's words are in the pool's log before anybody sees them. A follower hands the feed what is new there, so that a
run of another process is shown just as well. The feed has the view take it in, asks the view some fifteen times a
second for a patch (what changed since the last one), and hands that to a screen: the widget sends it to every page, the
terminal prints lines. Below the widget stands a still picture of the view's state, for where that cannot be shown. The
values that a screen is handed, the terminal and the picture are in ``display``.
In reading order::

    show     one run that is shown: its feed, its screen, and what the screen's buttons do
    kept     the still picture below its widget
    feed     from the log to a screen, coalesced
    view/    what is shown: events are folded into it, patches and states come out
    unshown  the same of a run that nobody follows, from its pool alone
    acting   what a page's buttons do to the history: the same as magics do
    answers  questions about a turn, answered from the log
    cards    what a page is told of one turn
    widget   the screen on a page, kernel side
    wire     what travels between kernel and page
"""
