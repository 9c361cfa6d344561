"""What people see: all HTML, and the text that stands beside it, over plain values; every text in it is escaped.

It knows neither pools nor IPython: whoever shows something hands over numbers and words. In reading order::

    colours   one agent, one colour
    foreign   texts of others, fit for a terminal and for a page
    markdown  what agents write, as HTML that stays harmless
    note      a sentence as an answer, and what may stand below it: a warning, remarks, prompts
    table     rows under a head; a text cut to fit a line
    sections  who said what, one section a turn
    changes   what became of sections, word by word
    graph     the rows of a graph of branches
    lanes     who spoke when and what came from what, a lane for each agent
    account   an account of something in parts, which fold away
    hits      how what a search found is drawn: as lines, a plain table, or rows of widgets
    pictures/ numbers, drawn: releases, speed-ups
    progress  how far a job is
    screen    what a run can be shown on, and the values that say what it shows
    still     a run as a picture that needs no kernel, and how such a thing stands in for a widget
    console   standard output: lines, and on a terminal one below them that is drawn again
    terminal  a run as lines of text
"""
