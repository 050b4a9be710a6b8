"""The list of snapshots in a real S3 store, which checks the signature of each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.s3_store import KEY_ID, SECRET_KEY

from wikistate.config.flink_environments import ObjectStoreSettings
from wikistate.ops.flink_jobs import object_store
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.object_store import S3Store
from wikistate.ops.flink_jobs.snapshots import find_snapshots, require_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.s3_store import S3StoreProcess

FOLDER = "s3://snapshots/check points/Ö"
OLD, NEW = "a" * 32, "b" * 32


@pytest.fixture
def access(s3_store: S3StoreProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ObjectStoreSettings:
    """Access to a store with the checkpoints of two runs of a job."""
    s3_store.create_bucket("snapshots")
    for name in (f"{OLD}/chk-9/_metadata", f"{NEW}/chk-2/_metadata", f"{NEW}/chk-10/_metadata", f"{NEW}/chk-11/part"):
        s3_store.put(f"snapshots/check points/Ö/{name}", b"x")
    monkeypatch.setenv("MY_KEY_ID", KEY_ID)
    (secret := tmp_path / "secret").write_text(f"{SECRET_KEY}\n")
    return ObjectStoreSettings(endpoint=s3_store.endpoint, key_id_env="MY_KEY_ID", secret_key_file=str(secret))


async def test_last_complete_checkpoint_of_each_run_is_found(access: ObjectStoreSettings) -> None:
    """By its number, and only with its metadata. The scheme may be that of any of Flink's plugins."""
    for scheme in ("s3", "s3a", "s3p"):
        folder = FOLDER.replace("s3", scheme, 1)
        found = await find_snapshots(folder, are_savepoints=False, access=access)
        assert {each.path for each in found} == {f"{folder}/{OLD}/chk-9", f"{folder}/{NEW}/chk-10"}
        assert all(each.time > 1_700_000_000_000 for each in found)


async def test_incomplete_checkpoint_is_refused(access: ObjectStoreSettings) -> None:
    """A complete one is not."""
    await require_snapshot(f"{FOLDER}/{NEW}/chk-10", option="--from", access=access)
    with pytest.raises(FlinkJobError, match="chk-11 is not a complete savepoint") as caught:
        await require_snapshot(f"{FOLDER}/{NEW}/chk-11", option="--from", access=access)
    assert caught.value.failure is JobFailure.SNAPSHOT_MISSING


async def test_list_is_read_to_its_last_page(access: ObjectStoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store answers with at most a thousand objects; here with two."""
    monkeypatch.setattr(object_store, "MAX_KEYS", "2")
    assert len(await find_snapshots(FOLDER, are_savepoints=False, access=access)) == 2
    async with S3Store(access) as store:
        with pytest.raises(FlinkJobError, match="there are more than 3 objects"):
            await store.list_objects("snapshots", "check points/", most=3)


@pytest.mark.parametrize(
    ("change", "folder", "expected"),
    [
        ({"secret_key_env": "WRONG", "secret_key_file": ""}, FOLDER, "status 403"),
        ({}, "s3://not-there/x", "status 404"),
        ({"endpoint": "http://127.0.0.1:9"}, FOLDER, "Connect call failed"),
    ],
)
async def test_refusal_of_the_store_names_the_bucket_and_the_reason(
    access: ObjectStoreSettings,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    folder: str,
    expected: str,
) -> None:
    """A wrong key, a missing bucket, a store that is down: none of them is an empty folder."""
    monkeypatch.setenv("WRONG", "another-credential")
    with pytest.raises(FlinkJobError, match=expected):
        await find_snapshots(folder, are_savepoints=False, access=access.model_copy(update=change))
