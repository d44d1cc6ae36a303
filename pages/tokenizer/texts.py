"""The texts that the Tokenizer page's tokenizers learn from."""

from minigpt.datasets import generate_tales, read_text
from minigpt.errors import DataError
from minigpt.tokenizers.inspection.own_source import own_source
from pages.frame.remember import remember

TALES, SOURCE = "tales", "source"
TEXTS = {TALES: "tales", SOURCE: "this project's source"}
TALES_SIZE = 1_000_000
"""Characters of `tales` to learn from."""

TEXT_MAKERS = (generate_tales, read_text, own_source)
"""What the expressions of `expression_of_text` name."""

LARGEST = 20_000_000
"""Characters of a text to learn from; more would take minutes."""


def text_of(source: str) -> str:
    """Return the text of a source.

    Raises:
        DataError: If it is a file that is missing, no text, or too long.
    """
    if source == SOURCE:
        return own_source()
    text = _tales() if source == TALES else read_text(source)
    if len(text) > LARGEST:
        raise DataError(
            f"The text has {len(text):,} characters, but at most {LARGEST:,} can be "
            "learned from in reasonable time. Choose a part of it."
        )
    return text


@remember(32)
def beginning_of(source: str, characters: int) -> str:
    """Return how the text of a source begins."""
    return text_of(source)[:characters]


@remember(1, shared=True, spinner="Writing stories …")
def _tales() -> str:
    return generate_tales(TALES_SIZE)


def expression_of_text(source: str) -> str:
    """Return the Python expression that gives a source's text."""
    if source == SOURCE:
        return "own_source()"
    if source == TALES:
        return f"generate_tales({TALES_SIZE})"
    return f"read_text({source!r})"
