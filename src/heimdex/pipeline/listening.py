"""The stage `speech`: what is said in an asset, from its subtitles or by listening."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from heimdex.encoders import catalog
from heimdex.encoders.row import ModelRow
from heimdex.entities import Kind, StageRun, StageState, Transcript
from heimdex.entities.objects import is_object
from heimdex.errors import ModelError, ModelUnavailable, NotFound
from heimdex.extractors.recognisers import STARTER, WhisperOptions, starter_fingerprint
from heimdex.inference.weights import read_manifest
from heimdex.media.subtitle_names import FOLDERS, SUBTITLE_EXTENSIONS
from heimdex.media.subtitles import beside
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import SPEECH
from heimdex.pipeline.hearing import Subtitled
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.tools import SpeechOptions, Tools
from heimdex.pipeline.verb import Verb
from heimdex.pipeline.worker import Report
from heimdex.pipeline.workers import Warmth, WorkerPool
from heimdex.store import transcripts, vectors
from heimdex.store.transcripts import Beside

WORK = "heimdex.pipeline.hearing"
WARM_TIMEOUT_S = 600.0  # checksums of three gigabytes from a slow disk
# How long a recogniser may say nothing: the starter over a stretch of 28 s, Whisper over a batch of windows.
STARTER_STALL_S = 180.0
WHISPER_STALL_S = 900.0
MODEL_COPIES = 3  # of the weights while they are read: as stored, as computed with, and what it works in
LISTENS = ("auto", "always")
READS = ("auto", "subtitles")
SUBTITLES = ("subtitles", "text", "0" * 64)  # the model that stands in the ledger where there is none


@dataclass(frozen=True, kw_only=True, slots=True)
class Ears:
    """The recogniser of a run, described without loading it."""

    name: str
    precision: str
    weights_sha256: str
    whisper: WhisperOptions | None  # None: the starter
    weights_bytes: int = 0


class SpeechVerb(Verb):
    """Subtitles where there are any, else what is heard."""

    stage = SPEECH

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self._off = "switched off (HEIMDEX_SPEECH=off)" if tools.speech.mode == "off" else None
        self._missing: str | None = None  # why there is no recogniser
        self._ears: Ears | None = None
        self._readers: WorkerPool | None = None
        self._listeners: WorkerPool | None = None
        if tools.speech.mode in LISTENS:
            try:
                self._ears = describe(tools.speech)
            except (ModelError, NotFound) as error:
                self._off = self._missing = str(error)
        self.model_id = self._registered()
        self._subtitled: dict[
            bytes, bool
        ] = {}  # folders: to look beside each of thousands of films takes long

    def off(self) -> str | None:
        """A setting, or a recogniser that is not installed."""
        return self._off

    def wants(self) -> str | None:
        """A recogniser that is not installed."""
        return self._missing

    def settles(self, item: Item) -> StageState | None:
        """Photos say nothing."""
        return StageState.EMPTY if item.asset.facts.kind == Kind.PHOTO else None

    def is_due(self, item: Item, run: StageRun) -> bool:
        """Whether a subtitle file came, went or changed beside it, or it was heard in another language."""
        if item.asset.facts.kind == Kind.PHOTO or run.state not in (StageState.DONE, StageState.EMPTY):
            return False  # what failed is tried again as the ledger says
        if self._told_otherwise(item):
            return True
        if self.tools.speech.mode not in READS:
            return False
        return self._lying_beside(item) != self._known_beside.get(item.asset.asset_id, ())

    def work(self, item: Item, attempt: Attempt, report: Report) -> Outcome:
        """As the interface says."""
        found = self._lying_beside(item)  # first, so that a file that comes meanwhile makes it due again
        read = self._read(item, report) if self.tools.speech.mode in READS else Subtitled()
        transcript = read.transcript
        if transcript is None:
            ears = self._ears if item.asset.facts.audio_codec is not None else None
            heard = self._silence() if ears is None else self._listen(item, report, ears)
            notes = [note for note in (read.note, heard.note) if note]
            transcript = replace(heard, note="; ".join(notes) or None)
        return self._outcome(item, attempt, transcript, found)

    def close(self) -> None:
        """As the interface says."""
        for pool in (self._readers, self._listeners):
            if pool is not None:
                pool.close()

    @property
    def _listens_in(self) -> str | None:
        """The language the recogniser is told; the starter knows one only."""
        return None if self._ears is None or self._ears.whisper is None else self._ears.whisper.language

    def _told_otherwise(self, item: Item) -> bool:
        """Whether a recogniser listened, told another language than now. Subtitles are left alone."""
        listens = self._ears is not None and item.asset.facts.audio_codec is not None
        return listens and self._listens_in != self._known_told.get(item.asset.asset_id, self._listens_in)

    def _lying_beside(self, item: Item) -> Beside:
        if is_object(item.stamp.path):  # an upload comes alone
            return ()
        folder = os.path.dirname(item.stamp.path)  # noqa: PTH120, names are bytes
        if folder not in self._subtitled:
            self._subtitled[folder] = _has_subtitles(folder)
        return tuple(sorted(beside(item.stamp.path))) if self._subtitled[folder] else ()

    def _registered(self) -> int:
        """The recogniser's id, or that of subtitles where nobody listens."""
        ears = self._ears
        key = SUBTITLES if ears is None else (ears.name, ears.precision, ears.weights_sha256)
        return self.tools.database.run(self.tools.owner, lambda c: vectors.register_plain(c, *key))

    def _read(self, item: Item, report: Report) -> Subtitled:
        if self._readers is None:
            self._readers = WorkerPool(1, memory_limit_bytes=self.tools.limits.worker_memory_bytes)
        with self.tools.originals.local(item.stamp.path) as path:
            found: Subtitled = self._readers.call(
                f"{WORK}:read_subtitles",
                path,
                item.asset.facts,
                self.tools.speech.language,
                timeout_s=self.tools.limits.stall_timeout_s,
                on_progress=report,
            )
        return found

    def _listen(self, item: Item, report: Report, ears: Ears) -> Transcript:
        if self._listeners is None:
            self._listeners = self._pool_of(ears)
        stall_s = STARTER_STALL_S if ears.whisper is None else WHISPER_STALL_S
        with self.tools.originals.local(item.stamp.path) as path:
            found: Transcript = self._listeners.call(
                f"{WORK}:listen",
                path,
                item.asset.facts,
                ears.whisper,
                timeout_s=max(self.tools.limits.stall_timeout_s, stall_s),
                on_progress=report,
            )
        return found

    def _pool_of(self, ears: Ears) -> WorkerPool:
        limit = self.tools.limits.worker_memory_bytes
        if ears.whisper is None:  # loaded in a second, by the process that read the subtitles
            self._readers = self._readers or WorkerPool(1, memory_limit_bytes=limit)
            return self._readers
        return WorkerPool(
            1,
            memory_limit_bytes=limit and limit + MODEL_COPIES * ears.weights_bytes,
            warmth=Warmth(function=f"{WORK}:warm", args=(ears.whisper,), timeout_s=WARM_TIMEOUT_S),
        )

    def _silence(self) -> Transcript:
        """That nothing is said, and who would have heard it."""
        if self._ears is None:
            return Transcript(source="subtitles", model="subtitles", language=None, utterances=())
        return Transcript(source="speech", model=self._ears.name, language=None, utterances=())

    def _outcome(self, item: Item, attempt: Attempt, transcript: Transcript, found: Beside) -> Outcome:
        owner, asset_id, model_id = self.tools.owner, item.asset.asset_id, self.model_id
        told = self._listens_in if transcript.source == "speech" else None

        def write(connection: Any) -> None:
            transcripts.replace_transcript(connection, owner, asset_id, transcript, found, told)
            transcripts.delete_other_runs(connection, owner, asset_id, SPEECH.name, model_id)

        count = len(transcript.utterances)
        state = StageState.DONE if count else StageState.EMPTY
        return Outcome(attempt=attempt, state=state, row_count=count, write=write)

    @cached_property
    def _known_beside(self) -> dict[str, Beside]:
        """What lay beside which asset when it was listened to; read once for a run."""
        tools = self.tools
        return tools.database.run(
            tools.owner, lambda c: transcripts.all_beside(c, tools.owner), read_only=True
        )

    @cached_property
    def _known_told(self) -> dict[str, str | None]:
        """In which language which asset was listened to; read once for a run."""
        tools = self.tools
        return tools.database.run(
            tools.owner, lambda c: transcripts.all_listened_in(c, tools.owner), read_only=True
        )


