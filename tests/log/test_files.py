"""What is made on this machine is for its user only, and addresses make no folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import agentpool_jupyter as ap
from agentpool_jupyter.errors import StoreError
from agentpool_jupyter.log import open_store


@pytest.fixture
def generous():
    """The usual umask, with which others may read what nobody says anything about."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("generous")
def test_others_can_read_nothing(tmp_path, monkeypatch):
    """Pools, snapshots, index, exports, job logs, locks: wherever they are."""
    for kind in ("DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "STATE" / "agentpool" / "jobs").mkdir(parents=True)  # by an earlier version
    for store in (None, tmp_path / "shared", tmp_path / "new" / "store"):
        with ap.open_pool("plans", store, snapshot_every=0) as pool:
            pool.log.append([b"the merger is on Friday"] * 1_100)
            ap.snapshot(pool, engine="inline")
            ap.similar(pool, "the merger is on Friday and nobody knows")
            ap.export_pool(pool, tmp_path / f"{len(str(store))}.gz")
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(made) > 10
    assert [path for path in made if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)] == []
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


ADDRESSES = ["kafka:127.0.0.1:9092", "kafka:/127.0.0.1", Path("kafka://host"), "localhost:9092", "kafka//host:9092"]


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_a_slip_in_an_address_makes_no_folder(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="looks like an address: write it as kafka://host:port"):
        open_store(address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "address", ["kafka:/u:{}@host", "u:{}@kafka://host", "kafkaa://u:{}@host", "sqlite://u:{}@host"]
)
def test_a_password_in_a_mistyped_address_is_not_told(address):
    with pytest.raises(StoreError) as told:
        open_store(address.format("sEcret"))
    assert "sEcret" not in str(told.value)


def test_an_address_may_be_typed_as_people_do(tmp_path, monkeypatch):
    assert open_store(" Kafka://host:9092 ").url == "kafka://host:9092"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "at 12:30").mkdir()
    assert [open_store(text).url for text in ("at 12:30", "./a:b", str(tmp_path / "a:b"))] == [
        "at 12:30",
        "a:b",
        str(tmp_path / "a:b"),
    ]
