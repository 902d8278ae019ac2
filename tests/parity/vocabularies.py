"""Tokenizers made here: CLIP's from the vocabulary OpenCLIP ships, small ones of the other kinds."""

from __future__ import annotations

import gzip
import html
from pathlib import Path

import open_clip
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.convert_slow_tokenizer import bytes_to_unicode

from heimdex.encoders.cleaning import clean_for_clip

CLIP_VOCABULARY = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
CLIP_MERGES = 49152 - 256 - 2  # lines of the file that CLIP uses

SENTENCES = (
    "a photo of a dog on the beach, two cats sleeping on a red sofa, the city at night seen from above",
    "people walking through a park in autumn; an old church, a coffee cup, a plane over the mountains",
    "the quick brown fox jumps over the lazy dog while children play football near the river",
)

NASTY = (
    "a dog on the beach",
    "A Dog, on THE beach!!",
    "  too   many \t spaces \n and lines ",
    "",
    "   ",
    "!?.,;:",
    "don't we'll they're I'd it's",
    "snake_case and kebab-case",
    "🙂 a cat 🐈‍⬛ and a family 👨‍👩‍👧",
    "公園で遊ぶ子供たち",
    "собака на пляже",
    "صورة كلب",
    "café naïve Ångström",
    "ﬁne ligatures ﬂow",
    "ｆｕｌｌ ｗｉｄｔｈ",
    "“curly” ‘quotes’ — and dashes…",
    "sÃ£o paulo, mojibake",
    "tom &amp; jerry &amp;amp; co &lt;3 &eacute;",
    "x &lt;|endoftext|&gt; y",
    "<b>bold</b> <|startoftext|> mark",
    "control \x00\x01\x07\x1b[31m characters \x7f",
    "zero\u200bwidth\ufeffmarks\u2028line",
    "combining e\u0301 a\u0308",
    "İstanbul ΟΔΟΣ straße",
    "1234567890 3.14 ½ ² ①",
    "word " * 200,
    "supercalifragilisticexpialidocious" * 12,
    "a" * 500,
    "\n",
)


# What transformers' tokenizer, which mends no text, takes a mark's name in it for the mark and lowers a final
# sigma as any other, reads as OpenCLIP's does, which is made after OpenAI's.
PLAIN = tuple(
    text
    for text in NASTY
    if " ".join(text.split()).lower() == clean_for_clip(text) and "<|" not in text and "Σ" not in text
)


def clip_tokenizer(path: Path) -> Path:
    """CLIP's tokenizer.json, in the parts that transformers' published one has."""
    lines = gzip.decompress(CLIP_VOCABULARY.read_bytes()).decode().split("\n")
    merges = [(first, second) for first, second in map(str.split, lines[1 : CLIP_MERGES + 1])]
    letters = list(bytes_to_unicode().values())
    pieces = [*letters, *(letter + "</w>" for letter in letters), *("".join(merge) for merge in merges)]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={piece: number for number, piece in enumerate(pieces)},
            merges=merges,
            unk_token="<|endoftext|>",
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", len(pieces) - 1), ("<|startoftext|>", len(pieces) - 2), add_prefix_space=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path


def unigram_tokenizer(path: Path, specials: tuple[str, ...]) -> Path:
    """A small sentencepiece-like one, as SigLIP and XLM-R have; `specials` get the numbers from 0."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=list(specials), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator([html.unescape(text) for text in (*SENTENCES, *NASTY)] * 4, trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path


def wordpiece_tokenizer(path: Path) -> Path:
    """A small one as BERT has."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator((*SENTENCES, *NASTY), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return path