def describe(options: SpeechOptions) -> Ears:
    """The recogniser that the settings name.

    Raises NotFound for an unknown name, ModelUnavailable where it is not installed or recognises no speech.
    """
    if options.model is None:
        return Ears(name=STARTER, precision="int8", weights_sha256=starter_fingerprint(), whisper=None)
    row = catalog.find(options.model, options.load.models_dir)
    if row.family != "speech":
        raise ModelUnavailable(
            f"The model {row.name} is for {row.task}, not for writing down what is said. Choose one of the "
            "faster-whisper models; `heimdex models list` shows them."
        )
    return Ears(
        name=row.name,
        precision=row.precision,
        weights_sha256=catalog.fingerprint(row, options.load),
        whisper=_whisper(row, options),
        weights_bytes=sum(entry.size_bytes for entry in read_manifest(catalog.folder(row, options.load))),
    )


def _whisper(row: ModelRow, options: SpeechOptions) -> WhisperOptions:
    cache = options.load.cache_dir
    return WhisperOptions(
        name=row.name,
        folder=catalog.folder(row, options.load),
        files=row.files,
        memo_dir=cache / "verified" if cache else None,
        device=options.load.device,
        precision=options.load.precision,
        threads=options.threads,
        language=options.language,
    )


def _has_subtitles(folder: bytes) -> bool:
    """Whether any film in a folder can have subtitles beside it."""
    try:
        names = [name.lower() for name in os.listdir(folder or b".")]  # noqa: PTH208
    except OSError:
        return False
    return any(name in FOLDERS or name.rpartition(b".")[2] in SUBTITLE_EXTENSIONS for name in names)
