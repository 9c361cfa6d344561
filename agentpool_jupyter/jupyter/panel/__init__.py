"""What JupyterLab's side panel, status bar and editor ask of the kernel of the notebook in front.

In reading order::

    wire     what travels between them
    census   what a store's pools are like, and what runs and waits in them, read a little at a time
    errands  what a page asks to be done: stop, vote, tag, export, delete
    desk     where pages come to: each is told what it watches, when that has changed
"""
