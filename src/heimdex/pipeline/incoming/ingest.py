"""Files fetched by address become uploads, with the same checks and the same quota."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from heimdex.entities.uploads import Upload, UploadState
from heimdex.errors import FetchFailed, HeimdexError, NotFound, StoreError
from heimdex.pipeline.incoming.addresses import check_url
from heimdex.pipeline.incoming.arrival import Arrival
from heimdex.pipeline.incoming.fetching import UNREACHED, FetchOptions, fetch
from heimdex.pipeline.incoming.finishing import Finisher
from heimdex.pipeline.incoming.options import NewUpload
from heimdex.pipeline.incoming.uploads import Uploads

log = logging.getLogger(__name__)

FETCHES = 2  # at once, of all owners
STORE_FAILED = "the service could not write it down; ask for it again"  # where, the log says


class Ingest:
    """Fetches in the background."""

    def __init__(self, received: Uploads, finisher: Finisher, options: FetchOptions) -> None:
        self._uploads, self._finisher = received, finisher
        self.options = options
        self._threads = ThreadPoolExecutor(FETCHES, "heimdex-fetch")
        self._closing = threading.Event()

    def begin(self, owner: str, address: str, name: str | None = None) -> Upload:
        """Begin to fetch the file at an address; the upload that it becomes.

        Raises AddressRefused, QuotaExceeded, TooManyUploads, StorageFull. What is wrong with the file, or
        with the address where that shows only later, the upload tells.
        """
        url = check_url(address, self.options.policy)
        wanted = NewUpload(
            name=name or unquote(url.path.rstrip("/").rpartition("/")[2]),
            size_bytes=None,
            source_url=str(url),
        )
        upload = self._uploads.begin(owner, wanted)
        # Held from now on: one that nobody holds is taken for interrupted.
        self._threads.submit(self._fetch, self._uploads.arrive(owner, upload.upload_id, 0))
        return upload

    def close(self) -> None:
        """Break off; the next sweep says of those fetches that they were interrupted."""
        self._closing.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, arrival: Arrival) -> None:
        upload = arrival.upload
        try:
            self._receive(arrival)
        except NotFound:  # ended by its owner
            return
        except HeimdexError as error:
            log.info("upload %s was not fetched: %s", upload.upload_id, error, exc_info=error)
            self._refuse(upload, error, STORE_FAILED if isinstance(error, StoreError) else None)
        except Exception:
            log.exception("upload %s could not be fetched", upload.upload_id)
            self._refuse(upload, FetchFailed(UNREACHED))

    def _receive(self, arrival: Arrival) -> None:
        owner, upload_id = arrival.upload.owner, arrival.upload.upload_id
        try:
            with fetch(arrival.upload.source_url or "", self.options) as fetched:
                if fetched.size_bytes is not None:
                    arrival.make_room(fetched.size_bytes)
                for block in fetched.blocks:
                    if self._closing.is_set():
                        raise FetchFailed("fetching was interrupted; ask for it again")
                    arrival.write(block)
            if fetched.size_bytes is not None and arrival.offset_bytes != fetched.size_bytes:
                raise FetchFailed(UNREACHED)
            arrival.end()
        finally:
            arrival.close()
        found = self._uploads.complete(owner, upload_id, whole=True)
        if found is not None and found.state is UploadState.CHECKING:
            self._finisher.finish_soon(owner, upload_id)

    def _refuse(self, upload: Upload, error: HeimdexError, told: str | None = None) -> None:
        try:
            self._uploads.refuse(upload, error, told)
        except HeimdexError as failure:  # the next sweep will
            log.warning("upload %s is not marked as refused: %s", upload.upload_id, failure)
