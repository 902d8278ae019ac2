"""The stage `description`: a vision model's words for each scene. Off unless an endpoint is named.

Every answer is kept as soon as it is there, so that nothing is paid for twice. What one scene's question runs
into is that scene's record; where the endpoint is to blame, or the budget is used up, the rest waits for
another run.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from typing import Any

from heimdex.entities import Keyframe, StageState
from heimdex.errors import AnswerFault, BudgetSpent, ModelError, ModelUnavailable
from heimdex.extractors.chat_answers import Reply
from heimdex.extractors.describer import cost_of, question, refusal_of
from heimdex.extractors.vision_endpoint import ChatEndpoint, ChatOptions
from heimdex.pipeline.arrivals import Item
from heimdex.pipeline.flow import DESCRIPTION
from heimdex.pipeline.ledger import Attempt, Outcome
from heimdex.pipeline.side_by_side import side_by_side
from heimdex.pipeline.tools import DescriptionOptions, Tools
from heimdex.pipeline.verb import Verb
from heimdex.pipeline.worker import Report
from heimdex.store import descriptions, scenes, vectors
from heimdex.store.descriptions import CachedAnswer, CacheKey, DescriptionRow

log = logging.getLogger(__name__)

MOST_FRAMES = 3
FAULTS_IN_A_ROW = 8  # questions without an answer; then it is the endpoint that is ill


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A scene, the frames that are shown of it in the order of time, and what its answer is kept by."""

    scene_id: str
    frames: tuple[Keyframe, ...]
    key: CacheKey


