"""Every file once, in a fixed order, whatever the names and links."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from heimdex.entities import FileStamp, Refusal
from heimdex.media.walk import FOLDER_NAMED_AS_FILE, LEADS_NOWHERE, walk


def grow(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def met(*roots: Path, hidden: bool = False) -> list[str]:
    """Paths of the files met, relative to the first root."""
    found = walk([os.fsencode(root) for root in roots], hidden=hidden)
    base = roots[0] if roots[0].is_dir() else roots[0].parent
    return [os.path.relpath(stamp.text, base) for stamp in found if isinstance(stamp, FileStamp)]


def refused(*roots: Path) -> list[Refusal]:
    return [found for found in walk([os.fsencode(root) for root in roots]) if isinstance(found, Refusal)]


def test_files_come_sorted_by_name_and_depth_first(tmp_path: Path) -> None:
    grow(tmp_path, "b.jpg", "a/2.jpg", "a/1/x.jpg", "c/1.mp4", "B.txt")
    assert met(tmp_path) == ["B.txt", "a/1/x.jpg", "a/2.jpg", "b.jpg", "c/1.mp4"]


def test_a_stamp_has_absolute_path_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", ns=(5, 1_700_000_000_123_456_789))
    monkeypatch.chdir(tmp_path)
    (stamp,) = walk([b"."])
    path = os.fsencode(tmp_path / "a.jpg")
    assert stamp == FileStamp(path=path, size_bytes=5, modified_ns=1_700_000_000_123_456_789)


def test_hidden_files_are_met_only_when_asked_for(tmp_path: Path) -> None:
    grow(tmp_path, ".a.jpg", ".folder/b.jpg", "c.jpg")
    assert met(tmp_path) == ["c.jpg"]
    assert met(tmp_path, hidden=True) == [".a.jpg", ".folder/b.jpg", "c.jpg"]


def test_what_is_named_as_a_root_is_met_even_when_hidden(tmp_path: Path) -> None:
    grow(tmp_path, ".folder/b.jpg", ".a.jpg")
    assert met(tmp_path / ".folder") == ["b.jpg"]
    assert met(tmp_path / ".a.jpg") == [".a.jpg"]


def test_junk_of_systems_is_never_met(tmp_path: Path) -> None:
    grow(tmp_path, "._a.jpg", "@eaDir/a.jpg/thumb.jpg", ".Trash-1000/files/b.jpg", "Thumbs.db", "c.jpg")
    grow(tmp_path, "$RECYCLE.BIN/d.mp4", "__MACOSX/e.mp4", ".git/f.jpg")
    assert met(tmp_path, hidden=True) == ["c.jpg"]


def test_links_that_lead_in_circles_end(tmp_path: Path) -> None:
    grow(tmp_path, "a/b/x.jpg")
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a/self")
    assert met(tmp_path) == ["a/b/x.jpg"]


def test_a_folder_with_two_ways_to_it_is_met_by_its_real_path(tmp_path: Path) -> None:
    grow(tmp_path, "real/x.jpg")
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    assert met(tmp_path) == ["real/x.jpg"]


def test_a_linked_folder_from_elsewhere_is_followed(tmp_path: Path) -> None:
    grow(tmp_path, "elsewhere/x.jpg", "library/y.jpg")
    (tmp_path / "library/linked").symlink_to(tmp_path / "elsewhere")
    assert met(tmp_path / "library") == ["y.jpg", "linked/x.jpg"]


def test_roots_within_each_other_give_every_file_once(tmp_path: Path) -> None:
    grow(tmp_path, "a/x.jpg", "a/b/y.jpg")
    assert met(tmp_path, tmp_path / "a/b", tmp_path / "a") == ["a/b/y.jpg", "a/x.jpg"]
    file = tmp_path / "a/x.jpg"
    assert len(list(walk([os.fsencode(file), os.fsencode(tmp_path), os.fsencode(file)]))) == 2


def test_a_root_that_does_not_exist_is_refused_and_the_others_are_walked(tmp_path: Path) -> None:
    grow(tmp_path, "there/x.jpg")
    gone = tmp_path / "gone"
    assert met(tmp_path / "there", gone) == ["x.jpg"]
    (refusal,) = refused(gone, tmp_path / "there")
    assert (refusal.path, refusal.stage) == (str(gone), "walk")
    assert "does not exist" in refusal.error


def test_links_that_lead_nowhere_are_refused_if_they_claim_media(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "notes").symlink_to("nowhere")
    assert [(Path(r.path).name, r.error) for r in refused(tmp_path)] == [("gone.jpg", LEADS_NOWHERE)]
    assert refused(tmp_path / "notes")[0].error == LEADS_NOWHERE


def test_pipes_and_sockets_are_refused_unopened_if_they_claim_media(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe.txt")
    (refusal,) = refused(tmp_path)
    assert "named pipe" in refusal.error
    assert "named pipe" in refused(tmp_path / "pipe.txt")[0].error


def test_a_folder_with_a_films_name_is_refused_and_still_walked(tmp_path: Path) -> None:
    grow(tmp_path, "x.mp4/inside.jpg")
    assert met(tmp_path) == ["x.mp4/inside.jpg"]
    assert [(r.stage, r.error) for r in refused(tmp_path)] == [("walk", FOLDER_NAMED_AS_FILE)]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems hold UTF-8 names only")
def test_names_need_not_be_utf8(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9\n'\".jpg"
    Path(os.fsdecode(name)).write_bytes(b"x")
    (stamp,) = walk([os.fsencode(tmp_path)])
    assert isinstance(stamp, FileStamp)
    assert stamp.path == name
    assert stamp.text.endswith("caf\\xe9\n'\".jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_locked_folder_is_refused_and_the_walk_goes_on(tmp_path: Path) -> None:
    grow(tmp_path, "locked/x.jpg", "open/y.jpg")
    (tmp_path / "locked").chmod(0)
    try:
        assert met(tmp_path) == ["open/y.jpg"]
        assert "may not be read" in refused(tmp_path)[0].error
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_refused_and_the_walk_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(tmp_path, "bad/x.jpg", "good/y.jpg")
    scandir = os.scandir

    def failing(path: bytes) -> object:
        if path.endswith(b"/bad"):
            raise OSError(5, "Input/output error")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert met(tmp_path) == ["good/y.jpg"]
    (refusal,) = refused(tmp_path)
    assert Path(refusal.path).name == "bad"
    assert "input/output error" in refusal.error


def test_folders_may_nest_deeper_than_calls_may(tmp_path: Path) -> None:
    deepest = os.fsencode(tmp_path)
    for _ in range(1_200):
        deepest += b"/d"
        os.mkdir(deepest)  # noqa: PTH102 - bytes
    file = deepest + b"/x.jpg"
    Path(os.fsdecode(file)).touch()
    try:
        (stamp,) = walk([os.fsencode(tmp_path)])
        assert isinstance(stamp, FileStamp)
        assert stamp.path == file
    finally:  # pytest's own tidying would recurse too deep
        os.unlink(file)  # noqa: PTH108
        os.removedirs(deepest)
        tmp_path.mkdir(exist_ok=True)
