"""Uploads and fetching by address, put together from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heimdex.app import parts
from heimdex.entities.uploads import Upload
from heimdex.pipeline.incoming.addresses import FetchPolicy, networks, places
from heimdex.pipeline.incoming.fetching import FetchOptions
from heimdex.pipeline.incoming.finishing import Finisher, OnStored
from heimdex.pipeline.incoming.ingest import Ingest
from heimdex.pipeline.incoming.options import UploadOptions
from heimdex.pipeline.incoming.uploads import Uploads

if TYPE_CHECKING:
    from heimdex.app import Heimdex
    from heimdex.config import Settings
    from heimdex.pipeline.originals import Originals
    from heimdex.pipeline.workers import WorkerPool

GIGABYTE = 1_000_000_000


class Incoming:
    """What is handed in: `uploads` takes bytes, `finisher` checks and keeps files, `ingest` fetches them."""

    def __init__(self, heimdex: Heimdex, *, on_stored: OnStored | None = None) -> None:
        """Raises SettingsError. `on_stored` None: a worker is to index what is kept."""
        settings = heimdex.settings
        self._heimdex = heimdex
        self.uploads = Uploads(heimdex.database, upload_options(settings))
        self.finisher = Finisher(
            heimdex.database,
            self.uploads,
            lambda: heimdex.hands,
            self.originals,
            on_stored or self._have_indexed,
        )
        self.ingest = Ingest(self.uploads, self.finisher, fetch_options(settings))

    def originals(self, owner: str) -> Originals:
        """Where files of an owner are kept."""
        return self._library(owner).originals

    def close(self, hands: WorkerPool | None = None) -> None:
        """End what is under way; with the worker processes, so that no file under check is waited for."""
        self.finisher.closing()
        self.ingest.close()
        if hands is not None:
            hands.close()
        self.finisher.close()

    def _have_indexed(self, owner: str, upload: Upload) -> None:
        from heimdex.jobs.kinds.uploading import enter_once

        board = self._library(owner).jobs
        self._heimdex.database.run(owner, lambda c: enter_once(c, board, upload))

    def _library(self, owner: str) -> Heimdex:
        return self._heimdex if owner == self._heimdex.owner else self._heimdex.for_owner(owner)


def upload_options(settings: Settings) -> UploadOptions:
    """What uploads may take."""
    quota_gb = settings.quota_gb
    return UploadOptions(
        folder=settings.home / "uploads",
        largest_bytes=round(settings.upload_limit_gb * GIGABYTE),
        quota_bytes=None if quota_gb is None else round(quota_gb * GIGABYTE),
        at_once=settings.uploads_at_once,
        kept_s=settings.upload_kept_hours * 3_600,
        max_pixels=parts.limits(settings).max_pixels,
    )


def fetch_options(settings: Settings) -> FetchOptions:
    """What may be fetched by address. Raises SettingsError."""
    policy = FetchPolicy(
        places=places(settings.ingest_hosts),
        http=settings.ingest_http,
        networks=networks(settings.ingest_networks),
    )
    return FetchOptions(policy=policy, largest_bytes=round(settings.upload_limit_gb * GIGABYTE))
