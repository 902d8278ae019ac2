"""CLIP (Radford et al. 2021): OpenAI's checkpoints and OpenCLIP's."""

from __future__ import annotations

from heimdex.encoders.cleaning import clean_for_clip, clean_for_xlm
from heimdex.encoders.joint import JointEncoder
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.inference.tokens import Marks

CLIP = Marks(begin="<|startoftext|>", end="<|endoftext|>", padding=0)
XLM_ROBERTA = Marks(begin="<s>", end="</s>", padding="<pad>")


class ClipEncoder(JointEncoder):
    """The text's vector stands at its end mark, which sees everything before it and nothing after.

    A graph finds that mark as the largest number of the row. Padding is therefore 0, as OpenCLIP has it, and
    not the end mark again, as transformers has it: of equal numbers a runtime may take any. Words towers made
    of XLM-RoBERTa are another thing: they read all their places and know padding by its number.
    """

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        """Raises as JointEncoder does."""
        super().__init__(row, options)
        multilingual = row.tokenizer == "xlm-roberta"
        self.marks = XLM_ROBERTA if multilingual else CLIP
        self.padding = "seen" if multilingual else "unseen"
        self.english_only = not multilingual

    def clean(self, text: str) -> str:
        """As OpenCLIP's tokenizers do."""
        return clean_for_xlm(text) if self.row.tokenizer == "xlm-roberta" else clean_for_clip(text)
