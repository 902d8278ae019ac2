"""Questions that come while one is being answered are answered together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Question = TypeVar("Question")
Reply = TypeVar("Reply")

LARGEST = 32  # questions in one batch


@dataclass(kw_only=True)
class _Waiting(Generic[Question, Reply]):
    """A question and, in the end, its answer or its error."""

    question: Question
    called: threading.Event  # answered, or it is this one's turn to lead
    leads: bool = False
    answered: bool = False
    reply: Reply | None = None
    error: Exception | None = None


class Gatherer(Generic[Question, Reply]):
    """Asks many at a time what threads ask one by one.

    A question that meets nobody is answered at once: it waits for no company. Those that come meanwhile wait
    and go together when it is done, LARGEST at most; the first of them asks for all. A batch that fails is
    asked one by one, so that each gets its own answer or its own error.
    """

    def __init__(
        self, answer: Callable[[Sequence[Question]], Sequence[Reply]], *, largest: int = LARGEST
    ) -> None:
        """`answer`: questions → as many replies, in their order; called by one thread at a time."""
        self._answer, self._largest = answer, largest
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Question, Reply]] = []
        self._busy = False

    def ask(self, question: Question) -> Reply:
        """One question's reply. Raises what `answer` raises for this question alone."""
        mine: _Waiting[Question, Reply] = _Waiting(question=question, called=threading.Event())
        with self._lock:
            self._waiting.append(mine)
            mine.leads = not self._busy
            self._busy = True
        if not mine.leads:
            mine.called.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.reply  # type: ignore[return-value]  # set where there is no error; None is a fair reply

    def _lead(self) -> None:
        """Answer the first of those who wait, the leader before them, and call the next leader."""
        with self._lock:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
        try:
            self._serve(batch)
        except BaseException:  # Ctrl-C in the leader's thread is nobody else's
            with self._lock:
                self._waiting = [waiting for waiting in batch[1:] if not waiting.answered] + self._waiting
            raise
        finally:
            for waiting in batch:
                if waiting.answered:
                    waiting.called.set()
            self._call_the_next()

    def _call_the_next(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].called.set()
            else:
                self._busy = False

    def _serve(self, batch: Sequence[_Waiting[Question, Reply]]) -> None:
        try:
            replies = self._answer([waiting.question for waiting in batch])
            for waiting, reply in zip(batch, replies, strict=True):
                waiting.reply, waiting.answered = reply, True
        except Exception as err:  # one of them may be to blame, by whatever it raises
            if len(batch) == 1:
                batch[0].error, batch[0].answered = err, True
                return
            for waiting in batch:
                self._serve([waiting])
