"""Well-known servers by a short name: ``ollama/llama3.2`` is a model and where it is.

A short name is a server's default address on this machine, or a service's address and the environment variable that
its users keep their key in. ``vllm@gpu7:8000/Qwen/Qwen3-8B`` is the same server on another machine.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agentpool_jupyter.errors import SpecError


class Provider(NamedTuple):
    """A well-known server."""

    base_url: str
    api_key_env: str | None = None
    """None for servers of one's own, which may stand on any machine."""


PROVIDERS = {
    "llamacpp": Provider("http://127.0.0.1:8080/v1"),
    "lmstudio": Provider("http://127.0.0.1:1234/v1"),
    "ollama": Provider("http://127.0.0.1:11434/v1"),
    "sglang": Provider("http://127.0.0.1:30000/v1"),
    "vllm": Provider("http://127.0.0.1:8000/v1"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
}
_SHORT = re.compile(r"(?P<name>[a-z]+)(?:@(?P<host>[^/]+))?/(?P<model>.+)")


def expand(name: str) -> tuple[str, Provider] | None:
    """Return the model and the server that a short name means; None for a model's plain name.

    Raises SpecError where the name puts a hosted service on some machine.

    >>> expand("vllm@gpu7:8000/Qwen/Qwen3-8B")
    ('Qwen/Qwen3-8B', Provider(base_url='http://gpu7:8000/v1', api_key_env=None))
    >>> expand("meta-llama/Llama-3.1-8B")
    """
    found = _SHORT.fullmatch(name)
    provider = PROVIDERS.get(found["name"]) if found else None
    if found is None or provider is None:
        return None
    if found["host"] is None:
        return found["model"], provider
    if provider.api_key_env is not None:
        message = f"{found['name']!r} is a service with an address of its own: write {found['name']}/{found['model']}"
        raise SpecError(message)
    port = provider.base_url.rpartition(":")[2].removesuffix("/v1")
    host = found["host"] if re.search(r":\d+$", found["host"]) else f"{found['host']}:{port}"
    return found["model"], Provider(f"http://{host}/v1")
