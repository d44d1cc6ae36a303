"""What was recorded of a training is what replaying its merges by hand gives."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigpt.errors import ConfigError, DataError
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.byte_pair.pretokens import count_pretokens
from minigpt.tokenizers.inspection.merge_history import MergeHistory
from minigpt.tokenizers.inspection.own_source import own_source

TEXT = (
    "The cat sat on the mat, and the rats ran at that cat. Moo, mooo, moooo! "
    "aaaaa aaa banana bananas 1234 11111 早上好 🙂🙂🙂 "
) * 3


def replayed(text, merges):
    """Apply merges one after the other to every word, with lists and no tricks."""
    words = {
        tuple(bytes([byte]) for byte in word.encode()): 0
        for word in count_pretokens([text])
    }
    for word, times in count_pretokens([text]).items():
        words[tuple(bytes([byte]) for byte in word.encode())] += times
    for pair in merges:
        joined = Counter()
        for word, times in words.items():
            row, place = [], 0
            while place < len(word):
                if word[place : place + 2] == pair:
                    row.append(pair[0] + pair[1])
                    place += 2
                else:
                    row.append(word[place])
                    place += 1
            joined[tuple(row)] += times
        words = joined
    return words


def pairs_by_hand(words):
    counts = Counter()
    for word, times in words.items():
        for pair in pairwise(word):
            counts[pair] += times
    return counts


@pytest.fixture(scope="module")
def history():
    return MergeHistory.learn(TEXT, 340)


def test_the_record_equals_a_replay_by_hand(history):
    merges = [step.pair for step in history.steps]
    assert merges == BPETokenizer.from_merges(merges).merges
    for done in range(len(merges) + 1):
        words = replayed(TEXT, merges[:done])
        size = sum(len(word) * times for word, times in words.items())
        assert history.token_counts[done] == size, done
        counts = pairs_by_hand(words)
        pairs = history.pairs(done, shown=6)
        assert pairs.distinct == len(counts)
        assert [p.count for p in pairs.top] == sorted(counts.values())[::-1][:6]
        assert all(counts[p.pair] == p.count for p in pairs.top)
        most = max(counts.values(), default=0)
        assert pairs.tied == sum(count == most for count in counts.values())


def test_the_first_of_the_pairs_is_the_one_that_is_merged(history):
    for done, step in enumerate(history.steps):
        first = history.pairs(done).top[0]
        assert (first.pair, first.ids) == (step.pair, step.pair_ids)
        assert first.count == step.count


def test_going_back_gives_what_going_forward_gave(history):
    forward = [history.pairs(done) for done in range(len(history.steps))]
    backward = [history.pairs(done) for done in reversed(range(len(history.steps)))]
    assert forward == backward[::-1]


@settings(max_examples=40)
@given(st.text(alphabet="ab ", min_size=1, max_size=40))
def test_occurrences_that_overlap_are_joined_once(text):
    history = MergeHistory.learn(text, 275)
    assert history.token_counts[-1] == len(history.tokenizer.encode(text))


def test_the_text_gets_shorter_as_the_tokenizer_says(history):
    for done in (0, 1, 7, 40, len(history.steps)):
        early = history.tokenizer.limited_to(done)
        assert len(early.encode(TEXT)) == history.token_counts[done]


def test_learning_is_the_same_as_building_and_tells_each_step():
    heard = []
    history = MergeHistory.learn(TEXT, 300, heard.append)
    tokenizer = BPETokenizer(300)
    tokenizer.build_vocab(TEXT)
    assert history.tokenizer.merges == tokenizer.merges
    assert tuple(heard) == history.steps


def test_one_letter_has_no_pairs():
    history = MergeHistory.learn("a", 300)
    assert history.steps == ()
    assert history.token_counts == [1]
    assert history.pairs(0) == ([], 0, 0)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(DataError, match="no text"):
        MergeHistory.learn("", 300)
    with pytest.raises(ConfigError, match="vocab_size"):
        MergeHistory.learn(TEXT, 10)


def test_the_projects_own_source_is_a_text():
    assert "def own_source() -> str:" in own_source()
