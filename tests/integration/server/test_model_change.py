"""The picture model over HTTP: what is told of it, another taken into use by a job, the way back, who may."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from heimdex.app import Heimdex
from heimdex.app.jobs import run_worker
from heimdex.app.keys import KeyWish
from heimdex.client import Client, ServiceError
from heimdex.config import Settings
from heimdex.encoders import catalog
from heimdex.encoders.starter import STARTER
from heimdex.errors import DatabaseUnavailable, ModelUnavailable
from heimdex.server import default_model
from heimdex.server.auth.options import auth_options
from heimdex.server.options import ServerOptions
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.integration.pipeline.test_model_change import photo
from tests.integration.server.conftest import OTHER, served
from tests.planting import lasting_workers
from tests.two_models import two_models
from tests.worker_kit import QUICK


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@dataclass(frozen=True, kw_only=True)
class Site:
    """A service with two libraries: `admin` may do everything in the first, `member` works in the second."""

    heimdex: Heimdex
    other: Heimdex
    admin: Client
    member: Client
    nobody: Client

    def work(self) -> None:
        """What is in the queue is done."""
        assert run_worker(self.heimdex, replace(QUICK, once=True), threading.Event())


def opened(home: Path, database_url: str) -> Heimdex:
    given: dict[str, Any] = {"home": home, "database_url": database_url, "workers": 1}
    return Heimdex(Settings(picture_model="fake", speech="off", writing=False, **given))


@pytest.fixture(scope="module")
def indexed(
    database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Both libraries, indexed once: their database and home, to be copied."""
    name, folder = f"original_{uuid.uuid4().hex}", tmp_path_factory.mktemp("original")
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    with opened(folder / "home", database_server.url(name)) as heimdex:
        heimdex.index(photo(folder / "mine", "red", (220, 30, 30)))
        heimdex.for_owner(OTHER).index(photo(folder / "theirs", "blue", (20, 30, 220)))
    yield name, folder / "home"
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(database_server: ServerUnderTest, indexed: tuple[str, Path]) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {indexed[0]}")
    yield database_server.url(name)
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def site(
    database_url: str, indexed: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    monkeypatch.setattr(default_model, "FRESH_S", 0.0)
    shutil.copytree(indexed[1], tmp_path / "home")
    with opened(tmp_path / "home", database_url) as heimdex:
        other = heimdex.for_owner(OTHER)
        auth = auth_options(heimdex.settings, bind_host="0.0.0.0")
        with served(heimdex, ServerOptions(auth=auth)) as address:
            secrets = [
                heimdex.keys.create(owner, KeyWish(name="test", scopes=scopes))[1]
                for owner, scopes in (
                    (heimdex.owner, ("read", "write", "admin")),
                    (OTHER, ("read", "write")),
                )
            ]
            with (
                Client(address, key=secrets[0]) as admin,
                Client(address, key=secrets[1]) as member,
                Client(address) as nobody,
            ):
                yield Site(heimdex=heimdex, other=other, admin=admin, member=member, nobody=nobody)


def without_weights(name: str, options: Any) -> Any:
    raise ModelUnavailable(f"No weights of {name} in {options.models_dir}")


def refused(status: int, call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **more)
    assert caught.value.status == status, caught.value
    return str(caught.value)


def test_another_model_is_built_by_a_job_told_to_everybody_and_taken_back(site: Site) -> None:
    assert site.nobody.health().models == {"picture": "fake"}
    planned = site.admin.plan_model_change("second")
    assert (planned.owners, planned.vectors) == (2, 4)
    job = site.admin.change_model("second", sample=2, keep_days=0)
    assert (job.kind, job.queue, job.state) == ("change_model", "backfill", "waiting")
    assert site.nobody.health().models == {"picture": "fake"}, "nothing is changed but by a worker"
    site.work()
    last = list(site.admin.watch(job.job_id))[-1]
    assert last.state == "done", last
    assert last.result is not None
    assert {name: last.result[name] for name in ("libraries", "switched", "vectors", "failed")} == {
        "libraries": 2,
        "switched": 2,
        "vectors": 4,
        "failed": 0,
    }
    assert last.result["checked_again"] > 0

    for client in (site.admin, site.member):
        state = client.model_state()
        assert (state.model, state.source, state.previous) == ("second", "default", "fake")
        assert {one.model: one.share for one in state.coverage} == {"fake": 1.0, "second": 1.0}
        assert (state.changes[0].from_model, state.changes[0].to_model) == ("fake", "second")
        assert (state.changes[0].state, state.changes[0].report["vectors"]) == ("switched", 2)
    assert site.nobody.health().models == {"picture": "second"}

    back = site.admin.roll_back_model()
    assert [(one.owner, one.left, one.now) for one in back.rolled_back] == [(None, "second", "fake")]
    assert back.jobs == 2
    assert site.nobody.health().models == {"picture": "fake"}
    assert [one.kind for one in site.member.jobs()] == ["backfill"], "what was indexed since is made up for"
    listed = site.admin.library_models()
    assert (listed.model, listed.count, listed.rollout) == ("fake", 2, None)
    assert {one.owner: one.change and one.change.state for one in listed.libraries} == {
        site.heimdex.owner: "rolled_back",
        OTHER: "rolled_back",
    }
    site.work()
    assert [(one.model, one.vectors) for one in site.admin.prune_models().pruned] == [("second", 4)]
    assert "no model to go back to" in refused(409, site.admin.roll_back_model)


def test_an_owner_changes_the_own_library_and_no_other(site: Site) -> None:
    for call, more in (
        (site.member.change_model, {"model": "second"}),
        (site.member.change_model, {"model": "second", "percent": 10}),
        (site.member.change_model, {"model": "second", "owners": [site.heimdex.owner]}),
        (site.member.change_model, {"model": "second", "owners": [OTHER, site.heimdex.owner]}),
        (site.member.plan_model_change, {"model": "second"}),
        (site.member.roll_back_model, {}),
        (site.member.choose_model, {"model": None, "owner": site.heimdex.owner}),
        (site.member.library_models, {}),
        (site.member.prune_models, {}),
    ):
        assert "admin" in refused(403, call, **more)
    assert "percent" in refused(400, site.member.change_model, "second", mine=True, percent=10)
    refused(400, site.member.change_model, "second", mine=True, owners=[OTHER])
    refused(404, site.member.change_model, "nothing", mine=True)
    assert "have no vectors" in refused(409, site.member.choose_model, "second")

    job = site.member.change_model("second", mine=True, sample=2)
    site.work()
    assert site.member.job(job.job_id).state == "done"
    assert (site.member.model_state().model, site.member.model_state().source) == ("second", "choice")
    assert site.admin.model_state().model == "fake"
    assert site.nobody.health().models == {"picture": "fake"}, "an owner's choice is nobody else's business"
    assert site.member.roll_back_model(mine=True).jobs == 1
    assert site.member.model_state().source == "default"
    assert site.member.choose_model("second").model == "second"
    assert site.member.choose_model(None).model == "fake"
    assert site.admin.choose_model("second", owner=OTHER).model == "second"


def test_a_roll_out_tells_its_reach_to_administrators(site: Site) -> None:
    site.admin.change_model("second", percent=1, sample=0)
    site.work()
    for client, reached in ((site.admin, 0), (site.member, None)):
        rollout = client.model_state().rollout
        assert rollout is not None
        assert (rollout.model, rollout.percent, rollout.reached, rollout.this) == (
            "second",
            1,
            reached,
            False,
        )


def test_a_change_of_all_is_not_a_members_to_go_on_with_though_they_share_the_library(site: Site) -> None:
    shared = site.heimdex.keys.create(site.heimdex.owner, KeyWish(name="team", scopes=("read", "write")))[1]
    job = site.admin.change_model("second")
    with Client(str(site.admin.http.base_url), key=shared) as team:
        for verb in ("pause", "resume", "cancel", "retry"):
            refused(403, team.change_job, job.job_id, verb)
        assert site.admin.change_job(job.job_id, "cancel").state == "cancelled"
        own = team.change_model("second", mine=True)
        assert team.change_job(own.job_id, "cancel").state == "cancelled"


def test_a_refusal_in_one_library_ends_the_job_and_names_no_file_of_it_to_others(site: Site) -> None:
    frames = sorted(p for p in site.other.derived.root.rglob("*.jpg") if not p.stem.endswith("thumb"))
    frames[0].write_bytes(b"no picture")
    job = site.admin.change_model("second", sample=0, most_failed=0)
    site.work()
    failed = site.admin.job(job.job_id)
    assert failed.state == "failed", "trying again would not help"
    assert "GET /api/v1/models/libraries" in (failed.error or "")
    theirs = next(one for one in site.admin.library_models().libraries if one.owner == OTHER)
    assert theirs.change is not None
    assert "second failed on 1 of" in (theirs.change.error or "")
    assert site.member.model_state().model == "fake"


def test_without_a_database_it_is_healthy_and_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.nobody.ready()

    def gone(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(type(site.heimdex.database), "run", gone)
    health = site.nobody.http.get("/health")
    assert health.status_code == 200
    document = health.json()
    assert set(document) == {"status", "version", "features", "models"}
    assert document["status"] == "healthy"
    assert document["features"] == {"vision": True, "face": False, "speech": False, "ocr": False}
    assert document["models"] == {"picture": "fake"}
    assert not site.nobody.ready()


def test_a_machine_without_the_weights_is_ready_and_names_them(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.nobody.http.get("/ready").json() == {"status": "ready", "missing": []}
    site.heimdex.model_change.start("second")
    monkeypatch.setattr(catalog, "ROWS", (*(row for row in catalog.ROWS if row.name != "second"), STARTER))
    answer = site.nobody.http.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "missing": ["second"]})
    assert site.nobody.health().models == {"picture": "second"}
    monkeypatch.setattr(catalog, "load", without_weights)
    assert "heimdex models pull" in refused(409, site.admin.change_model, "starter")
    assert site.admin.search("red").models == {"picture": "fake"}, "the model before stands in"
