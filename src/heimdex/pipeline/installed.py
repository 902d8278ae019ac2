"""The catalog's models and what of them is installed: listed, pulled, imported, verified, removed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.errors import HeimdexError, LicenceNotAccepted, ModelUnavailable, NotFound, UsageError
from heimdex.inference.hub import HubOptions
from heimdex.inference.hub_listing import Listing
from heimdex.inference.installing import OnTransfer, Outcome, Wanted, in_silence
from heimdex.inference.model_faults import FileFault, find_faults
from heimdex.inference.model_store import ModelStore, Standing

SETS: dict[str, tuple[str, ...]] = {}
"""Models pulled together by one word."""

GAINS = {
    "starter": "",
    "clip": "any words find pictures, not only a thousand things by name",
    "siglip": "any words find pictures, not only a thousand things by name; better than CLIP at detail",
    "resnet": "pictures find pictures of the same sort of thing",
    "text": "words find words by meaning",
    "speech": "what is said is found",
    "faces": "who is there is found",
    "cuts": "cuts and dissolves are found by a net",
}
PROBES = "heimdex.encoders.probes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A model that a pull would install, as the hub has it now."""

    row: ModelRow
    listing: Listing | None  # None: it is installed, nothing is to be done

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return 0 if self.listing is None else self.listing.size_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkup:
    """What verifying one model showed."""

    name: str
    faults: tuple[FileFault, ...]
    mended: bool = False
    error: str | None = None  # why it could not be mended
    probes: tuple[Any, ...] = ()  # encoders.probes.ProbeResult

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it now."""
        sound = not self.faults or self.mended
        return sound and self.error is None and all(probe.ok for probe in self.probes)


class Models:
    """Every model of the catalog. Only `offers`, `pull` and the mending `verify` ask the hub."""

    def __init__(
        self, options: LoadOptions, hub: HubOptions, hub_cache: Path | None, in_use: Sequence[str]
    ) -> None:
        """`in_use`: the names, or other spellings, that the settings hold."""
        if options.models_dir is None:
            raise UsageError("No folder for models was named; set HEIMDEX_MODELS_DIR.")
        self._options = options
        self._store = ModelStore(options.models_dir, hub, hub_cache)
        self._in_use = in_use

    def listing(self) -> list[dict[str, Any]]:
        """Every model with its state, as `heimdex models list --json` shows it. Asks nobody."""
        used = self._used()
        return [self._described(row, row.name in used) for row in catalog.ROWS]

    def choose(self, names: Iterable[str], chosen_set: str | None = None) -> tuple[ModelRow, ...]:
        """The rows of these names and of a set, each once. Raises NotFound, UsageError for none at all."""
        wanted = list(names)
        if chosen_set is not None:
            if chosen_set not in SETS:
                raise NotFound(f"There is no set called {chosen_set!r}. There is: {', '.join(SETS)}.")
            wanted += SETS[chosen_set]
        if not wanted:
            raise UsageError("Name a model, or a set with --set; see `heimdex models list`.")
        return tuple(dict.fromkeys(catalog.find(name) for name in wanted))

    def offers(
        self, rows: Iterable[ModelRow], *, again: bool = False, accept_licence: bool = False
    ) -> tuple[Offer, ...]:
        """What pulling these would install, by the hub's own listing.

        Raises LicenceNotAccepted before anything is asked, HubUnavailable, DownloadFailed.
        """
        rows = tuple(rows)
        open_rows = [
            row
            for row in rows
            if row.family != "starter" and (again or not self._store.is_current(_wanted(row)))
        ]
        for row in open_rows:
            if not row.commercial and not accept_licence:
                raise LicenceNotAccepted(
                    f"The licence of {row.name} ({row.licence}) allows no commercial use. Read it"
                    f"{f' at the page of {row.repository}' if row.repository else ''}; with "
                    "--accept-licence it is yours."
                )
        return tuple(
            Offer(row=row, listing=self._store.offer(_wanted(row)) if row in open_rows else None)
            for row in rows
        )

    def pull(self, offer: Offer, *, again: bool = False, on_transfer: OnTransfer = in_silence) -> Outcome:
        """Install what was offered. Raises HubUnavailable, DownloadFailed, StorageFull, ModelError."""
        if offer.row.family == "starter":
            return Outcome(name=offer.row.name, changed=False, commit=None, size_bytes=0, downloaded_bytes=0)
        return self._store.pull(
            _wanted(offer.row),
            offer.listing,
            again=again and offer.listing is not None,
            on_transfer=on_transfer,
        )

    def verify(
        self, names: Iterable[str] = (), *, mend: bool, on_transfer: OnTransfer = in_silence
    ) -> tuple[Checkup, ...]:
        """Read every byte of these models, or of all that are installed; mend what is wrong by the hub.

        Raises NotFound, and ModelUnavailable for a name that is not installed.
        """
        rows = [catalog.find(name) for name in names]
        for row in rows:
            if not self._is_there(row):
                raise ModelUnavailable(
                    f"The model {row.name} is not installed; `heimdex models pull {row.name}` does that."
                )
        rows = rows or [row for row in catalog.ROWS if self._is_there(row)]
        return tuple(self._check(row, mend, on_transfer) for row in dict.fromkeys(rows))

    def take_in(self, folder: Path, name: str | None = None, on_transfer: OnTransfer = in_silence) -> Outcome:
        """Install a model from a folder; which one shows by its files where no name is given.

        Raises UsageError where several would do, ModelUnavailable where files are missing, WeightsCorrupt.
        """
        row = catalog.find(name) if name is not None else self._recognised(folder)
        if row.family == "starter":
            raise UsageError("The starter comes with Heimdex; there is nothing to import.")
        return self._store.take_in(_wanted(row), folder, on_transfer)

    def remove(self, name: str, *, force: bool = False) -> int:
        """Take a model away; returns the bytes freed. Raises UsageError for one that is needed."""
        row = catalog.find(name)
        if row.family == "starter":
            raise UsageError("The starter comes with Heimdex and stays: searches fall back on it.")
        if row.name in self._used() and not force:
            raise UsageError(
                f"The settings use {row.name}. Choose another model first, or say --force: searches and "
                "indexing fail then until it is back."
            )
        return self._store.remove(row.name)

    def _described(self, row: ModelRow, in_use: bool) -> dict[str, Any]:
        standing = self._standing(row)
        installed = standing.state == "installed"
        return {
            "name": row.name,
            "task": row.task,
            "pretrained": row.pretrained,
            "licence": row.licence,
            "commercial": row.commercial,
            "precision": row.precision,
            "state": standing.state,
            "installed": installed,
            "in_use": in_use,
            "size_bytes": standing.size_bytes if installed else row.size_bytes,
            "spaces": self._spaces(row) if installed else {},
            "gain": GAINS.get(row.family, ""),
            "repository": row.repository,
            "commit": standing.commit,
            "weights_sha256": catalog.fingerprint(row, self._options) if installed else None,
            "problem": standing.problem,
        }

    def _spaces(self, row: ModelRow) -> dict[str, int]:
        """The sizes of a model's vectors, read from its graph; nothing for models that make none."""
        from heimdex.pipeline.models import describe

        try:
            return {space.name: space.dim for space in describe(row.name, self._options).spaces}
        except HeimdexError:
            return {}

    def _standing(self, row: ModelRow) -> Standing:
        if row.family != "starter":
            return self._store.standing(_wanted(row))
        folder = catalog.folder(row, self._options)
        sizes = [(folder / name).stat().st_size for name in row.files if (folder / name).is_file()]
        return Standing(
            state="installed" if len(sizes) == len(row.files) else "damaged", size_bytes=sum(sizes)
        )

    def _is_there(self, row: ModelRow) -> bool:
        return row.family == "starter" or self._store.folder(row.name).is_dir()

    def _check(self, row: ModelRow, mend: bool, on_transfer: OnTransfer) -> Checkup:
        if row.family == "starter":
            faults = find_faults(
                catalog.folder(row, self._options), row.files, surplus=False, on_bytes=lambda _: None
            )
            error = "Reinstall Heimdex: the starter comes with it." if faults else None
            return self._probed(row, Checkup(name=row.name, faults=faults, error=error))
        wanted = _wanted(row)
        faults = self._store.faults(wanted, on_transfer)
        if not faults or not mend:
            return self._probed(row, Checkup(name=row.name, faults=faults))
        try:
            self._store.mend(wanted, faults, on_transfer)
        except HeimdexError as error:
            return Checkup(name=row.name, faults=faults, error=str(error))
        left = self._store.faults(wanted, on_transfer)
        return self._probed(row, Checkup(name=row.name, faults=left or faults, mended=not left))

    def _probed(self, row: ModelRow, checkup: Checkup) -> Checkup:
        """The same with sense probes: whether pictures and captions meet as they should."""
        if not checkup.ok or importlib.util.find_spec(PROBES) is None:
            return checkup
        from heimdex.pipeline.models import describe, load

        try:
            results = importlib.import_module(PROBES).probe(load(describe(row.name, self._options)))
        except HeimdexError as error:
            return replace(checkup, error=str(error))
        return replace(checkup, probes=tuple(results))

    def _recognised(self, folder: Path) -> ModelRow:
        rows = [row for row in catalog.ROWS if row.family != "starter"]
        found = {row.name: self._store.look_for(_wanted(row), folder) for row in rows}
        whole = [row for row in rows if not found[row.name].missing]
        if len(whole) == 1:
            return whole[0]
        if whole:
            names = ", ".join(row.name for row in whole)
            raise UsageError(f"{folder} would do for {names}; say which with --name.")
        started = [row for row in rows if found[row.name].paths]
        if not started:
            raise ModelUnavailable(f"{folder} holds no file of any model; see `heimdex models list`.")
        nearest = min(started, key=lambda row: len(found[row.name].missing))
        raise ModelUnavailable(
            f"{folder} holds no whole model; for {nearest.name} it lacks "
            f"{', '.join(found[nearest.name].missing)}."
        )

    def _used(self) -> frozenset[str]:
        names = set()
        for name in self._in_use:
            try:
                names.add(catalog.find(name).name)
            except NotFound:
                continue  # the list must work where the settings are wrong
        return frozenset(names)


def _wanted(row: ModelRow) -> Wanted:
    return Wanted(
        name=row.name,
        repository=row.repository,
        revision=row.revision,
        files=row.files,
        licence=row.licence,
    )
