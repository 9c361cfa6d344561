"""Where a Kafka cluster is and how to talk to it: the address of a Kafka store.

``kafka://[user:password@]host:port[,host:port…][/prefix][?option=value&…]``. Every option may also stand in the
environment as ``AGENTPOOL_KAFKA_<OPTION>``; the address wins. User and password are percent-decoded, and without
another ``security_protocol`` they are only ever sent over TLS.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from agentpool_jupyter.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ENVIRONMENT = "AGENTPOOL_KAFKA_"
_SHAPE = re.compile(r"kafka://(?:(?P<login>[^@/?]*)@)?(?P<hosts>[^@/?]*)(?:/(?P<prefix>[^?]*))?(?:\?(?P<query>.*))?")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_GENERATION = re.compile(r"-g[0-9]+$")
_PORT = 9092
_LAST_PORT = 65535


class Secret(str):
    """A text that the client may use and nobody may see: its repr is ``'***'``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _flag(text: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.strip().lower()]


def _file(text: str) -> str:
    path = Path(text).expanduser()
    if not path.is_file():
        raise FileNotFoundError(text)
    return str(path)


def _compression(text: str) -> str | None:
    return {"none": None, "gzip": "gzip", "snappy": "snappy", "lz4": "lz4", "zstd": "zstd"}[text.strip().lower()]


def _choice(*words: str) -> Callable[[str], str]:
    return lambda text: {word: word for word in words}[text.strip().upper()]


