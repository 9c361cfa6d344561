"""``%trace``: why an agent said or did what it did.

In reading order::

    magics  what its line may say, and what it does
    picker  a list from which a turn is picked and explained, where there are widgets
"""
