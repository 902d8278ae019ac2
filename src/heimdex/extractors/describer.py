"""A vision model's words for a scene: what it is asked, and what an answer is worth."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from heimdex.extractors.chat_answers import Reply

PROMPT = (
    "Describe this picture in one or two plain sentences in {language}: who or what is there, what is "
    "happening, where, and what stands out. Name only what can be seen. No introduction, no lists."
)
PROMPT_OF_SEVERAL = (
    "These pictures are frames of one scene of a film, in the order of time. Describe the scene in one or "
    "two plain sentences in {language}: who or what is there, what is happening, where, and what stands out. "
    "Name only what can be seen. No introduction, no lists."
)
LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl",
    "english": "en", "finnish": "fi", "french": "fr", "german": "de", "deutsch": "de", "greek": "el",
    "hebrew": "he", "hindi": "hi", "hungarian": "hu", "indonesian": "id", "italian": "it",
    "japanese": "ja", "korean": "ko", "norwegian": "no", "persian": "fa", "polish": "pl",
    "portuguese": "pt", "romanian": "ro", "russian": "ru", "spanish": "es", "swedish": "sv", "thai": "th",
    "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi",
}  # fmt: skip
LONGEST_EXCUSE = 300  # characters; a longer answer that begins with regrets says something after them
_EXCUSE = re.compile(
    r"^\W*(?:(?:i['’]?m|i am)\s+(?:very\s+)?sorry|sorry|i\s+apologi[sz]e|unfortunately)?\W*(?:but\s+)?"
    r"(?:as an ai\b.{0,40}?,\s*)?i\s*(?:can['’]?t|cannot|can not|am unable to|['’]m unable to|am not able to|"
    r"['’]m not able to|won['’]?t|will not)\s+"
    r"(?:\w+\s+)?(?:help|assist|describe|provide|identify|comply|process|view|see|analy[sz]e|fulfil)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked about a scene, in words and in how many of its frames."""

    prompt: str
    language: str | None  # ISO 639-1 of the answer, where the language's name is known
    frames: int

    def key(self, frame_sha256s: Sequence[str]) -> str:
        """What an answer about these frames is remembered by: a SHA-256 in hex."""
        lines = [self.prompt, *frame_sha256s]
        return hashlib.sha256("\0".join(lines).encode("utf-8", "backslashreplace")).hexdigest()


def question(prompt: str | None, language: str, frames: int) -> Question:
    """The question in a language, by its English name or ISO 639-1 code; `{language}` in a prompt of one's
    own stands for it.
    """
    words = prompt or (PROMPT if frames == 1 else PROMPT_OF_SEVERAL)
    name = language.strip()
    code = LANGUAGES.get(name.lower())
    if code is None and name.lower() in LANGUAGES.values():
        code = name.lower()
    return Question(prompt=words.replace("{language}", name or "English"), language=code, frames=frames)


def refusal_of(reply: Reply) -> str | None:
    """Why the model says nothing: by its own mark, or by the words models use for it in English."""
    if reply.refusal is not None:
        return reply.refusal
    if len(reply.text) <= LONGEST_EXCUSE and _EXCUSE.match(reply.text):
        return f"the model refuses: {reply.text}"
    return None


def cost_of(tokens_in: int | None, tokens_out: int | None, price_in: float, price_out: float) -> float | None:
    """Tokens × prices per million of them; None where no price is set, or nobody counted."""
    if (tokens_in is None and tokens_out is None) or not (price_in or price_out):
        return None
    return round(((tokens_in or 0) * price_in + (tokens_out or 0) * price_out) / 1e6, 8)
