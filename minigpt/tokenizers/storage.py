"""Making a tokenizer: from a file, or from a configuration and texts."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from minigpt.config import TokenizerConfig
from minigpt.errors import CheckpointError, near_names
from minigpt.tokenizers.base import FORMAT, Tokenizer
from minigpt.tokenizers.byte_pair.tokenizer import BPETokenizer
from minigpt.tokenizers.characters import CharTokenizer
from minigpt.tokenizers.files import read_json
from minigpt.tokenizers.words import WordTokenizer

KINDS: dict[str, type[Tokenizer]] = {
    kind.kind: kind for kind in (CharTokenizer, WordTokenizer, BPETokenizer)
}


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Read what `Tokenizer.save` wrote.

    Args:
        path: The file, or a directory with a `tokenizer.json`.

    Raises:
        CheckpointError: If the file is missing, damaged, or not one of ours.
    """
    path = Path(path)
    if path.is_dir():
        path /= "tokenizer.json"
    fields = read_json(path)
    try:
        if fields.get("format") != FORMAT:
            raise CheckpointError(
                f"this is no {FORMAT} file; one of Hugging Face is read with "
                "BPETokenizer.from_pretrained."
            )
        kind = fields.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise CheckpointError(
                f"kind is {kind!r:.80}: it must be one of {', '.join(KINDS)}."
                f"{near_names(str(kind)[:80], KINDS)}"
            )
        return KINDS[kind].from_dict(fields)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def open_tokenizer(path: Path | str) -> Tokenizer:
    """Read a tokenizer's file: one of ours, or one that `from_pretrained` reads.

    Args:
        path: A `tokenizer.json`, or GPT-2's `vocab.json` with `merges.txt` beside it.

    Raises:
        CheckpointError: If the file is missing, damaged, or of a kind that is not read.
    """
    if read_json(Path(path)).get("format") == FORMAT:
        return load_tokenizer(path)
    return BPETokenizer.from_pretrained(path)


def exported(tokenizer: Tokenizer) -> bytes:
    """Return the contents of a `tokenizer.json` for others to load.

    Hugging Face's format, which `tokenizers` and `transformers` read; a word tokenizer,
    whose rule for spaces they do not have, in our own.

    Args:
        tokenizer: Any that has a vocabulary.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        if isinstance(tokenizer, BPETokenizer | CharTokenizer):
            tokenizer.save_huggingface(path)
        else:
            tokenizer.save(path)
        return path.read_bytes()


def build_tokenizer(config: TokenizerConfig, texts: str | Iterable[str]) -> Tokenizer:
    """Make the tokenizer that a configuration describes and teach it texts.

    Args:
        config: Kind, size and rarity.
        texts: One text, or several: the training part alone.

    Raises:
        DataError: If there is no text, or it is not text.
    """
    tokenizer: Tokenizer
    if config.kind == "bpe":
        tokenizer = BPETokenizer(config.vocab_size)
        tokenizer.build_vocab(texts)
    else:
        tokenizer = KINDS[config.kind]()
        tokenizer.build_vocab(texts, config.min_freq)
    return tokenizer
