"""The texts that the Tokenizer page's tokenizers learn from."""

from minigpt.datasets import generate_tales, read_text
from minigpt.errors import DataError
from minigpt.tokenizers.inspection.own_source import own_source
from pages.frame.remember import remember

TALES, SOURCE = "tales", "source"
TEXTS = {TALES: "tales", SOURCE: "this project's source"}
TALES_SIZE = 1_000_000
"""Characters of `tales` to learn from."""

LARGEST = 20_000_000
"""Characters of a text to learn from; more would take minutes."""


def text_of(source: str) -> str:
    """Return the text that a source stands for.

    Raises:
        DataError: If it is a file that is missing, no text, or too long.
    """
    if source == SOURCE:
        return own_source()
    text = _tales() if source == TALES else read_text(source)
    if len(text) > LARGEST:
        raise DataError(
            f"The text has {len(text):,} characters: {LARGEST:,} are learned from in "
            "reasonable time. Take a part of it."
        )
    return text


@remember(32)
def beginning_of(source: str, characters: int) -> str:
    """Return how the text of a source begins."""
    return text_of(source)[:characters]


@remember(1, shared=True, spinner="Writing stories …")
def _tales() -> str:
    return generate_tales(TALES_SIZE)


def recipe_of_text(source: str) -> str:
    """Return the lines of Python that give a source's text as `text`."""
    if source == SOURCE:
        module, call = (
            "minigpt.tokenizers.inspection.own_source import own_source",
            "own_source()",
        )
    elif source == TALES:
        module = "minigpt.datasets import generate_tales"
        call = f"generate_tales({TALES_SIZE})"
    else:
        module, call = "minigpt.datasets import read_text", f"read_text({source!r})"
    return f"from {module}\n\ntext = {call}\n"
