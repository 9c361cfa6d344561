"""The command ``agentpool``.

::

    main   the entry point, and what all subcommands share
    kafka  ``agentpool kafka start|status|stop``: a local Apache Kafka
"""
