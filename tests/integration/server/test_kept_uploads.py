"""From a request to an original in the object store, indexed by a worker, and away again: a folder and S3."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heimdex import Heimdex
from heimdex.app.incoming import Incoming
from heimdex.app.jobs import run_worker
from heimdex.client import Client
from heimdex.config import Settings, read_settings
from heimdex.entities.uploads import Upload, UploadState
from heimdex.errors import ObjectStoreUnavailable, StoreError
from heimdex.jobs.paths import pack
from heimdex.pipeline import stages, workers
from heimdex.pipeline.incoming.keeping import keep
from heimdex.pipeline.incoming.options import NewUpload
from heimdex.store import uploaded, uploads
from heimdex.store.jobs import JobFilter
from heimdex.store.objects import ObjectStore
from heimdex.store.s3_shelf import S3Options
from tests.object_stores import s3_server
from tests.planting import lasting_workers
from tests.two_models import two_models
from tests.uploading import TUS, photo, running, until
from tests.worker_kit import QUICK

BODY = photo(20_000)
MakeMachine = Callable[..., Heimdex]


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers(), pytest.MonkeyPatch.context() as patch:
        # Those that look at what comes in last as well.
        patch.setattr(workers, "WorkerPool", vars(stages)["WorkerPool"])
        yield


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Options]:
    with s3_server() as options:
        yield options


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The settings of an object store that machines share."""
    if request.param == "folder":
        return {"object_store": str(tmp_path / "shared")}
    options: S3Options = request.getfixturevalue("s3")
    return {
        "object_store": f"s3://{options.bucket}/{uuid.uuid4().hex}",
        "s3_endpoint": options.endpoint,
        "s3_key_id": options.key_id,
        "s3_secret": options.secret,
        "s3_allow_http": True,
    }


@pytest.fixture
def machine(store: dict[str, Any], database_url: str, tmp_path: Path, owner: str) -> Iterator[MakeMachine]:
    """A machine of that name; all of them have one database and one object store."""
    with ExitStack() as opened:

        def make(name: str, **settings: Any) -> Heimdex:
            given: Settings = read_settings(
                home=tmp_path / name,
                database_url=database_url,
                owner=owner,
                picture_model="fake",
                workers=1,
                **store,
                **settings,
            )
            return opened.enter_context(Heimdex(given))

        yield make


def work(heimdex: Heimdex) -> None:
    """Do all the jobs there are."""
    options = replace(QUICK, once=True, heartbeat_s=5.0, stalled_s=60.0)
    run_worker(heimdex, options, threading.Event())


def received(heimdex: Heimdex, name: str = "a.jpg", body: bytes = BODY) -> Upload:
    """An upload all of whose bytes are here, not yet looked at."""
    incoming = heimdex.incoming
    begun = incoming.uploads.begin(heimdex.owner, NewUpload(name=name, size_bytes=len(body)))
    arrival = incoming.uploads.arrive(heimdex.owner, begun.upload_id, 0)
    arrival.write(body)
    arrival.end()
    arrival.close()
    complete = incoming.uploads.complete(heimdex.owner, begun.upload_id)
    assert complete is not None
    return complete


def stored(heimdex: Heimdex, **given: Any) -> Upload:
    return heimdex.incoming.finisher.finish(heimdex.owner, received(heimdex, **given).upload_id)


def now(heimdex: Heimdex, upload: Upload) -> Upload:
    return heimdex.incoming.uploads.get(heimdex.owner, upload.upload_id)


def used_bytes(heimdex: Heimdex) -> int:
    return heimdex.incoming.uploads.usage(heimdex.owner).used_bytes


def records(heimdex: Heimdex) -> list[str]:
    owner = heimdex.owner
    return [file.object_key for file in heimdex.database.run(owner, lambda c: uploaded.all_of(c, owner))]


def originals(heimdex: Heimdex) -> list[str]:
    return [found.key for found in heimdex.objects.list(heimdex.objects.key("originals"))]