class DescriptionVerb(Verb):
    """Asks the endpoint about every scene of an asset, a few at a time."""

    stage = DESCRIPTION

    def __init__(self, tools: Tools, sleep: Callable[[float], None] = time.sleep) -> None:
        """Enters the model in the database; sends nothing."""
        self.tools = tools
        options = tools.description
        self._waiting: str | None = None
        self._in_a_row = 0
        self._endpoint: ChatEndpoint | None = None
        self._model = f"endpoint:{options.model}"
        frames = min(max(options.frames, 1), MOST_FRAMES)
        self._question = question(options.prompt, options.language, frames)
        tools.database.run(tools.owner, lambda c: descriptions.forget_unkept(c, tools.owner))
        if options.url:
            self._open(options, sleep)

    def off(self) -> str | None:
        """Off without an endpoint: nothing leaves this machine unasked."""
        return None if self.tools.description.url else "no endpoint is named"

    def waits(self) -> str | None:
        """Why no more is asked in this run."""
        return self._waiting

    def close(self) -> None:
        """Let the connection go."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None
            traffic = self.tools.traffic
            counts = (traffic.requests, traffic.tokens_in, traffic.tokens_out)
            log.info("%d requests, %d tokens sent, %d received", *counts)

    def work(self, item: Item, attempt: Attempt, report: Report) -> Outcome:
        """Describe the scenes of an asset, from what is remembered where that will do."""
        asked = self._questions(item.asset.asset_id)
        if not asked:
            return Outcome(attempt=attempt, state=StageState.EMPTY)
        owner = self.tools.owner
        keys = [scene.key for scene in asked]
        known = self.tools.database.run(
            owner, lambda c: descriptions.remembered(c, owner, self._model, keys), read_only=True
        )
        new: dict[str, _Asked] = {}  # a question that several scenes have is asked once
        for scene in asked:
            if scene.key.asked_sha256 not in known:
                new.setdefault(scene.key.asked_sha256, scene)
        lacking = self._ask_all(list(new.values()), known, report)
        rows: list[DescriptionRow] = []
        faults: list[str] = []
        for scene in asked:
            sha256 = scene.key.asked_sha256
            answer, fault = known.get(sha256), lacking.get(sha256)
            if answer is not None:
                cached = new.get(sha256) is not scene
                metadata = {**answer.metadata, "cached": cached, "error": answer.refusal}
                rows.append(self._row(scene, answer.text, metadata))
            elif fault is not None:
                faults.append(fault)
                rows.append(self._row(scene, None, {"error": fault}))
        return self._outcome(attempt, len(asked), rows, faults)

    def _ask_all(
        self, scenes: Sequence[_Asked], known: dict[str, CachedAnswer], report: Report
    ) -> dict[str, str]:
        """Ask about each scene, a few at a time, until the rest has to wait. Answers go to `known`.

        Returns why questions have no answer, by what their answers would be kept by.
        """

        def ask(scene: _Asked, alive: Callable[[], None]) -> CachedAnswer:
            def both() -> None:
                alive()
                report(None)

            return self._ask(scene, both)

        lacking: dict[str, str] = {}
        open_ones = takewhile(lambda _: self._waiting is None, scenes)
        for scene, done in side_by_side(ask, open_ones, max(1, self.tools.description.at_once)):
            try:
                known[scene.key.asked_sha256] = done.result()
                self._in_a_row = 0
            except (BudgetSpent, ModelUnavailable) as error:
                self._wait(str(error))
            except AnswerFault as error:
                lacking[scene.key.asked_sha256] = str(error)
                self._count_fault(str(error))
        return lacking

    def _outcome(
        self, attempt: Attempt, count: int, rows: Sequence[DescriptionRow], faults: Sequence[str]
    ) -> Outcome:
        owner, asset_id = self.tools.owner, attempt.key.asset_id

        def write(connection: Any) -> None:
            descriptions.write_descriptions(connection, owner, asset_id, rows)

        if faults:
            error = f"{len(faults)} of {count} scenes have no description: {faults[0]}"
            return Outcome(
                attempt=attempt, state=StageState.FAILED, row_count=len(rows), error=error, write=write
            )
        state = StageState.DONE if len(rows) == count else StageState.PENDING
        return Outcome(attempt=attempt, state=state, row_count=len(rows), write=write)

    def _questions(self, asset_id: str) -> list[_Asked]:
        owner = self.tools.owner
        kept = self.tools.database.run(
            owner, lambda c: scenes.keyframes_of(c, owner, [asset_id]), read_only=True
        )[asset_id]
        by_scene: dict[str, list[Keyframe]] = {}
        for keyframe in kept:  # best first within each scene
            frames = by_scene.setdefault(keyframe.scene_id, [])
            if len(frames) < self._question.frames:
                frames.append(keyframe)
        found = []
        for scene_id, frames in by_scene.items():
            shown = tuple(sorted(frames, key=lambda frame: frame.at_us))
            asked = self._question.key([frame.frame.sha256 for frame in shown])
            key = CacheKey(frame_sha256=frames[0].frame.sha256, asked_sha256=asked)
            found.append(_Asked(scene_id=scene_id, frames=shown, key=key))
        return found

    def _ask(self, scene: _Asked, alive: Callable[[], None]) -> CachedAnswer:
        """Ask, and keep the answer at once. Called by several threads."""
        alive()
        endpoint = self._endpoint
        if endpoint is None:
            raise ModelUnavailable("the endpoint was closed")
        pictures = self._pictures(scene.frames)
        reply = endpoint.ask(self._question.prompt, pictures, alive)
        refusal = refusal_of(reply)
        answer = CachedAnswer(
            text=None if refusal is not None else reply.text,
            refusal=refusal,
            metadata=self._record(scene, reply),
        )
        owner = self.tools.owner
        self.tools.database.run(
            owner,
            lambda c: descriptions.remember(c, owner, self._model, scene.key, answer),
        )
        return answer

    def _pictures(self, frames: Iterable[Keyframe]) -> list[bytes]:
        """The kept files' bytes. Raises AnswerFault for one that is not what was written."""
        found = []
        kept = list(frames)
        paths = self.tools.derived.at_hand([keyframe.frame for keyframe in kept])
        for keyframe, path in zip(kept, paths, strict=True):
            try:
                content = path.read_bytes()
            except OSError as error:
                raise AnswerFault(f"the kept frame {keyframe.frame.key}: {error.strerror}") from error
            if hashlib.sha256(content).hexdigest() != keyframe.frame.sha256:
                raise AnswerFault(
                    f"the kept frame {keyframe.frame.key} is not what was written; see `heimdex verify`"
                )
            found.append(content)
        return found

    def _record(self, scene: _Asked, reply: Reply) -> dict[str, Any]:
        options = self.tools.description
        return {
            "model_name": self._model,
            "frames": [frame.frame.sha256 for frame in scene.frames],
            "asked_sha256": scene.key.asked_sha256,
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "cost": cost_of(reply.tokens_in, reply.tokens_out, options.price_in, options.price_out),
            "requests": reply.requests,
            "took_ms": reply.took_ms,
            "created_at": datetime.now(UTC).isoformat(),
        }

    def _row(self, scene: _Asked, text: str | None, metadata: dict[str, Any]) -> DescriptionRow:
        return DescriptionRow(
            scene_id=scene.scene_id,
            text=text,
            language=self._question.language,
            model=self._model,
            metadata=metadata,
        )

    def _count_fault(self, last: str) -> None:
        self._in_a_row += 1
        if self._in_a_row >= FAULTS_IN_A_ROW:
            self._wait(f"{self._in_a_row} questions in a row had no answer; the last: {last}")

    def _wait(self, why: str) -> None:
        if self._waiting is not None:  # others that were under way run into the same
            return
        self._waiting = why
        log.warning("Descriptions wait for the next run: %s", why)

    def _open(self, options: DescriptionOptions, sleep: Callable[[float], None]) -> None:
        try:
            self._endpoint = ChatEndpoint(chat_options(options, options.model), self.tools.traffic, sleep)
        except ModelError as error:
            self._wait(str(error))
            return
        if not options.model:
            self._wait("no model of the endpoint is named (HEIMDEX_DESCRIPTION_MODEL)")
            return
        # Another prompt makes other descriptions: to the ledger it is another model.
        digest = self._question.key([str(self._question.frames)])
        register = partial(
            vectors.register_plain, name=self._model, precision="unknown", weights_sha256=digest
        )
        self.model_id = self.tools.database.run(self.tools.owner, register)


def chat_options(options: DescriptionOptions, model: str) -> ChatOptions:
    """How a model of the endpoint is asked."""
    return ChatOptions(
        url=options.url or "",
        model=model,
        key=options.key,
        timeout_s=options.timeout_s,
        requests_per_minute=options.requests_per_minute,
        budget_requests=options.budget_requests,
    )
