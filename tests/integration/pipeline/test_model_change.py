"""Another model is taken into use while searches go on: built, checked, switched, taken back, pruned."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from heimdex import Heimdex
from heimdex.app.jobs import run_worker
from heimdex.app.model_change import StartOptions
from heimdex.cli.commands import app
from heimdex.encoders import catalog
from heimdex.encoders.starter import STARTER
from heimdex.entities import Answer
from heimdex.errors import ChangeRefused, ModelUnavailable, NotFound, Stopped, UsageError
from heimdex.jobs.tidying import Tidying
from heimdex.pipeline import indexing, pruning, shadow, sharing
from heimdex.pipeline.shadow import ChangeProgress
from heimdex.store import pointers
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.planting import lasting_workers, make_media
from tests.two_models import two_models
from tests.worker_kit import QUICK as QUICK_WORKER

QUICK = StartOptions(sample=4)
FORGET_ONE = (
    "WITH late AS (SELECT a.asset_id FROM heimdex.asset a ORDER BY asset_id DESC LIMIT 1), "
    "model AS (SELECT model_id FROM heimdex.model WHERE name = 'second'), "
    "gone AS (DELETE FROM heimdex.vector v USING late, model, heimdex.space s "
    "WHERE v.asset_id = late.asset_id AND s.model_id = model.model_id AND v.space_id = s.space_id) "
    "DELETE FROM heimdex.stage_run r USING late, model "
    "WHERE r.asset_id = late.asset_id AND r.model_id = model.model_id"
)


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, one of them twice, and a short film."""
    folder = make_media(tmp_path_factory.mktemp("library") / "media")
    (folder / "film.mp4").unlink()
    (folder / "sound.m4a").unlink()
    return folder


@dataclass(frozen=True, kw_only=True)
class Original:
    """A library that is indexed once: its database and its home, to be copied."""

    database: str
    home: Path


@pytest.fixture(scope="module")
def original(
    database_server: ServerUnderTest, media: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Original]:
    name, folder = f"original_{uuid.uuid4().hex}", tmp_path_factory.mktemp("original")
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    with opened(database_server.url(name), folder) as library:
        library.index(media)
    yield Original(database=name, home=folder / "home")
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(database_server: ServerUnderTest, original: Original) -> Iterator[str]:
    """A copy of the indexed library's database."""
    name = f"test_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {original.database}")
    yield database_server.url(name)
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def heimdex(database_url: str, tmp_path: Path, original: Original) -> Iterator[Heimdex]:
    shutil.copytree(original.home, tmp_path / "home")
    with opened(database_url, tmp_path) as library:
        yield library


def opened(database_url: str, tmp_path: Path, **settings: Any) -> Heimdex:
    given: dict[str, Any] = {"picture_model": "fake", "workers": 2} | settings
    return Heimdex(home=tmp_path / "home", database_url=database_url, **given)


def used(answer: Answer) -> tuple[str, str]:
    """The model a search says it used, and the one its first hit was found by."""
    assert answer.hits
    found = next(item for item in answer.hits[0].evidence if item.signal == "picture")
    return answer.models["picture"], found.model


def sql(heimdex: Heimdex, statement: str, **parameters: Any) -> list[Any]:
    def work(connection: Any) -> list[Any]:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    return heimdex.database.run(heimdex.owner, work)


def counted(heimdex: Heimdex, model: str) -> int:
    (row,) = sql(
        heimdex,
        "SELECT count(*) FROM heimdex.vector JOIN heimdex.space USING (space_id) "
        "JOIN heimdex.model m USING (model_id) WHERE m.name = %(name)s",
        name=model,
    )
    return int(row[0])


def last_change(heimdex: Heimdex) -> dict[str, Any]:
    found: dict[str, Any] = heimdex.model_change.state()["changes"][0]
    return found


