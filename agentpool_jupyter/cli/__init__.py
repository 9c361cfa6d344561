"""The command ``agentpool``.

In reading order::

    main   the entry point, and what all subcommands share
    kafka  ``agentpool kafka``: a local broker, started, stopped and asked
"""
