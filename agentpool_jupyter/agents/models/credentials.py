"""Keys and headers out of environment variables: which goes to whom.

What a user keeps there for OpenAI goes to OpenAI, and to ``$OPENAI_BASE_URL``. Another server gets what a team names
for it, and nothing else.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from agentpool_jupyter.errors import UserError

OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
_OWN_HEADERS = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}
_CUSTOM_HEADERS = "OPENAI_CUSTOM_HEADERS"


def own_headers() -> dict[str, str]:
    """Return what OpenAI's own library would send beside the key, as the environment says."""
    headers = {header: os.environ[variable] for variable, header in _OWN_HEADERS.items() if os.environ.get(variable)}
    for line in os.environ.get(_CUSTOM_HEADERS, "").splitlines():
        header, colon, value = line.partition(":")
        if colon:
            headers[header.strip()] = value.strip()
    for header, value in headers.items():
        _check_characters(f"{header}{value}", _CUSTOM_HEADERS)
    return headers


def find_key(url: str, variable: str | None, *, trusted: bool, other: bool) -> tuple[str, str]:
    """Return the key for a server and the variable that held it; empty where none is to be sent."""
    if other or (variable is None and not trusted):
        return "", ""
    variable = variable or KEY_VARIABLE
    if variable == KEY_VARIABLE and url != OPENAI_URL and not os.environ.get(variable, "").strip():
        return "", ""
    return secret(variable, urlsplit(url).hostname), variable


def secret(variable: str, host: str | None = None) -> str:
    """Return what an environment variable holds, fit for a header."""
    value = os.environ.get(variable, "").strip()
    if not value and host:
        message = f"no key for {host}: set the environment variable {variable}, or use model 'local', which needs none"
        raise UserError(message)
    if not value:
        message = f"`headers_env` names the environment variable {variable}, which is not set"
        raise UserError(message)
    _check_characters(value, variable)
    return value


def _check_characters(value: str, variable: str) -> None:
    if not (value.isascii() and value.isprintable()):
        message = (
            f"what the environment variable {variable} holds cannot be sent: it has a character that no key has, such "
            "as a typographic dash or a line break; copy it anew"
        )
        raise UserError(message)
