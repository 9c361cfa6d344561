"""One call of a model at any OpenAI-compatible server: the only module that imports ``openai``, when first used."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from agentpool_jupyter.services.local_model import LocalModel

from .chunks import DONE, Chunk, EventSplitter, decode
from .continuation import IN_WORDS, Continuation
from .endpoint import OPENAI_URL, Endpoint
from .refusals import Dialect, failure, refused, too_long, unknown_parameter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    import openai

    from agentpool_jupyter.errors import ModelError
    from agentpool_jupyter.pool.events import Usage

_CONNECT = 10.0
_CONNECTIONS = 1000
_KEPT = 100
_DRAIN = 0.1
"""Seconds that a server has to end the body after its last event, so that the connection can be used again."""
_ADAPTABLE = {400, 422}
_FIRST_ERROR_STATUS = 400
# The bundled model's server and OpenAI's own are known; all others are tried.
_KNOWN = {"": Continuation("prefill", repeats=True), OPENAI_URL: IN_WORDS}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Finish:
    """The last thing that a stream yields."""

    reason: str
    """The server's word: ``stop``, ``length``, ``content_filter`` …"""
    usage: Usage | None
    """None where the server does not count."""


class ModelClient:
    """One endpoint's client, shared by all agents that use it; belongs to one event loop.

    It does not try again: whether and when is for the turn to decide, by the error's ``retriable`` and
    ``retry_after``. For the bundled model it starts the server on first use, starts it again after a crash, and
    holds it until :meth:`aclose`.
    """

    def __init__(self, endpoint: Endpoint, *, silence: float = 60.0, local: LocalModel | None = None) -> None:
        self.endpoint = endpoint
        self.silence = silence
        """Seconds without a byte from the server after which a stream counts as dead."""
        self._local = (local or LocalModel()) if endpoint.local else None
        self._dialect = Dialect("max_completion_tokens" if endpoint.base_url == OPENAI_URL else "max_tokens")
        self.continuation = _KNOWN.get("" if endpoint.local else endpoint.base_url)
        """How the server goes on with a text; None until that was tried."""
        self.trying = asyncio.Lock()
        """Held while it is."""
        self._client: openai.AsyncOpenAI | None = None
        self._connecting = asyncio.Lock()

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int,
        temperature: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[str | Finish, None]:
        """Yield an answer's text piece by piece, at last exactly one :class:`Finish`.

        ``flags`` are fields of the request beside those of OpenAI's own.

        Cancelling the task that waits for the next piece closes the HTTP stream at once, and the server stops.
        A consumer that may leave between two pieces takes ``contextlib.aclosing`` around it.

        Raises ModelError, of kind ``rate_limit``, ``server``, ``timeout``, ``cut``, ``malformed``,
        ``connection``, ``auth`` or ``request``; ServiceError where the bundled model does not start.
        """
        client = await self._connect()
        options = {
            "temperature": temperature,
            "seed": seed,
            "stop": list(stop) if stop else None,
            "extra_body": flags,
        }
        async with contextlib.AsyncExitStack() as stack:
            body = await self._open(client, stack, messages, max_tokens, options)
            splitter, reason, usage = EventSplitter(), None, None
            while (piece := await self._next(body, complete=reason is not None)) is not None:
                for data in splitter.feed(piece):
                    if data == DONE:
                        await _drain(body)
                        yield Finish(reason or "stop", usage)
                        return
                    chunk = self._decode(data)
                    if chunk.text:
                        yield chunk.text
                    reason = chunk.finish_reason or reason
                    usage = chunk.counted or usage
            if reason is None and DONE not in splitter.finish():
                raise failure(self.endpoint, "the stream broke off before the answer was complete", kind="cut")
            yield Finish(reason or "stop", usage)

    async def aclose(self) -> None:
        """Close all connections, and let go of the bundled model; closing twice is fine."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        if self._local is not None:
            self._local.release()

    async def _connect(self) -> openai.AsyncOpenAI:
        if self._client is not None and (self._local is None or self._local.alive):
            return self._client
        async with self._connecting:
            if self._local is not None:
                address = await asyncio.to_thread(self._local.acquire)
                if address.base_url != self.endpoint.base_url and self._client is not None:
                    await self._client.close()
                    self._client = None
                self.endpoint = replace(self.endpoint, base_url=address.base_url, key=address.key)
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _make_client(self) -> openai.AsyncOpenAI:
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415 - half a second, and not needed before the first turn

        # The bundled model's server closes a connection now and then just when the next request goes out (one of
        # twenty, tried); a new one each time costs less than a millisecond there.
        kept = 0 if self.endpoint.local else _KEPT
        return openai.AsyncOpenAI(
            api_key=self.endpoint.key,
            base_url=self.endpoint.base_url,
            max_retries=0,
            # The read timeout is between two reads of the socket: exactly what silence means. A wait for one of
            # the pool's connections is no fault of the server's.
            timeout=openai.Timeout(self.silence, connect=_CONNECT, pool=None),
            # A proxy set for the outside world cannot reach this machine's own servers.
            http_client=openai.DefaultAsyncHttpxClient(
                trust_env=urlsplit(self.endpoint.base_url).hostname not in _LOOPBACK,
                limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=kept),
            ),
        )

    async def _open(
        self,
        client: openai.AsyncOpenAI,
        stack: contextlib.AsyncExitStack,
        messages: Sequence[Mapping[str, Any]],
        max_tokens: int,
        options: Mapping[str, Any],
    ) -> AsyncIterator[bytes]:
        """Send the request, in simpler words where the server does not know some, and return its answer's body."""
        import openai  # noqa: PLC0415

        dialect = self._dialect
        while True:
            request: Any = client.chat.completions.with_streaming_response.create(
                model=self.endpoint.model,
                messages=list(messages),  # type: ignore[arg-type]  # the roles are the caller's
                stream=True,
                **dialect.body(max_tokens, options),
            )
            try:
                response = await stack.enter_async_context(request)
            except openai.APIStatusError as error:
                text, code, parameter = _said(error)
                problem = refused(self.endpoint, error.status_code, error.response.headers, text, code)
                unknown = unknown_parameter(text, parameter) if error.status_code in _ADAPTABLE else None
                simpler = dialect.without(unknown) if unknown else None
                if simpler is None:
                    raise problem from None
                dialect = simpler
            except openai.APITimeoutError:
                raise self._silent() from None
            except openai.APIConnectionError as error:
                what = f"no connection ({error.__cause__ or error}): is the server running?"
                raise failure(self.endpoint, what, kind="connection") from None
            else:
                self._dialect = dialect
                kind = str(response.headers.get("content-type", ""))
                if kind.startswith(("text/html", "application/json")):
                    what = f"the answer is {kind}, not an event stream: check base_url"
                    raise failure(self.endpoint, what, kind="malformed", retriable=False)
                return aiter(response.iter_bytes())

    async def _next(self, body: AsyncIterator[bytes], *, complete: bool) -> bytes | None:
        """Return the next bytes, None at the end; of a ``complete`` answer, a broken connection is an end too."""
        import httpx2  # noqa: PLC0415 - the client library's transport; its errors come through in mid-stream

        try:
            return await anext(body, None)
        except httpx2.RequestError as error:
            if complete:
                return None
            if isinstance(error, httpx2.TimeoutException):
                raise self._silent() from None
            what = f"the stream broke off before the answer was complete ({error or type(error).__name__})"
            raise failure(self.endpoint, what, kind="cut") from None

    def _decode(self, data: bytes) -> Chunk:
        try:
            chunk = decode(data)
        except msgspec.DecodeError as error:
            start = data[:60].decode(errors="replace")
            what = f"a piece of the stream is not what the protocol says ({error}): {start}"
            raise failure(self.endpoint, what, kind="malformed") from None
        if chunk.error:
            raise self._broken(chunk.error)
        return chunk

    def _broken(self, error: Any) -> ModelError:
        """Return the error for what a server said in mid-stream."""
        text, code = str(error), None
        if isinstance(error, dict):
            text, code = str(error.get("message", error)), error.get("code")
        if isinstance(code, int) and code >= _FIRST_ERROR_STATUS:
            return refused(self.endpoint, code, {}, text, None)
        if too_long(text):
            return refused(self.endpoint, 400, {}, text, None)
        return failure(self.endpoint, f"the server failed in mid-stream: {text}", kind="server")

    def _silent(self) -> ModelError:
        return failure(self.endpoint, f"nothing came for {self.silence:g} s", kind="timeout")


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read to the body's end, so that the connection can serve the next request."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_DRAIN):
            while await anext(body, None) is not None:
                pass


def _said(error: openai.APIStatusError) -> tuple[str, str | None, str | None]:
    """Return the message, the error code and the parameter that a refusal's body names."""
    body = error.body
    text = str(body.get("message") or body) if isinstance(body, dict) else str(body or error.message)
    return text, error.code, error.param if isinstance(error.param, str) else None
