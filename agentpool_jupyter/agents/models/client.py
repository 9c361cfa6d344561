"""One call of a model at any OpenAI-compatible server, from the request to the last word of its answer."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.agents.team.fields import near
from agentpool_jupyter.errors import ModelError
from agentpool_jupyter.pool.words import LENGTH
from agentpool_jupyter.services.local_model import LocalModel

from .answer import LONGEST_TOKEN, STOP, Answer, BadAnswerError
from .continuation import IN_WORDS, Continuation
from .credentials import OPENAI_URL
from .dialect import TOOLS, Dialect
from .gauge import Gauge
from .refusals import MOST_WAIT, Said, failure, refused, still_loading, told_in_stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence

    from agentpool_jupyter.pool.events import Usage

    from .connection import Connection, Reply
    from .endpoint import Endpoint

_AFTER_END = 2.0
"""Seconds that a server has after an answer's last word to send the count of its tokens."""
_LOADING_SECONDS, _LOADING_GLANCE = 300.0, 0.5
"""How long a server that loads its model is waited for, and how often it is asked."""
_FIRST_ERROR_STATUS = 300
_NOT_FOUND = 404
# The bundled model's server and OpenAI's own are known; all others are tried.
_KNOWN = {"": Continuation("prefill", repeats=True), OPENAI_URL: IN_WORDS}


@dataclass(frozen=True)
class Finish:
    """The last thing that a stream yields."""

    reason: str
    """Why the answer ended, one of :data:`~.answer.ENDS`."""
    usage: Usage | None
    """None where the server does not count."""


class Traffic:
    """What all clients of one server share: how many calls it takes at once, and when it was last heard."""

    def __init__(self, slots: int | None = None) -> None:
        self.slots = asyncio.Semaphore(slots) if slots else contextlib.nullcontext()
        self.open = 0
        """Calls that are under way."""
        self.heard = float("-inf")
        """When it last sent anything, by the loop's clock."""


