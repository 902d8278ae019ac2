"""Machines with nothing in common but a database and a bucket: here homes, and S3 by moto's server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heimdex import Heimdex
from heimdex.errors import ObjectStoreUnavailable
from heimdex.pipeline.originals import Announced
from heimdex.store import objects
from heimdex.store.objects import open_objects
from heimdex.store.s3_shelf import S3Options
from tests.downloads import download_client
from tests.object_stores import FaultyProxy, faulty_server
from tests.planting import lasting_workers, make_media
from tests.two_models import two_models

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

MakeHome = Callable[[str], Heimdex]


@pytest.fixture(scope="module", autouse=True)
def _workers() -> Iterator[None]:
    with two_models(), lasting_workers():
        yield


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of three scenes and one, a recording, four photos."""
    return make_media(tmp_path_factory.mktemp("library") / "media")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[S3Options, FaultyProxy]]:
    with faulty_server() as found:
        yield found


@pytest.fixture
def proxy(server: tuple[S3Options, FaultyProxy]) -> Iterator[FaultyProxy]:
    proxy = server[1]
    proxy.served.clear()
    yield proxy
    proxy.faults.clear()
    proxy.is_down = False


@pytest.fixture
def home(
    server: tuple[S3Options, FaultyProxy],
    proxy: FaultyProxy,
    database_url: str,
    tmp_path: Path,
    owner: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeHome]:
    """A machine of that name; all of them have one database and one bucket."""
    monkeypatch.setattr(objects, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(objects, "TRIES", 3)
    opened: list[Heimdex] = []

    def make(name: str, **settings: Any) -> Heimdex:
        heimdex = Heimdex(
            home=tmp_path / name,
            database_url=database_url,
            owner=owner,
            picture_model="fake",
            workers=2,
            object_store="s3://films/some/where",
            **settings,
        )
        heimdex.__dict__["objects"] = open_objects(replace(server[0], tries=2, patience_s=1.0), owner)
        opened.append(heimdex)
        return heimdex

    yield make
    for heimdex in opened:
        heimdex.close()


def names(heimdex: Heimdex) -> dict[str, str]:
    return {Path(asset["path"]).name: asset["state"] for asset in heimdex.assets()["assets"]}


def faults(heimdex: Heimdex) -> list[tuple[str, str]]:
    return [(fault.what, fault.where) for fault in heimdex.verify(sample=-1).faults]


def kept(heimdex: Heimdex) -> list[str]:
    """The keys of all kept files in the store."""
    return [found.key for found in heimdex.objects.list(heimdex.objects.key("derived"))]


def copies(heimdex: Heimdex) -> list[Path]:
    return [path for path in (heimdex.settings.home / "cache").rglob("*.jpg") if path.is_file()]


def rows(heimdex: Heimdex, what: str) -> int:
    with heimdex.database.transaction(heimdex.owner, read_only=True) as connection:
        found = connection.execute(f"SELECT count(*) FROM heimdex.{what}").fetchone()
    assert found is not None
    return int(found[0])


def test_what_one_machine_indexed_another_fills_in_and_a_third_finds(
    home: MakeHome, proxy: FaultyProxy, media: Path, tmp_path: Path
) -> None:
    first, second, third = home("first"), home("second"), home("third")
    proxy.faults.extend(["fine", "error", "fine", "fine", "hang up", "busy", "fine", "slow"])
    assert first.index(media).failed == ()
    frames = rows(first, "keyframe")
    assert len(kept(first)) == 2 * frames
    assert [path for path in (tmp_path / "first" / "derived").rglob("*") if path.is_file()] == []
    assert faults(first) == []

    proxy.faults.extend(["fine", "cut", "error", "fine", "hang up", "fine", "slow", "cut"])
    report = second.backfill("second")
    assert report.scenes > 0
    assert report.failed == ()
    assert len([path for path in copies(second) if "thumb" not in path.name]) == frames
    assert faults(second) == []

    scene = first.show(first.assets()["assets"][0]["asset_id"])["scenes"][0]["scene_id"]
    proxy.faults.append("cut")
    answer = third.search(similar=scene, nearest=True)
    assert answer.hits
    thumbnails = [Path(hit.thumbnail) for hit in answer.hits if hit.thumbnail is not None]
    assert len(thumbnails) == len(answer.hits)
    assert all(path.is_file() and path.is_relative_to(tmp_path / "third") for path in thumbnails)


def test_a_machine_that_lost_its_home_misses_nothing(home: MakeHome, media: Path, tmp_path: Path) -> None:
    first = home("first")
    first.index(media)
    first.close()
    shutil.rmtree(tmp_path / "first")
    again = home("first")
    report = again.index(media)
    assert (report.unchanged, report.indexed, report.failed) == (8, 0, ())
    assert again.backfill("second").scenes > 0
    assert faults(again) == []


def test_a_store_that_stays_down_is_told_and_the_run_can_be_repeated(
    home: MakeHome, proxy: FaultyProxy, media: Path
) -> None:
    first = home("first")
    proxy.is_down = True
    with pytest.raises(ObjectStoreUnavailable, match=r"s3://films.*try again"):
        first.index(media)
    assert rows(first, "keyframe") == 0, "no row points to nothing"
    proxy.is_down = False
    assert first.index(media).failed == ()
    assert set(names(first).values()) == {"done"}
    assert len(kept(first)) == 2 * rows(first, "keyframe")
    proxy.is_down = True
    second = home("second")
    with pytest.raises(ObjectStoreUnavailable):
        second.backfill("second")
    with pytest.raises(ObjectStoreUnavailable):
        second.verify()
    proxy.is_down = False
    assert second.backfill("second").failed == ()
    assert faults(second) == []


def test_a_search_does_without_pictures_while_the_store_is_down(
    home: MakeHome, proxy: FaultyProxy, media: Path
) -> None:
    first, second = home("first"), home("second")
    first.index(media)
    scene = first.show(first.assets()["assets"][0]["asset_id"])["scenes"][0]["scene_id"]
    proxy.is_down = True
    answer = second.search(similar=scene, nearest=True)
    assert answer.hits
    assert all(hit.thumbnail is None for hit in answer.hits)


def test_what_goes_from_the_index_goes_from_the_store(
    home: MakeHome, proxy: FaultyProxy, media: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(media, own)
    first, second = home("first"), home("second")
    first.index(own)
    film = next(asset for asset in first.assets()["assets"] if asset["kind"] == "video")["asset_id"]
    before = len(kept(first))
    assert any(film in key for key in kept(first))
    second.remove(film)
    assert not any(film in key for key in kept(first))
    assert 0 < len(kept(first)) < before
    # A process is killed between the sending of its files and the commit of its rows: the next run sweeps.
    other = next(asset for asset in first.assets()["assets"] if asset["kind"] == "video")["asset_id"]
    folder = first.derived.attempt_folder(other, 77)
    folder.mkdir(parents=True)
    (folder / "frame.jpg").write_bytes(b"frame")
    first.derived.publish(other, 77)
    assert any("/77/" in key for key in kept(first))
    first.index(own)
    assert not any("/77/" in key for key in kept(first))
    assert not folder.exists()
    # The store is away when something is to be removed: the next run of that machine does it.
    photo = next(asset for asset in first.assets()["assets"] if asset["kind"] == "photo")["asset_id"]
    proxy.is_down = True
    second.remove(photo)
    proxy.is_down = False
    assert any(photo in key for key in kept(first))
    second.index(own)
    assert not any(photo in key for key in kept(first))
    assert faults(first) == []


def test_verify_names_objects_that_are_gone_and_those_nobody_points_to_and_repair_mends(
    home: MakeHome, media: Path, tmp_path: Path
) -> None:
    first, second = home("first"), home("second")
    first.index(media)
    store = first.objects
    gone, damaged = kept(first)[0], kept(first)[-1]
    (tmp_path / "junk").write_bytes(b"junk")
    store.delete(gone)
    store.put_file(damaged, tmp_path / "junk")
    asset = "019f0000-0000-7000-8000-00000000ab12"
    for key in (
        store.key("derived", "12", asset, "1", "x.jpg"),
        gone.rpartition("/")[0] + "/stray.jpg",
        gone.rpartition("/")[0].rpartition("/")[0] + "/77/old.jpg",
    ):
        store.put_file(key, tmp_path / "junk")
    for heimdex in (first, second):  # whatever copies this machine has
        whats = sorted(what for what, _ in faults(heimdex))
        assert whats == [
            "a file among the kept files belongs to no row",
            "a folder of kept files belongs to no asset",
            "a folder of kept files is of an attempt that is over",
            "a kept file is missing",
            "a kept file is not what was written",
        ]
    quick = sorted(fault.what for fault in second.verify(sample=0).faults)
    assert quick == whats, "a list of the store tells as much"
    second.index(media, repair=True)
    assert faults(first) == []


def test_kept_frames_of_before_the_bucket_are_sent_there(home: MakeHome, media: Path, tmp_path: Path) -> None:
    with Heimdex(
        home=tmp_path / "first",
        database_url=home("any").settings.database_url,
        owner=home("any").owner,
        picture_model="fake",
        workers=2,
    ) as alone:
        alone.index(media)
    first, second = home("first"), home("second")
    assert kept(first) == []
    first.index(media)
    assert len(kept(first)) == 2 * rows(first, "keyframe")
    assert faults(second) == []


def test_an_upload_is_indexed_by_a_machine_that_never_saw_it(
    home: MakeHome, proxy: FaultyProxy, media: Path, tmp_path: Path
) -> None:
    first, second, third = home("first"), home("second"), home("third")
    film = next(path for path in sorted(media.rglob("*")) if path.suffix == ".mp4")
    source = tmp_path / "part"
    shutil.copy(film, source)
    proxy.faults.extend(["error", "hang up"])
    upload = first.uploads.keep(source, Announced(name="../Füße 1.mp4"))
    assert not source.exists()
    proxy.faults.extend(["fine", "cut", "hang up", "fine", "slow"])
    report = second.uploads.index(upload.object_key)
    assert (report.indexed, report.failed) == (1, ())
    assert second.uploads.index(upload.object_key).unchanged == 1
    (asset,) = third.assets()["assets"]
    assert (asset["path"], asset["state"]) == ("../Füße 1.mp4", "done")
    assert third.search(similar=third.show(asset["asset_id"])["scenes"][0]["scene_id"], nearest=True).hits
    assert faults(third) == []
    content = film.read_bytes()
    with download_client(third, asset["asset_id"]) as client:
        address = "/original"
        whole = client.get(address)
        assert (whole.status_code, whole.content) == (200, content)
        for asked, expected in {
            "bytes=5-9": content[5:10],
            "bytes=-4": content[-4:],
            f"bytes={len(content) - 3}-": content[-3:],
            f"bytes=7-{len(content) + 99}": content[7:],
        }.items():
            part = client.get(address, headers={"Range": asked})
            assert (part.status_code, part.content) == (206, expected)
        beyond = client.get(address, headers={"Range": f"bytes={len(content)}-"})
        assert (beyond.status_code, beyond.json()["status"]) == (416, 416)
        assert client.get(address, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        head = client.head(address)
        assert (head.status_code, int(head.headers["content-length"])) == (200, len(content))
        for asked in ("bytes=9-5", "lines=1-2", "bytes=0-1,3-4", "bytes=-"):
            assert client.get(address, headers={"Range": asked}).status_code == 200
        stale = client.get(address, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
        assert stale.status_code == 200
    cut = third.files.clip(asset["asset_id"], start=0, end=1)
    assert cut.path.stat().st_size > 0
    third.hands.close()
    # A walk over folders, the root of all of them included, does not miss what lies in none.
    assert second.index(media).missing == 0
    paths = {path: asset["state"] for asset in second.assets()["assets"] for path in asset["paths"]}
    assert paths["../Füße 1.mp4"] == "done"
    assert faults(first) == []
    # The same film lies in the folder: one asset, and it stays when the upload is dropped.
    assert first.uploads.drop(upload.object_id) == []
    assert list(first.objects.list(first.objects.key("originals"))) == []
    assert faults(second) == []


def test_an_upload_that_is_gone_or_damaged_is_told(
    home: MakeHome, proxy: FaultyProxy, media: Path, tmp_path: Path
) -> None:
    first = home("first")
    photos = [path for path in sorted(media.rglob("*")) if path.suffix == ".jpg"][:2]
    gone, damaged = (
        first.uploads.keep(photo, Announced(name=photo.name), take=False).object_key for photo in photos
    )
    for key in (gone, damaged):
        assert first.uploads.index(key).failed == ()
    first.objects.delete(gone)
    (tmp_path / "junk").write_bytes(b"x" * first.objects.head(damaged).size_bytes)
    first.objects.put_file(damaged, tmp_path / "junk")
    second = home("second")
    (lost,) = second.uploads.index(gone).failed
    assert lost.path == photos[0].name
    assert "upload it again" in lost.error
    assert names(second)[photos[0].name] == "missing"
    told = dict(faults(second))
    assert "an upload is not in the object store" in told
    assert "the file's content is not the asset's" in told
    proxy.is_down = True
    with pytest.raises(ObjectStoreUnavailable):
        home("third").uploads.index(damaged)
