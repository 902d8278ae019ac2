"""The folder of models: pulled, imported, verified, mended, removed. A model is there whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from heimdex.errors import DownloadFailed, ModelError, ModelUnavailable
from heimdex.inference.hub import Hub, HubOptions
from heimdex.inference.hub_cache import COMMIT, FoundFiles
from heimdex.inference.hub_listing import Listing
from heimdex.inference.installing import OnTransfer, Outcome, Transfer, Wanted, in_silence
from heimdex.inference.model_faults import SURPLUS, FileFault, find_faults, installed_commit, quick_fault
from heimdex.inference.model_import import look_for, take_in
from heimdex.inference.model_pull import Pull, PullSources
from heimdex.inference.staging import Staging, safe_name, size_below, writing
from heimdex.inference.weights import read_manifest

State = Literal["installed", "damaged", "unfinished", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a model stands, by what shows without reading its files."""

    state: State
    size_bytes: int = 0  # on disk
    commit: str | None = None
    problem: str | None = None


class ModelStore:
    """Models below one folder, each in a folder of its name with a manifest.

    Every method that writes may raise ModelError (the folder cannot be written) and StorageFull.
    """

    def __init__(self, models_dir: Path, hub: HubOptions, cache_dir: Path | None = None) -> None:
        """`cache_dir`: a Hugging Face cache, read for files that need no download then."""
        self.models_dir = models_dir
        self._sources = PullSources(hub=Hub(hub), cache_dir=cache_dir)

    def folder(self, name: str) -> Path:
        """Where a model lies, or would lie."""
        return self.models_dir / safe_name(name)

    def standing(self, wanted: Wanted) -> Standing:
        """Whether a model is installed. Looks at names and sizes only, asks nobody."""
        folder = self.folder(wanted.name)
        if not folder.is_dir():
            staged = size_below(Staging(self.models_dir, wanted.name).folder)
            return Standing(state="unfinished" if staged else "missing", size_bytes=staged)
        fault = quick_fault(folder, wanted.files)
        return Standing(
            state="damaged" if fault else "installed",
            size_bytes=size_below(folder),
            commit=installed_commit(folder),
            problem=f"{fault.file}: {fault.detail}" if fault else None,
        )

    def is_current(self, wanted: Wanted) -> bool:
        """Whether a pull would have nothing to do: installed, and at the commit where one is asked for."""
        standing = self.standing(wanted)
        pinned = COMMIT.fullmatch(wanted.revision) is not None and standing.commit is not None
        return standing.state == "installed" and (not pinned or standing.commit == wanted.revision)

    def offer(self, wanted: Wanted) -> Listing:
        """What the hub has of a model now. Raises HubUnavailable, DownloadFailed, ModelUnavailable."""
        if wanted.repository is None:
            raise ModelUnavailable(
                f"The model {wanted.name} is on no hub; `heimdex models import` takes it from a folder."
            )
        return self._sources.hub.listing(wanted.repository, wanted.revision, wanted.files)

    def pull(
        self,
        wanted: Wanted,
        listing: Listing | None = None,
        *,
        again: bool = False,
        on_transfer: OnTransfer = in_silence,
    ) -> Outcome:
        """Have a model installed; `again` asks the hub even where it is. One process at a time does it.

        Files whose content is here already (from a pull that stopped, the installed model, a Hugging Face
        cache) are not downloaded. Raises HubUnavailable, DownloadFailed, ModelUnavailable.
        """
        staging = Staging(self.models_dir, wanted.name)
        with staging.locked(lambda: on_transfer(Transfer(model=wanted.name, step="waiting"))):
            if not again and self.is_current(wanted):
                return self._as_it_is(wanted, changed=False)
            return Pull(wanted, listing or self.offer(wanted), staging, self._sources, on_transfer).run()

    def faults(self, wanted: Wanted, on_transfer: OnTransfer = in_silence) -> tuple[FileFault, ...]:
        """Everything wrong with an installed model, found by reading every byte."""
        folder = self.folder(wanted.name)
        done_bytes, total_bytes = 0, size_below(folder)

        def count(size_bytes: int) -> None:
            nonlocal done_bytes
            done_bytes = min(done_bytes + size_bytes, total_bytes)
            on_transfer(
                Transfer(model=wanted.name, step="checking", done_bytes=done_bytes, total_bytes=total_bytes)
            )

        return find_faults(folder, wanted.files, surplus=True, on_bytes=count)

    def mend(
        self, wanted: Wanted, faults: tuple[FileFault, ...], on_transfer: OnTransfer = in_silence
    ) -> Outcome:
        """Make an installed model what it was, downloading no more than its faulty files.

        Raises HubUnavailable, and DownloadFailed where the hub has another version only.
        """
        if all(fault.kind == SURPLUS for fault in faults):
            return self._tidy(wanted, faults, on_transfer)
        commit = installed_commit(self.folder(wanted.name))
        listing = self.offer(replace(wanted, revision=commit or wanted.revision))
        self._must_be_the_same(wanted, listing)
        return self.pull(wanted, listing, again=True, on_transfer=on_transfer)

    def look_for(self, wanted: Wanted, source: Path) -> FoundFiles:
        """A model's files in a folder to import from. Raises ModelUnavailable where there is none."""
        return look_for(wanted, source)

    def take_in(self, wanted: Wanted, source: Path, on_transfer: OnTransfer = in_silence) -> Outcome:
        """Install a model from a folder: a Hugging Face cache or snapshot, a models folder, plain files.

        Raises ModelUnavailable naming what is missing, WeightsCorrupt where a file is not what it should be.
        """
        found = look_for(wanted, source)
        staging = Staging(self.models_dir, wanted.name)
        with staging.locked(lambda: on_transfer(Transfer(model=wanted.name, step="waiting"))):
            return take_in(wanted, found, source, staging, on_transfer)

    def remove(self, name: str) -> int:
        """Take a model and anything unfinished of it away; returns the bytes that are free now.

        Raises ModelUnavailable where there is nothing.
        """
        staging = Staging(self.models_dir, name)
        if not self.folder(name).exists() and not staging.folder.exists():
            raise ModelUnavailable(f"The model {name} is not installed; there is nothing to remove.")
        with staging.locked(lambda: None):
            size_bytes = size_below(self.folder(name)) + size_below(staging.folder)
            staging.discard()
        return size_bytes

    def _tidy(self, wanted: Wanted, faults: tuple[FileFault, ...], on_transfer: OnTransfer) -> Outcome:
        staging = Staging(self.models_dir, wanted.name)
        with staging.locked(lambda: on_transfer(Transfer(model=wanted.name, step="waiting"))):
            folder = self.folder(wanted.name)
            with writing(folder):
                for fault in faults:
                    (folder / fault.file).unlink(missing_ok=True)
            return self._as_it_is(wanted, changed=True)

    def _as_it_is(self, wanted: Wanted, *, changed: bool) -> Outcome:
        standing = self.standing(wanted)
        return Outcome(
            name=wanted.name,
            changed=changed,
            commit=standing.commit,
            size_bytes=standing.size_bytes,
            downloaded_bytes=0,
        )

    def _must_be_the_same(self, wanted: Wanted, listing: Listing) -> None:
        try:
            entries = {entry.name: entry.sha256 for entry in read_manifest(self.folder(wanted.name))}
        except ModelError:
            return  # nothing is known of what it was
        for file in listing.files:
            known = entries.get(file.name)
            if file.checksum.kind == "sha256" and known not in (None, file.checksum.value):
                raise DownloadFailed(
                    f"The hub has another version of {file.name} than the one installed. Have that one with "
                    f"`heimdex models pull {wanted.name} --again`."
                )
