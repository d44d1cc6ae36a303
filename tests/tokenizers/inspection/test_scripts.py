"""What a script costs is counted, not claimed."""

import unicodedata

import pytest

from minigpt.tokenizers import BPETokenizer, CharTokenizer
from minigpt.tokenizers.inspection.scripts import SENTENCES, script_costs


def test_a_byte_a_token_where_nothing_was_learned():
    bytes_only = BPETokenizer.from_merges([])
    for cost in script_costs(bytes_only):
        assert cost.tokens == cost.num_bytes == len(cost.sentence.text.encode())
        assert (cost.bytes_per_token, cost.unknown) == (1.0, 0)


def test_a_language_that_was_learned_is_cheap():
    tokenizer = BPETokenizer(400)
    tokenizer.build_vocab(SENTENCES[5].text * 50)
    costs = {cost.sentence.language: cost for cost in script_costs(tokenizer)}
    assert costs["Arabic"].bytes_per_token > 3
    assert costs["Korean"].bytes_per_token < 1.5


def test_unknown_characters_are_counted():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("The child has a red ball.")
    costs = {cost.sentence.language: cost for cost in script_costs(tokenizer)}
    assert costs["English"].unknown == 0
    assert costs["Greek"].unknown == sum(
        char not in " ." for char in costs["Greek"].sentence.text
    )


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda s: s.language)
def test_the_sentences_are_in_their_scripts(sentence):
    names = [unicodedata.name(c, "") for c in sentence.text if c.isalpha()]
    script = {
        "Latin, marked": "LATIN", "Han": "CJK", "Kana and Han": "HIRAGANA",
    }.get(sentence.script, sentence.script.upper())  # fmt: skip
    assert any(name.startswith(script) for name in names)
