"""Tools of other programs, by the Model Context Protocol: a server is started once for a run, and gone at its end."""

from __future__ import annotations

import asyncio
import importlib.util
import shlex
import tempfile
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import EffectError, ExtraMissingError, ServiceError, UserError

from .tool import Tool

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult

MARK = "mcp:"
"""How an entry of ``tools`` begins that names a server: its command, or its address."""
_START_SECONDS = 30.0
_MOST_TOLD = 400  # characters of what a server said that did not start


def check_installed() -> None:
    """Raise ExtraMissingError where the protocol's library is not installed."""
    if importlib.util.find_spec("mcp") is None:
        message = "tools by MCP need an optional part: pip install 'agentpool-jupyter[mcp]'"
        raise ExtraMissingError(message)


class McpServer:
    """One server and its session; belongs to one event loop.

    A program gets a small environment without keys (the library's own choice of variables), and what it prints beside
    the protocol is shown where it does not start.
    """

    def __init__(self, address: str) -> None:
        """``address`` is a command with its arguments, or an http(s) URL."""
        self.address = address
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with it
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[tuple[ClientSession, list[Any]]] = self._loop.create_future()
        self._task = asyncio.create_task(self._serve())

    async def tools(self) -> list[Tool]:
        """Return what it offers, once it has started; raises ServiceError where it does not."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                session, found = await asyncio.shield(self._ready)
        except TimeoutError:
            message = f"the MCP server `{self.address}` did not answer within {_START_SECONDS:g} s{self._told()}"
            raise ServiceError(message) from None
        return [self._tool(session, one) for one in found]

    async def aclose(self) -> None:
        """End the session and the program; twice is fine."""
        self._closing.set()
        await asyncio.gather(self._task, return_exceptions=True)
        self._said.close()

    async def _serve(self) -> None:
        # All contexts are entered and left in one task, which the protocol's library asks for.
        try:
            async with AsyncExitStack() as stack:
                session = await self._connect(stack)
                await session.initialize()
                found = (await session.list_tools()).tools
                self._ready.set_result((session, found))
                await self._closing.wait()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, who waits is told
            if not self._ready.done():
                message = f"the MCP server `{self.address}` did not start: {_innermost(error)}{self._told()}"
                self._ready.set_exception(ServiceError(message))

    async def _connect(self, stack: AsyncExitStack) -> ClientSession:
        from mcp import ClientSession, StdioServerParameters  # noqa: PLC0415 - an optional extra, and slow to load
        from mcp.client.stdio import stdio_client  # noqa: PLC0415
        from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

        if self.address.startswith(("http://", "https://")):
            read, write, *_ = await stack.enter_async_context(streamable_http_client(self.address))
        else:
            command, *arguments = shlex.split(self.address)
            program = StdioServerParameters(command=command, args=arguments)
            read, write = await stack.enter_async_context(stdio_client(program, errlog=self._said))
        return await stack.enter_async_context(ClientSession(read, write))

    def _tool(self, session: ClientSession, found: Any) -> Tool:
        def call(**arguments: Any) -> Any:
            going = asyncio.run_coroutine_threadsafe(session.call_tool(found.name, arguments), self._loop)
            return _result(going.result())

        return Tool(name=found.name, function=call, description=found.description or "", schema=found.input_schema)

    def _told(self) -> str:
        """Return the end of what it printed, behind a colon."""
        self._said.seek(0)
        said = " ".join(self._said.read().split())[-_MOST_TOLD:]
        return f": {said}" if said else ""


def address_of(entry: str) -> str:
    """Return the server that an entry of ``tools`` names; raises UserError for none that can be one."""
    address = entry.removeprefix(MARK).strip()
    try:
        empty = not shlex.split(address)
    except ValueError:
        empty = True
    if empty:
        message = f"{address!r} is no MCP server: give its command, like `npx some-server`, or its address"
        raise UserError(message)
    return address


def _result(answer: CallToolResult | Any) -> Any:
    texts = [getattr(part, "text", f"({part.type})") for part in answer.content]
    if answer.is_error:
        raise EffectError("\n".join(texts) or "the server said that it failed")
    content = answer.structured_content
    if content is None:
        return "\n".join(texts)
    return content["result"] if set(content) == {"result"} else content


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
