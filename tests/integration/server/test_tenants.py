"""Two owners and every route: nobody sees, changes or removes what is another's, filters or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from heimdex.app.keys import KeyWish
from heimdex.client import Client, ServiceError
from heimdex.errors import RateLimited
from heimdex.server.auth.options import auth_options
from heimdex.server.options import ServerOptions
from heimdex.server.routes import jobs
from heimdex.server.watching import Watchers
from tests.integration.server.conftest import Service, served

OPEN = {
    "health", "ready", "ways_to_sign_in", "sign_in", "set_up", "sign_out", "begin_oidc", "end_oidc",
    "metrics", "upload_abilities",
}  # fmt: skip


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    auth = auth_options(service.heimdex.settings, bind_host="0.0.0.0")  # everybody has to say who they are
    with served(service.heimdex, ServerOptions(auth=auth)) as at:
        yield at


@pytest.fixture(scope="module")
def keys(service: Service) -> tuple[str, str]:
    made = [
        service.heimdex.keys.create(owner, KeyWish(name="test", scopes=("read", "write")))[1]
        for owner in (service.heimdex.owner, service.other.owner)
    ]
    return made[0], made[1]


@pytest.fixture
def two(address: str, keys: tuple[str, str]) -> Iterator[tuple[Client, Client]]:
    with Client(address, key=keys[0]) as mine, Client(address, key=keys[1]) as theirs:
        yield mine, theirs


def operations(client: Client) -> list[tuple[str, str, dict[str, Any]]]:
    document = client.http.get("/api/v1/openapi.json").json()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def belongings(service: Service, client: Client) -> dict[str, str]:
    """Ids of things of the client's owner, by the names that routes give them."""
    asset = next(asset for asset in client.assets() if asset.kind == "video")
    scene = client.asset(asset.asset_id).scenes[0]
    job = client.add_job("backfill", query="kind:photo")
    client.change_job(job.job_id, "cancel")
    upload = client.http.post(
        "/api/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": ""}
    )
    assert upload.status_code == 201, upload.text
    return {
        "asset_id": asset.asset_id,
        "scene_id": scene.scene_id,
        "keyframe_id": scene.keyframes[0].keyframe_id,
        "job_id": job.job_id,
        "upload_id": upload.headers["location"].rpartition("/")[2],
        "size": "thumbnail",
        "verb": "retry",
    }


def ask(client: Client, method: str, path: str, names: dict[str, str]) -> Any:
    query = {"start": "0", "end": "1"} if path.endswith("/clip") else {}
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    given = headers if "/uploads" in path else {}
    bodies = {"/api/v1/assets/{asset_id}": {"title": "mine"}, "/api/v1/jobs/{job_id}": {"priority": 1}}
    body = bodies.get(path) if method == "PATCH" else None
    return client.http.request(method, path.format(**names), params=query, headers=given, json=body)


@pytest.mark.parametrize("knocked_out", [False, True])
def test_what_is_anothers_is_not_there_on_any_route(
    service: Service,
    two: tuple[Client, Client],
    monkeypatch: pytest.MonkeyPatch,
    knocked_out: bool,
) -> None:
    mine, theirs = two
    names = belongings(service, theirs)
    if knocked_out:
        forget_owners_in_code(monkeypatch)
    tried = []
    for method, path, operation in operations(mine):
        if "{" not in path or any(part in path for part in ("{key_id}", "{user_id}")):
            continue
        answer = ask(mine, method, path, names)
        assert answer.status_code == 404, (method, path, answer.status_code, answer.text[:200])
        tried.append(operation["operationId"])
    assert len(tried) > 12
    assert theirs.asset(names["asset_id"]).asset["asset_id"] == names["asset_id"]
    assert theirs.job(names["job_id"]).state == "cancelled"


