"""What is secret in the environment goes neither into the log nor to a model."""

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.effects.masking import masked, secret_in
from agentpool_jupyter.errors import EffectError, UserError

SECRET = "sk-very-secret-0123"


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("BAKERY_API_KEY", SECRET)
    monkeypatch.setenv("BAKERY_TOKEN", SECRET + "-longer")
    monkeypatch.setenv("BAKERY_PASSWORD", "short")
    monkeypatch.setenv("BAKERY_KEYBOARD", "not-a-secret-at-all")
    return SECRET


def test_secrets_are_masked_wherever_they_stand_in_plain_data(secret):
    data = {"a": [f"Bearer {secret}", 1, None], secret: {"b": f"{secret}-longer"}}
    assert masked(data) == {"a": ["Bearer ***", 1, None], "***": {"b": "***"}}


def test_what_is_short_or_named_otherwise_is_no_secret(secret):
    assert masked("short and not-a-secret-at-all") == "short and not-a-secret-at-all"
    assert secret_in("short") == ""
    assert secret_in({"a": [f"x{secret}"]}) == "BAKERY_API_KEY"


@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_what_a_function_returns_or_raises_is_masked_in_the_log(pool, secret, ending):
    def order(item: str) -> dict[str, str]:
        if ending == "raises":
            message = f"401 for {item} with {secret}"
            raise ValueError(message)
        return {"used": secret}

    guarded = ap.consensus(order, ask=[lambda effect: (True, f"with {secret}")], pool=pool)
    if ending == "raises":
        with pytest.raises(EffectError, match=r"401 for flour with \*\*\*"):
            guarded("flour")
    else:
        assert guarded("flour") == {"used": "***"}
    written = b"".join(record.value for record in pool.log.read(0))
    assert b"with ***" in written
    assert secret.encode() not in written


def test_arguments_that_hold_a_secret_are_refused_before_anything_is_written(pool, secret):
    with pytest.raises(UserError, match=r"the secret in \$BAKERY_API_KEY, .*: let send read it itself"):
        ap.consensus(send, ask=[lambda effect: True], pool=pool)(secret)
    assert list(pool.effects.values()) == []


def send(text: str) -> str:
    return text