_OURS: dict[str, Callable[[str], Any]] = dict.fromkeys(
    ("timeout_ms", "delivery_timeout_ms", "patience_ms", "replication_factor"), _count
)
_CLIENTS: dict[str, Callable[[str], Any]] = {
    "client_dns_lookup": str,
    "client_id": str,
    "connections_max_idle_ms": _count,
    "metadata_max_age_ms": _count,
    "proxy_url": Secret,  # may hold a password
    "reconnect_backoff_max_ms": _count,
    "reconnect_backoff_ms": _count,
    "request_timeout_ms": _count,
    "retry_backoff_ms": _count,
    "sasl_kerberos_domain_name": str,
    "sasl_kerberos_service_name": str,
    "sasl_mechanism": _choice("PLAIN", "GSSAPI", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    "sasl_plain_password": Secret,
    "sasl_plain_username": str,
    "security_protocol": _choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "ssl_cafile": _file,
    "ssl_certfile": _file,
    "ssl_check_hostname": _flag,
    "ssl_ciphers": str,
    "ssl_crlfile": _file,
    "ssl_keyfile": _file,
    "ssl_password": Secret,
}
_PRODUCER: dict[str, Callable[[str], Any]] = {
    "batch_size": _count,
    "compression_type": _compression,
    "linger_ms": _count,
}
_ALL = _OURS | _CLIENTS | _PRODUCER


@dataclass(frozen=True, kw_only=True)
class KafkaAddress:
    """A Kafka cluster and how to talk to it; its repr holds no secret."""

    hosts: tuple[str, ...]
    """``host:port`` of the brokers to ask first."""
    prefix: str = "agentpool"
    """Topics are named ``<prefix>.<pool>``, and ``<prefix>-g2.<pool>`` and so on once a pool was compacted."""
    timeout_ms: int = 30_000
    """How long opening and reading wait for the cluster."""
    delivery_timeout_ms: int = 120_000
    """How long an append waits to be acknowledged."""
    patience_ms: int = 120_000
    """How long a follower waits out an absence of the cluster."""
    replication_factor: int | None = None
    """Copies of a new topic; None means three, or as many as there are brokers."""
    client: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options of every client (kafka-python's names)."""
    producer: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options of the producer only."""

    @property
    def url(self) -> str:
        """The address without login and options."""
        return f"kafka://{','.join(self.hosts)}" + (f"/{self.prefix}" if self.prefix != "agentpool" else "")

    def topic(self, pool: str, generation: int = 1) -> str:
        """Return the topic of a pool; see :mod:`.topics` for generations."""
        return f"{self.prefix}.{pool}" if generation == 1 else f"{self.prefix}-g{generation}.{pool}"

    def generation(self, topic: str) -> tuple[str, int] | None:
        """Return which pool a topic belongs to and which generation it is; None for a topic of something else."""
        found = re.fullmatch(rf"{re.escape(self.prefix)}(?:-g([1-9][0-9]*))?\.(.*)", topic)
        return (found[2], int(found[1] or 1)) if found else None

    @classmethod
    def parse(cls, text: str) -> KafkaAddress:
        """Read an address, which wins over the environment's options; raises StoreError, which tells no secret."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            message = (
                "not a Kafka address: use kafka://[user:password@]host:port[,host:port][/prefix][?option=value], "
                "with special characters of user and password percent-encoded"
            )
            raise StoreError(message)
        hosts = tuple(_host(part.strip(), shown="@" not in text) for part in match["hosts"].split(","))
        options = _from_environment() | _login(match["login"])
        for name, value in parse_qsl(match["query"] or "", keep_blank_values=True):
            options[name] = _value(name, value, where="the address")
        _complete(options)
        prefix = match["prefix"] or "agentpool"
        if not _PREFIX.fullmatch(prefix):
            message = "the prefix in a Kafka address is made of letters, digits, '.', '_' and '-'"
            raise StoreError(message)
        if _GENERATION.search(prefix):
            message = f"the prefix in a Kafka address must not end like {prefix!r}: so do topics of compacted pools"
            raise StoreError(message)
        return cls(
            hosts=hosts,
            prefix=prefix,
            client={name: value for name, value in options.items() if name in _CLIENTS},
            producer={name: value for name, value in options.items() if name in _PRODUCER},
            **{name: value for name, value in options.items() if name in _OURS},
        )


def _host(text: str, *, shown: bool) -> str:
    match = _HOST.fullmatch(text)
    port = int(match["port"] or _PORT) if match else 0
    if match is None or not 0 < port <= _LAST_PORT:
        # A password with a bare '/' ends up here: its text is only shown where there can be no login.
        what = f"{text!r} is" if shown else "the part after '@', or a password that needs percent-encoding, is"
        message = f"{what} not a broker's host:port: use kafka://host:port, such as kafka://127.0.0.1:9092"
        raise StoreError(message)
    return f"{match['host']}:{port}"


def _login(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    user, _, password = text.partition(":")
    found: dict[str, Any] = {"sasl_plain_username": unquote(user)}
    if password:
        found["sasl_plain_password"] = Secret(unquote(password))
    return found


def _from_environment() -> dict[str, Any]:
    return {
        name.removeprefix(_ENVIRONMENT).lower(): _value(name.removeprefix(_ENVIRONMENT).lower(), value, where=name)
        for name, value in os.environ.items()
        if name.startswith(_ENVIRONMENT)
    }


def _value(name: str, text: str, *, where: str) -> Any:
    read = _ALL.get(name)
    if read is None:
        near = difflib.get_close_matches(name, _ALL, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(_ALL))}"
        message = f"unknown Kafka option {name!r} in {where}: {hint}"
        raise StoreError(message)
    try:
        return read(text)
    except FileNotFoundError:
        message = f"Kafka option {name!r} in {where} names a file that is not there: {text}"
        raise StoreError(message) from None
    except (KeyError, ValueError):
        message = f"Kafka option {name!r} in {where} has a value that does not fit: see kafka-python's documentation"
        raise StoreError(message) from None


def _complete(options: dict[str, Any]) -> None:
    """Fill in what a user name implies, and refuse what would send it nowhere."""
    if "sasl_plain_username" not in options:
        return
    if "sasl_plain_password" not in options:
        message = f"a Kafka user without a password: set {_ENVIRONMENT}SASL_PLAIN_PASSWORD, or use user:password@host"
        raise StoreError(message)
    options.setdefault("sasl_mechanism", "PLAIN")
    protocol = options.setdefault("security_protocol", "SASL_SSL")
    if not protocol.startswith("SASL_"):
        message = f"a Kafka user needs security_protocol SASL_SSL or SASL_PLAINTEXT, not {protocol}"
        raise StoreError(message)
