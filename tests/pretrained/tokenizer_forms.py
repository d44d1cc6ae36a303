"""Small tokenizers of every kind, made by `tokenizers` itself."""

import base64
import json
import random
from itertools import product

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers as learn

from minigpt.tokenizers.byte_pair.printable import BYTE_ORDER

TEXT = ["It was the best of times, it was the worst of times. naïve 12 345"] * 5
ENDS = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"\p{N}{1,3}" + REST
QWEN = CONTRACTIONS + r"\p{N}" + REST


def template(theirs, bos, eos=""):
    ends = [(name, theirs.token_to_id(name)) for name in (bos, eos) if name]
    return processors.TemplateProcessing(
        single=f"{bos} $A {eos}".strip(), special_tokens=ends
    )


def unigram():
    theirs = tokenizers.Tokenizer(models.Unigram())
    theirs.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase()]
    )
    theirs.pre_tokenizer = pre_tokenizers.Metaspace()
    theirs.decoder = decoders.Metaspace()
    trainer = learn.UnigramTrainer(
        vocab_size=60, special_tokens=ENDS, unk_token="<unk>", show_progress=False
    )
    theirs.train_from_iterator(TEXT, trainer)
    theirs.post_processor = template(theirs, "", "</s>")
    return theirs


def sentencepiece():
    """Llama 2's: spaces become ▁, what is unknown falls into bytes."""
    theirs = tokenizers.Tokenizer(
        models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    theirs.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    theirs.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trainer = learn.BpeTrainer(
        vocab_size=330, special_tokens=[*ENDS, *BYTES], show_progress=False
    )
    theirs.train_from_iterator([TEXT[0].replace(" ", "▁")], trainer)
    fields = json.loads(theirs.to_str())
    fields["added_tokens"] = fields["added_tokens"][:3]
    theirs = tokenizers.Tokenizer.from_str(json.dumps(fields))
    theirs.post_processor = template(theirs, "<s>")
    return theirs


def wordpiece():
    theirs = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    theirs.normalizer = normalizers.BertNormalizer()
    theirs.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    theirs.decoder = decoders.WordPiece()
    trainer = learn.WordPieceTrainer(
        vocab_size=60,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"],
        show_progress=False,
    )
    theirs.train_from_iterator(TEXT, trainer)
    theirs.post_processor = template(theirs, "[CLS]", "[SEP]")
    return theirs


def words():
    theirs = tokenizers.Tokenizer(models.WordLevel(unk_token="<unk>"))
    theirs.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = learn.WordLevelTrainer(special_tokens=ENDS, show_progress=False)
    theirs.train_from_iterator(TEXT, trainer)
    return theirs


def clip():
    """A suffix ends each word."""
    theirs = tokenizers.Tokenizer(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>")
    )
    theirs.pre_tokenizer = pre_tokenizers.Whitespace()
    theirs.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = learn.BpeTrainer(
        vocab_size=60,
        special_tokens=ENDS,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    theirs.train_from_iterator(TEXT, trainer)
    return theirs


def lowercase_bytes():
    theirs = tokenizers.Tokenizer(models.BPE())
    theirs.normalizer = normalizers.Lowercase()
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = learn.BpeTrainer(
        vocab_size=280,
        special_tokens=ENDS,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    theirs.train_from_iterator(TEXT, trainer)
    return theirs


def gaps():
    """Ids that nothing has, in the middle."""
    fields = json.loads(lowercase_bytes().to_str())
    fields["normalizer"] = None
    vocab = fields["model"]["vocab"]
    fields["model"]["vocab"] = {n: t + 5 * (t > 2) for n, t in vocab.items()}
    return tokenizers.Tokenizer.from_str(json.dumps(fields))


def byte_pairs(*before, use_regex=False, form=None, **model):
    """Byte-level BPE with the cuts that stand before it."""
    theirs = tokenizers.Tokenizer(models.BPE(**model))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)
    theirs.pre_tokenizer = pre_tokenizers.Sequence([*before, last])
    theirs.normalizer = form
    theirs.decoder = decoders.ByteLevel()
    trainer = learn.BpeTrainer(
        vocab_size=300,
        special_tokens=ENDS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(TEXT, trainer)
    theirs.post_processor = template(theirs, "", "")
    return theirs


def gpt2():
    return byte_pairs(use_regex=True)


def llama3():
    split = pre_tokenizers.Split(tokenizers.Regex(LLAMA3), "isolated")
    theirs = byte_pairs(split, ignore_merges=True)
    theirs.post_processor = template(theirs, "<s>")
    return theirs


def qwen():
    split = pre_tokenizers.Split(tokenizers.Regex(QWEN), "isolated")
    theirs = byte_pairs(split, form=normalizers.NFC())
    theirs.add_tokens([tokenizers.AddedToken("<tool>", special=False, lstrip=True)])
    return theirs


def smollm():
    return byte_pairs(pre_tokenizers.Digits(individual_digits=True), use_regex=True)


OURS = [gpt2, llama3, qwen, smollm]
"""Those that a `BPETokenizer` reads."""
ADAPTED = [unigram, sentencepiece, wordpiece, words, clip, lowercase_bytes, gaps]
"""Those that the library runs."""


def ranks_of(size):
    """As many tokens: bytes, pairs of bytes, and runs of frequent letters."""
    pieces = [bytes([byte]) for byte in BYTE_ORDER]
    letters = [letter.encode() for letter in "etaoinshrdlu"]
    longer = [b"".join(run) for n in (2, 3, 4) for run in product(letters, repeat=n)]
    random.Random(0).shuffle(longer)
    pieces += longer[:4000]
    pairs = (bytes(pair) for pair in product(BYTE_ORDER, repeat=2))
    pairs_of_three = (bytes([32, *pair]) for pair in product(BYTE_ORDER, repeat=2))
    rest = dict.fromkeys([*pieces, *pairs, *pairs_of_three])
    return {piece: rank for rank, piece in zip(range(size), rest, strict=False)}


def write_ranks(path, ranks):
    lines = [f"{base64.b64encode(piece).decode()} {ranks[piece]}" for piece in ranks]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
