"""SigLIP (Zhai et al. 2023) and SigLIP 2 (Tschannen et al. 2025)."""

from __future__ import annotations

import math

from heimdex.encoders.cleaning import clean_for_siglip, clean_for_siglip2
from heimdex.encoders.joint import JointEncoder
from heimdex.encoders.row import LoadOptions, ModelRow
from heimdex.inference.tokens import Marks

SIGLIP = Marks(begin=None, end="</s>", padding="</s>")
SIGLIP2 = Marks(begin=None, end="<eos>", padding="<pad>")


class SiglipEncoder(JointEncoder):
    """Texts always fill all 64 places: the model reads its vector off the last one and sees the padding."""

    padding = "seen"
    extra_outputs = ("pooler_output",)

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        """Raises as JointEncoder does."""
        super().__init__(row, options)
        self.english_only = row.tokenizer == "siglip"  # SigLIP 2's vocabulary is Gemma's, of many languages
        self.marks = SIGLIP if row.tokenizer == "siglip" else SIGLIP2

    def clean(self, text: str) -> str:
        """SigLIP knows no punctuation and no capitals, SigLIP 2 no capitals."""
        return clean_for_siglip(text) if self.row.tokenizer == "siglip" else clean_for_siglip2(text)

    def probability(self, cosine: float) -> float:
        """How likely a picture and a text of this cosine belong together, 0-1.

        sigmoid(scale · cosine + bias), with the scale and bias it was trained with (Zhai et al. 2023,
        equation 1). Very small for most true pairs, since the model learnt to tell one in tens of thousands:
        to rank by, not to read as a share.
        """
        scale, bias = self.row.logit_scale or 1.0, self.row.logit_bias or 0.0
        return 1.0 / (1.0 + math.exp(-(scale * cosine + bias)))
