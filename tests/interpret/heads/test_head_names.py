"""Names of heads: against scores counted by hand, hand-made heads, untrained models."""

import numpy as np
import pytest
import torch

from minigpt.config import ModelConfig
from minigpt.interpret.heads.habits import ALL_HABITS, TEXT_HABITS, text_habits
from minigpt.interpret.heads.head_names import (
    HabitBand,
    habit_band,
    name_in_words,
    names_of_heads,
    untrained_habits,
)
from minigpt.interpret.heads.held_out_scores import (
    Weight,
    held_out_scores,
    intervals,
    summarize,
    weight_in,
    weight_on,
)
from minigpt.model import TransformerLM
from minigpt.tokenizers import CharTokenizer, WordTokenizer

TEXT = (
    'Tom said, "the ant is (so) old."\nHe sat. The ant, the man and (a cat) ran '
    'to "the end" of it!\nWhy? The antics of the man ended.\n'
) * 6
LENGTH = 32


def tokenizer_of(text=TEXT, kind=CharTokenizer):
    made = kind()
    made.build_vocab(text)
    return made


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizer_of()


@pytest.fixture(scope="module")
def windows(tokenizer):
    ids = np.array(tokenizer.encode(TEXT))
    starts = np.random.default_rng(0).integers(0, len(ids) - LENGTH, 24)
    return ids[starts[:, None] + np.arange(LENGTH)]


def small_model(vocab_size, seed=0, **changes):
    torch.manual_seed(seed)
    shape = {"d_model": 16, "num_layers": 2, "num_heads": 2, "max_seq_len": LENGTH}
    return TransformerLM(vocab_size=vocab_size, **shape, **changes).eval()


def keys_by_hand(text, query):
    """Return the keys of each habit of writing, by looking at the characters alone."""
    before = text[:query]
    word = lambda c: c.isalnum()  # noqa: E731
    starts = [i for i in range(1, query) if word(text[i]) and not word(text[i - 1])]
    ends = [i for i, c in enumerate(before) if c in ".!?"]
    sentences = [next((i for i in starts if i > end), None) for end in ends]
    of_word = []
    if word(text[query]):
        i = query - 1
        while i >= 0 and word(text[i]):
            of_word.append(i)
            i -= 1
    stack = []
    for i, c in enumerate(before):
        if c == "(" or (c == '"' and (i == 0 or text[i - 1].isspace())):
            stack.append((i, ")" if c == "(" else '"'))
        elif stack and stack[-1][1] == c:
            stack.pop()
    last = lambda chosen: set(chosen[-1:])  # noqa: E731
    return {
        "last_space": last([i for i, c in enumerate(before) if c == " "]),
        "last_newline": last([i for i, c in enumerate(before) if c == "\n"]),
        "word_start": last(starts),
        "this_word": set(of_word),
        "sentence_start": last([i for i in sentences if i is not None]),
        "open_bracket": {stack[-1][0]} if stack else set(),
        "punctuation": {i for i, c in enumerate(before) if c in '.,!?"()'},
        **{f"{n}_back": {query - n} & set(range(query)) for n in range(2, 9)},
        "last_three": set(range(max(0, query - 3), query)),
    }


def test_every_habits_keys_are_those_found_by_reading_the_text(tokenizer, windows):
    cells = text_habits(tokenizer, windows).cells
    checked = 0
    for at, window in enumerate(windows):
        text = "".join(tokenizer.pieces(window))
        for query in range(LENGTH):
            for name, keys in keys_by_hand(text, query).items():
                assert set(np.flatnonzero(cells[name][at, query])) == keys, (
                    f"{name} of {text[: query + 1]!r}"
                )
                checked += bool(keys)
    assert checked > 1000


def test_the_same_word_is_known_as_far_as_it_was_read(tokenizer):
    text = "The ant. The antics of the man."
    cells = text_habits(tokenizer, np.array([tokenizer.encode(text)])).cells
    same = cells["same_word"][0]
    ant, the = set(range(4, 7)), set(range(3))
    assert not same[13].any()  # of "antics", only the a: it could be any word
    assert set(np.flatnonzero(same[14])) == ant  # "an"
    assert set(np.flatnonzero(same[15])) == ant  # "ant"
    assert not same[16].any()  # "anti" is no word of before
    assert set(np.flatnonzero(same[25])) == the | set(range(9, 12))  # "the"


