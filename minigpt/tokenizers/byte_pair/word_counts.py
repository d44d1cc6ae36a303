"""The words of a text and how often each occurs: all that training looks at."""

from collections.abc import Iterable

from minigpt.tokenizers.base import SPECIAL_TOKENS, checked_texts
from minigpt.tokenizers.byte_pair.pretokens import count_pretokens
from minigpt.tokenizers.byte_pair.printable import BYTE_ORDER

NUM_SPECIAL = len(SPECIAL_TOKENS)


def word_counts(texts: str | Iterable[str]) -> dict[str, int]:
    """Count the pretokens of texts, each written as a string of byte tokens.

    Raises:
        DataError: If there is no text, or it is not text.
    """
    alphabet = {byte: NUM_SPECIAL + place for place, byte in enumerate(BYTE_ORDER)}
    return {
        pretoken.encode("utf-8").decode("latin-1").translate(alphabet): count
        for pretoken, count in count_pretokens(checked_texts(texts)).items()
    }
