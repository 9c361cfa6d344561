"""Runs as OpenTelemetry spans, for the tools that people watch their other programs with.

In reading order::

    record  a span, as plain values, and ids that are the same each time
    build   from a pool's log to spans, by the GenAI conventions
    export  ap.export_spans: to an OTLP receiver, or a file
"""