@pytest.mark.parametrize("knocked_out", [False, True])
def test_lists_and_searches_hold_only_what_is_ones_own(
    service: Service, two: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch, knocked_out: bool
) -> None:
    mine, theirs = two
    of_theirs = {asset.asset_id for asset in theirs.assets()}
    of_mine = {asset.asset_id for asset in mine.assets()}
    scene = theirs.asset(next(iter(of_theirs))).scenes[0].scene_id
    if knocked_out:
        forget_owners_in_code(monkeypatch)
    assert {asset.asset_id for asset in mine.assets()} == of_mine
    assert not of_mine & of_theirs
    for text in ("animal", "a rocket", "photo", "clip"):
        hits = mine.search(text, match_count=100, nearest=True, strictness="loose").hits
        assert hits
        assert {hit.asset_id for hit in hits} <= of_mine
    answer = mine.http.post("/api/v1/search", json={"similar": scene})
    assert answer.status_code == 404
    page = theirs.search("animal", match_count=1, nearest=True, strictness="loose")
    if page.next_cursor is not None:  # a cursor gives nobody rights
        assert {hit.asset_id for hit in mine.search(cursor=page.next_cursor).hits} <= of_mine
    assert not {job.job_id for job in mine.jobs()} & {job.job_id for job in theirs.jobs()}


def test_without_a_key_only_what_is_for_everybody_answers(address: str, service: Service) -> None:
    with Client(address) as nobody:
        names = dict.fromkeys(
            ("asset_id", "scene_id", "keyframe_id", "job_id", "upload_id", "key_id", "user_id"),
            "0199ffff-0000-7000-8000-000000000000",
        ) | {"size": "frame", "verb": "cancel"}
        closed = 0
        for method, path, operation in operations(nobody):
            if operation["operationId"] in OPEN or "oidc" in path:
                continue
            answer = ask(nobody, method, path, names)
            # Some look at the form of a request before they look at who sends it.
            assert answer.status_code in (401, 422), (method, path, answer.status_code)
            closed += answer.status_code == 401
        assert closed > 15


def forget_owners_in_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement is sent with its own filter on the owner made true: the policies are left alone."""
    import re

    from psycopg import Connection, Cursor

    own = re.compile(r"(\b\w+\.)?owner_id = %\(owner\)s(?!\w)")

    def blinded(statement: Any) -> Any:
        if not isinstance(statement, str) or statement.lstrip().upper().startswith("INSERT"):
            return statement
        return own.sub("(%(owner)s::text IS NOT NULL)", statement)

    for kind in (Connection, Cursor):
        execute = kind.execute

        def executing(self: Any, query: Any, *more: Any, _execute: Any = execute, **options: Any) -> Any:
            return _execute(self, blinded(query), *more, **options)

        monkeypatch.setattr(kind, "execute", executing)


def test_who_may_not_name_folders_does_not_have_them_indexed_once_more(
    service: Service, two: tuple[Client, Client]
) -> None:
    mine, _ = two
    job = service.heimdex.jobs.add_index("/srv/not-for-members")
    assert mine.change_job(job.job_id, "pause").state == "paused"
    with pytest.raises(ServiceError) as caught:
        mine.change_job(job.job_id, "resume")
    assert caught.value.status == 403
    assert mine.change_job(job.job_id, "cancel").state == "cancelled"
    with pytest.raises(ServiceError) as caught:
        mine.change_job(job.job_id, "retry")
    assert caught.value.status == 403


def test_a_stream_ends_when_its_key_is_revoked(
    service: Service, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ASK_AGAIN_S", 0.0)
    job = service.heimdex.jobs.add_backfill(query="kind:photo")
    owner = service.heimdex.owner
    key, secret = service.heimdex.keys.create(owner, KeyWish(name="watching"))
    with Client(address, key=secret) as client:
        stream = client.watch(job.job_id)
        assert next(stream).state == "waiting"
        service.heimdex.keys.revoke(owner, key.key_id)
        assert list(stream) == []  # and comes to an end
    service.heimdex.jobs.cancel(job.job_id)


def test_a_library_has_so_many_streams_and_no_more(
    service: Service, two: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, _ = two
    monkeypatch.setattr(Watchers, "check", Mock(side_effect=RateLimited("enough", retry_after_s=1.0)))
    job = service.heimdex.jobs.add_backfill(query="kind:photo")
    with pytest.raises(ServiceError) as caught:
        list(mine.watch(job.job_id))
    assert caught.value.status == 429
    service.heimdex.jobs.cancel(job.job_id)
