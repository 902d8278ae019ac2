"""An index goes out into files that others read, and comes back the same; damaged ones do not come in."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from heimdex.app import Heimdex
from heimdex.cli.commands import app
from heimdex.entities import TextLine, Transcript, Utterance, Word
from heimdex.errors import ArchiveFault, NotFound, UsageError
from heimdex.pipeline.open_index import json_lines, manifest, parquet
from heimdex.pipeline.open_index.tables import BY_NAME, TABLES, Type
from heimdex.store import assets, descriptions, text_lines, transcripts
from heimdex.store.descriptions import DescriptionRow
from tests.conftest import TEMPLATE, ServerUnderTest
from tests.planting import fake_model, lasting_workers, make_media

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "open-index.md"
SAID = "The harvest begins before the storm."


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with fake_model(), lasting_workers():
        yield


Open = Callable[..., Heimdex]


@pytest.fixture(scope="module")
def library(
    database_server: ServerUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Heimdex, Path]]:
    """A library with everything an index can hold; nobody changes it."""
    name = f"out_{uuid.uuid4().hex}"
    database_server.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    folder = tmp_path_factory.mktemp("library")
    media = make_media(folder / "media")
    (media / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    settings: dict[str, Any] = {"home": folder / "home", "database_url": database_server.url(name)}
    with Heimdex(picture_model="fake", workers=2, **settings) as opened:
        opened.index(media, stages=["scenes", "picture"])
        _give_words(opened, media)
        opened.index(media)
        yield opened, media
    database_server.admin(f"DROP DATABASE {name} WITH (FORCE)")


def _give_words(heimdex: Heimdex, media: Path) -> None:
    shown = heimdex.show(str(media / "film.mp4"))
    asset_id, scene = shown["asset"]["asset_id"], shown["scenes"][0]
    (media / "film.srt").write_text(f"1\n00:00:00,200 --> 00:00:01,400\n{SAID}\n", encoding="utf-8")
    said = Transcript(
        source="subtitles",
        model="subtitles",
        language="en",
        origin="film.srt",
        utterances=(
            Utterance(
                position=0,
                start_us=200_000,
                end_us=1_400_000,
                text=SAID,
                language="en",
                words=(Word(text="The", start_us=200_000, end_us=300_000, confidence=0.25),),
            ),
        ),
    )
    line = TextLine(
        scene_id=scene["scene_id"],
        at_us=100_000,
        start_us=0,
        end_us=900_000,
        text="EXIT 42",
        box=(0.1, 0.2, 0.3, 0.4),
        confidence=0.9,
        script="latin",
    )
    row = DescriptionRow(
        scene_id=scene["scene_id"],
        text="A red field below a low sky.",
        language="en",
        model="endpoint:eye",
        metadata={"error": None, "cached": False},
    )

    def write(connection: Any) -> None:
        transcripts.replace_transcript(connection, heimdex.owner, asset_id, said, ())
        text_lines.replace_lines(connection, heimdex.owner, asset_id, [line])
        descriptions.write_descriptions(connection, heimdex.owner, asset_id, [row])

    heimdex.database.run(heimdex.owner, write)


@pytest.fixture
def elsewhere(database_url: str, tmp_path: Path) -> Iterator[Open]:
    """Another home, over another database."""
    opened: list[Heimdex] = []

    def make(owner: str | None = None) -> Heimdex:
        given: dict[str, Any] = {"owner": owner} if owner else {}
        home = tmp_path / "other_home"
        opened.append(Heimdex(picture_model="fake", workers=2, home=home, database_url=database_url, **given))
        return opened[-1]

    yield make
    for heimdex in opened:
        heimdex.close()


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    found = manifest.read(folder)
    house = manifest.FORMS[found.form]
    rows = house.read(found.file(folder, table), BY_NAME[table])
    return [
        {name: value.tobytes() if hasattr(value, "tobytes") else value for name, value in row.items()}
        for row in rows
    ]


def answers(heimdex: Heimdex, media: Path) -> list[Any]:
    asked = ("red", "a blue picture", "harvest storm", "said: harvest", '"exit 42"', "low sky")
    found = [heimdex.search(text, nearest=True) for text in asked]
    found.append(heimdex.search(image=media / "green.jpg"))
    return [
        (answer.verdict, [(h.scene_id, h.path, round(h.score, 6), h.thumbnail is None) for h in answer.hits])
        for answer in found
    ]


def refused(folder: Path, heimdex: Heimdex, match: str) -> None:
    with pytest.raises(ArchiveFault, match=match):
        heimdex.open_index.bring_in(folder)
    assert heimdex.assets()["assets"] == []
    assert list(heimdex.derived.files()) == []


def test_the_columns_are_those_of_the_database(database_url: str) -> None:
    told = {table.name: set(table.columns) for table in TABLES}
    by_model = {"model", "precision", "weights_sha256"}
    with psycopg.connect(database_url) as connection:
        for name, own in {
            "assets": "asset", "files": "file", "scenes": "scene", "keyframes": "keyframe",
            "vectors": "vector", "calibrations": "calibration", "transcripts": "transcript",
            "utterances": "utterance", "text_lines": "text_line", "descriptions": "description",
            "text_vectors": "text_vector", "ledger": "stage_run",
        }.items():  # fmt: skip
            rows = connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
                [f"heimdex.{own}"],
            )
            columns = {row[0] for row in rows}
            if "space_id" in columns:
                columns = columns - {"space_id"} | by_model | {"space"}
            if "model_id" in columns:
                columns = columns - {"model_id"} | by_model
            assert columns - {"owner_id"} | {"asset_id"} == told[name], name


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_a_round_trip_is_equal_and_answers_alike(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path, form: str
) -> None:
    heimdex, media = library
    made = heimdex.open_index.take_out(tmp_path / "first", form=form)
    assert all(made["rows"].values()), made["rows"]
    other = elsewhere()
    found = other.open_index.bring_in(tmp_path / "first")
    assert (found["imported"], found["known"], found["renamed"]) == (made["rows"]["assets"], 0, 0)
    other.open_index.take_out(tmp_path / "second", form=form)
    for table in BY_NAME:
        assert rows_of(tmp_path / "first", table) == rows_of(tmp_path / "second", table), table
    assert answers(other, media) == answers(heimdex, media)
    assert other.verify(sample=-1 if form == "parquet" else 0).faults == ()
    again = other.index(media)
    assert (again.indexed, again.failed == heimdex.index(media).failed) == (0, True)
    found = other.open_index.bring_in(tmp_path / "first")
    assert (found["imported"], found["known"], found["refused_paths"]) == (0, made["rows"]["assets"], 0)


def test_both_forms_say_the_same(library: tuple[Heimdex, Path], tmp_path: Path) -> None:
    heimdex, _ = library
    for form in ("parquet", "json"):
        heimdex.open_index.take_out(tmp_path / form, form=form, frames=False)
    for table in BY_NAME.values():
        pairs = zip(
            rows_of(tmp_path / "parquet", table.name), rows_of(tmp_path / "json", table.name), strict=True
        )
        for left, right in pairs:
            for name, kind in table.columns.items():
                if kind in (Type.REAL, Type.REALS, Type.TIME):
                    continue  # float32 is printed shorter, and +00:00 stands for any zone's words
                assert left[name] == right[name], (table.name, name)
    assert not (tmp_path / "json" / manifest.FRAMES).exists()


def test_frames_that_did_not_come_along_are_missed_and_made_again(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path
) -> None:
    heimdex, media = library
    heimdex.open_index.take_out(tmp_path / "out", frames=False)
    other = elsewhere()
    assert other.open_index.bring_in(tmp_path / "out")["frames"] is False
    assert answers(other, media) == answers(heimdex, media)
    faults = other.verify(sample=0).faults
    assert {fault.stage for fault in faults} == {"scenes"}
    other.index(media, repair=True)
    assert other.verify(sample=0).faults == ()
    assert len(list(other.derived.files())) == len(list(heimdex.derived.files()))


def test_another_owner_gets_keys_of_its_own(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path
) -> None:
    heimdex, media = library
    heimdex.open_index.take_out(tmp_path / "out")
    bert = elsewhere(str(uuid.uuid4()))
    bert.open_index.bring_in(tmp_path / "out")
    assert bert.verify(sample=0).faults == ()
    assert answers(bert, media) == answers(heimdex, media)
    assert {path.parts[len(bert.derived.root.parts) - 1] for path in bert.derived.files()} == {bert.owner}


def test_ids_in_use_give_way_to_new_ones_and_paths_in_use_stay(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path
) -> None:
    heimdex, media = library
    heimdex.open_index.take_out(tmp_path / "out")
    other = elsewhere()
    other.open_index.bring_in(tmp_path / "out")

    def disturb(connection: Any) -> None:
        # The same ids with another content, elsewhere; and other content at the path of the red photo.
        connection.execute("UPDATE asset SET content_hash = sha256(content_hash)")
        connection.execute(
            "UPDATE file SET path_bytes = path_bytes || '2', path = path || '2' "
            "WHERE path NOT LIKE '%red.jpg'"
        )

    other.database.run(other.owner, disturb)
    found = other.open_index.bring_in(tmp_path / "out")
    count = found["imported"]
    assert (count > 3, found["renamed"], found["superseded"], found["known"]) == (True, count, 1, 0)
    assert len(other.assets()["assets"]) == 2 * count + 1
    paths = {hit.path for hit in other.search("blue").hits}
    assert str(media / "blue.jpg") in paths


def test_what_is_damaged_missing_newer_or_unfinished_does_not_come_in(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path
) -> None:
    heimdex, _ = library
    good = tmp_path / "good"
    heimdex.open_index.take_out(good)
    other = elsewhere()
    other.database.run(other.owner, lambda _: None)
    count = 0

    def spoilt(work: Callable[[Path], object]) -> Path:
        nonlocal count
        count += 1
        folder = tmp_path / f"bad{count}"
        shutil.copytree(good, folder)
        work(folder)
        return folder

    def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
        def work(folder: Path) -> None:
            document = json.loads((folder / manifest.NAME).read_text())
            change(document)
            (folder / manifest.NAME).write_text(json.dumps(document))

        return work

    def flip(name: str) -> Callable[[Path], object]:
        def work(folder: Path) -> None:
            path = next(folder.rglob(name))
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

        return work

    refused(spoilt(flip("vectors.parquet")), other, "vectors.parquet: its checksum differs")
    refused(spoilt(flip("*-thumb.jpg")), other, "thumb.jpg: its checksum differs")
    refused(spoilt(lambda f: (f / "scenes.parquet").unlink()), other, "scenes.parquet: No such file")
    refused(spoilt(lambda f: next(f.rglob("*-thumb.jpg")).unlink()), other, "is missing")
    refused(spoilt(lambda f: (f / manifest.NAME).unlink()), other, "did not end")
    refused(spoilt(lambda f: (f / manifest.NAME).write_text("{")), other, "cannot be read")
    refused(spoilt(edit(lambda d: d.update(version=2))), other, "of version 2")
    refused(spoilt(edit(lambda d: d.update(format="else"))), other, "no manifest of an open index")
    refused(spoilt(edit(lambda d: d["tables"].pop("files"))), other, "is damaged")


def test_an_id_that_is_a_path_leads_nowhere(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path
) -> None:
    heimdex, _ = library
    folder = tmp_path / "out"
    heimdex.open_index.take_out(folder, form="json")
    path = folder / "keyframes.jsonl"
    lines = path.read_text().splitlines()
    row = json.loads(lines[0]) | {"keyframe_id": "../../../escape"}
    path.write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    document = json.loads((folder / manifest.NAME).read_text())
    document["tables"]["keyframes"] |= {
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    (folder / manifest.NAME).write_text(json.dumps(document))
    refused(folder, elsewhere(), "are no ids")


def test_an_import_that_was_interrupted_goes_on(
    library: tuple[Heimdex, Path], elsewhere: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heimdex, media = library
    made = heimdex.open_index.take_out(tmp_path / "out")
    other = elsewhere()
    refresh, done = assets.refresh, 0

    def stop(*given: Any) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt
        refresh(*given)

    with monkeypatch.context() as patch:
        patch.setattr(assets, "refresh", stop)
        with pytest.raises(KeyboardInterrupt):
            other.open_index.bring_in(tmp_path / "out")
    assert len(other.assets()["assets"]) == 2
    found = other.open_index.bring_in(tmp_path / "out")
    assert (found["imported"], found["known"]) == (made["rows"]["assets"] - 2, 2)
    assert answers(other, media) == answers(heimdex, media)
    assert len(list(other.derived.files())) == len(list(heimdex.derived.files()))


def test_the_commands_tell_what_they_did_and_refuse_a_folder_in_use(
    library: tuple[Heimdex, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    heimdex, _ = library
    monkeypatch.setenv("HEIMDEX_PICTURE_MODEL", "fake")
    url = heimdex.settings.database_url
    assert url is not None
    out, runner = tmp_path / "out", CliRunner()
    monkeypatch.setenv("HEIMDEX_DATABASE_URL", url)
    done = runner.invoke(
        app, ["export-index", str(out), "--as", "json", "--home", str(heimdex.settings.home), "--json"]
    )
    assert (done.exit_code, json.loads(done.stdout)["form"]) == (0, "json")
    again = runner.invoke(app, ["export-index", str(out), "--home", str(heimdex.settings.home)])
    assert (again.exit_code, "not empty" in again.stderr) == (2, True)
    monkeypatch.setenv("HEIMDEX_DATABASE_URL", database_url)
    done = runner.invoke(app, ["import-index", str(out), "--home", str(tmp_path / "home")])
    assert done.exit_code == 0
    assert "assets imported" in done.stdout
    (out / "manifest.json").unlink()
    assert runner.invoke(app, ["import-index", str(out), "--home", str(tmp_path / "home")]).exit_code == 1
    with pytest.raises(UsageError, match="parquet, json"):
        heimdex.open_index.take_out(tmp_path / "x", form="csv")


def test_long_tables_are_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    table = BY_NAME["scenes"]
    rows = [dict.fromkeys(table.columns, None) | {"asset_id": "a", "position": n} for n in range(7)]
    monkeypatch.setattr(parquet, "GROUP_ROWS", 3)
    path = tmp_path / "scenes.parquet"
    assert parquet.write(path, table, iter(rows)) == 7
    assert pq.ParquetFile(path).num_row_groups == 3
    assert list(parquet.read(path, table)) == rows
    assert json_lines.write(tmp_path / "scenes.jsonl", table, iter(rows)) == 7
    assert list(json_lines.read(tmp_path / "scenes.jsonl", table)) == rows


def test_the_reference_names_every_column_with_its_type() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    told = {
        name: dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", body, re.MULTILINE))
        for name, body in re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    }
    assert told == {table.name: {n: str(kind) for n, kind in table.columns.items()} for table in TABLES}


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_one_asset_goes_out_alone_and_comes_back(
    library: tuple[Heimdex, Path], form: str, tmp_path: Path
) -> None:
    heimdex, media = library
    film = str(media / "film.mp4")
    ran = CliRunner().invoke(
        app,
        ["export", film, "--as", form, "--output", str(tmp_path / "out"), "--json"],
        env={
            "HEIMDEX_HOME": str(heimdex.settings.home),
            "HEIMDEX_DATABASE_URL": heimdex.settings.database_url,
        },
    )
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    whole = heimdex.export(film)
    assert found["rows"]["assets"] == 1
    assert found["rows"]["scenes"] == len(whole["scenes"])
    assert found["rows"]["utterances"] == len(whole["transcript"]["utterances"]) > 0
    assert 0 < found["rows"]["vectors"] < heimdex.open_index.take_out(tmp_path / "all")["rows"]["vectors"]
    brought = heimdex.for_owner(str(uuid.uuid4())).open_index.bring_in(tmp_path / "out")
    assert brought["imported"] == 1
    again = heimdex.open_index.bring_in(tmp_path / "out")
    assert (again["imported"], again["known"]) == (0, 1)


def test_an_index_of_one_asset_needs_the_asset_and_a_folder(
    library: tuple[Heimdex, Path], tmp_path: Path
) -> None:
    heimdex, media = library
    with pytest.raises(NotFound):
        heimdex.open_index.take_out(tmp_path / "out", asset=str(media / "nothing.mp4"))
    ran = CliRunner().invoke(
        app,
        ["export", str(media / "film.mp4"), "--as", "json"],
        env={
            "HEIMDEX_HOME": str(heimdex.settings.home),
            "HEIMDEX_DATABASE_URL": heimdex.settings.database_url,
        },
    )
    assert ran.exit_code != 0
    assert "--output" in ran.output
