"""Uploaded originals in a folder of this machine: indexed in place, shown by their names."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from heimdex import Heimdex
from heimdex.cli.diagnosis import checks
from heimdex.entities import UploadedFile
from heimdex.errors import NotFound, ObjectDamaged, StoreError
from heimdex.pipeline.originals import Announced
from heimdex.store import uploaded
from tests.downloads import download_client
from tests.planting import lasting_workers
from tests.two_models import two_models


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture
def heimdex(database_url: str, tmp_path: Path) -> Iterator[Heimdex]:
    with Heimdex(
        home=tmp_path / "home", database_url=database_url, picture_model="fake", workers=1
    ) as opened:
        yield opened


def photo(path: Path, colour: tuple[int, int, int]) -> Path:
    Image.new("RGB", (96, 64), colour).save(path, quality=90)
    return path


def upload(heimdex: Heimdex, tmp_path: Path, name: str, colour: tuple[int, int, int]) -> UploadedFile:
    source = photo(tmp_path / "incoming.jpg", colour)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    return heimdex.uploads.keep(
        source, Announced(name=name, sha256=sha256, modified_ns=1_600_000_000 * 10**9)
    )


def faults(heimdex: Heimdex) -> list[str]:
    return [fault.what for fault in heimdex.verify(sample=-1).faults]


def test_an_upload_is_indexed_in_place_and_shown_by_its_name(heimdex: Heimdex, tmp_path: Path) -> None:
    kept = upload(heimdex, tmp_path, "../Sommer/Füße.jpg", (200, 30, 30))
    report = heimdex.uploads.index(kept.object_key)
    assert (report.indexed, report.failed) == (1, ())
    (asset,) = heimdex.assets()["assets"]
    assert (asset["path"], asset["state"]) == ("../Sommer/Füße.jpg", "done")
    assert asset["taken_at"].startswith("2020-09-13")
    assert heimdex.search("füße", nearest=True).hits[0].path == "../Sommer/Füße.jpg"
    assert heimdex.show("heimdex-object:" + kept.object_key)["asset"]["asset_id"] == asset["asset_id"]
    assert not (tmp_path / "home" / "cache").exists(), "nothing is copied"
    assert [path.name for path in (tmp_path / "home" / "objects").rglob("*") if path.is_file()] == [
        "!2E.!2FSommer!2FF!C3!BC!C3!9Fe.jpg"
    ]
    assert (tmp_path / "home" / "objects").stat().st_mode & 0o077 == 0
    assert faults(heimdex) == []


def test_walks_leave_uploads_alone_whatever_the_root(heimdex: Heimdex, tmp_path: Path) -> None:
    kept = upload(heimdex, tmp_path, "a.jpg", (200, 30, 30))
    heimdex.uploads.index(kept.object_key)
    folder = tmp_path / "media"
    folder.mkdir()
    photo(folder / "b.jpg", (30, 200, 30))
    (tmp_path / "home" / "objects" / "nothing").mkdir()
    for root in (folder, tmp_path / "home" / "objects" / "nothing"):
        assert heimdex.index(root).missing == 0
    assert {asset["path"]: asset["state"] for asset in heimdex.assets()["assets"]} == {
        "a.jpg": "done",
        str(folder / "b.jpg"): "done",
    }
    # The same content in a folder is another path of the same asset, no move.
    (folder / "same.jpg").write_bytes((heimdex.objects.path(kept.object_key) or folder).read_bytes())
    assert heimdex.index(folder).moved == 0
    (asset,) = (
        one for one in heimdex.assets()["assets"] if one["path"] in ("a.jpg", str(folder / "same.jpg"))
    )
    assert sorted(asset["paths"]) == sorted(["a.jpg", str(folder / "same.jpg")])


def test_an_upload_that_is_no_media_is_refused_by_its_name(heimdex: Heimdex, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no film at all")
    kept = heimdex.uploads.keep(tmp_path / "text", Announced(name="film.mp4"))
    (failed,) = heimdex.uploads.index(kept.object_key).failed
    assert failed.path == "film.mp4"
    assert heimdex.assets()["refused"][0]["path"] == "film.mp4"


def test_what_is_not_what_was_announced_is_not_kept(heimdex: Heimdex, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.jpg", (1, 2, 3))
    with pytest.raises(ObjectDamaged):
        heimdex.uploads.keep(source, Announced(name="a.jpg", sha256="0" * 64))
    assert source.exists()
    assert list(heimdex.objects.list()) == []
    assert heimdex.database.run(heimdex.owner, lambda c: uploaded.all_of(c, heimdex.owner)) == []


def test_a_name_that_several_uploads_have_names_none_of_them(heimdex: Heimdex, tmp_path: Path) -> None:
    for colour in ((200, 30, 30), (30, 30, 200)):
        heimdex.uploads.index(upload(heimdex, tmp_path, "a.jpg", colour).object_key)
    for work in (heimdex.show, heimdex.remove):
        with pytest.raises(NotFound, match=r"2 uploads are called a\.jpg; give an asset's id"):
            work("a.jpg")
    first, second = (asset["asset_id"] for asset in heimdex.assets()["assets"])
    assert heimdex.remove(first) == [first]
    assert heimdex.show("a.jpg")["asset"]["asset_id"] == second


def test_a_dropped_upload_is_gone_everywhere(heimdex: Heimdex, tmp_path: Path) -> None:
    kept = upload(heimdex, tmp_path, "a.jpg", (200, 30, 30))
    heimdex.uploads.index(kept.object_key)
    (asset,) = heimdex.assets()["assets"]
    assert heimdex.uploads.of_asset(asset["asset_id"]) == [kept]
    assert heimdex.uploads.drop(kept.object_id) == [asset["asset_id"]]
    assert heimdex.assets()["assets"] == []
    assert list(heimdex.objects.list()) == []
    with pytest.raises(NotFound):
        heimdex.uploads.drop(kept.object_id)
    assert faults(heimdex) == []


def test_an_upload_that_is_taken_out_of_the_index_is_gone_and_other_paths_stay(
    heimdex: Heimdex, tmp_path: Path
) -> None:
    first = upload(heimdex, tmp_path, "a.jpg", (200, 30, 30))
    second = upload(heimdex, tmp_path, "b.jpg", (200, 30, 30))
    for kept in (first, second):
        heimdex.uploads.index(kept.object_key)
    in_place = tmp_path / "media" / "same.jpg"
    in_place.parent.mkdir()
    in_place.write_bytes((heimdex.objects.path(first.object_key) or in_place).read_bytes())
    heimdex.index(in_place.parent)
    (asset,) = heimdex.assets()["assets"]
    assert len(asset["paths"]) == 3
    assert heimdex.remove("a.jpg") == []
    assert [found.key for found in heimdex.objects.list()] == [second.object_key]
    assert faults(heimdex) == []
    assert heimdex.remove(in_place.parent) == []
    assert heimdex.objects.exists(second.object_key)
    heimdex.index(in_place.parent)
    assert heimdex.remove(asset["asset_id"]) == [asset["asset_id"]]
    assert list(heimdex.objects.list()) == []
    assert in_place.exists()
    assert faults(heimdex) == []


def test_verify_names_uploads_that_are_gone_and_objects_nobody_knows(
    heimdex: Heimdex, tmp_path: Path
) -> None:
    kept = upload(heimdex, tmp_path, "a.jpg", (200, 30, 30))
    heimdex.uploads.index(kept.object_key)
    path = heimdex.objects.path(kept.object_key)
    assert path is not None
    stray = path.parent.parent / str(uuid.uuid4()) / "stray.jpg"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    path.unlink()
    assert sorted(faults(heimdex)) == ["an upload is not in the object store", "the file is gone"]
    (lost,) = (one for one in heimdex.verify().faults if "upload" in one.what)
    assert lost.where.endswith("/a.jpg")
    assert "heimdex remove 'a.jpg'" in lost.mend
    os.utime(stray, (0, 0))
    assert "an object is in the store of which no upload is known" in faults(heimdex)
    (tmp_path / "empty").mkdir()
    heimdex.index(tmp_path / "empty", repair=True)
    assert heimdex.assets()["assets"][0]["state"] == "missing"
    assert stray.exists(), "nothing is done to uploads unasked"


def test_an_exported_index_names_uploads_whose_files_stay_where_they_are(
    heimdex: Heimdex, tmp_path: Path
) -> None:
    kept = upload(heimdex, tmp_path, "a.jpg", (200, 30, 30))
    heimdex.uploads.index(kept.object_key)
    heimdex.open_index.take_out(tmp_path / "out", form="json")
    assert heimdex.open_index.bring_in(tmp_path / "out")["known"] == 1
    assert faults(heimdex) == []
    assert heimdex.remove("a.jpg")
    assert heimdex.open_index.bring_in(tmp_path / "out")["imported"] == 1
    (asset,) = heimdex.assets()["assets"]
    assert asset["path"] == "a.jpg"
    assert faults(heimdex) == ["the file is gone"]
    assert heimdex.remove(asset["asset_id"]) == [asset["asset_id"]]
    assert faults(heimdex) == []


def test_an_owner_has_no_part_in_the_uploads_of_another(heimdex: Heimdex, tmp_path: Path) -> None:
    kept = upload(heimdex, tmp_path, "a.jpg", (200, 30, 30))
    other = heimdex.for_owner(str(uuid.uuid4()))
    (failed,) = other.uploads.index(kept.object_key).failed
    assert failed.path == "a.jpg"
    assert "upload it again" in failed.error
    with pytest.raises(NotFound):
        other.uploads.drop(kept.object_id)
    with pytest.raises(StoreError):  # the policy of the table, with our own check knocked out
        other.database.run(other.owner, lambda c: uploaded.enter(c, heimdex.owner, kept))
    assert heimdex.objects.exists(kept.object_key)


def test_an_upload_is_downloaded_whole_and_in_parts(heimdex: Heimdex, tmp_path: Path) -> None:
    kept = upload(heimdex, tmp_path, "Füße.jpg", (200, 30, 30))
    heimdex.uploads.index(kept.object_key)
    content = b"".join(heimdex.objects.read_range(kept.object_key))
    (asset,) = heimdex.assets()["assets"]
    with download_client(heimdex, asset["asset_id"]) as client:
        assert client.get("/original").content == content
        part = client.get("/original", headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, content[5:10])


def test_doctor_makes_no_folder_by_asking(heimdex: Heimdex, tmp_path: Path) -> None:
    def told() -> dict[str, str]:
        return next(check for check in checks(heimdex.settings) if check["name"] == "objects")

    assert told()["level"] == "ok"
    assert not (tmp_path / "home" / "objects").exists()
    upload(heimdex, tmp_path, "a.jpg", (1, 2, 3))
    assert "written, read and removed" in told()["detail"]
    assert len(list(heimdex.objects.list())) == 1
