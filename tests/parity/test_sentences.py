"""transformers' BERT and XLM-RoBERTa beside our sentence encoder: masks, pooling, prefixes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from heimdex.encoders.row import Pooling
from heimdex.encoders.text import SentenceEncoder
from heimdex.inference.session import Precision
from tests.parity.exporting import LEAST, Graph, cosines, export, made_row, manifest, options, randomised
from tests.parity.vocabularies import unigram_tokenizer, wordpiece_tokenizer

TEXTS = ("a dog on the beach", "", "two cats, one sofa", "日本 café 🙂", "word " * 400, "x")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class Made:
    """A sentence model of transformers with random weights, and our encoder of it."""

    def __init__(self, kind: str, pooling: Pooling, folder: Path) -> None:
        size = {
            "hidden_size": 192,
            "num_hidden_layers": 3,
            "num_attention_heads": 6,
            "intermediate_size": 768,
            "vocab_size": 520,
        }
        if kind == "wordpiece":
            wordpiece_tokenizer(folder / "tokenizer.json")
            config = transformers.BertConfig(**size)
            marks = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
            model = transformers.BertModel._from_config(config, attn_implementation="eager")
        else:
            unigram_tokenizer(folder / "tokenizer.json", ("<s>", "<pad>", "</s>", "<unk>"))
            config = transformers.XLMRobertaConfig(**size, max_position_embeddings=514, pad_token_id=1)
            marks = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
            model = transformers.XLMRobertaModel._from_config(config, attn_implementation="eager")
        self.model: Any = randomised(model)
        self.names = INPUTS if kind == "wordpiece" else INPUTS[:2]
        self.tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(folder / "tokenizer.json"), **marks
        )
        self.kind, self.pooling, self.folder = kind, pooling, folder
        export(
            self.model,
            Graph(
                function=lambda *given: self.model(*given).last_hidden_state,
                example=tuple(torch.ones(2, 7, dtype=torch.long) for _ in self.names),
                inputs=self.names,
                outputs=("last_hidden_state",),
                free=dict.fromkeys((*self.names, "last_hidden_state"), (0, 1)),
            ),
            folder / "words.onnx",
        )
        manifest(folder)

    def encoder(self, precision: Precision) -> SentenceEncoder:
        row = made_row(
            family="text",
            activation="gelu",
            tokenizer=self.kind,
            context_length=128,
            pooling=self.pooling,
            query_prefix="query: ",
            passage_prefix="passage: ",
        )
        return SentenceEncoder(row, options(self.folder, precision))

    def vectors(self, texts: list[str]) -> Any:
        rows = []
        for text in texts:  # one by one: no padding at all, so that a wrong mask shows
            pieces = self.tokenizer.encode(text, add_special_tokens=False)[:126]
            marked = [self.tokenizer.cls_token_id, *pieces, self.tokenizer.sep_token_id]
            given = [torch.tensor([marked]), torch.ones(1, len(marked), dtype=torch.long)]
            given += [torch.zeros(1, len(marked), dtype=torch.long)] * (len(self.names) - 2)
            values = self.model(*given).last_hidden_state[0]
            rows.append(values[0] if self.pooling == "first" else values.mean(dim=0))
        return torch.stack(rows)


@pytest.fixture(scope="module", params=[("wordpiece", "mean"), ("xlm-roberta", "first")], ids=lambda p: p[0])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    kind, pooling = request.param
    return Made(kind, pooling, tmp_path_factory.mktemp("sentences") / "model")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_sentences_get_the_reference_s_vectors(made: Made, precision: Precision) -> None:
    found = [vector.values for vector in made.encoder(precision).encode(TEXTS, "query")]
    wanted = made.vectors([f"query: {text}" for text in TEXTS])
    assert cosines(found, wanted).min() >= LEAST[precision]


def test_a_question_and_a_passage_are_marked_apart(made: Made) -> None:
    encoder = made.encoder("fp32")
    (query,), (passage,) = encoder.encode(["a dog"], "query"), encoder.encode(["a dog"], "passage")
    assert cosines([query.values], [passage.values])[0] < 0.999
