"""What other systems said, brought into a pool so that it can be traced like our own.

In reading order::

    messages  one message, whatever it looks like, and its events
    spans     messages that stand in OpenTelemetry's spans (OTLP JSON)
    bring     ap.from_messages, and files: JSON, JSONL, spans
"""
