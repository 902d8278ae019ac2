"""The catalog's models and what of them is installed: listed, pulled, imported, verified, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.errors import (
    DownloadFailed,
    HeimdexError,
    LicenceNotAccepted,
    ModelUnavailable,
    NotFound,
    UsageError,
)
from heimdex.inference.hub import HubOptions
from heimdex.inference.hub_listing import Listing
from heimdex.inference.installing import OnTransfer, Outcome, in_silence
from heimdex.inference.model_faults import FileFault, find_faults
from heimdex.inference.model_store import ModelStore
from heimdex.pipeline.model_list import SETS, describe_model, row_in, rows_of, wanted_of
from heimdex.pipeline.shipped import SHIPPED, describe_shipped

if TYPE_CHECKING:
    from heimdex.encoders.probes import ProbeResult

PROBED = ("starter", "clip", "siglip", "resnet")  # the families of picture models


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A model that a pull would install, as the hub has it now."""

    row: ModelRow
    listing: Listing | None  # None: it is installed, or the hub does not have it
    error: str | None = None  # why the hub does not have it

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
    probes: tuple[ProbeResult, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it now."""
        sound = not self.faults or self.mended
        return sound and self.error is None and all(probe.ok for probe in self.probes)


class Models:
    """Every model of the catalog. Only `offers`, `pull` and the mending `verify` ask the hub."""

    def __init__(
        self,
        options: LoadOptions,
        hub: HubOptions,
        hub_cache: Path | None,
        in_use: Callable[[], Sequence[str]],
    ) -> None:
        """`in_use`: the names, or other spellings, of what is in use; asked when it matters."""
        if options.models_dir is None:
            raise UsageError("No folder for models was named; set HEIMDEX_MODELS_DIR.")
        self._options = options
        self._store = ModelStore(options.models_dir, hub, hub_cache)
        self._in_use = in_use

    def listing(self) -> list[dict[str, Any]]:
        """Every model with its state, as `heimdex models list --json` shows it. Asks nobody."""
        in_use = self._in_use()
        used = self._found(in_use)
        rows = [
            describe_model(row, self._store, self._options, in_use=row.name in used) for row in self._rows()
        ]
        return [*rows, *(describe_shipped(one, in_use=one.name in in_use) for one in SHIPPED)]

    def choose(self, names: Iterable[str], chosen_set: str | None = None) -> tuple[ModelRow, ...]:
        """The rows of these names and of a set, each once. Raises NotFound, UsageError for none at all."""
        wanted = list(names)
        if chosen_set is not None:
            if chosen_set not in SETS:
                raise NotFound(f"There is no set called {chosen_set!r}. There is: {', '.join(SETS)}.")
            wanted += SETS[chosen_set]
        if not wanted:
            raise UsageError("Name a model, or a set with --set; see `heimdex models list`.")
        return tuple(dict.fromkeys(self._find(name) for name in wanted))

    def offers(
        self, rows: Iterable[ModelRow], *, again: bool = False, accept_licence: bool = False
    ) -> tuple[Offer, ...]:
        """What pulling these would install, by the hub's own listing.

        One that the hub does not have says so in its offer. Raises LicenceNotAccepted before anything is
        asked, HubUnavailable.
        """
        rows = tuple(rows)
        open_rows = [
            row for row in rows if not row.packaged and (again or not self._store.is_current(wanted_of(row)))
        ]
        for row in open_rows:
            if not row.commercial and not accept_licence:
                raise LicenceNotAccepted(
                    f"The licence of {row.name} ({row.licence}) allows no commercial use. Read it"
                    f"{f' at the page of {row.repository}' if row.repository else ''}; with "
                    "--accept-licence it is yours."
                )
        return tuple(self._offer(row) if row in open_rows else Offer(row=row, listing=None) for row in rows)

    def pull(self, offer: Offer, *, again: bool = False, on_transfer: OnTransfer = in_silence) -> Outcome:
        """Install what was offered. Raises HubUnavailable, DownloadFailed, StorageFull, ModelError."""
        if offer.error is not None:
            raise DownloadFailed(offer.error)
        if offer.row.packaged:
            return Outcome(name=offer.row.name, changed=False, commit=None, size_bytes=0, downloaded_bytes=0)
        return self._store.pull(
            wanted_of(offer.row),
            offer.listing,
            again=again and offer.listing is not None,
            on_transfer=on_transfer,
        )

    def verify(
        self,
        names: Iterable[str] = (),
        *,
        mend: bool,
        probe: bool = True,
        on_transfer: OnTransfer = in_silence,
    ) -> tuple[Checkup, ...]:
        """Read every byte of these models, or of all that are installed; mend what is wrong by the hub.

        With `probe`, picture models are also asked what sample pictures show.

        Raises NotFound, and ModelUnavailable for a name that is not installed.
        """
        rows = [self._find(name) for name in names]
        for row in rows:
            if not self._is_there(row):
                raise ModelUnavailable(
                    f"The model {row.name} is not installed; `heimdex models pull {row.name}` does that."
                )
        rows = rows or [row for row in self._rows() if self._is_there(row)]
        checkups = {row: self._check(row, mend, on_transfer) for row in dict.fromkeys(rows)}
        return tuple(self._probed(row, checkup) if probe else checkup for row, checkup in checkups.items())

    def take_in(self, folder: Path, name: str | None = None, on_transfer: OnTransfer = in_silence) -> Outcome:
        """Install a model from a folder; which one shows by its files where no name is given.

        Raises UsageError where several would do, ModelUnavailable where files are missing, WeightsCorrupt.
        """
        row = self._find(name) if name is not None else self._recognised(folder)
        if row.packaged:
            raise UsageError(f"{row.name} comes with Heimdex; there is nothing to import.")
        return self._store.take_in(wanted_of(row), folder, on_transfer)

    def remove(self, name: str, *, force: bool = False) -> int:
        """Take a model away; returns the bytes freed. Raises UsageError for one that is needed."""
        row = self._find(name)
        if row.packaged:
            raise UsageError(f"{row.name} comes with Heimdex and stays: searches fall back on it.")
        if row.name in self._found(self._in_use()) and not force:
            raise UsageError(
                f"{row.name} is in use. Choose another model first, or say --force: searches and "
                "indexing fail then until it is back."
            )
        return self._store.remove(row.name)

    def _offer(self, row: ModelRow) -> Offer:
        try:
            return Offer(row=row, listing=self._store.offer(wanted_of(row)))
        except (DownloadFailed, ModelUnavailable) as error:
            return Offer(row=row, listing=None, error=str(error))

    def _rows(self) -> tuple[ModelRow, ...]:
        return rows_of(self._options.models_dir)

    def _find(self, name: str) -> ModelRow:
        shipped = next((one for one in SHIPPED if one.name == name), None)
        if shipped is not None:
            raise UsageError(
                f"{name} comes with the package {shipped.package}: nothing to pull, verify or remove."
            )
        return catalog.find(name, self._options.models_dir)

    def _is_there(self, row: ModelRow) -> bool:
        return row.packaged or self._store.folder(row.name).is_dir()

    def _check(self, row: ModelRow, mend: bool, on_transfer: OnTransfer) -> Checkup:
        if row.packaged:
            faults = find_faults(
                catalog.folder(row, self._options), row.files, surplus=False, on_bytes=lambda _: None
            )
            error = "Reinstall Heimdex: this model comes with it." if faults else None
            return Checkup(name=row.name, faults=faults, error=error)
        wanted = wanted_of(row)
        faults = self._store.faults(wanted, on_transfer)
        if not faults or not mend:
            return Checkup(name=row.name, faults=faults)
        try:
            self._store.mend(wanted, faults, on_transfer)
        except HeimdexError as error:
            return Checkup(name=row.name, faults=faults, error=str(error))
        left = self._store.faults(wanted, on_transfer)
        return Checkup(name=row.name, faults=left or faults, mended=not left)

    def _probed(self, row: ModelRow, checkup: Checkup) -> Checkup:
        """The same with sense probes: whether the model sees what it should."""
        if not checkup.ok or row.family not in PROBED:
            return checkup
        from heimdex.encoders.probes import probe

        try:
            return replace(checkup, probes=tuple(probe(catalog.load(row.name, self._options))))
        except HeimdexError as error:
            return replace(checkup, error=str(error))

    def _recognised(self, folder: Path) -> ModelRow:
        own = row_in(folder)
        if own is not None:
            return own
        rows = [row for row in self._rows() if not row.packaged]
        found = {row.name: self._store.look_for(wanted_of(row), folder) for row in rows}
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

    def _found(self, in_use: Iterable[str]) -> frozenset[str]:
        names = set()
        for name in in_use:
            try:
                names.add(self._find(name).name)
            except HeimdexError:
                continue  # the list must work where the settings are wrong
        return frozenset(names)
