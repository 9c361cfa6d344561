"""What children of ours inherit."""

from __future__ import annotations

import time

from agentpool_jupyter.services.processes import launch, without_keys

SECRETS = {
    "OPENAI_API_KEY": "sk-1",
    "HF_TOKEN": "hf",
    "My_Secrets": "s",
    "AGENTPOOL_KAFKA_SASL_PLAIN_PASSWORD": "p",
    "AGENTPOOL_INDEX": "redis://u:p@host:6379/0",
    "AWS_SECRET_ACCESS_KEY": "a",
}


def test_no_key_and_no_login_goes_to_a_child(tmp_path, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AGENTPOOL_STORE", "kafka://host:9092")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    launch(["/bin/sh", "-c", "env; echo that is all"], tmp_path / "said")
    while "that is all" not in (said := (tmp_path / "said").read_text()):
        time.sleep(0.01)
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert names & SECRETS.keys() == set()
    assert {"PATH", "AGENTPOOL_STORE", "TOKENIZERS_PARALLELISM"} <= names
    assert without_keys(keep=("AWS_",)).keys() & SECRETS.keys() == {"AWS_SECRET_ACCESS_KEY"}
