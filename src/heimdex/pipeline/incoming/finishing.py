"""What becomes of uploads: checked and made originals, or refused; abandoned ones swept away."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from heimdex.entities import is_uuid
from heimdex.entities.uploads import Upload, UploadState
from heimdex.errors import (
    ChecksumMismatch,
    FetchFailed,
    HeimdexError,
    MediaError,
    NotFound,
    UnreadableFile,
    UploadBusy,
    UploadError,
    WorkerCrashed,
    WorkerError,
)
from heimdex.pipeline.incoming.checking import check
from heimdex.pipeline.incoming.keeping import keep, was_kept
from heimdex.pipeline.incoming.uploads import IS_ASSET, Uploads
from heimdex.pipeline.originals import Originals
from heimdex.pipeline.worker import STOPPED
from heimdex.pipeline.workers import WorkerPool
from heimdex.store import parts, uploads
from heimdex.store.database import Database
from heimdex.store.parts import Part

log = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 20
ELSEWHERE = "its file lies on another machine, which checks it"
STOPPING = "the service is stopping; the upload is checked when it runs again"

OriginalsOf = Callable[[str], Originals]

OnStored = Callable[[str, Upload], None]
"""Called with the owner and an upload that was stored; after a crash again, until it is indexed."""


class Finisher:
    """Checks what was received, one file at a time, and tidies up."""

    def __init__(
        self,
        database: Database,
        received: Uploads,
        hands: Callable[[], WorkerPool],
        originals: OriginalsOf,
        on_stored: OnStored,
    ) -> None:
        """`originals` gives an owner's; `hands` the processes that look at files."""
        self._database = database
        self._uploads = received
        self._hands = hands
        self._originals = originals
        self._on_stored = on_stored
        self._threads = ThreadPoolExecutor(1, "heimdex-uploads")
        self._closing = threading.Event()
        self._sweeper: threading.Thread | None = None

    def finish(self, owner: str, upload_id: str) -> Upload:
        """Check a complete upload and keep it; what became of it, which may be a refusal.

        Raises NotFound, UploadBusy while another process does it, StorageFull, StoreError,
        WorkersUnavailable: then it is tried again by the next sweep.
        """
        upload = self._uploads.get(owner, upload_id)
        if upload.state is not UploadState.CHECKING:
            return upload
        path = self._uploads.path(upload)
        part = _held(path)
        try:
            upload = self._uploads.get(owner, upload_id)  # it may have been finished just before
            if upload.state is not UploadState.CHECKING:
                return upload
            finished = self._checked(upload, path, there=part is not None)
        finally:
            if part is not None:
                part.close()
        if finished.state is UploadState.STORED:
            self._on_stored(owner, finished)
        return finished

    def finish_soon(self, owner: str, upload_id: str) -> None:
        """The same, in the background."""

        def work() -> None:
            try:
                self.finish(owner, upload_id)
            except (NotFound, UploadBusy):
                return
            except HeimdexError as error:
                log.warning("upload %s is checked later: %s", upload_id, error)
            except Exception:
                log.exception("upload %s could not be checked", upload_id)

        if not self._closing.is_set():
            self._threads.submit(work)

    def complete(self, owner: str, upload_id: str) -> Upload | None:
        """Close an upload all of whose bytes came and have it checked; None where some are to come."""
        upload = self._uploads.complete(owner, upload_id)
        if upload is not None and upload.state is UploadState.CHECKING:
            self.finish_soon(owner, upload_id)
        return upload

    def end(self, owner: str, upload_id: str) -> None:
        """Forget an upload that became no asset, and delete its file.

        Raises NotFound, UploadError, ObjectStoreError (then it is still there).
        """
        upload = self._uploads.get(owner, upload_id)
        if not upload.may_end:
            raise UploadError(IS_ASSET)
        if upload.object_key is not None:
            self._originals(owner).let_go([upload.object_key])
        else:
            self._uploads.give_up(owner, upload_id)

    def sweep(self) -> None:
        """Give up what was abandoned, and go on with what another process left."""
        for owner in self._uploads.owners():
            if self._closing.is_set():
                return
            try:
                self._sweep(owner)
            except HeimdexError as error:
                log.warning("the uploads of %s cannot be tidied now: %s", owner, error)

    def begin_sweeping(self) -> None:
        """Sweep now and from time to time, until closed."""
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._keep_sweeping, name="heimdex-sweep", daemon=True)
            self._sweeper.start()

    def closing(self) -> None:
        """Begin nothing more; what is being checked when the worker processes end is checked another time."""
        self._closing.set()

    def close(self) -> None:
        """Wait for what is in hand."""
        self._closing.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._sweeper is not None:
            self._sweeper.join()

    def _checked(self, upload: Upload, path: Path, *, there: bool) -> Upload:
        owner, upload_id = upload.owner, upload.upload_id
        try:
            sha256 = upload.sha256
            if there:
                sha256 = self._proven(path, upload.declared_sha256)
                check(self._hands(), path, self._uploads.options.max_pixels)
                self._database.run(owner, lambda c: uploads.note_sha256(c, owner, upload_id, sha256))
            elif not was_kept(self._originals(owner), upload):
                if upload.expires_at > datetime.now(UTC):
                    raise UploadBusy(ELSEWHERE)
                raise UnreadableFile("its file was lost on the server; send it again")
        except (ChecksumMismatch, MediaError, WorkerError) as error:
            if self._closing.is_set() or (isinstance(error, WorkerCrashed) and str(error) == STOPPED):
                raise UploadBusy(STOPPING) from error
            return self._uploads.refuse(upload, error) or self._uploads.get(owner, upload_id)
        found = replace(upload, sha256=sha256)
        kept_path = path if there else None
        return keep(self._database, self._originals(owner), found, kept_path, self._check_closing)

    def _check_closing(self) -> None:
        if self._closing.is_set():
            raise UploadBusy(STOPPING)

    def _proven(self, path: Path, declared: str | None) -> str:
        """The file's SHA-256, hex. Raises ChecksumMismatch; UploadBusy when the service stops meanwhile."""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                self._check_closing()
                digest.update(block)
        if declared is not None and digest.hexdigest() != declared:
            raise ChecksumMismatch("the file that came has another SHA-256 than was said; send it again")
        return digest.hexdigest()

    def _sweep(self, owner: str) -> None:
        run = self._database.run
        options = self._uploads.options
        folder = options.folder / owner
        ours = {stem for stem in map(_stem, folder.iterdir()) if is_uuid(stem)}
        known = {upload.upload_id: upload for upload in run(owner, lambda c: uploads.open_ones(c, owner))}
        for upload_id in run(owner, lambda c: uploads.expire(c, owner)):
            upload = known.pop(upload_id, None)
            if upload is not None:
                parts.remove(self._uploads.path(upload))
        for found in folder.iterdir():
            if _stem(found) in ours - known.keys():
                self._remove_stray(owner, found)
        for upload in known.values():
            if upload.upload_id in ours or upload.state is not UploadState.RECEIVING:
                self._go_on(upload)
        run(owner, lambda c: uploads.forget_old(c, owner, options.told_s))
        self._originals(owner).let_go(run(owner, lambda c: uploads.removed(c, owner)))

    def _remove_stray(self, owner: str, path: Path) -> None:
        """A file that belongs to no open upload. Held: rows are entered while their file is held."""
        upload_id = _stem(path)
        try:
            part = Part.hold(path)
        except (UploadBusy, NotFound):
            return
        try:
            row = self._database.run(owner, lambda c: uploads.get(c, owner, upload_id))
            if row is None or row.state not in (UploadState.RECEIVING, UploadState.CHECKING):
                parts.remove(path)
        finally:
            part.close()

    def _go_on(self, upload: Upload) -> None:
        """Do what the process that had the upload in hand did not come to."""
        if upload.state is UploadState.STORED:
            self._on_stored(upload.owner, upload)
        elif upload.state is UploadState.CHECKING:
            self.finish_soon(upload.owner, upload.upload_id)
        elif upload.source_url is not None:
            self._end_fetch(upload)
        elif upload.size_bytes is not None:
            self.complete(upload.owner, upload.upload_id)

    def _end_fetch(self, upload: Upload) -> None:
        """A fetch nobody holds died with its process: nobody is there to send the rest."""
        try:
            Part.hold(self._uploads.path(upload)).close()
        except (UploadBusy, NotFound):
            return
        self._uploads.refuse(upload, FetchFailed("fetching was interrupted; ask for it again"))

    def _keep_sweeping(self) -> None:
        while True:
            try:
                self.sweep()
            except Exception:
                log.exception("uploads could not be tidied")
            if self._closing.wait(self._uploads.options.sweep_s):
                return


def _held(path: Path) -> Part | None:
    """The complete file; None where it was moved already. Raises UploadBusy."""
    try:
        return Part.hold(path)
    except NotFound:
        return None


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]
