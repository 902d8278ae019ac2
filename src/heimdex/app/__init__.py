"""Heimdex: one library and all that can be done with it. Command line and server are doors on it."""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from heimdex.app import parts
from heimdex.app.jobs import Jobs, make_jobs
from heimdex.app.model_change import ModelChange
from heimdex.app.paths import PathLike, as_bytes, as_folder
from heimdex.app.rooms import Rooms
from heimdex.config import hub_cache
from heimdex.entities import (
    Answer,
    Filters,
    IndexReport,
    Kind,
    Query,
    Strictness,
    Verification,
)
from heimdex.errors import QueryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heimdex.app.incoming import Incoming
    from heimdex.inference.quantise import Loss
    from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillReport
    from heimdex.pipeline.backfill_tally import OnProgress as OnBackfillProgress
    from heimdex.pipeline.installed import Models
    from heimdex.pipeline.tally import OnProgress

log = logging.getLogger(__name__)


class Heimdex(Rooms):
    """One library. `Heimdex().index("~/Videos")`, then `.search("red car at night")`.

    Parts are made when first needed: `status` loads no runtime, a search no decoder of films. Close it, or
    use it in a `with` block: the last user of a home stops its database server.
    """

    def for_owner(self, owner: str) -> Heimdex:
        """The library of another owner (a UUID) in the same home, over the same connections.

        Closing it closes nothing; it must not outlive the one it was made from.
        """
        other = Heimdex(self.settings.model_copy(update={"owner": str(uuid.UUID(owner))}))
        other._host = self
        return other

    def __enter__(self) -> Self:
        return self

    @cached_property
    def model_change(self) -> ModelChange:
        """Which picture model is in use, and changing it while searches go on."""
        return ModelChange(self)

    @cached_property
    def models(self) -> Models:
        """The models: which there are, pulling, checking and removing them."""
        from heimdex.pipeline.installed import Models

        settings = self.settings
        return Models(
            parts.load_options(settings),
            parts.hub_options(settings),
            hub_cache(settings),
            lambda: parts.models_in_use(settings, self.model_change.models_in_use()),
        )

    @cached_property
    def jobs(self) -> Jobs:
        """What is left to workers: enqueue, watch, cancel, pause, resume, retry."""
        return make_jobs(self)

    @cached_property
    def incoming(self) -> Incoming:
        """Uploads and what is fetched by address, of all owners of this home."""
        if isinstance(self._host, Heimdex):
            return self._host.incoming
        from heimdex.app.incoming import Incoming

        return Incoming(self)

    def index(
        self,
        *paths: PathLike,
        stages: list[str] | None = None,
        repair: bool = False,
        on_progress: OnProgress | None = None,
    ) -> IndexReport:
        """Bring the index up to date with what lies below the paths. Raises UsageError, StoreError."""
        from heimdex.pipeline.flow import choose
        from heimdex.pipeline.indexing import IndexOptions, index
        from heimdex.pipeline.repair import repair as mend

        options = IndexOptions(stages=choose(stages), hidden=self.settings.hidden, retry=repair)
        roots = [as_bytes(path) for path in paths]
        if repair:
            # Files first: what is named by itself is met once, whatever folder it lies in.
            roots = [*mend(self._tools()).roots, *roots]
        tools = self._tools()
        if notice := self.model_change.state()["notice"]:
            log.warning("%s", notice)
        report = index(tools, options, roots, on_progress)
        if self.settings.pictures and self.model != tools.model:  # the pointer moved meanwhile
            self.backfill()
        return report

    def backfill(
        self,
        model: str | None = None,
        *,
        options: BackfillOptions | None = None,
        timeout_s: float | None = None,
        on_progress: OnBackfillProgress | None = None,
    ) -> BackfillReport:
        """Make the vectors of a model (None: the one in use) that scenes lack, from kept frames.

        `timeout_s` is what one picture may take. Raises UsageError, NotFound, ModelError, StoreError.
        """
        from heimdex.pipeline.backfill import backfill
        from heimdex.pipeline.backfill_tally import BackfillOptions

        if not self.settings.pictures:
            raise UsageError(f"No vectors are made: {parts.PICTURES_OFF}.")
        tools = self.tools_of(model)
        if timeout_s is not None:
            tools = replace(tools, limits=replace(tools.limits, image_timeout_s=timeout_s))
        return backfill(tools, options or BackfillOptions(), on_progress)

    def search(
        self,
        text: str | None = None,
        *,
        image: PathLike | None = None,
        similar: str | None = None,
        kind: str | None = None,
        within: PathLike | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        page: int = 1,
        match_threshold: float | None = None,
        strictness: str = "normal",
        nearest: bool = False,
        says: Sequence[str] = (),
        shows: Sequence[str] = (),
        without: Sequence[str] = (),
        likes: Sequence[str] = (),
        thumbnails: bool = True,
    ) -> Answer:
        """The moments that answer words, a picture, a scene, or a mixture. Raises QueryError, NotFound.

        `text` is a line of the query language; `says` and `shows` add what is said and written to it,
        `without` what counts against a hit, `likes` scenes, as `SCENE` or `SCENE:-0.5`. `strictness` is
        strict, normal or loose; `nearest` shows what came nearest where nothing answers. `thumbnails` fetches
        those that lie in a bucket.
        """
        from heimdex.search.language import like, parse

        if says or shows or without:
            text = str(parse(text or "").with_terms(says=says, shows=shows, without=without))
        filters = Filters(
            kind=None if kind is None else _kind(kind),
            within=None if within is None else as_folder(within),
            since=since,
            until=until,
        )
        query = Query(
            text=text,
            image=None if image is None else as_folder(image),
            similar=similar,
            likes=tuple((one.scene_id or "", one.weight) for one in map(like, likes)),
            filters=filters,
            limit=limit,
            page=page,
            match_threshold=match_threshold,
            strictness=Strictness(strictness),
            nearest=nearest,
        )
        answer = self.searcher.search(query)
        if text and page == 1 and not (image or similar or likes):
            self._asked.note(text)
        if not thumbnails or not self.derived.is_shared:
            return answer
        return replace(answer, hits=self.files.with_thumbnails(answer.hits))

    def verify(self, *, sample: int = 64) -> Verification:
        """Derive everything again from files and rows and name every fault."""
        from heimdex.pipeline.verify import verify

        return verify(self._tools(), sample=sample)

    def remove(self, *targets: PathLike) -> list[str]:
        """Take assets, files or folders out of the index; the ids of the assets that went.

        What was uploaded is deleted; what was indexed in place is not touched. Raises NotFound.
        """
        from heimdex.pipeline.library import remove

        return remove(self._tools_to_read(), [os.fsdecode(target) for target in targets])

    def status(self) -> dict[str, Any]:
        """How much there is and how far each stage has come."""
        from heimdex.pipeline.status import status

        state = self.model_change.state()
        found = status(self._tools_to_read())
        if self.settings.pictures:
            found["models"] = {"picture": state["model"]}
        found["notices"] = [notice] if (notice := state["notice"]) else []
        return found

    def assets(self) -> dict[str, Any]:
        """Every asset with its paths and state."""
        from heimdex.pipeline.library import list_assets

        return list_assets(self._tools_to_read())

    def check_ready(self) -> tuple[str, ...]:
        """Whether searches can be answered now. Raises StoreError at once where the database is away.

        The installation's model is loaded. Returns the names of models whose weights cannot be used here:
        the model before stands in for them, or words answer alone.
        """
        name = self.model_change.default()
        return () if not self.settings.pictures or parts.can_load(self.settings, name) else (name,)

    def show(self, asset: str) -> dict[str, Any]:
        """One asset by id or path: its scenes, keyframes and ledger. Raises NotFound."""
        from heimdex.pipeline.library import show

        return show(self._tools_to_read(), asset)

    def export(self, asset: str) -> dict[str, Any]:
        """Everything known of an asset, as the sidecar's content. Raises NotFound."""
        from heimdex.pipeline.exports import document

        return document(self._tools_to_read(), asset)

    def export_text(self, asset: str, form: str) -> str:
        """The text of an asset's srt, vtt or edl file. Raises NotFound, UsageError."""
        from heimdex.pipeline.exports import text

        return text(self._tools_to_read(), asset, form)

    def cut_list(self, answer: Answer) -> str:
        """The hits of an answer as an edit decision list (CMX 3600), best first. Raises NotFound."""
        from heimdex.pipeline.exports import hit_list

        return hit_list(self._tools_to_read(), answer.hits, title=answer.query.text or "heimdex")

    def quantise(
        self, model: str, *, again: bool = False, on_step: Callable[[str], None] = lambda _: None
    ) -> tuple[str, Loss]:
        """Make an int8 model of an installed one, from kept frames; its name and what it costs."""
        from heimdex.pipeline.conversion import quantise

        return quantise(self._tools(), model, again=again, on_step=on_step)


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError as error:
        raise QueryError(f"no kind called {name!r}; there are video, photo and audio") from error
