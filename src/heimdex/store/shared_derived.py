"""Derived files that many machines share: in the object store, with copies below the home.

    <owner>/derived/<two hex digits>/<asset>/<attempt>/<keyframe>.jpg     the key in the store

An attempt writes below the home as ever. Before its rows are committed its files go to the store and become
copies in the cache; what is left below the home is an empty folder, a reminder that the store holds something
to be looked after. It goes when that is done. So a process that is killed anywhere, or a store that is away
when something is to be removed, leaves a reminder for the next index run of the same home; what a machine
that never comes back left in the store `verify` names and `--repair` removes.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from pathlib import Path, PurePosixPath

from heimdex.entities import DerivedFile
from heimdex.errors import ObjectStoreError
from heimdex.store.derived import DerivedFiles, Entry
from heimdex.store.object_cache import ObjectCache, Wanted

log = logging.getLogger(__name__)

TREE = "derived"
AT_ONCE = 8  # files on their way to the store


class SharedDerivedFiles(DerivedFiles):
    """The tree of derived files of one owner, in an object store."""

    is_shared = True

    def __init__(self, home: Path, owner: str, cache: ObjectCache) -> None:
        super().__init__(home, owner)
        self.cache = cache
        self.objects = cache.objects

    def object_key(self, key: str) -> str:
        """The key in the store of a file or folder of the tree."""
        _, _, rest = key.partition(f"{TREE}/{self.owner}")
        return self.objects.key(TREE, *PurePosixPath(rest.strip("/")).parts)

    def path(self, key: str) -> Path:
        """Where the file of a key is here, or would be as a copy."""
        own = super().path(key)
        return own if own.exists() else self.cache.path(self.object_key(key))

    def place(self, key: str) -> str:
        """The file here, or the object."""
        path = self.path(key)
        return str(path) if path.exists() else f"{self.objects.place}/{self.object_key(key)}"

    def at_hand(self, files: Sequence[DerivedFile]) -> list[Path]:
        """As the interface says; copies are fetched where they are lacking."""
        own = {file.key: path for file in files if (path := self.home / file.key).exists()}
        lacking = [file for file in files if file.key not in own]
        fetched = self.cache.fetch_all(
            [
                Wanted(key=self.object_key(file.key), sha256=file.sha256, size_bytes=file.size_bytes)
                for file in lacking
            ]
        )
        found = own | dict(zip((file.key for file in lacking), fetched, strict=True))
        return [found[file.key] for file in files]

    def publish(self, asset_id: str, attempt: int) -> None:
        """Send what an attempt wrote to the store; what was sent before is not sent again."""
        folder = self.attempt_folder(asset_id, attempt)
        if not folder.is_dir():
            return
        paths = [path for path in sorted(folder.iterdir()) if path.is_file()]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="publish") as threads:
            sent = [threads.submit(self.cache.put, self.object_key(self.key(path)), path) for path in paths]
            failed = wait_for(sent, return_when="FIRST_EXCEPTION")
            for future in failed.not_done:
                future.cancel()
        for future in sent:
            if not future.cancelled():
                future.result()

    def is_tidy(self, asset_id: str, attempt: int | None) -> bool:
        """Whether there is no reminder."""
        return not self.attempts(asset_id)

    def keep_only(self, asset_id: str, attempt: int) -> None:
        """Remove what other attempts wrote, here and in the store."""
        folder = self.asset_folder(asset_id)

        def work() -> None:
            self.publish(asset_id, attempt)
            place = self.object_key(self.key(folder))
            for other in self.objects.folders(place):
                if other != str(attempt):
                    self._remove_objects(f"{place}/{other}")

        if self._tidied(work, folder):
            shutil.rmtree(folder, ignore_errors=True)

    def remove_attempt(self, asset_id: str, attempt: int) -> None:
        """Remove what one attempt wrote, here and in the store."""
        folder = self.attempt_folder(asset_id, attempt)
        if self._tidied(lambda: self._remove_objects(self.object_key(self.key(folder))), folder):
            super().remove_attempt(asset_id, attempt)

    def remove_asset(self, asset_id: str) -> None:
        """Remove everything derived from an asset, here and in the store."""
        folder = self.asset_folder(asset_id)
        if self._tidied(lambda: self._remove_objects(self.object_key(self.key(folder))), folder):
            super().remove_asset(asset_id)

    def sweep(self, path: Path) -> None:
        """As the interface says; here and in the store. Raises ObjectStoreError."""
        key = self.object_key(self.key(path))
        self._remove_objects(key)
        self.objects.delete(key)
        super().sweep(path)

    def entries(self, folder: Path) -> list[Entry]:
        """As the interface says, of the store."""
        place = self.objects.key(TREE) if folder == self.root else self.object_key(self.key(folder))
        folders = [Entry(name=name, is_folder=True) for name in self.objects.folders(place)]
        depth = place.count("/") + 1
        files = [
            Entry(name=found.key.rpartition("/")[2], is_folder=False, size_bytes=found.size_bytes)
            for found in (self.objects.list(place) if not folders else ())
            if found.key.count("/") == depth
        ]
        return sorted([*folders, *files], key=lambda entry: entry.name)

    def exists(self, path: Path) -> bool:
        """As the interface says, of the store."""
        key = self.object_key(self.key(path))
        return any(self.objects.list(key)) or self.objects.exists(key)

    def _remove_objects(self, place: str) -> None:
        self.objects.delete_prefix(place)
        self.cache.forget(place)

    def _tidied(self, work: Callable[[], object], folder: Path) -> bool:
        """Whether it could be done; else the folder stays as a reminder."""
        try:
            work()
        except ObjectStoreError as error:
            log.warning("Left in the object store until the next index run: %s (%s)", folder.name, error)
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
            return False
        return True