class ModelClient:
    """One endpoint's client, shared by all agents that use it; belongs to one event loop.

    It does not try again: whether and when is for the turn to decide, by the error's ``retriable`` and
    ``retry_after``. For the bundled model it starts the server on first use, starts it again after a crash, and
    holds it until :meth:`aclose`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        silence: float = 60.0,
        patience: float = MOST_WAIT,
        traffic: Traffic | None = None,
        local: LocalModel | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.silence = silence
        """Seconds without a byte from the server after which a stream counts as dead."""
        self.patience = patience
        """Most seconds that the server may ask to be waited for."""
        self.gauge = Gauge()
        """What its tokens come to."""
        self._traffic = traffic or Traffic(endpoint.slots)
        self._local = (local or LocalModel()) if endpoint.local else None
        self._dialect = Dialect(
            limit="max_completion_tokens" if endpoint.base_url == OPENAI_URL else "max_tokens",
            # The bundled model's server would pass over tools without a word.
            leave_out=frozenset({TOOLS} if endpoint.local else ()),
        )
        self.continuation = _KNOWN.get("" if endpoint.local else endpoint.base_url)
        """How the server goes on with a text; None until that was tried."""
        self.trying = asyncio.Lock()
        """Held while it is."""
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int,
        temperature: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        answer: Answer | None = None,
        repeats: int = 0,
    ) -> AsyncGenerator[str | Finish, None]:
        """Yield an answer's text piece by piece, at last exactly one :class:`Finish`.

        ``options`` are fields of the request as they stand. ``answer`` is filled as it comes in, for who wants to know
        what was counted when this raises. An answer that passes ``max_tokens``, beside the ``repeats`` bytes of the
        prompt that the server may say again, is left there: some servers heed no limit.

        Cancelling the task that waits for the next piece closes the HTTP stream at once, and the server stops.
        A consumer that may leave between two pieces takes ``contextlib.aclosing`` around it.

        A server that does not know ``tools`` refuses them once (:attr:`takes_tools`): the caller says it in words then.

        Raises ModelError, of kind ``rate_limit``, ``server``, ``timeout``, ``cut``, ``malformed``,
        ``connection``, ``auth`` or ``request``; ServiceError where the bundled model does not start.
        """
        answer = Answer() if answer is None else answer
        wanted = {"temperature": temperature, "seed": seed, "stop": list(stop) if stop else None, **(options or {})}
        async with self._traffic.slots:
            connection = await self._connect()
            self._traffic.open += 1
            try:
                reply = await self._open(connection, messages, max_tokens, wanted)
                try:
                    while piece := await self._next(reply, answer):
                        for text in answer.feed(piece):
                            if text:
                                yield text[: max_tokens * LONGEST_TOKEN + repeats]
                            if self.gauge.past(max_tokens, answer.bytes - repeats, answer.pieces - repeats):
                                yield Finish(LENGTH, None)
                                return
                        if answer.done or answer.reason is not None:
                            await self._count(reply, answer)
                            await reply.drain()
                            break
                    for text in answer.finish():
                        yield text
                finally:
                    await reply.close()
            except BadAnswerError as error:
                raise self._bad(error) from None
            finally:
                self._traffic.open -= 1
        yield Finish(answer.reason or STOP, answer.usage)

    @property
    def takes_tools(self) -> bool:
        """Whether the server knows the ``tools`` of a request, as far as it has said; else it is asked in words."""
        return TOOLS not in self._dialect.leave_out

    async def aclose(self) -> None:
        """Close all connections, and let go of the bundled model; closing twice is fine."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()
        if self._local is not None:
            self._local.release()

    async def _connect(self) -> Connection:
        if self._connection is not None and (self._local is None or self._local.alive):
            return self._connection
        from .connection import Connection  # noqa: PLC0415 - its library is not needed before the first turn

        async with self._connecting:
            if self._local is not None:
                address = await asyncio.to_thread(self._local.acquire)
                if address.base_url != self.endpoint.base_url and self._connection is not None:
                    await self._connection.aclose()
                    self._connection = None
                self.endpoint = replace(self.endpoint, base_url=address.base_url, key=address.key)
            if self._connection is None:
                self._connection = await asyncio.to_thread(Connection, self.endpoint)
            return self._connection

    async def _open(
        self,
        connection: Connection,
        messages: Sequence[Mapping[str, Any]],
        max_tokens: int,
        options: Mapping[str, Any],
    ) -> Reply:
        """Send the request, in simpler words where the server does not know some, and return its answer."""
        begun, clock = self._dialect, asyncio.get_running_loop().time
        dialect = begun
        patient = clock() + _LOADING_SECONDS
        while True:
            body = {"model": self.endpoint.model, **dialect.body(messages, max_tokens, options)}
            reply: Reply = await self._in_queue(connection.post(body))
            if reply.status < _FIRST_ERROR_STATUS:
                if dialect is not begun:  # else another call may have learned more meanwhile
                    self._dialect = dialect
                kind = reply.headers.get("content-type", "")
                if kind.startswith("text/html"):
                    await reply.close()
                    what = f"the answer is {kind}, not an event stream: check base_url"
                    raise failure(self.endpoint, what, kind="malformed", retriable=False)
                return reply
            said = Said.of(await reply.rest())
            await reply.close()
            simpler = dialect.after(reply.status, said)
            if simpler is not None and TOOLS in simpler.leave_out - dialect.leave_out:
                self._dialect = simpler
                raise refused(self.endpoint, reply.status, said, reply.headers, self.patience)
            if simpler is not None:
                dialect = simpler
            elif still_loading(reply.status, said) and clock() < patient:
                await asyncio.sleep(_LOADING_GLANCE)
            else:
                if reply.status == _NOT_FOUND and (names := await connection.models()):
                    said = replace(said, text=f"{said.text}{near(self.endpoint.model, names)}")
                raise refused(self.endpoint, reply.status, said, reply.headers, self.patience)

    async def _next(self, reply: Reply, answer: Answer) -> bytes:
        """Return the next bytes, none at the end."""
        if not answer.pieces and answer.reason is None:
            piece: bytes = await self._in_queue(reply.next())
        else:
            try:
                async with asyncio.timeout(self.silence):
                    piece = await reply.next()
            except TimeoutError:
                raise self._silent() from None
        self._traffic.heard = asyncio.get_running_loop().time()
        return piece

    async def _count(self, reply: Reply, answer: Answer) -> None:
        """Read what follows an answer's last word: the count of its tokens, where that comes soon."""
        with contextlib.suppress(ModelError, BadAnswerError, TimeoutError):
            async with asyncio.timeout(min(self.silence, _AFTER_END)):
                while not answer.done and (piece := await reply.next()):
                    for _ in answer.feed(piece):
                        pass

    async def _in_queue(self, coming: Coroutine[Any, Any, Any]) -> Any:
        """Wait for an answer to begin. While others of ours are answered there, it may stand in the server's queue."""
        clock = asyncio.get_running_loop().time
        task = asyncio.create_task(coming)
        try:
            while not (await asyncio.wait({task}, timeout=self.silence))[0]:
                if clock() - self._traffic.heard >= self.silence:
                    raise self._silent()
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _silent(self) -> ModelError:
        others = self._traffic.open - 1
        hint = (
            f", with {others} more calls open there: if it answers few at a time, say `parallel: N`" if others else ""
        )
        return failure(self.endpoint, f"nothing came for {self.silence:g} s{hint}", kind="timeout")

    def _bad(self, error: BadAnswerError) -> ModelError:
        if error.kind == "server":
            return told_in_stream(self.endpoint, error.told, self.patience)
        return failure(self.endpoint, str(error), kind=error.kind)
