"""Head scores on patterns whose answer is known."""

import numpy as np
import pytest

from minigpt.interpret.heads import cautious_label, head_scores, strongest_read

LENGTH = 6


def pattern(rule):
    rows = np.zeros((LENGTH, LENGTH))
    for query in range(LENGTH):
        rows[query, : query + 1] = rule(query)
        rows[query] /= rows[query].sum()
    return rows


def spread(query):
    return np.ones(query + 1)


def only(key_of):
    return lambda query: np.eye(query + 1)[max(key_of(query), 0)]


PATTERNS = np.stack(
    [
        [pattern(only(lambda q: q - 1)), pattern(only(lambda q: 0))],
        [pattern(only(lambda q: q)), pattern(spread)],
    ]
)


def test_pure_heads_score_one_on_their_habit_and_zero_elsewhere():
    scores = head_scores(PATTERNS)
    assert scores.previous_token[0, 0] == 1
    assert scores.first_token[0, 1] == 1
    assert scores.self_token[1, 0] == 1
    assert scores.first_token[0, 0] == scores.self_token[0, 0] == 0
    assert np.allclose(scores.entropy[[0, 0, 1], [0, 1, 0]], 0)


def test_an_even_head_has_the_entropy_of_an_even_choice():
    expected = np.mean([np.log(query + 1) for query in range(1, LENGTH)])
    assert head_scores(PATTERNS).entropy[1, 1] == pytest.approx(expected)


def test_labels_are_given_only_where_one_habit_dominates():
    scores = head_scores(PATTERNS)
    labels = [
        cautious_label(scores, layer, head) for layer in (0, 1) for head in (0, 1)
    ]
    assert labels == [
        "mostly previous token",
        "mostly first token",
        "mostly itself",
        "unclassified",
    ]


def test_one_token_has_scores_of_zero_without_warnings():
    scores = head_scores(np.ones((1, 2, 1, 1)))
    assert scores.previous_token.tolist() == [[0, 0]]
    assert scores.entropy.tolist() == [[0, 0]]


def test_a_caption_names_the_strongest_key_before_the_query():
    rows = pattern(spread)
    rows[3] = [0.1, 0.62, 0.08, 0.2, 0, 0]
    caption = strongest_read(rows, ["the", "cat", "when", "it", "a", "b"], 3)
    assert (caption.query, caption.key, caption.weight) == ("it", "cat", 0.62)
    with pytest.raises(ValueError, match="2 pieces for 6 keys"):
        strongest_read(rows, ["a", "b"], 0)
