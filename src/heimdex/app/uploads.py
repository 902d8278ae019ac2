"""Originals that were handed in, in the object store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from heimdex.entities import IndexReport, UploadedFile

if TYPE_CHECKING:
    from heimdex.pipeline.originals import Announced
    from heimdex.pipeline.tally import OnProgress
    from heimdex.pipeline.tools import Tools


class Uploads:
    """One owner's uploads."""

    def __init__(self, make_tools: Callable[[], Tools], *, hidden: bool) -> None:
        self._make_tools, self._hidden = make_tools, hidden

    def keep(self, path: Path, announced: Announced, *, take: bool = True) -> UploadedFile:
        """Store a file that was handed in; with `take` it may be moved.

        Raises UnreadableFile, ObjectDamaged where the checksum is another, ObjectStoreError, StorageFull.
        """
        from heimdex.pipeline.uploads import keep_upload

        return keep_upload(self._make_tools(), path, announced, take=take)

    def index(
        self,
        object_key: str,
        *,
        stages: list[str] | None = None,
        retry: bool = False,
        on_progress: OnProgress | None = None,
    ) -> IndexReport:
        """Index an upload here and now, whichever machine took it in. Raises UsageError, StoreError."""
        from heimdex.pipeline.flow import choose
        from heimdex.pipeline.run_context import IndexOptions
        from heimdex.pipeline.uploads import index_object

        options = IndexOptions(stages=choose(stages), hidden=self._hidden, retry=retry)
        return index_object(self._make_tools(), options, object_key, on_progress)

    def of_asset(self, asset_id: str) -> list[UploadedFile]:
        """The uploads that an asset was made from; none for one that was only indexed in place."""
        from heimdex.pipeline.uploads import uploads_of

        return uploads_of(self._make_tools(), asset_id)

    def drop(self, object_id: str) -> list[str]:
        """Remove an upload for good. Returns the assets that went. Raises NotFound, ObjectStoreError."""
        from heimdex.pipeline.uploads import drop_upload

        return drop_upload(self._make_tools(), object_id)
