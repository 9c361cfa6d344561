"""Bytes to a server and back, with what goes wrong on the way in words; the only module that imports ``openai``.

The client of ``openai`` sends the request. What it would add from the environment (an organisation, a project, custom
headers) or of its own accord is taken out at the door: nothing leaves but what somebody meant for that server.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ipaddress
import json
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from .refusals import failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from agentpool_jupyter.errors import ModelError

    from .endpoint import Endpoint

CONNECT_SECONDS = 10.0
_CONNECTIONS, _KEPT = 1000, 100
_MOST_REFUSAL = 1 << 16  # bytes of a refusal that are read
_DRAIN = 0.1
"""Seconds that a server has to end the body after its last event, so that the connection can be used again."""
_STREAMED = {"X-Stainless-Raw-Response": "stream"}
"""Makes the client of ``openai`` leave an answer's body unread; it is not sent."""
_HTTP = {"host", "accept", "accept-encoding", "connection", "content-length", "transfer-encoding"}
"""Headers of the protocol itself."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF")


def preload() -> None:
    """Begin to import what takes long, half a second, before it is needed; returns at once."""
    if "openai" not in sys.modules:
        threading.Thread(target=_load, name="agentpool-preload", daemon=True).start()


def _load() -> None:
    importlib.import_module("openai")
    with contextlib.suppress(ImportError):
        importlib.import_module("genai_prices")  # an optional extra; the end of the first turn asks it


class Reply:
    """A server's answer: its status, and a body that is still coming."""

    def __init__(self, endpoint: Endpoint, response: httpx2.Response) -> None:
        self._endpoint = endpoint
        self._response = response
        self._pieces = aiter(response.aiter_bytes())

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers; names in any case."""
        return self._response.headers

    async def next(self) -> bytes:
        """Return more of the body, empty at its end; raises ModelError of kind ``cut``."""
        import httpx2  # noqa: PLC0415

        try:
            return await anext(self._pieces, b"")
        except httpx2.HTTPError as error:
            what = f"the stream broke off before the answer was complete ({error or type(error).__name__})"
            raise failure(self._endpoint, what, kind="cut") from None

    async def rest(self) -> bytes:
        """Return the body of a refusal, as much of it as comes soon."""
        body = b""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CONNECT_SECONDS):
                while len(body) < _MOST_REFUSAL and (piece := await self.next()):
                    body += piece
        return body

    async def drain(self) -> None:
        """Read to the body's end, so that the connection can serve the next request."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_DRAIN):
                while await self.next():
                    pass

    async def close(self) -> None:
        """Close the stream; the server notices where it was not at its end."""
        await self._response.aclose()


