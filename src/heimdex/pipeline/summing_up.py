"""Summaries by a text model of the endpoint that describes scenes, where one is named."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from heimdex.errors import AnswerFault, BudgetSpent, ModelError
from heimdex.extractors.chat_answers import Reply
from heimdex.extractors.describer import cost_of, refusal_of
from heimdex.extractors.summaries import SUMMARY_PROMPT, cut
from heimdex.extractors.vision_endpoint import ChatEndpoint
from heimdex.pipeline.describing import chat_options
from heimdex.pipeline.scene_texts import SceneSource
from heimdex.pipeline.tools import Tools
from heimdex.pipeline.worker import Report
from heimdex.store import descriptions
from heimdex.store.descriptions import CachedAnswer, CacheKey

log = logging.getLogger(__name__)

LONGEST = 400  # characters that are kept of a summary
LONGEST_SOURCE = 6000  # characters of a scene's words that are sent
FAULTS_IN_A_ROW = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A summary, how it was made, and what that took."""

    text: str
    metadata: dict[str, Any]


class Summariser:
    """Asks for summaries; has none to give where nothing is named, or where asking fails."""

    def __init__(self, tools: Tools, sleep: Callable[[float], None]) -> None:
        """Sends nothing."""
        self.tools = tools
        options = tools.description
        self._model = f"endpoint:{options.summary_model}"
        self._endpoint: ChatEndpoint | None = None
        self._faults = 0
        self.gave_up: str | None = None  # why summaries are extracts from some scene on
        if options.url and options.summary_model:
            try:
                self._endpoint = ChatEndpoint(
                    chat_options(options, options.summary_model), tools.traffic, sleep
                )
            except ModelError as error:
                self._give_up(str(error))

    def close(self) -> None:
        """Let the connection go."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    @property
    def on(self) -> bool:
        """Whether there is anybody to ask."""
        return self._endpoint is not None

    def sum_up(self, source: SceneSource, frame_sha256: str | None, report: Report) -> Summary | None:
        """What the model makes of a scene's words; None where an extract has to do.

        An answer is kept under the scene's best frame, if it has one, and not asked for again.
        """
        prompt = _prompt(source)
        asked = hashlib.sha256(prompt.encode("utf-8", "backslashreplace")).hexdigest()
        key = CacheKey(frame_sha256=frame_sha256, asked_sha256=asked) if frame_sha256 else None
        answer = self._remembered(key) or self._ask(prompt, key, report)
        if answer is None or answer.text is None:
            return None
        return Summary(text=answer.text, metadata={**answer.metadata, "method": self._model})

    def _remembered(self, key: CacheKey | None) -> CachedAnswer | None:
        if key is None:
            return None
        owner = self.tools.owner
        found = self.tools.database.run(
            owner, lambda c: descriptions.remembered(c, owner, self._model, [key]), read_only=True
        )
        return found.get(key.asked_sha256)

    def _ask(self, prompt: str, key: CacheKey | None, report: Report) -> CachedAnswer | None:
        if self._endpoint is None:
            return None
        try:
            reply = self._endpoint.ask(prompt, (), lambda: report(None))
        except AnswerFault as error:
            self._faults += 1
            if self._faults >= FAULTS_IN_A_ROW:
                self._give_up(str(error))
            return None
        except (BudgetSpent, ModelError) as error:
            self._give_up(str(error))
            return None
        self._faults = 0
        refusal = refusal_of(reply)
        text = None if refusal is not None else cut(reply.text, LONGEST)
        answer = CachedAnswer(text=text, refusal=refusal, metadata=self._record(reply))
        if key is not None:
            owner = self.tools.owner
            self.tools.database.run(
                owner, lambda c: descriptions.remember(c, owner, self._model, key, answer)
            )
        return answer

    def _record(self, reply: Reply) -> dict[str, Any]:
        options = self.tools.description
        return {
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "cost": cost_of(reply.tokens_in, reply.tokens_out, options.price_in, options.price_out),
            "summarised_at": datetime.now(UTC).isoformat(),
        }

    def _give_up(self, why: str) -> None:
        self.gave_up = f"summaries are extracts from here on: {why}"
        log.warning("%s", self.gave_up)
        self.close()


def _prompt(source: SceneSource) -> str:
    parts = []
    if source.spoken:
        parts.append(f"Said: {' '.join(source.said)}")
    if source.caption is not None:
        parts.append(f"Seen: {source.caption.text}")
    return SUMMARY_PROMPT + "\n".join(cut(part, LONGEST_SOURCE) for part in parts)
