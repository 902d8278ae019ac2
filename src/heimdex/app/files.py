"""The library as files and pages of them: what a service hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heimdex.entities import DerivedFile, Hit, Kind
from heimdex.entities.objects import is_object, key_of

if TYPE_CHECKING:
    from heimdex.pipeline.browsing import Original
    from heimdex.pipeline.clips import CutClip
    from heimdex.pipeline.corrections import Correction
    from heimdex.pipeline.tools import Tools
    from heimdex.pipeline.workers import WorkerPool


class Files:
    """One owner's assets page by page, their pictures and originals, and clips of them."""

    def __init__(
        self, make_tools: Callable[[], Tools], hands: Callable[[], WorkerPool], *, link_s: int = 0
    ) -> None:
        """`link_s` is for how long the address of an upload in a bucket is signed; 0: none is."""
        self._make_tools, self._hands, self._link_s = make_tools, hands, link_s

    def page(self, *, after: str | None = None, kind: str | None = None, limit: int = 50) -> dict[str, Any]:
        """`assets` in the order of their arrival, after the asset `after`, and whether there are `more`.

        Raises QueryError.
        """
        from heimdex.pipeline.browsing import AssetQuery, page_of_assets

        wanted = AssetQuery(after=after, kind=None if kind is None else Kind(kind), limit=limit)
        return page_of_assets(self._make_tools(), wanted)

    def correct(self, asset: str, correction: Correction) -> dict[str, Any]:
        """Say what an asset is called or when it was taken; the asset as `show` tells it.

        Raises NotFound, UsageError.
        """
        from heimdex.pipeline.corrections import correct
        from heimdex.pipeline.library import show

        tools = self._make_tools()
        return show(tools, correct(tools, asset, correction))

    def original(self, asset_id: str) -> Original:
        """The file that an asset was made from. Raises NotFound."""
        from heimdex.pipeline.browsing import original

        return original(self._make_tools(), asset_id)

    def place_of(self, original: Original) -> bytes | None:
        """The path of an original that lies on this machine; None for an upload in a bucket."""
        return self._make_tools().originals.place(original.path_bytes)

    def link_to(self, original: Original) -> str | None:
        """An address from which anybody may fetch an upload for a while; None where none is to be had.

        The object is not asked for: it may be missing. Raises ObjectStoreError.
        """
        if not self._link_s or not is_object(original.path_bytes):
            return None
        objects = self._make_tools().originals.objects
        return objects.presign(key_of(original.path_bytes), self._link_s)

    def read_upload(self, original: Original, start: int, length: int) -> Iterator[bytes]:
        """`length` bytes of an upload from `start` on, in pieces, straight from the object store.

        Raises ObjectMissing, ObjectStoreError.
        """
        key = key_of(original.path_bytes)
        return self._make_tools().originals.objects.read_range(key, start, length)

    def thumbnail_of_scene(self, scene_id: str) -> tuple[DerivedFile, Path]:
        """The thumbnail of a scene's best frame, and where it lies. Raises NotFound."""
        from heimdex.pipeline.browsing import thumbnail_of_scene

        tools = self._make_tools()
        found = thumbnail_of_scene(tools, scene_id)
        return found, tools.derived.at_hand([found])[0]

    def kept_frame(self, keyframe_id: str, *, thumbnail: bool = False) -> tuple[DerivedFile, Path]:
        """A kept frame or its thumbnail, and where it lies. Raises NotFound."""
        from heimdex.pipeline.browsing import kept_frame

        tools = self._make_tools()
        keyframe = kept_frame(tools, keyframe_id)
        found = keyframe.thumbnail if thumbnail else keyframe.frame
        return found, tools.derived.at_hand([found])[0]

    def with_thumbnails(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Hits whose thumbnails can be opened here; of one that cannot be fetched there is none."""
        from heimdex.pipeline.browsing import with_thumbnails

        return with_thumbnails(self._make_tools(), hits)

    def clip(self, asset_id: str, *, start: float, end: float) -> CutClip:
        """Copy a stretch, in seconds, of an asset without decoding it; the file is the taker's to remove.

        Raises NotFound, QueryError, MediaError, WorkerError.
        """
        from heimdex.pipeline.clips import cut_clip

        return cut_clip(self._make_tools(), self._hands(), asset_id, round(start * 1e6), round(end * 1e6))

    def prepare_picture(self, source: Path, target: Path) -> None:
        """Write a picture that was handed in as searches take it. Raises QueryError, WorkerError."""
        from heimdex.pipeline.clips import prepare_picture

        limits = self._make_tools().limits
        prepare_picture(self._hands(), source, target, max_pixels=limits.max_pixels)
