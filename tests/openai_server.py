"""A real HTTP server that speaks the OpenAI chat protocol at a fixed rate, with faults on demand.

In a test it runs in a thread of its own and records what it was asked::

    with OpenAIServer(rate=200) as server:
        server.fault(Refuse(429, retry_after="0.1"), times=1)
        ...  # ask server.base_url
        assert server.requests[0].status == 429

For a benchmark it runs as a process and prints its address as the first line::

    python tests/openai_server.py --port 0 --rate 50 --tokens 200

Answers are a pure function of the request (:func:`expected`), token ``i`` leaves at ``delay + (i + 1) / rate``
seconds after the request arrived, whatever came before it: lateness does not add up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

WORDS = re.findall(
    r"\w+",
    "oven flour lease permit budget hire menu supplier price morning bread corner window street season rent opening "
    "week taste queue cash risk plan test first then because however therefore maybe need check ask find",
)


_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Refuse:
    """An HTTP error instead of an answer; ``{key}`` in the message is the key that the client sent."""

    status: int
    message: str = "refused on demand"
    retry_after: str | None = None
    retry_after_ms: str | None = None
    code: str | None = None
    param: str | None = None
    location: str | None = None


@dataclass(frozen=True)
class Cut:
    """The connection breaks after some tokens; ``clean`` ends the body properly, but without its end marks."""

    after: int
    clean: bool = False


@dataclass(frozen=True)
class Silence:
    """Nothing more comes after some tokens (0: not even a status line), and the connection stays open."""

    after: int


@dataclass(frozen=True, eq=False)
class Hold:
    """Nothing more comes after some tokens until ``OpenAIServer.release``; then what is due comes at once."""

    after: int
    text: str | None = None
    """The answer; None: as without the fault."""
    released: threading.Event = field(default_factory=threading.Event)

    def holds(self, sent: int) -> bool:
        return sent >= self.after and not self.released.is_set()


@dataclass(frozen=True)
class Malformed:
    """A chunk that is no JSON comes after some tokens."""

    after: int
    line: str = '{"choices": [{"delta": '


@dataclass(frozen=True)
class ErrorChunk:
    """An error object comes as a chunk of the stream, as llama.cpp and OpenRouter send it."""

    after: int
    message: str = "out of memory"
    code: int | str = 500


@dataclass(frozen=True)
class Drip:
    """This stream has a rate of its own, in tokens per second."""

    rate: float


@dataclass(frozen=True)
class Drop:
    """The connection closes before a status line."""


@dataclass(frozen=True)
class WrongType:
    """A web page comes with status 200, as from a captive portal."""


@dataclass(frozen=True)
class NoUsage:
    """The server does not know ``stream_options`` and ignores it."""


@dataclass(frozen=True)
class Rejects:
    """Status 400 to a request that has one of these parameters; ``system`` is a message of that role."""

    params: tuple[str, ...]

    def fits(self, request: Request) -> bool:
        return any(name in request.asked_for for name in self.params)


@dataclass(frozen=True)
class Ends:
    """The answer ends with another reason, maybe after only some tokens."""

    reason: str
    after: int | None = None
    linger: bool = False
    """Neither a count nor an end follows, but heartbeats."""


@dataclass(frozen=True)
class Counts:
    """The server counts in its own way; ``reasoning`` tokens stand in the total alone."""

    prompt: float | None = None
    """None: as it is."""
    completion: float | None = None
    reasoning: int = 0
    every: bool = False
    """Also with every chunk."""


@dataclass(frozen=True)
class Deaf:
    """The server does not heed ``max_tokens``."""


@dataclass(frozen=True)
class Asks:
    """The answer asks for calls of tools after some tokens, where so many have been answered already."""

    calls: tuple[tuple[str, dict[str, Any] | str], ...]
    """Name and arguments of each; a text is sent as it is."""
    after: int = 0
    answered: int = 0
    reason: str = "tool_calls"

    def fits(self, request: Request) -> bool:
        told = sum(message.get("role") == "tool" for message in request.messages)
        return bool(request.body.get("tools")) and told == self.answered


@dataclass(frozen=True)
class Says:
    """The answer is this text."""

    text: str


Fault = (
    Refuse
    | Cut
    | Silence
    | Hold
    | Malformed
    | ErrorChunk
    | Drip
    | Drop
    | WrongType
    | NoUsage
    | Rejects
    | Ends
    | Counts
    | Deaf
    | Asks
    | Says
)


@dataclass
class _Rule:
    fault: Fault
    nth: int | None
    model: str | None
    contains: str | None
    probability: float
    times: int | None

    def applies(self, request: Request, dice: random.Random) -> bool:
        if self.times == 0 or (self.nth is not None and request.number != self.nth):
            return False
        if self.model is not None and request.model != self.model:
            return False
        if self.contains is not None and self.contains not in json.dumps(request.messages, ensure_ascii=False):
            return False
        if isinstance(self.fault, Asks | Rejects) and not self.fault.fits(request):
            return False
        if self.probability < 1.0 and dice.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Request:
    """What the server saw of one request; times are of ``time.monotonic``."""

    number: int
    body: dict[str, Any]
    headers: dict[str, str]
    """In lower case, without the key."""
    arrived: float
    status: int | None = None
    fault: Fault | None = None
    sent: int = 0
    """How many tokens left so far."""
    again: int = 0
    """How many of those only repeat what the assistant had said."""
    ended: float | None = None
    disconnected: bool = False
    """The client went away before the answer was complete."""

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self.body.get("messages", []))

    @property
    def prefilled(self) -> bool:
        """Whether the assistant has the last word already."""
        return bool(self.messages) and self.messages[-1].get("role") == "assistant"

    @property
    def asked_for(self) -> set[str]:
        """What may be refused: the parameters, and the roles of messages."""
        return {*self.body, *(str(message.get("role")) for message in self.messages)}

    @property
    def max_tokens(self) -> int | None:
        if isinstance(self.fault, Deaf):
            return None
        return self.body.get("max_completion_tokens") or self.body.get("max_tokens")


def words(messages: Sequence[Mapping[str, Any]], count: int, seed: int | None = None) -> list[str]:
    """Return the tokens of the whole answer to these messages."""
    text = json.dumps([list(messages), seed], sort_keys=True, default=str)
    dice = random.Random(hashlib.sha256(text.encode()).digest())
    return [dice.choice(WORDS) + " " for _ in range(count)]


def expected(
    messages: Sequence[Mapping[str, Any]], *, tokens: int = 40, max_tokens: int | None = None, seed: int | None = None
) -> str:
    """Return the text that a server with ``tokens`` answers to these messages."""
    return "".join(words(messages, min(tokens, max_tokens or tokens), seed))


def _next_number(text: str) -> list[str]:
    """Return what comes after a text that counts: like any model it can go on with that."""
    last = text.rpartition(" ")[2].rstrip(",")
    return [f" {_NUMBERS[_NUMBERS.index(last) + 1]}, "] if last in _NUMBERS[:-1] else []


@dataclass
class OpenAIServer:
    """The server, in a thread of its own; leaving the context closes every connection."""

    rate: float = 1000.0
    """Tokens per second and stream."""
    tokens: int = 40
    """How long an answer is, where ``max_tokens`` does not end it earlier."""
    delay: float = 0.0
    """Seconds before the first token's time begins."""
    prefill: Literal["continue", "repeat", "flagged", "ignore", "refuse"] = "ignore"
    """What becomes of a last message by the assistant: it is continued, with or without a repetition in front; only
    with vLLM's flag; it is history, and the answer starts anew; or it gets status 400."""
    reasoning: int = 0
    """How many chunks of ``reasoning_content`` go before the answer."""
    slots: int | None = None
    """How many requests it answers at once; the others wait."""
    stamp: bool = False
    """Tokens are the time they left, in nanoseconds since the epoch, instead of words."""
    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    requests: list[Request] = field(default_factory=list)
    open_streams: int = 0
    most_streams: int = 0
    """The largest number of streams that were open at once."""

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._rules: list[_Rule] = []
        self._dice = random.Random(self.seed)
        self._connections: set[_Connection] = set()
        self._queue: list[Callable[[], None]] = []
        self._busy: set[int] = set()
        self._server: asyncio.Server | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="openai-server", daemon=True)

    # -- life ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self.listen())
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._call(self.shut())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _call(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def listen(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await self.loop.create_server(lambda: _Connection(self), self.host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Accept no more and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
            for _ in range(5):  # what was accepted in this moment becomes a connection first
                await asyncio.sleep(0)
        while self._connections:  # each goes once its transport is closed
            for connection in list(self._connections):
                connection.transport.abort()
            await asyncio.sleep(0.001)

    def go_away(self) -> None:
        """Refuse connections from now on, as a server that was shut down does."""
        self._call(self.shut())

    def come_back(self) -> None:
        """Accept connections again."""
        self._call(self.listen())

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"http://{self.host}:{self.port}/v1"

    # -- scripting and looking ----------------------------------------------------------------------------------

    def fault(
        self,
        fault: Fault,
        *,
        nth: int | None = None,
        model: str | None = None,
        contains: str | None = None,
        probability: float = 1.0,
        times: int | None = None,
    ) -> None:
        """Answer with a fault where everything named holds; of several rules the first that applies is taken.

        ``nth`` is the request's number from 0, ``contains`` a piece of its messages (an agent's name, say),
        ``times`` how often at most.
        """
        self._rules.append(_Rule(fault, nth, model, contains, probability, times))

    def release(self, hold: Hold) -> None:
        """Let the answers go on that are held, or would be."""

        def resume() -> None:
            for connection in list(self._connections):
                if connection.request is not None and connection.request.fault is hold:
                    connection.resume()

        hold.released.set()
        self.loop.call_soon_threadsafe(resume)

    def until(self, condition: Callable[[OpenAIServer], bool], timeout: float = 20.0) -> bool:
        """Wait for something to be true of this server, and return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: condition(self), timeout)

    def changed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def take_slot(self, request: Request, work: Callable[[], None]) -> None:
        """Do the work of a request now, or once another has ended."""
        if self.slots is None or len(self._busy) < self.slots:
            self._busy.add(request.number)
            work()
        else:
            self._queue.append(lambda: self.take_slot(request, work))

    def leave_slot(self, request: Request) -> None:
        """Let the next request be answered."""
        if request.number in self._busy:
            self._busy.remove(request.number)
            if self._queue:
                self._queue.pop(0)()

    def find_fault(self, request: Request) -> Fault | None:
        return next((rule.fault for rule in self._rules if rule.applies(request, self._dice)), None)

    def answer(self, request: Request) -> tuple[list[str], str]:
        """Return the tokens of an answer and its finish reason."""
        messages, prefix = request.messages, ""
        goes_on = self.prefill in ("continue", "repeat") or (
            self.prefill == "flagged" and request.body.get("continue_final_message")
        )
        if goes_on and request.prefilled:
            prefix = str(messages.pop()["content"])
        seed = request.body.get("seed")
        whole = words(messages, self.tokens, seed)[len(re.findall(r"\S+", prefix)) :]
        whole = _next_number(prefix) + whole
        limit = request.max_tokens
        tokens = whole if limit is None else whole[:limit]
        if prefix and self.prefill == "repeat":
            again = re.findall(r".{1,7}", prefix, re.DOTALL)
            tokens = [*again, *tokens]
            request.again = len(again)
        if isinstance(request.fault, Says | Hold) and request.fault.text is not None:
            return re.findall(r".{1,4}", request.fault.text, re.DOTALL), "stop"
        if isinstance(request.fault, Asks):
            return tokens[: request.fault.after], request.fault.reason
        if isinstance(request.fault, Ends):
            return tokens[: request.fault.after], request.fault.reason
        return tokens, "length" if limit is not None and limit < len(whole) else "stop"


class _Connection(asyncio.Protocol):
    """One connection: HTTP/1.1 requests one after the other, each answered by timers at absolute times."""

    transport: asyncio.Transport

    def __init__(self, server: OpenAIServer) -> None:
        self.server = server
        self.buffer = b""
        self.request: Request | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.held: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server._connections.add(self)
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server._connections.discard(self)
        if self.request is not None:
            self.request.disconnected = True
            self._end()

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"\x16\x03"):  # TLS, which it does not speak
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            self.transport.close()
            return
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        self._take(start, headers, rest[:length])

    def _take(self, start: str, headers: dict[str, str], body: bytes) -> None:
        method, path, _ = start.split(" ", 2)
        if method == "GET" and path.endswith("/models"):
            self._whole(200, {"object": "list", "data": [{"id": "test", "object": "model"}]})
            return
        if method != "POST" or not path.endswith("/chat/completions"):
            self._whole(404, {"error": {"message": f"no such path {path}"}})
            return
        key = headers.pop("authorization", "").removeprefix("Bearer ")
        request = Request(len(self.server.requests), json.loads(body), headers, time.monotonic())
        self.request = request
        self.server.requests.append(request)
        self.server.open_streams += 1
        self.server.most_streams = max(self.server.most_streams, self.server.open_streams)
        request.fault = self.server.find_fault(request)
        self.server.changed()
        self.server.take_slot(request, lambda: self._answer(request, key))

    def _answer(self, request: Request, key: str) -> None:
        match request.fault:
            case Refuse() as fault:
                extra = {"retry-after": fault.retry_after, "retry-after-ms": fault.retry_after_ms}
                extra |= {"location": fault.location}
                error = {"message": fault.message.replace("{key}", key), "code": fault.code, "param": fault.param}
                self._whole(fault.status, {"error": error}, extra)
            case Rejects(params):
                name = next(name for name in params if name in request.asked_for)
                error = {"message": f"Unsupported parameter: '{name}' is not supported.", "param": name}
                if name not in request.body:
                    error = {"message": f"{name.capitalize()} role not supported"}
                self._whole(400, {"error": error})
            case Drop():
                self.transport.abort()
            case Silence(after=0):
                pass
            case WrongType():
                page = b"<html><body>Please log in</body></html>"
                head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(page)}\r\n\r\n"
                request.status = 200
                self.transport.write(head.encode() + page)
                self._end()
            case _ if request.prefilled and self.server.prefill == "refuse":
                self._whole(400, {"error": {"message": "Assistant response prefill is incompatible with thinking."}})
            case _:
                self._stream(request)

    def _whole(self, status: int, body: dict[str, Any], extra: Mapping[str, str | None] | None = None) -> None:
        data = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in (extra or {}).items() if value is not None]
        lines += [f"content-length: {len(data)}", "", ""]
        if self.request is not None:
            self.request.status = status
        self.transport.write("\r\n".join(lines).encode() + data)
        self._end()

    def _stream(self, request: Request) -> None:
        request.status = 200
        server = self.server
        tokens, reason = server.answer(request)
        rate = request.fault.rate if isinstance(request.fault, Drip) else server.rate
        begin = server.loop.time() + server.delay
        head = json.dumps({"id": f"c{request.number}", "object": "chat.completion.chunk", "model": request.model})[:-1]
        opening = (head + ', "choices": [{"index": 0, "finish_reason": null, "delta": {"content": ').encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self._event(head + ', "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}')
        for _ in range(server.reasoning):
            self._event(head + ', "choices": [{"index": 0, "delta": {"reasoning_content": "hm "}}]}')

        def step() -> None:
            if self.request is not request or (request.fault is not None and self._break(request)):
                return
            if isinstance(request.fault, Hold) and request.fault.holds(request.sent):
                self.held = step
                return
            due = min(len(tokens), int((server.loop.time() - begin) * rate + 1e-6))
            data = b""
            while request.sent < due:
                if isinstance(request.fault, Counts) and request.fault.every:
                    self._count(request, head, request.sent)
                token = f"{time.time_ns()} " if server.stamp else tokens[request.sent]
                event = b"data: " + opening + json.dumps(token).encode() + b"}}]}\n\n"
                data += b"%x\r\n%b\r\n" % (len(event), event)
                request.sent += 1
                if request.fault is not None:
                    break
            if data:
                self.transport.write(data)
            broken = isinstance(request.fault, Cut | Silence | Malformed | ErrorChunk)
            if request.sent == len(tokens) and not (broken and request.fault.after <= len(tokens)):
                self._finish(request, head, reason, len(tokens) - request.again)
            else:
                self.timer = server.loop.call_at(begin + (request.sent + 1) / rate, step)

        step()

    def resume(self) -> None:
        """Go on with an answer that was held."""
        step, self.held = self.held, None
        if step is not None:
            step()

    def _break(self, request: Request) -> bool:
        """Do what the fault says if it is time for it, and return whether the stream is over."""
        match request.fault:
            case Cut(after, clean) if request.sent >= after:
                if clean:
                    self.transport.write(b"0\r\n\r\n")
                    self._end()
                else:
                    self.transport.close()
                    self.request = None
                    self._end(request)
            case Silence(after) if request.sent >= after:
                pass
            case Malformed(after, line) if request.sent >= after:
                self._event(line)
                self.transport.write(b"0\r\n\r\n")
                self._end()
            case ErrorChunk(after, message, code) if request.sent >= after:
                self._event(json.dumps({"error": {"message": message, "code": code}}))
                self.transport.write(b"0\r\n\r\n")
                self._end()
            case _:
                return False
        return True

    def _finish(self, request: Request, head: str, reason: str, count: int) -> None:
        fault = request.fault
        if isinstance(fault, Asks):
            for place, (name, arguments) in enumerate(fault.calls):
                self._ask(head, place, name, arguments if isinstance(arguments, str) else json.dumps(arguments))
        self._event(head + f', "choices": [{{"index": 0, "finish_reason": "{reason}", "delta": {{}}}}]}}')
        if isinstance(fault, Ends) and fault.linger:
            self._linger(request)
            return
        if request.body.get("stream_options", {}).get("include_usage") and not isinstance(fault, NoUsage):
            self._count(request, head, count)
        self._event("[DONE]")
        self.transport.write(b"0\r\n\r\n")
        self._end()

    def _ask(self, head: str, place: int, name: str, arguments: str) -> None:
        """Ask for a call: its name first, then its arguments in pieces."""
        pieces: list[dict[str, Any]] = [
            {"index": place, "id": f"call{place}", "function": {"name": name, "arguments": ""}}
        ]
        pieces += [
            {"index": place, "function": {"arguments": arguments[i : i + 5]}} for i in range(0, len(arguments), 5)
        ]
        for piece in pieces:
            self._event(head + f', "choices": [{{"index": 0, "delta": {{"tool_calls": [{json.dumps(piece)}]}}}}]}}')

    def _linger(self, request: Request) -> None:
        if self.request is request:
            self.transport.write(b"5\r\n: x\n\n\r\n")
            self.timer = self.server.loop.call_later(0.05, self._linger, request)

    def _count(self, request: Request, head: str, count: int) -> None:
        prompt = sum(len(str(message.get("content", "")).split()) for message in request.messages)
        told, reasoning = (prompt, count), 0
        if isinstance(request.fault, Counts):
            fault, reasoning = request.fault, request.fault.reasoning
            told = (
                prompt if fault.prompt is None else fault.prompt,
                count if fault.completion is None else fault.completion,
            )
        usage = {"prompt_tokens": told[0], "completion_tokens": told[1], "total_tokens": sum(told) + reasoning}
        self._event(head + f', "choices": [], "usage": {json.dumps(usage)}}}')

    def _event(self, text: str) -> None:
        event = f"data: {text}\n\n".encode()
        self.transport.write(b"%x\r\n%b\r\n" % (len(event), event))

    def _end(self, request: Request | None = None) -> None:
        request = request or self.request
        self.request = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if request is not None:
            request.ended = time.monotonic()
            self.server.open_streams -= 1
            self.server.leave_slot(request)
            self.server.changed()


def main() -> None:
    """Serve until the standard input or the process ends."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=50.0, help="tokens per second and stream")
    parser.add_argument("--tokens", type=int, default=200, help="length of an answer")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the first token's time")
    parser.add_argument("--stamp", action="store_true", help="tokens are the nanosecond they left")
    options = parser.parse_args()
    with OpenAIServer(**vars(options)) as server:
        print(server.base_url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
