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

from heimdex.entities import DerivedFile, StoredObject
from heimdex.errors import ObjectStoreError, UsageError
from heimdex.store.derived import DerivedFiles, Entry, Tree
from heimdex.store.object_cache import ObjectCache, Wanted

log = logging.getLogger(__name__)

TREE = "derived"
AT_ONCE = 8  # files on their way to the store


class StoreTree(Tree):
    """What the store had when it was asked, as if it lay below the home."""

    def __init__(self) -> None:
        self.sizes: dict[Path, int] = {}  # bytes, of files
        self._below: dict[Path, dict[str, bool]] = {}

    def add(self, path: Path, size_bytes: int | None) -> None:
        """A file, or a folder where there is no size."""
        is_folder = size_bytes is None
        if size_bytes is not None:
            self.sizes[path] = size_bytes
        while path.parent != path and path.name not in self._below.get(path.parent, {}):
            self._below.setdefault(path.parent, {})[path.name] = is_folder
            path, is_folder = path.parent, True

    def entries(self, folder: Path) -> Sequence[Entry]:
        """As the interface says."""
        found = sorted(self._below.get(folder, {}).items())
        return [Entry(name=name, is_folder=is_folder) for name, is_folder in found]

    def exists(self, path: Path) -> bool:
        """As the interface says."""
        return path.name in self._below.get(path.parent, {})


class SharedDerivedFiles(DerivedFiles):
    """The tree of derived files of one owner, in an object store."""

    is_shared = True

    def __init__(self, home: Path, owner: str, cache: ObjectCache) -> None:
        super().__init__(home, owner)
        self.cache = cache
        self.objects = cache.objects

    def object_key(self, key: str) -> str:
        """The key in the store of a file or folder of the tree. Raises UsageError where it is none of it."""
        parts = PurePosixPath(key).parts
        if parts[:2] != (TREE, self.owner):
            raise UsageError(f"{key!r} is no derived file of this owner; `heimdex verify` says whose it is")
        return self.objects.key(TREE, *parts[2:])

    def path(self, key: str) -> Path:
        """Where the file of a key is here, or would be as a copy."""
        own = self.home / key
        if own.exists():
            return own
        try:
            return self.cache.path(self.object_key(key))
        except UsageError:
            return own

    def place(self, key: str) -> str:
        """The file here, or the object."""
        path = self.path(key)
        if path.exists() or path == self.home / key:
            return str(path)
        return f"{self.objects.place}/{self.object_key(key)}"

    def at_hand(self, files: Sequence[DerivedFile]) -> list[Path]:
        """As the interface says; copies are fetched where they are lacking."""
        lacking = {file.key: wanted for file in files if (wanted := self._lacking(file)) is not None}
        fetched = dict(zip(lacking, self.cache.fetch_all(list(lacking.values())), strict=True))
        return [fetched.get(file.key) or self.home / file.key for file in files]

    def _lacking(self, file: DerivedFile) -> Wanted | None:
        """What is to be fetched for a file; None for one that lies below the home, or is none of ours."""
        if (self.home / file.key).exists():
            return None
        try:
            key = self.object_key(file.key)
        except UsageError:
            return None
        return Wanted(key=key, sha256=file.sha256, size_bytes=file.size_bytes)

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

    def tree(self, asset_ids: Sequence[str]) -> StoreTree:
        """As the interface says, of the store at this moment; one request for an asset of usual size."""

        def listed(asset_id: str) -> list[StoredObject]:
            return list(self.objects.list(self.object_key(self.key(self.asset_folder(asset_id)))))

        tree = StoreTree()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tree") as threads:
            for found in threads.map(listed, asset_ids):
                for item in found:
                    tree.add(self._place_of(item.key), item.size_bytes)
        return tree

    def top(self) -> StoreTree:
        """As the interface says, of the store."""
        tree, top = StoreTree(), self.objects.key(TREE)
        prefixes = [f"{top}/{name}" for name in self.objects.folders(top)]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tree") as threads:
            for prefix, names in zip(prefixes, threads.map(self.objects.folders, prefixes), strict=True):
                for name in names:
                    tree.add(self._place_of(f"{prefix}/{name}/"), None)
        return tree

    def _place_of(self, key: str) -> Path:
        """Where the file of an object would be below the home."""
        return self.root / key.removeprefix(f"{self.owner}/{TREE}/")

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