def test_words_that_stand_apart_begin_words():
    tokenizer = tokenizer_of(kind=WordTokenizer)
    window = tokenizer.encode('Tom said, "the ant is old." The ant ran.')
    pieces = tokenizer.pieces(window)
    found = text_habits(tokenizer, np.array([window]))
    period = pieces.index(".")
    assert np.flatnonzero(found.cells["word_start"][0, period]) == pieces.index("old")
    opened = pieces.index('"')
    assert np.flatnonzero(found.cells["open_bracket"][0, period]) == opened
    assert found.cells["open_bracket"][0, pieces.index("The")].sum() == 0
    assert found.missing["last_space"] == "no window has such a place"


def test_a_document_ends_where_its_token_stands(tokenizer):
    ids = [
        *tokenizer.encode("The end."),
        tokenizer.eos_id,
        *tokenizer.encode("He sat."),
    ]
    cells = text_habits(tokenizer, np.array([ids])).cells
    assert np.flatnonzero(cells["document_end"][0, -1]).tolist() == [8]
    assert np.flatnonzero(cells["sentence_start"][0, -1]).tolist() == [9]
    assert not cells["document_end"][0, :9].any()


def test_a_habit_that_a_vocabulary_cannot_show_says_so():
    tokenizer = tokenizer_of("abc abd\nabe " * 9)
    windows = np.array([tokenizer.encode("abc abd abe ") for _ in range(9)])
    missing = text_habits(tokenizer, windows).missing
    assert missing["open_bracket"] == "no bracket or quote in the vocabulary"
    assert missing["last_newline"] == "no window has such a place"
    assert set(missing) | set(text_habits(tokenizer, windows).cells) == set(ALL_HABITS)


def test_scores_are_means_over_queries_counted_one_by_one(tokenizer, windows):
    model = small_model(tokenizer.vocab_size)
    found = held_out_scores(model, tokenizer, windows)
    cells = text_habits(tokenizer, windows).cells
    assert set(TEXT_HABITS) - set(found.habits) == {"document_end"}
    total = {name: [] for name in found.habits}
    for at, window in enumerate(windows):
        with torch.inference_mode():
            _, cache = model.run_with_cache(torch.tensor(window)[None])
        pattern = cache["pattern", 1][0, 1].numpy()
        for name, mask in cells.items():
            for query in range(LENGTH):
                keys = np.flatnonzero(mask[at, query])
                if len(keys):
                    total[name].append(sum(pattern[query, key] for key in keys))
    for habit, name in enumerate(found.habits):
        assert found.queries[name] == len(total[name])
        assert found.score[habit, 1, 1] == pytest.approx(np.mean(total[name]), abs=1e-5)
        assert (found.low[habit] <= found.score[habit]).all()
        assert (found.score[habit] <= found.high[habit]).all()


