"""The faults that are planted: what each is, and how it is made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import FaultKind
from tests.planting import Library

FILM, SHORT, SOUND = "film.mp4", "short.mp4", "sound.m4a"
RED, GREEN, BLUE, YELLOW = "red.jpg", "green.jpg", "blue.jpg", "yellow.jpg"


@dataclass(frozen=True, kw_only=True)
class Plant:
    """How to make one fault, what it is, and the file whose asset has it (None: no asset)."""

    kind: FaultKind
    plant: Callable[[Library], object]
    name: str | None = FILM
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind.what}{f', {self.note}' if self.note else ''}".replace(" ", "-")


PLANTS: list[Plant] = []


def plant(
    kind: FaultKind, name: str | None = FILM, note: str = ""
) -> Callable[[Callable[[Library], object]], None]:
    def enter(function: Callable[[Library], object]) -> None:
        PLANTS.append(Plant(kind=kind, plant=function, name=name, note=note))

    return enter


def update(kind: FaultKind, statement: str, name: str = FILM, note: str = "", **parameters: object) -> None:
    """A fault that is one statement about the asset of a file."""
    plant(kind, name, note)(lambda lib: lib.sql(statement, asset=lib.asset(name), **parameters))


# The ledger

RUN = "UPDATE stage_run SET {} WHERE asset_id = %(asset)s AND stage = '{}'"
update(
    faults.NO_ENTRY, "DELETE FROM stage_run WHERE asset_id = %(asset)s AND stage = 'scenes'", note="scenes"
)
update(
    faults.NO_ENTRY, "DELETE FROM stage_run WHERE asset_id = %(asset)s AND stage = 'picture'", note="picture"
)
update(faults.STALE_RUNNING, RUN.format("state = 'running', finished_at = NULL", "scenes"))
update(faults.PENDING, RUN.format("state = 'pending'", "picture"))
update(faults.OTHER_VERSION, RUN.format("stage_version = 0", "scenes"))
update(faults.OTHER_CONTENT, RUN.format("content_hash = sha256('other')", "picture"))
update(faults.NO_ROWS, "DELETE FROM scene WHERE asset_id = %(asset)s", note="scenes")
update(faults.NO_ROWS, "DELETE FROM vector WHERE asset_id = %(asset)s", note="picture")
update(faults.NO_ROWS, "DELETE FROM scene WHERE asset_id = %(asset)s", SOUND, "of sound")
update(faults.NO_ROWS, RUN.format("state = 'done'", "picture"), SOUND, "of pictures of sound")
update(faults.FEWER_ROWS, RUN.format("row_count = row_count + 1", "scenes"))
update(faults.MORE_ROWS, RUN.format("row_count = row_count - 1", "picture"))
update(faults.EMPTY_WITH_ROWS, RUN.format("state = 'empty'", "scenes"))
update(faults.EMPTY_WITH_ROWS, RUN.format("state = 'empty'", "scenes"), SOUND, "of sound")
update(faults.UNFINISHED, RUN.format("finished_at = NULL", "scenes"))
update(faults.UNKNOWN_STAGE, RUN.format("stage = 'smells'", "picture"), note="in place of a known")
update(faults.UNKNOWN_MODEL, RUN.format("model_id = 999", "picture"), note="in place of a known")
update(
    faults.UNKNOWN_MODEL,
    "INSERT INTO stage_run SELECT owner_id, asset_id, stage, 998, stage_version, state, content_hash, "
    "row_count FROM stage_run WHERE asset_id = %(asset)s AND stage = 'picture'",
    note="beside the known",
)  # fmt: skip


@plant(faults.STALE_RUNNING, RED, "killed in the middle of a film")
def _(lib: Library) -> None:
    asset = lib.asset(RED)
    number = lib.sql(
        "UPDATE stage_run SET state = 'running', attempt = attempt + 1, row_count = 0, finished_at = NULL "
        "WHERE asset_id = %(asset)s AND stage = 'scenes' RETURNING attempt",
        asset=asset,
    )[0][0]
    folder = lib.folder(RED) / str(number)
    folder.mkdir()
    shutil.copy(lib.kept(RED)[0].frame, folder / "0199a1b2-0000-7000-8000-000000000000.jpg")
    (folder / "0199a1b2-0000-7000-8000-000000000000-thumb.jpg.1.part").write_bytes(b"half")


@plant(faults.WRONGLY_EMPTY, RED)
def _(lib: Library) -> None:
    lib.sql("DELETE FROM vector WHERE asset_id = %(asset)s", asset=lib.asset(RED))
    lib.sql(RUN.format("state = 'empty', row_count = 0", "picture"), asset=lib.asset(RED))


OTHER_MODEL = (
    "INSERT INTO model (name, precision, weights_sha256) SELECT name, precision, md5(random()::text) "
    "FROM model WHERE model_id = (SELECT max(model_id) FROM stage_run WHERE stage = 'picture') "
    "RETURNING model_id"
)


@plant(faults.OTHER_WEIGHTS, GREEN)
def _(lib: Library) -> None:
    old = lib.sql("SELECT model_id FROM stage_run WHERE stage = 'picture' AND model_id <> 0 LIMIT 1")[0][0]
    model = lib.sql(OTHER_MODEL)[0][0]
    lib.sql(
        "INSERT INTO space (model_id, name, dim) "
        "SELECT %(model)s, name, dim FROM space WHERE model_id = %(old)s",
        model=model,
        old=old,
    )
    moved = (
        "UPDATE {} v SET space_id = b.space_id FROM space a, space b WHERE a.space_id = v.space_id "
        "AND b.name = a.name AND b.model_id = %(model)s AND v.scene_id IN "
        "(SELECT scene_id FROM scene WHERE asset_id = %(asset)s)"
    )
    both = [moved.format(table) for table in ("vector", "calibration")]
    lib.forced(*both, model=model, asset=lib.asset(GREEN))
    lib.sql(RUN.format("model_id = %(model)s", "picture"), model=model, asset=lib.asset(GREEN))


@plant(faults.OTHER_WEIGHTS, None, "all assets")
def _(lib: Library) -> None:
    lib.sql("UPDATE model SET weights_sha256 = md5(random()::text)")


@plant(faults.OTHER_WEIGHTS, GREEN, "the ledger alone")
def _(lib: Library) -> None:
    model = lib.sql(OTHER_MODEL)[0][0]
    statement = RUN.format("model_id = %(model)s", "picture") + " AND model_id = %(own)s"
    lib.sql(statement, model=model, own=lib.model_id(), asset=lib.asset(GREEN))


@plant(faults.VECTOR_UNRECORDED, BLUE)
def _(lib: Library) -> None:
    model = lib.sql(OTHER_MODEL)[0][0]
    space = lib.sql(
        "INSERT INTO space (model_id, name, dim) VALUES (%(model)s, 'old', 4) RETURNING space_id", model=model
    )[0][0]
    lib.sql(
        "INSERT INTO vector SELECT DISTINCT ON (keyframe_id) owner_id, %(space)s, keyframe_id, scene_id, "
        "asset_id, rank, '[1,0,0,0]', metadata, NULL FROM vector WHERE asset_id = %(asset)s",
        space=space,
        asset=lib.asset(BLUE),
    )


# Scenes

SCENE = "UPDATE scene SET {} WHERE asset_id = %(asset)s AND position = {}"
update(
    faults.SCENE_MISSING, "DELETE FROM scene WHERE asset_id = %(asset)s AND position = 1", note="the second"
)
update(
    faults.SCENE_MISSING, "DELETE FROM scene WHERE asset_id = %(asset)s AND position = 0", note="the first"
)
update(faults.SCENE_MISSING, "DELETE FROM scene WHERE asset_id = %(asset)s AND position = 2", note="the last")
update(faults.SCENE_MISSING, SCENE.format("position = 7", 2), note="the last is called another")
update(faults.SCENE_TORN, SCENE.format("start_us = start_us + 1000", 1), note="a gap")
update(faults.SCENE_MISSING, SCENE.format("position = 7", 2), note="the last is called another")
update(faults.SCENE_TORN, SCENE.format("end_us = end_us + 1000", 1), note="an overlap")
update(faults.SCENE_IMPOSSIBLE, SCENE.format("start_us = -1", 0))
update(faults.SCENE_IMPOSSIBLE, SCENE.format("end_us = 5000000", 0), RED, "a photo that lasts")
update(faults.SCENE_RESTLESS, SCENE.format("motion_pan = 'NaN'", 1))
update(
    faults.SCENE_SURPLUS,
    "INSERT INTO scene SELECT owner_id, gen_random_uuid(), asset_id, 1, 0, 0, 0, 0, 0, 0, 0 FROM scene "
    "WHERE asset_id = %(asset)s",
    RED,
    "of a photo",
)
update(
    faults.SCENE_SURPLUS,
    "INSERT INTO scene SELECT owner_id, gen_random_uuid(), asset_id, position + 1, end_us, end_us + 1000000, "
    "0, 0, 0, 0, 0 FROM scene WHERE asset_id = %(asset)s AND position = 2",
    note="of a film",
)
update(
    faults.SCENE_BARE,
    "DELETE FROM keyframe k USING scene s WHERE s.scene_id = k.scene_id AND s.asset_id = %(asset)s "
    "AND s.position = 2",
)

# Kept frames

KEYFRAME = (
    "UPDATE keyframe k SET {} FROM scene s WHERE s.scene_id = k.scene_id AND s.asset_id = %(asset)s "
    "AND s.position = 1 AND k.rank = 0"
)
LOST = "DELETE FROM keyframe WHERE asset_id = %(asset)s AND rank = {}"
update(
    faults.FRAME_MISSING, LOST.format(0) + " AND scene_id IN (SELECT scene_id FROM keyframe WHERE rank = 1)"
)
update(faults.FRAME_LOST, LOST.format("(SELECT max(rank) FROM keyframe WHERE asset_id = %(asset)s)"))
update(faults.FRAME_OUTSIDE, KEYFRAME.format("at_us = s.end_us"))
update(faults.FRAME_UNJUDGED, KEYFRAME.format("frame_quality = NULL"), note="null")
update(
    faults.FRAME_UNJUDGED,
    KEYFRAME.format("frame_quality = jsonb_set(frame_quality, '{sharpness}', '1.5')"),
    note="out of range",
)
update(
    faults.FRAME_UNJUDGED, KEYFRAME.format("frame_quality = frame_quality - 'contrast'"), note="incomplete"
)
update(faults.FILE_SIZE, KEYFRAME.format("thumbnail_bytes = thumbnail_bytes + 1"))
update(faults.FILE_DIMENSIONS, KEYFRAME.format("width = width + 1"))


@plant(faults.FRAME_MISSING, RED, "the first is called the second")
def _(lib: Library) -> None:
    lib.forced("UPDATE keyframe SET rank = 1 WHERE asset_id = %(asset)s", asset=lib.asset(RED))


@plant(faults.FRAME_ASTRAY)
def _(lib: Library) -> None:
    statement = "UPDATE keyframe SET asset_id = %(other)s WHERE keyframe_id = %(keyframe)s"
    lib.forced(statement, other=lib.asset(RED), keyframe=lib.kept(FILM)[1].keyframe_id)


def _point(lib: Library, column: str, key: str) -> None:
    keyframe = lib.kept(FILM)[1].keyframe_id
    lib.sql(f"UPDATE keyframe SET {column} = %(key)s WHERE keyframe_id = %(id)s", key=key, id=keyframe)


@plant(faults.FRAME_MISNAMED, note="a file of another asset")
def _(lib: Library) -> None:
    _point(lib, "frame_key", lib.heimdex.derived.key(lib.kept(RED)[0].frame))


@plant(faults.FRAME_MISNAMED, note="the thumbnail of another frame")
def _(lib: Library) -> None:
    _point(lib, "thumbnail_key", lib.heimdex.derived.key(lib.kept(FILM)[0].thumbnail))


@plant(faults.FRAME_MISNAMED, RED, note="a photo outside of the home")
def _(lib: Library) -> None:
    lib.sql(
        "UPDATE keyframe SET frame_key = '/etc/hostname' WHERE asset_id = %(asset)s", asset=lib.asset(RED)
    )


# Kept files


@plant(faults.FILE_MISSING, note="a frame")
def _(lib: Library) -> None:
    lib.kept(FILM)[1].frame.unlink()


@plant(faults.FILE_MISSING, RED, "a thumbnail")
def _(lib: Library) -> None:
    lib.kept(RED)[0].thumbnail.unlink()


@plant(faults.FILE_UNREADABLE)
def _(lib: Library) -> None:
    lib.kept(FILM)[1].thumbnail.unlink()
    lib.kept(FILM)[1].thumbnail.mkdir()


@plant(faults.FILE_ALTERED, note="a thumbnail flipped")
def _(lib: Library) -> None:
    _flip(lib.kept(FILM)[1].thumbnail)


@plant(faults.FILE_ALTERED, note="a frame cut short")
def _(lib: Library) -> None:
    frame = lib.kept(FILM)[0].frame
    os.truncate(frame, frame.stat().st_size // 2)


@plant(faults.FILE_ALTERED, RED, "one bit of a frame")
def _(lib: Library) -> None:
    frame = lib.kept(RED)[0].frame
    content = bytearray(frame.read_bytes())
    content[len(content) // 2] ^= 1
    frame.write_bytes(content)


def _flip(path: Path) -> None:
    with Image.open(path) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path, "JPEG")


def _sign(lib: Library, kept_name: str, side: str, index: int = 0) -> None:
    """Make the row say what a spoiled file is."""
    kept = lib.kept(kept_name)[index]
    content = (kept.frame if side == "frame" else kept.thumbnail).read_bytes()
    lib.sql(
        f"UPDATE keyframe SET {side}_sha256 = encode(sha256(%(content)s), 'hex'), {side}_bytes = %(size)s "
        "WHERE keyframe_id = %(id)s",
        content=content,
        size=len(content),
        id=kept.keyframe_id,
    )


@plant(faults.FILE_DAMAGED, note="and its checksum agrees")
def _(lib: Library) -> None:
    lib.kept(FILM)[1].thumbnail.write_bytes(b"no picture at all")
    _sign(lib, FILM, "thumbnail", 1)


@plant(faults.FILE_FOREIGN, note="and its checksum agrees")
def _(lib: Library) -> None:
    shutil.copy(lib.kept(FILM)[-1].thumbnail, lib.kept(FILM)[0].thumbnail)
    _sign(lib, FILM, "thumbnail")


@plant(faults.FILE_FOREIGN, note="the frame is another, and its checksum agrees")
def _(lib: Library) -> None:
    shutil.copy(lib.kept(FILM)[-1].frame, lib.kept(FILM)[0].frame)
    _sign(lib, FILM, "frame")


@plant(faults.FOLDER_MISSING)
def _(lib: Library) -> None:
    shutil.rmtree(lib.folder(FILM))


# Vectors

VECTOR = (
    "UPDATE vector v SET {} FROM scene s, space p WHERE s.scene_id = v.scene_id AND p.space_id = v.space_id "
    "AND s.asset_id = %(asset)s AND s.position = 1 AND v.rank = 0 AND p.name = 'labels'"
)
update(
    faults.VECTOR_MISSING,
    "DELETE FROM vector v USING scene s WHERE s.scene_id = v.scene_id AND s.asset_id = %(asset)s "
    "AND s.position = 1 AND v.rank = 0",
)
update(faults.VECTOR_SHAPE, VECTOR.format("embedding = '[1,0,0]'"))
update(faults.VECTOR_NORM, VECTOR.format("embedding = embedding + embedding"))
update(faults.VECTOR_ABSENT, VECTOR.format('embedding = NULL, metadata = metadata || \'{"error": "no"}\''))
update(faults.VECTOR_RECORD, VECTOR.format("metadata = metadata - 'device'"), note="a key is missing")
update(
    faults.VECTOR_RECORD, VECTOR.format('metadata = metadata || \'{"model_name": "x"}\''), note="the model"
)
update(
    faults.VECTOR_RECORD, VECTOR.format("metadata = metadata || '{\"embed_dim\": 7}'"), note="the dimension"
)
update(
    faults.VECTOR_RECORD, VECTOR.format('metadata = metadata || \'{"frame_path": "x"}\''), note="the frame"
)
ZERO = "(SELECT embedding FROM vector w JOIN scene t USING (scene_id) WHERE t.asset_id = s.asset_id " \
       "AND t.position = 0 AND w.rank = 0 AND w.space_id = v.space_id)"  # fmt: skip
update(faults.VECTOR_ALTERED, VECTOR.format(f"embedding = {ZERO}"), note="that of another scene")
update(
    faults.VECTOR_FOREIGN,
    VECTOR.format(f"embedding = {ZERO}, checksum = sha256(halfvec_send({ZERO}))"),
    note="and its checksum agrees",
)


def _swap(lib: Library, first: str, second: str, columns: str) -> None:
    """Exchange columns of the vectors of two kept frames."""
    lib.sql(
        "UPDATE vector a SET "
        + ", ".join(f"{column} = b.{column}" for column in columns.split())
        + " FROM vector b WHERE a.space_id = b.space_id AND a.keyframe_id <> b.keyframe_id "
        "AND a.keyframe_id IN (%(first)s, %(second)s) AND b.keyframe_id IN (%(first)s, %(second)s)",
        first=first,
        second=second,
    )


@plant(faults.VECTOR_SWAPPED, note="between scenes of a film")
def _(lib: Library) -> None:
    kept = lib.kept(FILM)
    _swap(lib, kept[0].keyframe_id, kept[-1].keyframe_id, "embedding")


@plant(faults.VECTOR_SWAPPED, None, note="between two photos")
def _(lib: Library) -> None:
    _swap(lib, lib.kept(RED)[0].keyframe_id, lib.kept(BLUE)[0].keyframe_id, "embedding")


@plant(faults.VECTOR_SWAPPED, note="with all that belongs to them")
def _(lib: Library) -> None:
    kept = lib.kept(FILM)
    _swap(lib, kept[0].keyframe_id, kept[-1].keyframe_id, "embedding metadata checksum")


@plant(faults.VECTOR_ASTRAY)
def _(lib: Library) -> None:
    statement = "UPDATE vector SET asset_id = %(other)s WHERE keyframe_id = %(keyframe)s"
    lib.forced(statement, other=lib.asset(RED), keyframe=lib.kept(FILM)[1].keyframe_id)


# Paths and facts

FILE = "UPDATE file SET {} WHERE asset_id = %(asset)s"
ASSET = "UPDATE asset SET {} WHERE asset_id = %(asset)s"
update(faults.PATH_BACK, FILE.format("state = 'missing'"), GREEN)
update(faults.PATH_CHANGED, FILE.format("size_bytes = size_bytes + 1"), GREEN, "on record")
update(faults.PATH_TEXT, FILE.format("path = 'elsewhere.jpg'"), GREEN)
update(faults.PRESENCE, ASSET.format("present = false"), GREEN)
update(faults.NO_PATH, "DELETE FROM file WHERE asset_id = %(asset)s", GREEN)
update(
    faults.PATH_WORDS,
    "UPDATE path_word SET word = 'submarine' WHERE asset_id = %(asset)s AND word = 'jpg'",
    GREEN,
    "one is another",
)
update(faults.PATH_WORDS, "DELETE FROM path_word WHERE asset_id = %(asset)s", YELLOW, "all are gone")
update(faults.CONTENT, ASSET.format("content_hash = sha256('other')"), GREEN, "on record")
update(faults.TIME, ASSET.format("taken_at = taken_at + interval '1 day'"), GREEN)
update(faults.FACTS, ASSET.format("width = width * 2"), GREEN, "the width")
update(faults.FACTS, ASSET.format("duration_us = duration_us + 10000000"), FILM, "the duration")
update(faults.FACTS, ASSET.format("captured_at = now(), taken_at = now()"), GREEN, "the time")
update(faults.SIZE, ASSET.format("size_bytes = 1"), GREEN)


update(faults.FACTS, ASSET.format("kind = 'photo'"), FILM, "a film called a photo")
update(faults.FACTS, ASSET.format("kind = 'video'"), RED, "a photo called a film")
update(faults.FACTS, ASSET.format("kind = 'video'"), SOUND, "sound called a film")
update(
    faults.PATH_TEXT, FILE.format("path_bytes = '/nowhere/else.jpg'"), GREEN, "it is the bytes that are wrong"
)


@plant(faults.CONTENT, RED, "a path that leads to another asset")
def _(lib: Library) -> None:
    lib.sql(FILE.format("asset_id = %(other)s"), other=lib.asset(RED), asset=lib.asset(GREEN))


@plant(faults.PATH_CHANGED, GREEN, "a file touched")
def _(lib: Library) -> None:
    os.utime(lib.media / GREEN)


@plant(faults.CONTENT, BLUE, "size and time are the same")
def _(lib: Library) -> None:
    path = lib.media / BLUE
    before = path.stat()
    other = b"bbbbbbbb" if b"aaaaaaaa" in path.read_bytes() else b"aaaaaaaa"
    path.write_bytes(path.read_bytes().replace(b"aaaaaaaa", other).replace(b"bbbbbbbb", other))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# Derived files


@plant(faults.FOLDER_UNKNOWN, None)
def _(lib: Library) -> None:
    folder = lib.heimdex.derived.asset_folder("0199a1b2-0000-7000-8000-0000000000ab") / "1"
    folder.mkdir(parents=True)
    shutil.copy(lib.kept(RED)[0].frame, folder / "0199a1b2-0000-7000-8000-000000000000.jpg")


@plant(faults.FOLDER_UNKNOWN, None, "a stray file at the top")
def _(lib: Library) -> None:
    (lib.heimdex.derived.root / "notes.txt").write_text("hello")


@plant(faults.FOLDER_OLD)
def _(lib: Library) -> None:
    current = lib.kept(FILM)[0].frame.parent
    shutil.copytree(current, current.with_name(str(int(current.name) + 7)))


@plant(faults.FILE_UNKNOWN, note="a copy of a frame")
def _(lib: Library) -> None:
    frame = lib.kept(FILM)[0].frame
    shutil.copy(frame, frame.with_name("0199a1b2-0000-7000-8000-000000000000.jpg"))


@plant(faults.FILE_UNKNOWN, RED, "beside the attempts")
def _(lib: Library) -> None:
    (lib.folder(RED) / "notes.txt").write_text("hello")


@plant(faults.FILE_TEMPORARY)
def _(lib: Library) -> None:
    frame = lib.kept(FILM)[0].frame
    frame.with_name(f"{frame.name}.4711.part").write_bytes(frame.read_bytes()[:99])


# Rows that foreign keys forbid


@plant(faults.ORPHANS, None, "of an asset that is gone")
def _(lib: Library) -> None:
    lib.forced("DELETE FROM asset WHERE asset_id = %(asset)s", asset=lib.asset(GREEN))


@plant(faults.ORPHANS, FILM, "of a scene that is gone")
def _(lib: Library) -> None:
    lib.forced("DELETE FROM scene WHERE scene_id = %(scene)s", scene=lib.kept(FILM)[1].scene_id)


@plant(faults.ORPHANS, RED, "of a kept frame that is gone")
def _(lib: Library) -> None:
    lib.forced("DELETE FROM keyframe WHERE keyframe_id = %(id)s", id=lib.kept(RED)[0].keyframe_id)


# The database


def admin(kind: FaultKind, *statements: str, note: str = "") -> None:
    """A fault that an administrator makes, and has to mend."""

    def make(lib: Library) -> None:
        for statement in statements:
            lib.sql(statement)

    plant(kind, None, note)(make)


admin(faults.TABLE_OPEN, "ALTER TABLE scene DISABLE ROW LEVEL SECURITY", note="security is off")
admin(faults.TABLE_OPEN, "ALTER TABLE file NO FORCE ROW LEVEL SECURITY", note="not forced")
admin(
    faults.TABLE_OPEN,
    "DROP POLICY tenant ON vector",
    "CREATE POLICY tenant ON vector USING (true)",
    note="changed",
)
admin(faults.TABLE_OPEN, "CREATE POLICY guests ON asset FOR SELECT USING (true)", note="one policy more")


@plant(faults.SPACE_MISSTATED, None)
def _(lib: Library) -> None:
    lib.sql("UPDATE space SET dim = 7 WHERE name = 'labels' AND model_id = %(own)s", own=lib.model_id())


admin(faults.INDEX_MISSING, "DROP INDEX path_word_asset")
admin(
    faults.INDEX_INVALID,
    "SELECT build_space_index(space_id) FROM space ORDER BY space_id LIMIT 1",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid::regclass::text LIKE '%%_hnsw'",
)
