"""Why an agent said or did what it did, from the log alone.

In reading order::

    course   how an attempt at a turn went, event by event
    prompt   what its model was asked, rebuilt and checked
"""
