"""Faults of words: each is planted, named as what it is, and mended by running the stage again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from heimdex.entities import new_id
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import FaultKind, Finding
from heimdex.pipeline.inspection.subject import Model, Subject
from heimdex.pipeline.inspection.words import TERM_KINDS, TEXT_KINDS, Words
from heimdex.pipeline.ledger import claim_key
from heimdex.store import checks, mends
from heimdex.store.database import Database
from tests.conftest import ServerUnderTest
from tests.integration.pipeline.test_wording import (
    SAILING,
    describe,
    lasting_worker,
    run,
    scenes,
    speak,
    write_line,
)
from tests.later_kit import Kit, make_kit

FAULTS: list[tuple[FaultKind, int, str]] = [
    (faults.TEXT_MISSING, 2, "DELETE FROM heimdex.text_vector WHERE scene_id = %(first)s"),
    (
        faults.TEXT_MISSING,
        1,
        'UPDATE heimdex.text_vector SET embedding = NULL, metadata = metadata || \'{"error": "lost"}\' '
        "WHERE scene_id = %(first)s AND channel = 'summary'",
    ),
    (
        faults.TEXT_ALTERED,
        1,
        "UPDATE heimdex.text_vector SET embedding = (SELECT embedding FROM heimdex.text_vector "
        "WHERE scene_id = %(second)s AND channel = 'transcript') "
        "WHERE scene_id = %(first)s AND channel = 'transcript'",
    ),
    (
        faults.TEXT_ALTERED,
        1,
        "UPDATE heimdex.text_vector SET embedding = '[3,4]', checksum = sha256(halfvec_send('[3,4]')) "
        "WHERE scene_id = %(first)s AND channel = 'summary'",
    ),
    (
        faults.TEXT_ASTRAY,
        1,
        "UPDATE heimdex.text_vector SET asset_id = %(other)s "
        "WHERE scene_id = %(first)s AND channel = 'summary'",
    ),
    (faults.TERMS_MISSING, 1, "DELETE FROM heimdex.posting WHERE asset_id = %(asset)s"),
    (faults.TERMS_MISSING, 1, "DELETE FROM heimdex.posting WHERE asset_id = %(asset)s AND channel = 2"),
    (
        faults.TERMS_ASTRAY,
        1,
        "UPDATE heimdex.posting SET scenes = scenes || %(nowhere)s::uuid WHERE asset_id = %(asset)s "
        "AND term = (SELECT min(term) FROM heimdex.posting WHERE asset_id = %(asset)s)",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _one_worker() -> Iterator[None]:
    with lasting_worker():
        yield


@pytest.fixture
def kit(database: Database, owner: str, tmp_path: Path) -> Kit:
    return make_kit(database, owner, tmp_path / "home")


def look(kit: Kit) -> list[Finding]:
    """What is wrong with the words of the library."""
    owner = kit.tools.owner

    def read(work: Any) -> Any:
        return kit.tools.database.run(owner, work, read_only=True)

    last = read(lambda c: checks.last_asset(c, owner))
    key = partial(claim_key, owner)
    page = read(lambda c: checks.read_page(c, owner, None, last, limit=10, claim_key=key))
    subjects = [Subject(page, asset, Model(model_id=0, name="fake")) for asset in page.assets]
    return list(Words(kit.tools, read).check(subjects))


def worded(kit: Kit) -> tuple[Item, Item]:
    film, other = kit.add("film.mp4", scenes(3)), kit.add("other.mp4", scenes(1))
    speak(kit, film, SAILING)
    write_line(kit, film, 0, "EXIT 24", 1.0, 2.0)
    describe(kit, other, 0, "A woman in a yellow coat holds a dog.")
    run(kit, film, other)
    return film, other


def test_sound_words_have_no_fault(kit: Kit) -> None:
    worded(kit)
    assert look(kit) == []


@pytest.mark.parametrize(("kind", "count", "statement"), FAULTS)
def test_a_fault_of_words_is_named_and_mended_by_the_stage(
    kit: Kit, kind: FaultKind, count: int, statement: str
) -> None:
    film, other = worded(kit)
    first, second, _ = kit.scene_ids(film)
    kit.sql(
        statement,
        first=first,
        second=second,
        asset=film.asset.asset_id,
        other=other.asset.asset_id,
        nowhere=new_id(),
    )
    found = look(kit)
    assert [finding.kind for finding in found] == [kind] * count
    assert {finding.asset_id for finding in found} == {film.asset.asset_id}
    assert found[0].kind.stage == "text"
    owner = kit.tools.owner
    asset_id, model_id = film.asset.asset_id, found[0].model_id
    kit.tools.database.run(owner, lambda c: mends.pend_run(c, owner, asset_id, "text", model_id))
    run(kit, film, other)
    assert look(kit) == []


def test_words_whose_asset_is_gone_are_named_and_dropped(
    kit: Kit, database_server: ServerUnderTest, database_url: str
) -> None:
    film, _ = worded(kit)
    asset_id, owner = film.asset.asset_id, kit.tools.owner
    describe(kit, film, 0, "A storm.")
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_server.url(str(name), user="postgres")) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in ("keyframe", "scene", "stage_run", "file", "path_word", "asset"):
            connection.execute(f"DELETE FROM heimdex.{table} WHERE asset_id = %s", [asset_id])

    def orphans() -> dict[str, dict[str, int]]:
        return kit.tools.database.run(owner, lambda c: checks.orphans(c, owner))

    found = orphans()
    assert list(found) == [asset_id]
    assert found[asset_id].pop("posting") > 3
    assert found[asset_id] == {
        "text_vector": 6,
        "scene_words": 3,
        "text_line": 1,
        "description": 1,
        "transcript": 1,
        "utterance": 3,
    }
    kit.tools.database.run(owner, lambda c: mends.delete_orphans(c, owner))
    assert orphans() == {}
    assert look(kit) == []


def test_every_kind_is_planted() -> None:
    assert {kind for kind, _, _ in FAULTS} == {*TEXT_KINDS.values(), *TERM_KINDS.values()}
