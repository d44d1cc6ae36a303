"""Head scores on patterns whose answer is known."""

import numpy as np
import pytest

from minigpt.interpret.heads.scores import (
    SCORES,
    HeadScores,
    average,
    head_scores,
    strongest_read,
)

LENGTH = 6
DIFFERENT = list(range(LENGTH))
TWICE = [7, 8, 9, 7, 8, 9]


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
    scores = head_scores(PATTERNS, DIFFERENT)
    assert scores.previous_token[0, 0] == 1
    assert scores.first_token[0, 1] == 1
    assert scores.self_token[1, 0] == 1
    assert scores.first_token[0, 0] == scores.self_token[0, 0] == 0
    assert np.allclose(scores.entropy[[0, 0, 1], [0, 1, 0]], 0)


def test_an_even_head_has_the_entropy_of_an_even_choice():
    expected = np.mean([np.log(query + 1) for query in range(1, LENGTH)])
    assert head_scores(PATTERNS, DIFFERENT).entropy[1, 1] == pytest.approx(expected)


def test_an_induction_head_reads_what_came_next_last_time():
    copying = np.stack(
        [[pattern(only(lambda q: q - 2)), pattern(only(lambda q: q - 3))]]
    )
    scores = head_scores(copying, TWICE)
    assert scores.induction.tolist() == [[1, 0]]
    assert scores.duplicate_token.tolist() == [[0, 1]]
    assert scores.queries["induction"] == scores.queries["duplicate_token"] == 3


def test_all_earlier_occurrences_count_but_never_the_query_itself():
    tokens = [5, 5, 6, 5]
    rows = np.zeros((1, 1, 4, 4))
    rows[0, 0] = [[1, 0, 0, 0], [0.3, 0.7, 0, 0], [1, 0, 0, 0], [0.1, 0.2, 0.3, 0.4]]
    scores = head_scores(rows, tokens)
    # Query 3 saw a 5 at 0 (then 5) and at 1 (then 6): keys 1 and 2. Query 1 saw one at
    # 0, but what followed is query 1 itself.
    assert scores.induction[0, 0] == pytest.approx(0.2 + 0.3)
    assert scores.duplicate_token[0, 0] == pytest.approx((0.3 + 0.1 + 0.2) / 2)


def test_where_a_text_has_no_such_place_there_is_no_score():
    one = head_scores(np.ones((1, 2, 1, 1)), [3])
    assert all(np.isnan(getattr(one, name)).all() for name in SCORES)
    assert np.isnan(head_scores(PATTERNS, DIFFERENT).induction).all()


def test_patterns_and_tokens_must_be_of_one_length():
    with pytest.raises(ValueError, match="3 tokens"):
        head_scores(PATTERNS, [1, 2, 3])


def test_texts_without_a_score_do_not_count_in_the_average():
    nothing, something = head_scores(PATTERNS, DIFFERENT), head_scores(PATTERNS, TWICE)
    both = average([nothing, something])
    assert both.induction.tolist() == something.induction.tolist()
    assert np.allclose(both.previous_token, something.previous_token)
    assert both.queries["induction"] == 3
    assert both.queries["previous_token"] == 2 * (LENGTH - 1)
    assert isinstance(both, HeadScores)


def test_a_caption_names_the_strongest_key_before_the_query():
    rows = pattern(spread)
    rows[3] = [0.1, 0.62, 0.08, 0.2, 0, 0]
    caption = strongest_read(rows, ["the", "cat", "when", "it", "a", "b"], 3)
    assert (caption.query, caption.key, caption.weight) == ("it", "cat", 0.62)
    with pytest.raises(ValueError, match="2 pieces for 6 keys"):
        strongest_read(rows, ["a", "b"], 0)
