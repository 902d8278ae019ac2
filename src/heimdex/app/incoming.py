"""Uploads and fetching by address, put together from the settings."""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from heimdex.app import parts
from heimdex.entities.uploads import Upload
from heimdex.errors import HeimdexError, NotFound
from heimdex.pipeline.incoming.addresses import FetchPolicy, networks, places
from heimdex.pipeline.incoming.fetching import FetchOptions
from heimdex.pipeline.incoming.finishing import Finisher, OnStored
from heimdex.pipeline.incoming.ingest import Ingest
from heimdex.pipeline.incoming.options import UploadOptions
from heimdex.pipeline.incoming.originals import Originals, OriginalsFolder
from heimdex.pipeline.incoming.uploads import Uploads

if TYPE_CHECKING:
    from heimdex.app import Heimdex
    from heimdex.config import Settings
    from heimdex.pipeline.workers import WorkerPool

log = logging.getLogger(__name__)

GIGABYTE = 1_000_000_000


class Incoming:
    """What is handed in: `uploads` takes bytes, `finisher` checks and keeps files, `ingest` fetches them."""

    def __init__(
        self,
        heimdex: Heimdex,
        *,
        originals: Originals | None = None,
        on_stored: OnStored | None = None,
    ) -> None:
        """Raises SettingsError. `on_stored` None: what is kept is indexed in a thread of this process."""
        settings = heimdex.settings
        options = upload_options(settings)
        self._originals = originals or OriginalsFolder(settings.home / "objects")
        self._indexing = _Indexing(heimdex, self)
        self.uploads = Uploads(heimdex.database, options)
        self.finisher = Finisher(
            heimdex.database,
            self.uploads,
            lambda: heimdex.hands,
            self._originals,
            on_stored or self._indexing.begin,
        )
        self.ingest = Ingest(self.uploads, self.finisher, fetch_options(settings))

    @property
    def originals(self) -> Originals:
        """Where files are kept."""
        return self._originals

    def close(self, hands: WorkerPool | None = None) -> None:
        """End what is under way; with the worker processes, so that no file under check is waited for."""
        self.finisher.closing()
        self.ingest.close()
        if hands is not None:
            hands.close()
        self.finisher.close()
        self._indexing.close()


class _Indexing:
    """Indexes what was kept, one file after the other, in a thread of this process."""

    def __init__(self, heimdex: Heimdex, incoming: Incoming) -> None:
        self._heimdex, self._incoming = heimdex, incoming
        self._queue: queue.SimpleQueue[tuple[str, Upload] | None] = queue.SimpleQueue()
        self._waiting: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, owner: str, upload: Upload) -> None:
        """Index it after those before it; nothing where it waits for that already."""
        with self._lock:
            if upload.upload_id in self._waiting:
                return
            self._waiting.add(upload.upload_id)
            if self._thread is None:
                # A daemon: a long film must not keep the process from ending, and an index bears a kill.
                self._thread = threading.Thread(target=self._run, name="heimdex-index-uploads", daemon=True)
                self._thread.start()
        self._queue.put((owner, upload))

    def close(self) -> None:
        """End after the file in hand, without waiting; the next start goes on."""
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put(None)

    def _run(self) -> None:
        while (found := self._queue.get()) is not None:
            self._index(*found)

    def _index(self, owner: str, upload: Upload) -> None:
        try:
            asset_id, error = self._indexed(owner, upload)
            self._incoming.finisher.note_indexed(upload, asset_id, error)
        except HeimdexError as error:
            log.warning("upload %s is indexed later: %s", upload.upload_id, error)
        except Exception:
            log.exception("upload %s could not be indexed", upload.upload_id)
        finally:
            with self._lock:
                self._waiting.discard(upload.upload_id)

    def _indexed(self, owner: str, upload: Upload) -> tuple[str | None, str | None]:
        path = self._incoming.originals.path(owner, upload.object_key or "")
        if path is None:
            return None, "its file is not on this machine"
        library = self._heimdex.for_owner(owner)
        report = library.index(path)
        error = next((refusal.error for refusal in report.failed), None)
        try:
            asset_id: str | None = library.show(str(path))["asset"]["asset_id"]
        except NotFound:
            asset_id, error = None, error or "the index took no notice of it"
        return asset_id, error


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
