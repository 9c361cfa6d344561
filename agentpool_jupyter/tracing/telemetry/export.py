"""``ap.export_spans``: a run as OpenTelemetry spans, to an OTLP receiver or into a file.

Only this module knows OpenTelemetry's library.
"""

from __future__ import annotations

import base64
import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentpool_jupyter.errors import ExtraMissingError, UserError
from agentpool_jupyter.log.files import own

from .build import spans_of
from .record import SCHEMA

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from agentpool_jupyter.pool import Pool

    from .record import SpanKey, SpanRecord

SECONDS = 10.0
"""How long a receiver is waited for."""
_BATCH = 500
_IDS = ("traceId", "spanId", "parentSpanId")


def export_spans(
    pool: Pool, to: str | os.PathLike[str], *, run: str | None = None, content: bool = False, overwrite: bool = False
) -> int:
    """Export a run (default: all that people started) as spans, and return how many there are.

    ``to`` is the address of an OTLP receiver over HTTP (``http://127.0.0.1:4318``; headers and certificates as of
    ``$OTEL_EXPORTER_OTLP_HEADERS`` and so on), or a file, which gets OTLP JSON, one request a line, and can be read
    back with ``%pool import``. Prompts, texts, arguments and results go out only with ``content``. Spans that are
    exported again have the same ids. Raises UserError where there is no such run, where the receiver does not take them
    or the file is there, and ExtraMissingError.
    """
    runs = [name for name, record in pool.runs.items() if not record.parent] if run is None else [run]
    if run is not None and run not in pool.runs:
        message = f"pool {pool.name!r} has no run {run!r}; there are: {', '.join(pool.runs) or 'none'}"
        raise UserError(message)
    records = [span for name in runs for span in spans_of(pool, name, content=content)]
    spans = _as_library_has_them(records)
    if str(to).startswith(("http://", "https://")):
        _send(spans, str(to))
    else:
        _write(spans, Path(to).expanduser(), overwrite=overwrite)
    return len(records)


def _as_library_has_them(records: Sequence[SpanRecord]) -> list[Any]:
    try:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - optional
        from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
        from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags  # noqa: PLC0415
    except ImportError as error:
        message = "spans need OpenTelemetry: pip install 'agentpool-jupyter[otel]'"
        raise ExtraMissingError(message) from error
    name = "agentpool-jupyter"
    resource = Resource({"service.name": name, "service.version": version(name)}, SCHEMA)
    scope = InstrumentationScope("agentpool_jupyter", version(name), SCHEMA)
    kinds = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}

    def context(key: SpanKey) -> Any:
        return SpanContext(key.trace, key.span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    return [
        ReadableSpan(
            name=one.name,
            context=context(one.key),
            parent=context(one.parent) if one.parent else None,
            resource=resource,
            attributes=one.attributes,
            links=[Link(context(key), {"agentpool.turn": turn}) for key, turn in one.links],
            kind=kinds[one.kind],
            instrumentation_scope=scope,
            status=Status(StatusCode.ERROR, one.error) if one.error else Status(StatusCode.UNSET),
            start_time=one.start,
            end_time=one.end,
        )
        for one in records
    ]


def _send(spans: Sequence[Any], address: str) -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415
    except ImportError as error:
        message = "spans are sent by OpenTelemetry's exporter: pip install 'agentpool-jupyter[otel]'"
        raise ExtraMissingError(message) from error
    endpoint = address if address.rstrip("/").endswith("/v1/traces") else f"{address.rstrip('/')}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SECONDS)
    try:
        for batch in _some(spans):
            if exporter.export(batch) is not SpanExportResult.SUCCESS:
                message = f"the receiver at {urlsplit(endpoint).hostname} did not take the spans: is it one of OTLP?"
                raise UserError(message)
    finally:
        exporter.shutdown()


def _write(spans: Sequence[Any], path: Path, *, overwrite: bool) -> None:
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - comes with the exporter
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: PLC0415

    try:
        with open(path, "w" if overwrite else "x", encoding="utf-8", opener=own) as file:
            file.writelines(
                json.dumps(_with_hex_ids(MessageToDict(encode_spans(batch)))) + "\n" for batch in _some(spans)
            )
    except FileExistsError:
        message = f"there is a file {path} already: choose another name, or write over it (overwrite=True)"
        raise UserError(message) from None
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; choose another file"
        raise UserError(message) from error


def _with_hex_ids(value: Any) -> Any:
    """Return OTLP as its JSON form has it: there, unlike in that of protobuf, ids are hexadecimal."""
    if isinstance(value, list):
        return [_with_hex_ids(one) for one in value]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(one).hex() if key in _IDS and isinstance(one, str) else _with_hex_ids(one)
            for key, one in value.items()
        }
    return value


def _some(spans: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (spans[start : start + _BATCH] for start in range(0, len(spans), _BATCH))
