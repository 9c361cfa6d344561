"""kafka-python's network layer, with seven faults of its version 3.0 mended at the places it offers for that."""

from __future__ import annotations

import logging
import weakref
from functools import partial
from typing import Any

from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from .failures import LOGIN

_SETUP_MS = 8_000
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


class _Socket(KafkaNetSocket):  # type: ignore[misc]
    """Connects directly, and closes what did not connect instead of leaving it to the garbage collector."""

    SCHEMES = ("agentpool-direct",)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


class _Manager(KafkaConnectionManager):  # type: ignore[misc]
    """Fails at once when the login is refused, and never makes a broker create a topic."""

    def __init__(self, net: Any, topic: str | None, **configs: Any) -> None:
        super().__init__(net, **configs)
        if topic is not None:
            # Asked for with the first question to the cluster: the client puts off the next one for 100 ms.
            self.cluster._topics.add(topic)  # noqa: SLF001 - its own way begins to connect, without an end to it
        self.config["proxy_url"] = self.config["proxy_url"] or f"{_Socket.SCHEMES[0]}://"
        # The option of that name stops at the manager, so that asking about a deleted pool would create it anew,
        # with the cluster's default retention.
        self.cluster.config["allow_auto_create_topics"] = False

        # The manager itself takes a refusal for a passing trouble, because only the connection's future learns of it.
        self._refusal: BaseException | None = None
        self.trouble: list[str] = []
        """Which servers could not be reached, and why."""
        self.transports: weakref.WeakSet[Any] = weakref.WeakSet()

    def get_connection(self, node_id: Any, timeout_ms: float | None = None, *args: Any, **options: Any) -> Any:
        if self._refusal is not None:
            raise self._refusal
        if timeout_ms is not None:  # else one connection that hangs would use up all the time there is
            timeout_ms = min(timeout_ms, _SETUP_MS)
        new = node_id not in self._conns
        connection = super().get_connection(node_id, timeout_ms, *args, **options)
        if new:
            connection.init_future.add_errback(self._note_refusal)
            connection.init_future.add_errback(partial(self._note_trouble, self.cluster.broker_metadata(node_id)))
        return connection

    async def _build_transport(self, *args: Any, **options: Any) -> Any:
        """Connect, so that what a server says before it hangs up is heard.

        A broker that refuses a login says so and hangs up. Where both are read at once, the transport drops what came:
        now it tells of the end when it reads the next time.
        """
        transport = await super()._build_transport(*args, **options)
        self.transports.add(transport)
        receive = transport._sock_recv  # noqa: SLF001 - there is no other place

        def heard() -> tuple[bytes, BaseException | None]:
            data, error = receive()
            return data, None if data else error

        transport._sock_recv = heard  # noqa: SLF001 - as above
        return transport

    def _note_trouble(self, node: Any, error: BaseException) -> None:
        where = f"{node.host}:{node.port}"
        if str(node.node_id).startswith("bootstrap"):
            self.trouble.append(f"{where}: {error}")
        else:
            self.trouble.append(
                f"it sends its clients on to {where}, which cannot be reached ({error}): see its advertised.listeners"
            )

    def _note_refusal(self, error: BaseException) -> None:
        if isinstance(error, (errors.AuthorizationError, *LOGIN)):
            self._refusal = error
        elif _UNTRUSTED in str(error):
            self._refusal = errors.KafkaConfigurationError(
                "the broker's TLS certificate is not trusted: name its authority with ssl_cafile"
            )


class _Client(KafkaNetClient):  # type: ignore[misc]
    """Leaves no connection behind when it is closed.

    A transport that still has something to send closes when that is sent, and the loop that would send it has ended.
    """

    def close(self, node_id: Any = None) -> None:
        super().close(node_id)
        if node_id is None:
            for transport in tuple(self._manager.transports):
                if transport._sock is not None:  # noqa: SLF001 - its own way asks the loop
                    transport._sock.close()  # noqa: SLF001 - as above


def _hide_login(record: logging.LogRecord) -> bool:
    """Take the login out of what the client logs at DEBUG: requests, and the raw bytes of all that is sent."""
    if isinstance(record.args, tuple):
        record.args = tuple(_without_login(argument) for argument in record.args)
    return True


def _without_login(argument: object) -> object:
    if isinstance(argument, bytes | bytearray | memoryview):
        return f"<{len(argument)} bytes>"
    kind = type(argument).__name__
    return f"<{kind}>" if kind.startswith("Sasl") else argument


def hide_logins() -> None:
    """Keep logins out of the client's log, whoever turns it on; doing it twice changes nothing."""
    for name in ("kafka.net.connection", "kafka.protocol.parser"):
        logging.getLogger(name).addFilter(_hide_login)


def network(topic: str | None, **configs: Any) -> Any:
    """Return the network layer of a client (its option ``kafka_client``); ``topic`` is what the client is for."""
    net = NetworkSelector(**configs)
    return _Client(net=net, manager=_Manager(net, topic, **configs), **configs)