def test_parts_of_a_text_add_up_to_the_whole(tokenizer, windows, monkeypatch):
    model = small_model(tokenizer.vocab_size)
    cells = text_habits(tokenizer, windows).cells
    whole = weight_on(model, windows, cells)
    monkeypatch.setattr(
        "minigpt.interpret.heads.held_out_scores.MOST_CELLS", 4 * LENGTH**2 * 5
    )
    for one, other in zip(
        vars(whole).values(),
        vars(weight_on(model, windows, cells)).values(),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_an_interval_is_as_wide_as_the_central_limit_theorem_says():
    rng = np.random.default_rng(1)
    queries = rng.integers(5, 20, (400, 1))
    sums = queries * rng.uniform(0.2, 0.8, (400, 1))
    low, high = intervals(sums[..., None, None], queries)
    ratio = sums.sum() / queries.sum()
    error = (sums - ratio * queries).std() / queries.mean() / 20
    assert float(low[0, 0, 0]) == pytest.approx(ratio - 1.96 * error, abs=0.2 * error)
    assert float(high[0, 0, 0]) == pytest.approx(ratio + 1.96 * error, abs=0.2 * error)


def named(pattern, habits):
    """Name a head of some patterns, [window q_pos k_pos], beside an even one."""
    rows = torch.tensor(np.stack([pattern, even(len(pattern))], 1)).float()
    scores = summarize(weight_in([rows], habits.cells), habits)
    chance = np.repeat(scores.score[:, :, 1:], 2, axis=2)
    band = HabitBand(chance, np.full_like(chance, 1e-3), 6)
    return names_of_heads(scores, band)[0][0]


def queries_of(habits):
    return habits.cells["5_back"].any(-1).sum()


def even(count):
    return np.tile(np.tri(LENGTH) / np.arange(1, LENGTH + 1)[:, None], (count, 1, 1))


def reading(cells, weight=0.9):
    """Return patterns that put most of each row on some cells, the rest evenly."""
    keys = np.broadcast_to(cells, (len(cells), LENGTH, LENGTH)).astype(float)
    count = keys.sum(-1, keepdims=True)
    share = weight * (count > 0)
    return share * keys / np.maximum(count, 1) + (1 - share) * even(len(keys))


@pytest.mark.parametrize(
    "habit", ["3_back", "last_space", "this_word", "sentence_start", "first_token"]
)
def test_a_head_made_to_read_something_is_named_after_it(tokenizer, windows, habit):
    habits = text_habits(tokenizer, windows)
    assert named(reading(habits.cells[habit]), habits) == habit


def test_a_head_that_reads_what_is_near_is_not_said_to_read_words(tokenizer, windows):
    habits = text_habits(tokenizer, windows)
    near = reading(habits.cells["last_three"], 1.0)
    scores = summarize(
        weight_in([torch.tensor(near)[:, None].float()], habits.cells), habits
    )
    assert scores.score[scores.habits.index("this_word"), 0, 0] > 0.5
    assert named(near, habits) == "last_three"


def test_half_of_the_weight_must_hold_over_the_whole_interval(tokenizer, windows):
    """A head that does it in some windows only does not get the name."""
    habits = text_habits(tokenizer, windows)
    always = reading(habits.cells["5_back"], 0.6)
    sometimes = np.where(
        np.arange(len(windows))[:, None, None] % 3 > 0,
        reading(habits.cells["5_back"], 0.75),
        even(len(windows)),
    )
    assert named(always, habits) == "5_back"
    assert (sometimes * habits.cells["5_back"]).sum() > 0.5 * queries_of(habits)
    assert named(sometimes, habits) is None
    assert name_in_words(None) == "no clear habit"


@pytest.mark.parametrize("scheme", ["learned", "rope", "relative", "alibi"])
def test_untrained_models_get_no_names(tokenizer, windows, scheme):
    """Of 20 seeds, five with each way to encode positions."""
    habits = text_habits(tokenizer, windows)
    models = [
        small_model(tokenizer.vocab_size, 100 + seed, positional_encoding=scheme)
        for seed in range(5)
    ]
    band = habit_band(
        [untrained_habits(models[0].config, windows, habits, seed) for seed in range(3)]
    )
    for model in models:
        scores = summarize(weight_on(model, windows, habits.cells), habits)
        assert names_of_heads(scores, band) == [[None, None]] * 2


def test_a_band_is_mean_and_spread_over_untrained_models(tokenizer, windows):
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=2,
        num_heads=2,
        max_seq_len=LENGTH,
    )
    habits = text_habits(tokenizer, windows)
    each = [untrained_habits(config, windows, habits, seed) for seed in range(3)]
    band = habit_band(each)
    np.testing.assert_allclose(band.mean, np.mean(each, axis=0))
    at = list(habits.cells).index("3_back")
    chance = np.mean([1 / (query + 1) for query in range(3, LENGTH)])
    assert band.mean[at] == pytest.approx(np.full((2, 2), chance), abs=0.01)
    low, high = band.edges()
    assert (low <= band.mean).all()
    assert (band.mean <= high).all()
    with pytest.raises(ValueError, match="2 untrained"):
        habit_band(each[:1])


def test_one_window_alone_has_no_interval():
    low, high = intervals(np.ones((1, 1, 1, 1)), np.ones((1, 1), dtype=int))
    assert (float(low.item()), float(high.item())) == (0.0, 1.0)
    assert Weight(np.ones((1, 1, 1, 1)), np.ones((1, 1, 2))).on_habits.shape[0] == 1