class Connection:
    """An endpoint's HTTP connections; belongs to one event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Raises ModelError where the machine's settings (proxy, certificates) cannot be used."""
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        self._endpoint = endpoint
        outside = not is_near(urlsplit(endpoint.base_url).hostname or "")
        # The bundled model's server closes a connection now and then just when the next request goes out (one of
        # twenty, tried); a new one each time costs less than a millisecond there.
        kept = 0 if endpoint.local else _KEPT
        headers = {"Content-Type": "application/json", "User-Agent": "agentpool-jupyter"}
        if endpoint.key:
            headers["Authorization"] = f"Bearer {endpoint.key}"
        headers |= dict(endpoint.headers)
        meant = {name.lower() for name in headers} | _HTTP

        async def only_what_is_meant(request: httpx2.Request) -> None:
            for name in set(request.headers) - meant:
                del request.headers[name]
            request.headers.update(headers)

        try:
            transport = httpx2.AsyncClient(
                event_hooks={"request": [only_what_is_meant]},
                # A wait for one of the pool's connections is no fault of the server's; how long a server may be
                # silent is for the client to say, who knows what else it is doing.
                timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
                # A proxy set for the outside world cannot reach servers on this machine or in its network.
                trust_env=outside,
                verify=self._trust(outside=outside),
                limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=kept),
            )
        except (ImportError, OSError, ValueError) as error:  # an SSLError is an OSError
            what = (
                f"a setting of this machine cannot be used ({type(error).__name__}: {error}): look at the environment "
                "variables ALL_PROXY, HTTPS_PROXY, SSL_CERT_FILE and SSL_CERT_DIR, and at `ca_file`"
            )
            raise failure(endpoint, what, kind="connection", retriable=False) from None
        # Whether and when to try again is the turn's decision. A server that asks for no key gets none: see the hook.
        self._client = openai.AsyncOpenAI(
            api_key=endpoint.key or "none", base_url=endpoint.base_url, max_retries=0, http_client=transport
        )

    def _trust(self, *, outside: bool) -> ssl.SSLContext | bool:
        if self._endpoint.ca_file:
            return ssl.create_default_context(cafile=self._endpoint.ca_file)
        if not outside and self._endpoint.base_url.startswith("http:"):
            return False  # there is no TLS; reading all certificates takes a while
        import httpx2  # noqa: PLC0415

        return httpx2.create_ssl_context(trust_env=True)

    async def post(self, body: Mapping[str, Any]) -> Reply:
        """Send a request and return the answer once its head is here; raises ModelError of kind ``connection``."""
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        try:
            data = json.dumps(body, ensure_ascii=False).encode(errors="replace")
            options: Any = {"headers": _STREAMED}
            response = await self._client.post(
                self._endpoint.url, cast_to=httpx2.Response, content=data, options=options
            )
            return Reply(self._endpoint, response)
        except openai.APIStatusError as error:
            return Reply(self._endpoint, error.response)
        except openai.APIConnectionError as error:
            raise self._told(error.__cause__ or error) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise self._told(error) from None

    async def models(self) -> list[str]:
        """Return the models that the server says it has; none where it does not say."""
        import httpx2  # noqa: PLC0415

        parts = urlsplit(self._endpoint.base_url)
        url = urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/models"))
        with contextlib.suppress(Exception):  # this only helps to tell of what went wrong before
            async with asyncio.timeout(CONNECT_SECONDS):
                reply = await self._client.get(url, cast_to=httpx2.Response)
            return [str(one["id"]) for one in json.loads(reply.content)["data"]]
        return []

    def _told(self, error: BaseException) -> ModelError:
        import httpx2  # noqa: PLC0415

        text = _innermost(error)
        if isinstance(error, httpx2.ConnectTimeout):
            what = f"the host did not answer within {CONNECT_SECONDS:g} s: is the address right, and is it up?"
            return failure(self._endpoint, what, kind="connection")
        if isinstance(error, httpx2.ProxyError):
            what = f"the proxy that the environment names did not let it through ({text})"
            return failure(self._endpoint, what, kind="connection")
        if any(sign in text for sign in _NO_TLS):
            what = f"the server does not speak TLS ({text}): write http:// in place of https://"
            return failure(self._endpoint, what, kind="connection", retriable=False)
        if "CERTIFICATE" in text.upper() or "SSL" in text:
            what = f"its certificate is not trusted ({text}): name a file that vouches for it in `ca_file`"
            return failure(self._endpoint, what, kind="connection", retriable=False)
        return failure(self._endpoint, f"no connection ({text}): is the server running?", kind="connection")

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()


def _innermost(error: BaseException) -> str:
    """Return what an error says at its cause, where the operating system or OpenSSL spoke."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    told = next((one for one in reversed(causes) if isinstance(one, OSError) and str(one)), error)
    return str(told) or type(error).__name__


def is_near(host: str) -> bool:
    """Return whether a host is this machine or in its own network, where no proxy is needed.

    >>> [host for host in ("localhost", "gpu7", "10.0.0.3", "nas.local", "api.openai.com") if is_near(host)]
    ['localhost', 'gpu7', '10.0.0.3', 'nas.local']
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".lan", ".internal", ".home.arpa"))
    return address.is_private or address.is_loopback or address.is_link_local