def photo(folder: Path, name: str, colour: tuple[int, int, int]) -> Path:
    """A photo unlike the others."""
    pixels = np.random.default_rng(len(name)).integers(0, 30, (90, 90, 3)) + np.array(colour) // 2
    folder.mkdir(exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_the_first_model_anything_is_indexed_with_is_the_one_in_use(
    heimdex: Heimdex, database_url: str, tmp_path: Path, media: Path
) -> None:
    state = heimdex.model_change.state()
    assert (state["model"], state["source"], state["previous"]) == ("fake", "default", None)
    with opened(database_url, tmp_path, picture_model="second") as other:
        assert other.model.row.name == "fake", "the pointer wins"
        assert used(other.search("red")) == ("fake", "fake")
        other.index(media)
        assert counted(other, "second") == 0
        assert "HEIMDEX_PICTURE_MODEL is second, but fake is in use" in other.status()["notices"][0]
    assert heimdex.status()["notices"] == []


def test_an_open_library_answers_from_the_old_until_the_switch_and_from_the_new_after(
    heimdex: Heimdex, database_url: str, tmp_path: Path
) -> None:
    with opened(database_url, tmp_path) as reader:
        assert used(reader.search("red")) == ("fake", "fake")
        seen: dict[str, set[tuple[str, str]]] = {}

        def watch(progress: ChangeProgress) -> None:
            seen.setdefault(progress.phase, set()).add(used(reader.search("red")))

        found = heimdex.model_change.start("second", QUICK, on_progress=watch)
        assert seen.keys() >= {"building", "checking", "comparing", "switching"}
        for phase in ("building", "checking", "comparing", "switching"):
            assert seen[phase] == {("fake", "fake")}, phase
        (change,) = found["changes"]
        assert (change["old"], change["new"], change["state"]) == ("fake", "second", "switched")
        assert used(eventually_by(reader, "second")) == ("second", "second")
        assert heimdex.model.row.name == reader.model.row.name == "second"
        assert counted(heimdex, "second") == counted(heimdex, "fake") > 0, "the old vectors stay"
        assert heimdex.verify(sample=-1).faults == ()
        assert reader.search("red", page=1).unavailable[0].signal != "picture"


def eventually_by(reader: Heimdex, model: str) -> Answer:
    """Searches go on with the model they had until the other is loaded, and never fail meanwhile."""
    for _ in range(500):
        answer = reader.search("red")
        assert answer.hits
        if answer.models["picture"] == model:
            return answer
        threading.Event().wait(0.01)
    raise AssertionError(f"{model} is never used")


def test_a_file_indexed_in_the_middle_of_a_change_is_in_the_new_space_at_the_switch(
    heimdex: Heimdex, database_url: str, tmp_path: Path
) -> None:
    indexed: list[str] = []
    at_switch: list[int] = []
    end = shadow.Shadow.end

    def count_first(self: shadow.Shadow, connection: Any) -> None:
        assert self.old is not None
        at_switch.append(sum(pointers.count_lost(connection, self.owner, self.old, self.new, 1)))
        at_switch.append(counted(heimdex, "second"))
        end(self, connection)

    def interrupt(progress: ChangeProgress) -> None:
        """After the build, and again after the checks: just before the pointer would move."""
        if progress.phase in ("checking", "comparing") and progress.phase not in indexed:
            indexed.append(progress.phase)
            with opened(database_url, tmp_path) as other:
                other.index(photo(tmp_path / progress.phase, progress.phase, (200, 90, 10)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shadow.Shadow, "end", count_first)
        heimdex.model_change.start("second", QUICK, on_progress=interrupt)
    assert indexed == ["checking", "comparing"]
    assert at_switch == [0, counted(heimdex, "fake")], "nothing that can be seen is lost by switching"
    assert heimdex.verify(sample=-1).faults == ()


def test_an_index_run_that_began_with_the_old_model_catches_up_after_the_switch(
    heimdex: Heimdex, database_url: str, tmp_path: Path
) -> None:
    folder = photo(tmp_path / "late", "late", (10, 200, 90))
    with opened(database_url, tmp_path) as other:

        def switch(*_: Any) -> None:
            if heimdex.model_change.state()["model"] == "fake":
                heimdex.model_change.start("second", QUICK)

        other.index(folder, on_progress=switch)
    assert heimdex.model_change.state()["model"] == "second"
    assert counted(heimdex, "second") >= counted(heimdex, "fake")
    assert heimdex.verify(sample=-1).faults == ()


def test_index_jobs_whose_parts_saw_the_model_change_have_a_backfill_follow(
    heimdex: Heimdex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "FILES_A_PART", 1)
    folder = photo(tmp_path / "parts", "first", (10, 200, 90))
    photo(folder, "second", (200, 10, 90))
    switched: list[Any] = []
    begin = indexing.index

    def switch_after(*arguments: Any, **options: Any) -> Any:
        """The pointer moves after the first part, before the second."""
        report = begin(*arguments, **options)
        if not switched:
            switched.append(heimdex.model_change.start("second", QUICK))
            sql(heimdex, FORGET_ONE)  # as if its part had not ended at the switch
        return report

    monkeypatch.setattr(indexing, "index", switch_after)
    job = heimdex.jobs.add_index(folder)
    assert run_worker(heimdex, replace(QUICK_WORKER, once=True), threading.Event())
    done = heimdex.jobs.get(job.job_id)
    assert done.result is not None
    assert (done.state, done.result["indexed"]) == ("done", 2)
    (follower,) = done.result["followed_by"]
    followed = heimdex.jobs.get(follower)
    assert (followed.kind, followed.parent_id, followed.state) == ("backfill", None, "done")
    assert counted(heimdex, "second") == counted(heimdex, "fake") + 2, "the first by both, the second by one"
    assert heimdex.verify(sample=-1).faults == ()

    quiet = heimdex.jobs.add_index(folder)
    assert run_worker(heimdex, replace(QUICK_WORKER, once=True), threading.Event())
    assert "followed_by" not in (heimdex.jobs.get(quiet.job_id).result or {}), (
        "no model was changed meanwhile"
    )


def test_an_index_run_waits_at_the_moment_of_the_switch(
    heimdex: Heimdex, database_url: str, tmp_path: Path
) -> None:
    end, seen = shadow.Shadow.end, []
    folder = photo(tmp_path / "just", "just", (10, 20, 230))
    with opened(database_url, tmp_path) as other:
        index = threading.Thread(target=other.index, args=(folder,))

        def let_a_file_come(self: shadow.Shadow, connection: Any) -> None:
            """Everything is counted, the pointer is about to move, and an index run wants to write."""
            before = counted(heimdex, "fake")
            index.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while not sql(heimdex, waiting)[0][0]:
                assert index.is_alive(), "it wrote its vectors in spite of the lock"
            seen.append((before, counted(heimdex, "fake")))
            end(self, connection)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shadow.Shadow, "end", let_a_file_come)
            heimdex.model_change.start("second", QUICK)
        index.join()
        ((before, then),) = seen
        assert before == then
        assert counted(heimdex, "second") == counted(heimdex, "fake") == before + 2
    assert heimdex.verify(sample=-1).faults == ()


def test_an_owner_who_comes_during_a_change_of_all_is_taken_along(heimdex: Heimdex, tmp_path: Path) -> None:
    newcomer = heimdex.for_owner(str(uuid.uuid4()))

    def come(progress: ChangeProgress) -> None:
        if progress.phase == "comparing" and counted(newcomer, "fake") == 0:
            newcomer.index(photo(tmp_path / "theirs", "red", (220, 30, 30)))

    found = heimdex.model_change.start("second", QUICK, on_progress=come)
    assert {change["owner"] for change in found["changes"]} == {heimdex.owner, newcomer.owner}
    assert counted(newcomer, "second") == counted(newcomer, "fake") == 2
    assert newcomer.model_change.state()["changes"][0]["state"] == "switched"


def test_a_planted_fault_keeps_the_old_model_in_use(heimdex: Heimdex) -> None:
    heimdex.backfill("second")
    sql(
        heimdex,
        "UPDATE heimdex.vector v SET embedding = (SELECT w.embedding FROM heimdex.vector w "
        " WHERE w.space_id = v.space_id AND w.keyframe_id <> v.keyframe_id LIMIT 1) "
        "WHERE (v.space_id, v.keyframe_id) = (SELECT s.space_id, k.keyframe_id FROM heimdex.space s "
        " JOIN heimdex.model m USING (model_id), heimdex.keyframe k WHERE m.name = 'second' LIMIT 1)",
    )
    with pytest.raises(ChangeRefused, match=r"not sound: vectors are .*heimdex backfill --model second"):
        heimdex.model_change.start("second", QUICK)
    assert heimdex.model_change.state()["model"] == "fake"
    assert (last_change(heimdex)["state"], used(heimdex.search("red"))[0]) == ("failed", "fake")
    assert "not sound" in last_change(heimdex)["error"]


def test_a_vector_whose_checksum_fits_and_that_is_not_its_frames_is_found_too(heimdex: Heimdex) -> None:
    heimdex.backfill("second")
    sql(
        heimdex,
        "UPDATE heimdex.vector v SET embedding = w.embedding, checksum = w.checksum FROM heimdex.vector w "
        "JOIN heimdex.space s USING (space_id) JOIN heimdex.model m USING (model_id) "
        "WHERE m.name = 'second' AND v.space_id = w.space_id AND v.rank = 0 "
        "AND w.keyframe_id = (SELECT max(keyframe_id::text)::uuid FROM heimdex.keyframe)",
    )
    with pytest.raises(ChangeRefused, match="not those of their frame"):
        heimdex.model_change.start("second", StartOptions(sample=100))
    assert heimdex.model_change.state()["model"] == "fake"


def test_a_change_is_refused_while_pictures_would_be_lost(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heimdex.pipeline.model_change.TRIES", 2)
    monkeypatch.setattr(shadow.Shadow, "build", lambda _: None)  # as if files came faster than vectors
    monkeypatch.setattr(shadow.Shadow, "finish", lambda _: None)
    with pytest.raises(ChangeRefused, match="faster than the new model"):
        heimdex.model_change.start("second", QUICK)
    with pytest.raises(ChangeRefused, match="pictures have no vectors of second yet"):
        heimdex.model_change.choose(heimdex.owner, "second")
    assert (heimdex.model_change.state()["model"], counted(heimdex, "second")) == ("fake", 0)


def test_frames_that_fail_do_not_block_but_are_named_and_many_of_them_do(heimdex: Heimdex) -> None:
    frames = sorted(p for p in heimdex.derived.root.rglob("*.jpg") if not p.stem.endswith("thumb"))
    kept = frames[0].read_bytes()
    frames[0].write_bytes(b"no picture")
    with pytest.raises(ChangeRefused, match="second failed on 1 of"):
        heimdex.model_change.start("second", QUICK)
    found = heimdex.model_change.start("second", StartOptions(sample=4, most_failed=0.5))
    (change,) = found["changes"]
    (refusal,) = change["report"]["failed"]
    assert "frames have no vector" in refusal["error"]
    assert change["state"] == "switched"
    frames[0].write_bytes(kept)


def test_a_file_that_has_to_be_looked_at_again_does_not_block(heimdex: Heimdex) -> None:
    sql(
        heimdex,
        "UPDATE heimdex.stage_run SET state = 'failed', error = 'is damaged' WHERE stage = 'scenes' "
        "AND asset_id = (SELECT asset_id FROM heimdex.asset WHERE kind = 'photo' LIMIT 1)",
    )
    (change,) = heimdex.model_change.start("second", QUICK)["changes"]
    assert (change["state"], change["report"]["left_behind"]) == ("switched", 1)
    assert counted(heimdex, "second") == counted(heimdex, "fake") - 2


def test_a_change_that_was_stopped_goes_on_where_it_was(heimdex: Heimdex) -> None:
    made: list[int] = []

    def hear(progress: ChangeProgress) -> None:
        made.append(progress.scenes_done)

    found = heimdex.model_change.start("second", QUICK, stop=lambda: bool(made), on_progress=hear)
    assert found["changes"][0]["state"] == "building"
    assert used(heimdex.search("red"))[0] == "fake"
    first = last_change(heimdex)
    assert first["state"] == "building"
    found = heimdex.model_change.start("second", QUICK)
    assert found["changes"][0]["state"] == "switched"
    assert last_change(heimdex)["change_id"] == first["change_id"]
    assert len(heimdex.model_change.state()["changes"]) == 1


def test_the_answers_of_both_models_are_held_against_each_other(heimdex: Heimdex) -> None:
    for text in ("red", "blue", "yellow rings"):
        heimdex.search(text)
    heimdex.model_change.save_query("green")
    heimdex._asked.flush()
    (change,) = heimdex.model_change.start("second", QUICK)["changes"]
    comparison = change["report"]["comparison"]
    assert {one["query"] for one in comparison["queries"]} == {"red", "blue", "yellow rings", "green"}
    assert 0 < comparison["overlap"] <= 1
    assert -1 <= comparison["rank_correlation"] < 1, "the second model takes words for something else"
    assert last_change(heimdex)["report"]["comparison"] == comparison


def test_the_way_back_is_one_step_and_makes_up_for_what_came_since(heimdex: Heimdex, tmp_path: Path) -> None:
    with pytest.raises(ChangeRefused, match="no model to go back to"):
        heimdex.model_change.rollback()
    assert used(heimdex.search("red"))[0] == "fake"
    heimdex.model_change.start("second", QUICK)
    eventually_by(heimdex, "second")
    heimdex.index(photo(tmp_path / "new", "new", (90, 10, 200)))
    assert counted(heimdex, "second") > counted(heimdex, "fake")
    found = heimdex.model_change.rollback()
    assert found == {"rolled_back": [{"owner": None, "left": "second", "now": "fake"}], "scenes": 1}
    assert used(heimdex.search("red"))[0] == "fake", "it is still loaded"
    assert counted(heimdex, "second") == counted(heimdex, "fake")
    assert last_change(heimdex)["state"] == "rolled_back"
    assert heimdex.verify(sample=-1).faults == ()
    again = heimdex.model_change.start("second", QUICK)["changes"][0]
    assert (again["state"], again["report"]["vectors"]) == ("switched", 0), "everything is still there"


def test_one_owner_alone_gets_the_new_model(heimdex: Heimdex, media: Path) -> None:
    other = heimdex.for_owner(str(uuid.uuid4()))
    other.index(media)
    assert used(other.search("red"))[0] == "fake"
    heimdex.model_change.start("second", StartOptions(owners=(other.owner,), sample=4))
    assert (other.model_change.state()["model"], other.model_change.state()["source"]) == ("second", "choice")
    assert used(eventually_by(other, "second")) == ("second", "second")
    assert used(heimdex.search("red"))[0] == "fake"
    assert counted(heimdex, "second") == 0
    with pytest.raises(UsageError, match="follows the installation"):
        heimdex.model_change.rollback([heimdex.owner])
    heimdex.model_change.rollback([other.owner])
    state = other.model_change.state()
    assert (state["model"], state["source"]) == ("fake", "default"), "it follows the installation again"
    assert used(other.search("red"))[0] == "fake"
    other.model_change.choose(other.owner, "second")
    assert other.model_change.state()["model"] == "second"
    other.model_change.choose(other.owner, None)
    assert other.model_change.state()["source"] == "default"


def test_a_roll_out_reaches_its_share_of_owners_the_same_each_time(heimdex: Heimdex) -> None:
    owners = [str(uuid.uuid4()) for _ in range(3000)]
    places = [
        sql(heimdex, "SELECT heimdex.rollout_place(%(owner)s::uuid)", owner=owner)[0][0]
        for owner in owners[:20]
    ]
    assert places == [
        sql(heimdex, "SELECT heimdex.rollout_place(%(owner)s::uuid)", owner=owner)[0][0]
        for owner in owners[:20]
    ]
    (reached,) = sql(
        heimdex,
        "SELECT count(*) FILTER (WHERE heimdex.rollout_place(id) < 10) FROM unnest(%(ids)s::uuid[]) id",
        ids=owners,
    )
    assert 0.07 < reached[0] / len(owners) < 0.13


def test_a_roll_out_in_steps_ends_with_everybody(heimdex: Heimdex, media: Path) -> None:
    early, late = owner_at(heimdex, range(20)), owner_at(heimdex, range(60, 90))
    for one in (early, late):
        one.index(photo(media.parent / one.owner, "red", (220, 30, 30)))
    heimdex.model_change.start("second", StartOptions(percent=50, sample=4))

    def models() -> list[str]:
        return [one.model_change.state()["model"] for one in (early, late)]

    assert models() == ["second", "fake"]
    assert (counted(late, "second"), counted(early, "second")) == (0, 2)
    rollout = heimdex.model_change.state()["rollout"]
    assert (rollout["model"], rollout["percent"]) == ("second", 50)
    newcomer = owner_at(heimdex, range(20, 40))
    assert newcomer.model.row.name == "second", "who comes now is in the share or not, like all others"
    with pytest.raises(UsageError, match="roll-out of second is under way"):
        heimdex.model_change.start("fake", StartOptions(percent=10))
    heimdex.model_change.rollback()
    assert models() == ["fake", "fake"]
    heimdex.model_change.start("second", StartOptions(percent=50, sample=4))
    heimdex.model_change.start("second", QUICK)
    assert models() == ["second", "second"]
    assert heimdex.model_change.state()["rollout"] is None
    heimdex.model_change.rollback()
    assert models() == ["fake", "fake"]


def owner_at(heimdex: Heimdex, places: range) -> Heimdex:
    """Somebody whose place in a roll-out is one of these."""
    while True:
        owner = str(uuid.uuid4())
        (row,) = sql(heimdex, "SELECT heimdex.rollout_place(%(owner)s::uuid)", owner=owner)
        if row[0] in places:
            return heimdex.for_owner(owner)


def test_what_is_in_use_or_may_come_back_is_never_pruned(heimdex: Heimdex, media: Path) -> None:
    other = heimdex.for_owner(str(uuid.uuid4()))
    other.index(photo(media.parent / other.owner, "red", (220, 30, 30)))
    other.model_change.start("second", StartOptions(owners=(other.owner,), keep_days=30))
    assert heimdex.model_change.prune() == {"pruned": []}, "the installation uses what that owner left"
    heimdex.model_change.start("second", StartOptions(keep_days=30, sample=4))
    assert heimdex.model_change.prune() == {"pruned": []}, "it was left a moment ago"
    days = "UPDATE heimdex.model_change SET finished_at = now() - interval '31 days'"
    sql(heimdex, days)
    assert heimdex.model_change.prune() == {"pruned": []}, "another owner left it a moment ago"
    sql(other, days)
    heimdex.backfill("fake")
    before = counted(heimdex, "fake") + counted(other, "fake")
    pruned = heimdex.model_change.prune()
    assert pruned == {"pruned": [{"model": "fake", "vectors": before}]}
    assert (counted(heimdex, "fake"), counted(other, "fake")) == (0, 0)
    assert counted(heimdex, "second") > 0
    for one in (heimdex, other):
        assert one.verify(sample=-1).faults == ()
        assert one.search("red").models == {"picture": "second"}
    with pytest.raises(ChangeRefused, match="pruned"):
        heimdex.model_change.rollback()
    assert heimdex.model_change.prune() == {"pruned": []}


def test_of_all_workers_one_prunes_now_and_then_and_another_when_it_is_gone(
    heimdex: Heimdex, database_url: str, tmp_path: Path
) -> None:
    with opened(database_url, tmp_path) as elsewhere:
        first, second = (Tidying(one.database, lambda: None) for one in (heimdex, elsewhere))
        assert (first.look(), second.look(), first.look()) == (True, False, True)
        heimdex.model_change.start("second", StartOptions(sample=0, keep_days=0))
        assert (second.look(), counted(heimdex, "fake") > 0) == (False, True)
        first.close()
        assert (second.look(), counted(heimdex, "fake")) == (True, 0)
        second.close()


def test_a_worker_prunes_beside_its_jobs_and_stops_amid_it(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "VECTORS_AT_ONCE", 1)
    heimdex.model_change.start("second", StartOptions(sample=0, keep_days=0))
    before = counted(heimdex, "fake")

    def stop_amid() -> None:
        if counted(heimdex, "fake") < before:
            raise Stopped

    tidying = Tidying(heimdex.database, stop_amid)
    with pytest.raises(Stopped):
        tidying.look()
    tidying.close()
    assert 0 < counted(heimdex, "fake") < before
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(heimdex, QUICK_WORKER, stop))
    worker.start()
    for _ in range(2000):
        if not counted(heimdex, "fake"):
            break
        threading.Event().wait(0.01)
    stop.set()
    worker.join()
    assert counted(heimdex, "fake") == 0
    assert last_change(heimdex)["pruned_at"] is not None
    assert heimdex.verify(sample=-1).faults == ()


def test_a_change_left_to_workers_is_a_job_that_goes_on_where_it_was_stopped(
    heimdex: Heimdex, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"HEIMDEX_HOME": str(heimdex.settings.home), "HEIMDEX_DATABASE_URL": database_url}
    command = ["models", "use", "second", "--no-wait", "--sample", "2", "--json"]
    answer = CliRunner().invoke(app, command, env=env)
    assert answer.exit_code == 0, answer.output
    entered = json.loads(answer.stdout)
    assert (entered["state"], entered["arguments"]) == ("waiting", {"model": "second", "sample": 2})
    assert heimdex.model_change.state()["model"] == "fake"

    stop, fill = threading.Event(), shadow.Shadow._fill

    def stop_first(self: shadow.Shadow, phase: str, options: Any) -> Any:
        report = fill(self, phase, options)
        stop.set()
        heimdex.jobs.pause(entered["job_id"])
        while heimdex.jobs.get(entered["job_id"]).wish is None:
            pass
        threading.Event().wait(0.3)  # until the run was told
        return report

    with monkeypatch.context() as patch:
        patch.setattr(shadow.Shadow, "_fill", stop_first)
        assert run_worker(heimdex, QUICK_WORKER, stop)
    assert heimdex.jobs.get(entered["job_id"]).state == "paused"
    assert (last_change(heimdex)["state"], heimdex.model_change.state()["model"]) == ("building", "fake")
    heimdex.jobs.resume(entered["job_id"])
    assert run_worker(heimdex, replace(QUICK_WORKER, once=True), threading.Event())
    done = heimdex.jobs.get(entered["job_id"])
    assert done.result is not None
    assert (done.state, done.result["switched"], done.result["vectors"]) == ("done", 1, 0)
    assert len(heimdex.model_change.state()["changes"]) == 1
    assert heimdex.model_change.state()["model"] == "second"


def test_nothing_is_pruned_amid_a_change_and_no_two_changes_meet(heimdex: Heimdex) -> None:
    tried: list[str] = []

    def meddle(progress: ChangeProgress) -> None:
        if progress.phase == "checking" and not tried:
            for what in (heimdex.model_change.prune, lambda: heimdex.model_change.start("second", QUICK)):
                with pytest.raises(ChangeRefused) as refused:
                    what()
                tried.append(str(refused.value))

    heimdex.model_change.start("second", QUICK, on_progress=meddle)
    assert "prune when that is over" in tried[0]
    assert "under way already" in tried[1]


def test_a_backfill_made_ahead_is_not_pruned(heimdex: Heimdex) -> None:
    heimdex.backfill("second")
    assert heimdex.model_change.prune() == {"pruned": []}
    assert counted(heimdex, "second") > 0


def test_a_model_in_use_that_is_not_installed_here_is_stood_in_for(
    heimdex: Heimdex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str
) -> None:
    heimdex.model_change.start("second", QUICK)
    here = tuple(row for row in catalog.ROWS if row.name != "second")
    monkeypatch.setattr(catalog, "ROWS", (*here, STARTER))
    with opened(database_url, tmp_path) as bare:
        answer = bare.search("red")
        assert used(answer) == ("fake", "fake")
        unavailable = next(item for item in answer.unavailable if item.signal == "picture")
        assert "second, cannot be used on this machine" in unavailable.reason
        assert "searched with fake" in unavailable.reason
        assert bare.status()["models"] == {"picture": "second"}
        with pytest.raises((ModelUnavailable, NotFound), match="second"):
            bare.index(tmp_path)
        sql(bare, "DELETE FROM heimdex.vector")
        answer = bare.search("red")
        assert {item.signal for hit in answer.hits for item in hit.evidence} == {"path"}


def test_other_weights_under_the_name_in_use_take_its_place_when_indexed_with(
    heimdex: Heimdex, media: Path
) -> None:
    sql(heimdex, "UPDATE heimdex.model SET weights_sha256 = 'older' WHERE name = 'fake'")
    heimdex.index(media)
    (row,) = sql(
        heimdex,
        "SELECT m.weights_sha256 FROM heimdex.model m WHERE m.model_id = heimdex.active_picture_model()",
    )
    assert row[0] != "older"
    assert heimdex.verify(sample=-1).faults == ()


def test_options_that_make_no_sense_are_refused(heimdex: Heimdex) -> None:
    for wrong in (
        StartOptions(percent=0),
        StartOptions(percent=10, owners=(heimdex.owner,)),
        StartOptions(owners=("anna",)),
        StartOptions(keep_days=-1),
        StartOptions(most_failed=2.0),
    ):
        with pytest.raises(UsageError):
            heimdex.model_change.start("second", wrong)
    with pytest.raises(NotFound):
        heimdex.model_change.start("nothing", QUICK)


def test_a_plan_says_what_would_be_made_and_makes_nothing(heimdex: Heimdex) -> None:
    planned = heimdex.model_change.plan("second")
    assert (planned["owners"], planned["vectors"]) == (1, counted(heimdex, "fake"))
    assert counted(heimdex, "second") == 0
    assert heimdex.model_change.state()["changes"] == []


def test_the_commands_tell_people_what_they_did(heimdex: Heimdex, database_url: str) -> None:
    env = {
        "HEIMDEX_HOME": str(heimdex.settings.home),
        "HEIMDEX_DATABASE_URL": database_url,
        "HEIMDEX_PICTURE_MODEL": "fake",
        "COLUMNS": "200",
    }

    def say(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["models", *words], env=env)
        assert done.exit_code == code, done.output
        return done.output

    assert f"Would make {counted(heimdex, 'fake')} vectors of second" in say("use", "second", "--dry-run")
    assert "saved  red" in say("queries", "--save", "red")
    said = say("use", "second", "--sample", "2")
    assert "second is in use" in said
    assert "of the top ten of 1 queries" in said
    assert "Nothing to remove" in say("prune")
    assert "second is in use; " not in said
    assert "fake is in use again, in place of second" in say("rollback")
    assert "no owner" in say("use", "second", "--owners", "anna", code=2)
    assert json.loads(say("use", "second", "--percent", "101", "--json", code=2).splitlines()[0])["error"]


def test_the_latest_queries_are_kept_and_saved_ones_stay(
    database_url: str, tmp_path: Path, media: Path
) -> None:
    with opened(database_url, tmp_path, recent_queries=3) as library:
        library.index(media)
        library.model_change.save_query("green rings")
        for number in range(6):
            library.search(f"red {number}")
            library._asked.flush()
        library.search("red 4")
        library.search("red 5", page=2)
        library._asked.flush()
        kept = [(one["query"], one["saved"]) for one in library.model_change.queries()]
        assert kept == [("green rings", True), ("red 4", False), ("red 5", False), ("red 3", False)]
        library.model_change.forget_query("green rings")
        assert len(library.model_change.queries()) == 3
    with opened(database_url, tmp_path, recent_queries=0) as silent:
        silent.search("something else")
        silent._asked.flush()
        assert "something else" not in [one["query"] for one in silent.model_change.queries()]