def files_of(heimdex: Heimdex) -> list[Path]:
    return list((heimdex.settings.home / "uploads" / heimdex.owner).iterdir())


def upload_faults(heimdex: Heimdex) -> list[str]:
    return [fault.what for fault in heimdex.verify(sample=-1).faults]


def test_a_file_handed_in_at_one_machine_is_indexed_by_another_and_removed_at_the_first(
    machine: MakeMachine, tmp_path: Path
) -> None:
    api = machine("api")
    # Where there is no bucket kept frames lie at the machine that makes them.
    other = machine("worker") if api.objects.is_shared else api
    with running(api) as port, Client(f"http://127.0.0.1:{port}") as client:
        answer = client.http.post("/api/v1/assets", params={"name": "Füße.jpg"}, content=BODY)
        upload_id, job_id = answer.json()["upload_id"], answer.json()["job_id"]
        assert (answer.json()["state"], answer.json()["indexed"]) == ("stored", False)
        assert client.job(job_id).state == "waiting"
        assert files_of(api) == []
        work(other)
        assert client.job(job_id).state == "done"
        upload = client.http.get(f"/api/v1/uploads/{upload_id}").json()
        assert (upload["indexed"], upload["error"]) == (True, None)
        asset_id = upload["asset_id"]
        assert client.asset(asset_id).asset["path"] == "Füße.jpg"
        assert client.original(asset_id, tmp_path / "got.jpg") == len(BODY)
        assert (tmp_path / "got.jpg").read_bytes() == BODY
        part = client.http.get(f"/api/v1/assets/{asset_id}/original", headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, BODY[5:10])
        assert upload_faults(api) == []
        assert client.http.delete(f"/api/v1/uploads/{upload_id}", headers=TUS).status_code == 409
        assert used_bytes(api) == len(BODY)
        assert client.remove(asset_id) == [asset_id]
        assert client.http.get(f"/api/v1/uploads/{upload_id}").status_code == 404
        assert (originals(api), records(api), used_bytes(api)) == ([], [], 0)
        assert upload_faults(api) == []


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_a_download_may_be_sent_to_the_bucket(machine: MakeMachine, tmp_path: Path) -> None:
    api = machine("api", s3_link_s=60)
    upload = stored(api)
    work(api)
    with running(api) as port, Client(f"http://127.0.0.1:{port}", key="hdx_none") as client:
        del client.http.headers["Authorization"]
        asset_id = now(api, upload).asset_id or ""
        answer = client.http.get(f"/api/v1/assets/{asset_id}/original")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "private, no-store")
        assert answer.headers["Location"].startswith(api.settings.s3_endpoint or "none")
        assert client.original(asset_id, tmp_path / "got.jpg") == len(BODY)
        assert (tmp_path / "got.jpg").read_bytes() == BODY


