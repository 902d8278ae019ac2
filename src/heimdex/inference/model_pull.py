"""A model's files brought together: those that are here already, and the rest from the hub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from heimdex.errors import DownloadFailed
from heimdex.inference.checksums import Digest, holds
from heimdex.inference.hub import Hub
from heimdex.inference.hub_cache import cached_copies
from heimdex.inference.hub_listing import Listing, RemoteFile
from heimdex.inference.installing import OnTransfer, Outcome, Step, Transfer, Wanted, finish, must_fit
from heimdex.inference.staging import Staging, size_of, writing


@dataclass(frozen=True, kw_only=True, slots=True)
class PullSources:
    """Where files may come from."""

    hub: Hub
    cache_dir: Path | None  # a Hugging Face cache, only read


class Pull:
    """One model on its way. The staging place is locked by the caller."""

    def __init__(
        self,
        wanted: Wanted,
        listing: Listing,
        staging: Staging,
        sources: PullSources,
        on_transfer: OnTransfer,
    ) -> None:
        self._wanted, self._listing, self._staging = wanted, listing, staging
        self._sources, self._on_transfer = sources, on_transfer
        self._digests: dict[str, Digest] = {}
        self._done_bytes = 0
        self._downloaded_bytes = 0

    def run(self) -> Outcome:
        """Install the model. Raises HubUnavailable, DownloadFailed, StorageFull, ModelError."""
        absent = [file for file in self._listing.files if not self._have(file)]
        rest_bytes = sum(max(0, file.size_bytes - size_of(self._part(file))) for file in absent)
        must_fit(self._staging.final.parent, rest_bytes)
        for file in absent:
            self._enter(file, self._download(file))
        return finish(
            self._wanted,
            self._staging,
            self._digests,
            commit=self._listing.commit,
            downloaded_bytes=self._downloaded_bytes,
        )

    def _have(self, file: RemoteFile) -> bool:
        """Have a file in its place without the hub, where that can be."""
        self._tell("checking", file)
        digest = holds(self._staging.path(file.name), file.size_bytes, file.checksum)
        if digest is None:
            for candidate in self._candidates(file):
                digest = holds(candidate, file.size_bytes, file.checksum)
                if digest is not None:
                    self._staging.take(candidate, file.name)
                    break
        if digest is not None:
            self._enter(file, digest)
        return digest is not None

    def _candidates(self, file: RemoteFile) -> Iterator[Path]:
        yield self._staging.final / file.name
        if self._sources.cache_dir is not None:
            yield from cached_copies(self._sources.cache_dir, self._listing.repository, file)

    def _download(self, file: RemoteFile) -> Digest:
        part = self._part(file)
        began_bytes = have_bytes = size_of(part)

        def count(now_bytes: int) -> None:
            nonlocal have_bytes
            # The hub may make it start over: what came twice was downloaded twice.
            self._downloaded_bytes += now_bytes - have_bytes if now_bytes > have_bytes else now_bytes
            have_bytes = now_bytes
            self._tell("downloading", file, now_bytes)

        self._sources.hub.fetch(self._listing, file, part, count)
        digest = holds(part, file.size_bytes, file.checksum)
        if digest is None:
            with writing(part.parent):
                part.unlink()
            if began_bytes:  # what lay here may have been damaged: once more from the start
                return self._download(file)
            raise DownloadFailed(
                f"{file.name} of {self._listing.repository} came with another checksum than the hub states; "
                "it was thrown away. Pull again, or from another mirror (HEIMDEX_HUB_ENDPOINT)."
            )
        with writing(part.parent):
            part.replace(self._staging.path(file.name))
        return digest

    def _part(self, file: RemoteFile) -> Path:
        return self._staging.part(file.name, file.checksum.value)

    def _enter(self, file: RemoteFile, digest: Digest) -> None:
        self._digests[file.name] = digest
        self._done_bytes += file.size_bytes

    def _tell(self, step: Step, file: RemoteFile, more_bytes: int = 0) -> None:
        self._on_transfer(
            Transfer(
                model=self._wanted.name,
                step=step,
                file=file.name,
                done_bytes=self._done_bytes + more_bytes,
                total_bytes=self._listing.size_bytes,
            )
        )
