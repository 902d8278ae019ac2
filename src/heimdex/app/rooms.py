"""The parts a library is made of: put together from the settings, each when it is first needed."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from heimdex.app import parts
from heimdex.app.adapters import Adapters
from heimdex.app.archives import Backups, OpenIndex
from heimdex.app.asked import AskedQueries
from heimdex.app.files import Files
from heimdex.app.paths import as_folder
from heimdex.config import Settings, read_settings
from heimdex.errors import ModelError, NotFound
from heimdex.jobs.schema import queue_schema
from heimdex.store.database import Database
from heimdex.store.derived import DerivedFiles
from heimdex.store.home import make_home

if TYPE_CHECKING:
    from heimdex.app.keys import Keys
    from heimdex.app.uploads import Uploads
    from heimdex.app.users import Users
    from heimdex.pipeline.originals import Originals
    from heimdex.pipeline.tools import PictureModel, Tools
    from heimdex.pipeline.workers import WorkerPool
    from heimdex.search import Searcher
    from heimdex.search.adapting.teacher import Teacher
    from heimdex.search.assembly import SearchParts
    from heimdex.store.object_cache import ObjectCache
    from heimdex.store.objects import ObjectStore

POOL_SIZE = 16  # transactions at once; connections are opened when first needed
HANDS = 2  # processes for what is handed in and out: pictures to search by, clips
VECTOR_LOG = "heimdex.vectors"  # the logger of pipeline/vector_log.py


class Rooms:
    """What every verb of a library works with. `Heimdex` adds the verbs."""

    def __init__(self, settings: Settings | None = None, **overrides: Any) -> None:
        self.settings = settings or read_settings(**overrides)
        self.owner = self.settings.owner
        if self.settings.log_vectors:
            logging.getLogger(VECTOR_LOG).setLevel(logging.DEBUG)
        self._lock = threading.Lock()
        self._host: Rooms | None = None  # whose database and processes it uses; None: its own

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

    def _search_parts(self) -> SearchParts:
        from heimdex.app.searching import search_parts

        return search_parts(self.settings, self.database, self.owner, as_folder)

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
