"""Heimdex: builds every part from the settings and holds them. Command line and server are doors on it."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from heimdex.app import parts
from heimdex.app.adapters import Adapters
from heimdex.app.archives import Backups, OpenIndex
from heimdex.app.asked import AskedQueries
from heimdex.app.files import Files
from heimdex.app.jobs import Jobs, make_jobs
from heimdex.app.model_change import ModelChange
from heimdex.config import Settings, hub_cache, read_settings
from heimdex.entities import (
    Answer,
    Filters,
    IndexReport,
    Kind,
    Query,
    Strictness,
    Verification,
)
from heimdex.errors import ModelError, NotFound, QueryError, UsageError
from heimdex.jobs.schema import queue_schema
from heimdex.store.database import Database
from heimdex.store.derived import DerivedFiles
from heimdex.store.home import make_home

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heimdex.app.incoming import Incoming
    from heimdex.app.keys import Keys
    from heimdex.app.uploads import Uploads
    from heimdex.app.users import Users
    from heimdex.inference.quantise import Loss
    from heimdex.pipeline.backfill_tally import BackfillOptions, BackfillReport
    from heimdex.pipeline.backfill_tally import OnProgress as OnBackfillProgress
    from heimdex.pipeline.installed import Models
    from heimdex.pipeline.originals import Originals
    from heimdex.pipeline.tally import OnProgress
    from heimdex.pipeline.tools import PictureModel, Tools
    from heimdex.pipeline.workers import WorkerPool
    from heimdex.search import Searcher
    from heimdex.search.adapting.teacher import Teacher
    from heimdex.search.assembly import SearchParts
    from heimdex.store.object_cache import ObjectCache
    from heimdex.store.objects import ObjectStore

log = logging.getLogger(__name__)

POOL_SIZE = 16  # transactions at once; connections are opened when first needed
HANDS = 2  # processes for what is handed in and out: pictures to search by, clips
VECTOR_LOG = "heimdex.vectors"  # the logger of pipeline/vector_log.py

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class Heimdex:
    """One library. `Heimdex().index("~/Videos")`, then `.search("red car at night")`.

    Parts are made when first needed: `status` loads no runtime, a search no decoder of films. Close it, or
    use it in a `with` block: the last user of a home stops its database server.
    """

    def __init__(self, settings: Settings | None = None, **overrides: Any) -> None:
        self.settings = settings or read_settings(**overrides)
        self.owner = self.settings.owner
        if self.settings.log_vectors:
            logging.getLogger(VECTOR_LOG).setLevel(logging.DEBUG)
        self._lock = threading.Lock()
        self._host: Heimdex | None = None  # whose database and processes it uses; None: its own

    def for_owner(self, owner: str) -> Heimdex:
        """The library of another owner (a UUID) in the same home, over the same connections.

        Closing it closes nothing; it must not outlive the one it was made from.
        """
        other = Heimdex(self.settings.model_copy(update={"owner": str(uuid.UUID(owner))}))
        other._host = self
        return other

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        if "_asked" in self.__dict__ and "database" in self.__dict__:
            self._asked.flush()
        with self._lock:
            names = ("incoming", "database", "hands")
            incoming, database, hands = (self.__dict__.pop(name, None) for name in names)
        if self._host is not None:
            return
        if incoming is not None:
            incoming.close(hands)
        if hands is not None:
            hands.close()
        if database is not None:
            database.close()

    @cached_property
    def database(self) -> Database:
        """The database of the home, or the one behind the URL; started and migrated."""
        if self._host is not None:
            return self._host.database
        settings = self.settings
        make_home(settings.home)
        return Database.open(
            home=settings.home,
            url=settings.database_url,
            admin_url=settings.database_admin_url,
            pool_size=max(settings.workers + 4, POOL_SIZE),
            further=(queue_schema(),),
        )

    @cached_property
    def derived(self) -> DerivedFiles:
        """Kept frames and thumbnails."""
        return parts.derived_files(self.settings, self.owner, lambda: self._cache)

    @cached_property
    def objects(self) -> ObjectStore:
        """The object store, this owner's part of it. Raises SettingsError."""
        from heimdex.store.objects import open_objects

        if self._host is not None:
            return self._host.objects.for_owner(self.owner)
        return open_objects(parts.object_place(self.settings), self.owner)

    @cached_property
    def originals(self) -> Originals:
        """Where originals are read from, and uploads are kept."""
        from heimdex.pipeline.originals import Originals

        return Originals(self.database, self.owner, self._cache)

    @cached_property
    def uploads(self) -> Uploads:
        """Originals that were handed in."""
        from heimdex.app.uploads import Uploads

        return Uploads(self._tools, hidden=self.settings.hidden)

    @cached_property
    def _cache(self) -> ObjectCache:
        from heimdex.store.object_cache import ObjectCache

        limit_bytes = self.settings.object_cache_mb << 20
        return ObjectCache(self.objects, self.settings.home / "cache", limit_bytes)

    @property
    def model(self) -> PictureModel:
        """The picture model in use: where the pointer leads to, before there is one that of the settings.

        Described without loading it. Raises ModelUnavailable, SettingsError, StoreError.
        """
        return parts.model_in_use(self.settings, self.database, self.owner)

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
    def searcher(self) -> Searcher:
        """Answers queries."""
        from heimdex.search.adapting.versions import ActiveAdapters

        return self._search_parts().searcher(ActiveAdapters(self.owner))

    def searcher_by(self, model: PictureModel) -> Searcher:
        """Answers queries by one picture model, whatever the pointer says."""
        from heimdex.app.searching import searcher_by

        return searcher_by(self._search_parts(), model)

    @cached_property
    def _asked(self) -> AskedQueries:
        return AskedQueries(lambda: self.database, self.owner, self.settings.recent_queries)

    @cached_property
    def hands(self) -> WorkerPool:
        """Processes for what is handed in and out: pictures to search by, clips. Started when needed."""
        if self._host is not None:
            return self._host.hands
        from heimdex.pipeline.workers import WorkerPool

        return WorkerPool(HANDS, memory_limit_bytes=parts.limits(self.settings).worker_memory_bytes)

    @cached_property
    def files(self) -> Files:
        """The library to leaf through: pages of assets, pictures, originals, clips."""
        return Files(self._tools, lambda: self.hands, link_s=self.settings.s3_link_s)

    @cached_property
    def jobs(self) -> Jobs:
        """What is left to workers: enqueue, watch, cancel, pause, resume, retry."""
        return make_jobs(self)

    @cached_property
    def incoming(self) -> Incoming:
        """Uploads and what is fetched by address, of all owners of this home."""
        if self._host is not None:
            return self._host.incoming
        from heimdex.app.incoming import Incoming

        return Incoming(self)

    @cached_property
    def adapters(self) -> Adapters:
        """What marked queries taught searches: training, versions, which one is used."""

        def make_teacher() -> Teacher:
            from heimdex.search.adapting.teacher import Teacher

            return Teacher(self._search_parts())

        return Adapters(make_teacher)

    @cached_property
    def users(self) -> Users:
        """Who may come in."""
        from heimdex.app.users import Users
        from heimdex.store.passwords import Passwords

        passwords = Passwords(min_length=self.settings.password_min_length)
        return Users(self.database, owner=self.owner, passwords=passwords)

    @cached_property
    def keys(self) -> Keys:
        """The keys of programs."""
        from heimdex.app.keys import Keys

        return Keys(self.database)

    @cached_property
    def open_index(self) -> OpenIndex:
        """Everything known of the library in files that others read, and back from them."""
        return OpenIndex(self._tools)

    @cached_property
    def backups(self) -> Backups:
        """Backups of the installation, all owners."""
        settings = self.settings
        return Backups(lambda: self.database, settings.home, settings.database_admin_url)

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
        roots = [_as_bytes(path) for path in paths]
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
            within=None if within is None else os.fsdecode(_as_bytes(within)),
            since=since,
            until=until,
        )
        query = Query(
            text=text,
            image=None if image is None else os.fsdecode(_as_bytes(image)),
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

        return remove(self._tools_to_read(), [os.fsdecode(_plain(target)) for target in targets])

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

    def _search_parts(self) -> SearchParts:
        from heimdex.app.searching import search_parts

        return search_parts(self.settings, self.database, self.owner, _as_folder)

    def tools_of(self, model: str | None = None) -> Tools:
        """What stages work with, for a picture model (None: the one of the settings). Raises NotFound."""
        tools = self._tools()
        if model is None:
            return tools
        return replace(tools, model=parts.picture_model(self.settings, model))

    def _tools(self) -> Tools:
        return self.tools_with(self.model)

    def _tools_to_read(self) -> Tools:
        """For what needs no model: it works where the one in use is not installed."""
        try:
            return self._tools()
        except (ModelError, NotFound):
            return self.tools_with(parts.picture_model(self.settings, parts.STARTER))

    def tools_with(self, model: PictureModel) -> Tools:
        """The parts an index run is made of, with a picture model that need not be the one in use."""
        from heimdex.pipeline.tools import Tools

        settings = self.settings
        return Tools(
            database=self.database,
            owner=self.owner,
            home=settings.home,
            derived=self.derived,
            originals=self.originals,
            model=model,
            limits=parts.limits(settings),
            scenes=parts.scene_options(settings),
            workers=settings.workers,
            decode_threads=2,
            pictures=settings.pictures,
            speech=parts.speech_options(settings),
            writing=parts.writing_options(settings),
            description=parts.description_options(settings),
            text_model_name=settings.text_model,
        )


def _kind(name: str) -> Kind:
    try:
        return Kind(name)
    except ValueError as error:
        raise QueryError(f"no kind called {name!r}; there are video, photo and audio") from error


def _as_bytes(path: PathLike) -> bytes:
    """A path as raw bytes, absolute, with ~ undone."""
    return os.path.abspath(os.path.expanduser(os.fsencode(path)))


def _as_folder(value: str) -> str:
    return os.fsdecode(_as_bytes(value))


def _plain(target: PathLike) -> bytes:
    return os.fsencode(target)