def test_who_goes_on_after_a_kill_between_the_object_and_its_row_comes_by_the_same_one(
    machine: MakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = machine("api")
    upload = received(api)
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise StoreError("killed")

        patch.setattr(uploads, "store", killed)
        with pytest.raises(StoreError, match="killed"):
            api.incoming.finisher.finish(api.owner, upload.upload_id)
    (key,) = originals(api)
    assert (now(api, upload).state, records(api), files_of(api)) == (UploadState.CHECKING, [], [])
    for _ in range(2):
        api.incoming.finisher.sweep()
    until(lambda: now(api, upload).state is UploadState.STORED)
    assert (now(api, upload).object_key, originals(api), records(api)) == (key, [key], [key])
    assert b"".join(api.objects.read_range(key)) == BODY


def test_two_who_finish_the_same_upload_keep_its_object(machine: MakeMachine) -> None:
    api, other = machine("api"), machine("other")
    first = stored(api)
    late = replace(first, state=UploadState.CHECKING, object_key=None)
    found = keep(other.database, other.originals, late, None, bool)
    assert (found.state, found.object_key) == (UploadState.STORED, first.object_key)
    assert originals(api) == records(api) == [first.object_key]


def test_however_often_uploads_are_swept_each_has_one_job(machine: MakeMachine) -> None:
    api = machine("api")
    upload = stored(api)
    finisher = api.incoming.finisher
    threads = [threading.Thread(target=finisher.sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (job,) = api.jobs.list(JobFilter(kind="index_upload"))
    assert (job.job_id, job.state) == (upload.job_id, "waiting")
    api.jobs.cancel(job.job_id)
    finisher.sweep()  # it came to no good: the upload says so, and may be ended, or its job tried again
    told = now(api, upload)
    assert told.may_end
    assert "retried" in (told.error or "")
    api.jobs.retry(job.job_id)
    work(api)
    assert (now(api, upload).error, len(api.jobs.list())) == (None, 1)
    asset_id = now(api, upload).asset_id
    assert asset_id is not None
    api.jobs.enqueue("remove", {"targets": pack([asset_id.encode()])})
    work(api)
    assert (originals(api), records(api), used_bytes(api)) == ([], [], 0)


@pytest.mark.parametrize("store", ["folder"], indirect=True)
def test_a_machine_that_does_not_reach_an_upload_leaves_it_to_others(
    machine: MakeMachine, store: dict[str, Any], tmp_path: Path
) -> None:
    api = machine("api")
    upload = stored(api)
    store["object_store"] = str(tmp_path / "another")
    work(machine("other"))
    job = api.jobs.get(upload.upload_id)
    assert (job.state, now(api, upload).indexed_at) == ("waiting", None)
    assert "There is no object" in (job.error or "")

    def indexed() -> str | None:
        work(api)  # it is due again after a moment
        return now(api, upload).asset_id

    assert until(indexed)


def test_what_could_not_be_indexed_is_ended_with_its_object(machine: MakeMachine) -> None:
    api = machine("api")
    upload = stored(api)
    path = received(api, name="b.jpg")
    api.incoming.finisher.end(api.owner, path.upload_id)  # not stored yet
    api.database.run(api.owner, lambda c: uploads.note_indexed(c, api.owner, upload.upload_id, None, "no"))
    api.incoming.finisher.end(api.owner, upload.upload_id)
    assert (originals(api), records(api), used_bytes(api)) == ([], [], 0)
    work(api)  # its job finds nothing to do
    assert api.assets()["assets"] == []


def test_a_store_that_is_away_delays_what_is_kept_and_what_is_deleted(
    machine: MakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = machine("api")

    def away(*_: object, **__: object) -> None:
        raise ObjectStoreUnavailable("away")

    with running(api) as port, Client(f"http://127.0.0.1:{port}") as client:
        with monkeypatch.context() as patch:
            patch.setattr(ObjectStore, "put_file", away)
            answer = client.http.post("/api/v1/assets", params={"name": "a.jpg"}, content=BODY)
            assert (answer.status_code, answer.json()["state"]) == (202, "checking")
        api.incoming.finisher.sweep()
        place = answer.headers["Location"]
        until(lambda: client.http.get(place).json()["state"] == "stored")
        work(api)
        asset_id = client.http.get(place).json()["asset_id"]
        with monkeypatch.context() as patch:
            patch.setattr(ObjectStore, "delete", away)
            assert client.remove(asset_id) == [asset_id]
        assert len(originals(api)) == 1
        assert used_bytes(api) == len(BODY)
        api.incoming.finisher.sweep()
        assert (originals(api), records(api), used_bytes(api)) == ([], [], 0)


def test_what_another_machine_has_in_hand_is_left_to_it(machine: MakeMachine) -> None:
    api, other = machine("api"), machine("other")
    received(other, name="mine.jpg")  # so that it knows of the owner
    upload = received(api)
    other.incoming.finisher.sweep()
    until(lambda: originals(other))
    other.close()
    assert now(api, upload).state is UploadState.CHECKING
    incoming = api.incoming
    assert isinstance(incoming, Incoming)
    assert incoming.finisher.finish(api.owner, upload.upload_id).state is UploadState.STORED
    shutil.rmtree(api.settings.home / "uploads")
