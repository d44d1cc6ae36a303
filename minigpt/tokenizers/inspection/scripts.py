"""One sentence in twelve languages: what a script costs, in tokens.

A byte-level tokenizer reads every script, but not at one price. UTF-8 writes a Latin
letter in one byte, a Greek or Arabic one in two, a Chinese one in three, and merges
were learned only for what the training text repeats.
"""

from dataclasses import dataclass
from typing import NamedTuple

from minigpt.tokenizers.base import Tokenizer


class Sentence(NamedTuple):
    """A sentence in one language."""

    language: str
    script: str
    text: str


SENTENCES = (
    Sentence("English", "Latin", "The child has a red ball."),
    Sentence("German", "Latin", "Das Kind hat einen roten Ball."),
    Sentence("Vietnamese", "Latin, marked", "Đứa trẻ có một quả bóng đỏ."),
    Sentence("Greek", "Greek", "Το παιδί έχει μια κόκκινη μπάλα."),
    Sentence("Russian", "Cyrillic", "У ребёнка есть красный мяч."),
    Sentence("Arabic", "Arabic", "لدى الطفل كرة حمراء."),
    Sentence("Hebrew", "Hebrew", "לילד יש כדור אדום."),
    Sentence("Hindi", "Devanagari", "बच्चे के पास एक लाल गेंद है।"),
    Sentence("Thai", "Thai", "เด็กมีลูกบอลสีแดง"),
    Sentence("Chinese", "Han", "孩子有一个红色的球。"),
    Sentence("Japanese", "Kana and Han", "子どもは赤いボールを持っています。"),
    Sentence("Korean", "Hangul", "아이는 빨간 공을 가지고 있다."),
)
"""All of one meaning, written for this project."""


@dataclass(frozen=True)
class ScriptCost:
    """What one sentence costs."""

    sentence: Sentence
    characters: int
    """Unicode code points."""
    num_bytes: int
    """In UTF-8."""
    tokens: int
    unknown: int
    """How many of the tokens are `<unk>`: there the text is lost."""

    @property
    def bytes_per_token(self) -> float:
        """How much of a text one token carries."""
        return self.num_bytes / self.tokens


def script_costs(tokenizer: Tokenizer) -> list[ScriptCost]:
    """Encode every sentence.

    Args:
        tokenizer: Any that has a vocabulary.
    """
    costs = []
    for sentence in SENTENCES:
        ids = tokenizer.encode(sentence.text)
        costs.append(
            ScriptCost(
                sentence,
                characters=len(sentence.text),
                num_bytes=len(sentence.text.encode("utf-8")),
                tokens=len(ids),
                unknown=sum(token == tokenizer.unk_id for token in ids),
            )
        )
    return costs
