"""Many pairs: the means are those of one hook at a time, and what cannot be is said."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import minigpt
from minigpt.checkpoint import Checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.tales.words import COLOURS, THINGS, is_held_out
from minigpt.errors import DataError
from minigpt.interpret.heads.held_out_scores import intervals
from minigpt.interpret.interventions.patching import CARRIED, Prompts, patch_map
from minigpt.interpret.pairs.alignment import (
    align,
    align_all,
    answer_token,
    equally_long,
)
from minigpt.interpret.pairs.averages import average, average_pairs, explain_average
from minigpt.interpret.pairs.held_out_pairs import held_out_pairs
from minigpt.interpret.pairs.measures import (
    ATTRIBUTION,
    MEASURES,
    PairNumbers,
    measure_pair,
    parts_of,
    points_of,
)
from minigpt.interpret.pairs.pair_rows import PairRow, read_pairs
from minigpt.interpret.pairs.tales_pairs import KINDS, tales_pairs
from minigpt.interpret.pairs.two_models import QUANTITIES, compare_pair, compare_rows
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

SHIPPED = Path(__file__).parents[3] / "data" / "models"
WORDS = "the red tan kite drum was here and there ."
ROWS = [
    PairRow("the red kite was", "the tan kite was", "here", "there"),
    PairRow("the kite was red .", "the drum was red .", "and", "here"),
    PairRow("red red kite", "red tan kite", "was", "drum"),
    PairRow("the red kite and", "the tan kite and"),
    PairRow("the red drum", "the tan drum"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(TokenizerConfig(kind="word"), WORDS)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(3)
    made = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=2,
        num_heads=2,
        max_seq_len=12,
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight += 0.3 * torch.randn(weight.shape)
    return made.eval().requires_grad_(False)


def gap(logits, pair):
    return float(logits[0, -1, pair.prompts.answer] - logits[0, -1, pair.prompts.rival])


def patched_by_hand(model, pairs, hook, index, side):
    """Σ moved / Σ way, with one plain hook on each pair alone."""
    moved = way = 0.0
    for pair in pairs:
        clean, corrupted = (
            torch.tensor([list(text)])
            for text in (pair.prompts.other, pair.prompts.run)
        )
        run, other = (clean, corrupted) if side == 0 else (corrupted, clean)
        there = model.run_with_cache(other)[1][hook]

        def patch(value, hook, there=there):
            value = value.clone()
            value[index] = there[index]
            return value

        start = gap(model(run), pair)
        moved += gap(model.run_with_hooks(run, [(hook, patch)]), pair) - start
        way += gap(model(other), pair) - start
    return moved / way


@pytest.mark.parametrize("what", ["z", "pattern", "MLP output"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_mean_patch_is_that_of_one_plain_hook_on_each_pair(
    model, tokenizer, what, side
):
    pairs, _ = align_all(model, tokenizer, ROWS)
    if CARRIED[what].places == "position":
        pairs, _ = equally_long(pairs)
    assert len(pairs) >= 2
    found = average([measure_pair(model, pair, what) for pair in pairs])
    layer, place = 1, 1
    index = (*[slice(None)] * CARRIED[what].axis, place)
    hook = f"blocks.{layer}.{CARRIED[what].hook}"
    by_hand = patched_by_hand(model, pairs, hook, index, side)
    assert found.mean[side, layer, place] == pytest.approx(by_hand, abs=1e-4)


def test_one_pair_alone_gives_what_the_pages_for_one_pair_give(model, tokenizer):
    row = ROWS[3]
    pair = align(model, tokenizer, row)
    other, run = (tokenizer.encode(text) for text in (row.clean, row.corrupted))
    answer, rival = pair.prompts.answer, pair.prompts.rival
    for what in CARRIED:
        found = average_pairs(model, tokenizer, [row], what)
        for side, prompts in enumerate(
            (Prompts(other, run, answer, rival), Prompts(run, other, answer, rival))
        ):
            alone = patch_map(model, prompts, what)
            np.testing.assert_allclose(found.mean[side], alone.moved, atol=1e-5)
            start = found.differences[0, side]
            assert start == pytest.approx(alone.run_difference, abs=1e-5)
        assert np.isnan(found.low).all()
        assert np.isnan(found.high).all()
    lens = average_pairs(model, tokenizer, [row], "lens").mean[0, 0]
    hook = points_of(model)[2].hook
    stream = model.run_with_cache(torch.tensor([other]))[1][hook]
    early = model.unembed(model.ln_final(stream))
    assert lens[2] == pytest.approx(gap(early, pair), abs=1e-5)
    assert lens[-1] == pytest.approx(gap(model(torch.tensor([other])), pair), abs=1e-5)


def test_mean_shares_add_up_to_the_mean_difference(model, tokenizer):
    pairs, _ = align_all(model, tokenizer, ROWS)
    found = average_pairs(model, tokenizer, ROWS, "attribution")
    for side, name in enumerate(("other", "run")):
        texts = [torch.tensor([list(getattr(pair.prompts, name))]) for pair in pairs]
        gaps = [gap(model(text), pair) for text, pair in zip(texts, pairs, strict=True)]
        assert found.mean[side].sum() == pytest.approx(np.mean(gaps), abs=1e-5)
        np.testing.assert_allclose(found.differences[:, side], gaps, atol=1e-5)
    assert found.mean.shape[-1] == len(parts_of(model, pairs[0]))
    clean, corrupted = found.right
    assert clean == sum(difference > 0 for difference in found.differences[:, 0])
    assert corrupted == sum(difference < 0 for difference in found.differences[:, 1])


def test_layers_measured_one_by_one_are_all_at_once(model, tokenizer):
    pair = align(model, tokenizer, ROWS[1])
    parts = [measure_pair(model, pair, "z", [layer]) for layer in range(2)]
    whole, joined = measure_pair(model, pair, "z"), PairNumbers.stacked(parts)
    for one, other in zip(vars(whole).values(), vars(joined).values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_mean_is_explained_by_its_pairs(model, tokenizer):
    pairs, _ = align_all(model, tokenizer, ROWS)
    numbers = [pair.number for pair in pairs]
    for measure in MEASURES:
        if measure in CARRIED and CARRIED[measure].places == "position":
            continue
        found = average_pairs(model, tokenizer, ROWS, measure)
        ((row, column),) = found.strongest(1)
        working = explain_average(found, numbers, 1, (row, column))
        assert working.result == pytest.approx(found.mean[1, row, column], abs=1e-9)
        assert working.operands.labels == tuple(f"pair {n}" for n in numbers)
        assert abs(working.result) == pytest.approx(np.abs(found.mean[1]).max())


def test_a_part_leads_in_the_pairs_in_which_no_other_does_more(model, tokenizer):
    found = average_pairs(model, tokenizer, ROWS, ATTRIBUTION)
    for side in (0, 1):
        alone = [
            average_pairs(model, tokenizer, [row], ATTRIBUTION).strongest(side)[0]
            for row in ROWS
        ]
        leads = found.leads(side)
        assert leads.sum() == len(ROWS)
        for cell in np.ndindex(leads.shape):
            assert leads[cell] == alone.count(cell)


def test_intervals_hold_the_true_mean_about_95_times_in_100():
    """Twenty pairs each time, 2,000 times, of a skewed distribution with mean 1."""
    drawn = np.random.default_rng(0).gamma(4.0, 0.25, size=(20, 1, 40, 50))
    low, high = intervals(drawn, np.ones((20, 1)))
    covered = float(((low <= 1.0) & (high >= 1.0)).mean())
    assert 0.90 < covered < 0.97


OTHER_WORDS = PairRow("the umbrella was", "the lantern was")

REFUSED = {
    "lengths": (PairRow("the red kite", "the kite"), "same number of tokens"),
    "empty": (PairRow("", "the kite"), "empty"),
    "unknown": (PairRow("the red cat", "the tan cat"), "never saw 'cat'"),
    "same": (PairRow("the kite", "the kite"), "the same"),
    "half an answer": (PairRow("the red", "the tan", "kite"), "both answer and"),
    "two tokens": (PairRow("the red", "the tan", "kite", "red drum"), "must be one"),
    "unknown answer": (PairRow("the red", "the tan", "kite", "cat"), "never saw 'cat'"),
    "one answer": (PairRow("the red", "the tan", "kite", "kite"), "same token"),
    "too long": (PairRow("red " * 13, "tan " * 13), "this model reads 12"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_pair_that_cannot_be_compared_is_left_out_with_its_reason(
    model, tokenizer, name
):
    row, why = REFUSED[name]
    pairs, left_out = align_all(model, tokenizer, [ROWS[0], row])
    assert [pair.number for pair in pairs] == [1]
    assert [each.number for each in left_out] == [2]
    assert why in left_out[0].why
    with pytest.raises(DataError, match="None of these pairs"):
        average_pairs(model, tokenizer, [row], "z")


def test_maps_by_token_keep_the_commonest_length(model, tokenizer):
    pairs, _ = align_all(model, tokenizer, [*ROWS, ROWS[0]])
    kept, left_out = equally_long(pairs)
    assert [pair.number for pair in kept] == [1, 4, 6]
    assert [each.number for each in left_out] == [2, 3, 5]
    assert "It has 6 tokens, and most pairs have 4" in left_out[0].why
    assert equally_long([]) == ([], [])


def test_answers_that_are_exchanged_have_no_way_to_go(model, tokenizer):
    pair = align(model, tokenizer, ROWS[0])
    clean, corrupted = measure_pair(model, pair, "lens").differences
    row = ROWS[0]
    if clean > corrupted:
        row = row._replace(answer=row.rival, rival=row.answer)
    with pytest.raises(DataError, match="Exchange answer and rival"):
        average_pairs(model, tokenizer, [row], "z")


def test_a_word_gets_its_space_where_the_prompt_has_none():
    letters = build_tokenizer(TokenizerConfig(kind="char"), "ab .")
    assert answer_token(letters, "a", "b") == letters.encode("b")[0]
    assert answer_token(letters, "a", "·") == letters.encode(" ")[0]
    words = minigpt.load(SHIPPED / "tales").tokenizer
    assert answer_token(words, "it was", "red") == words.encode(" red")[0]
    assert answer_token(words, "it was red", ".") == words.encode(".")[0]


TABLE = [["the red", "the tan", "kite", "drum"], ["red", "tan", "", ""]]
FILES = {
    "csv": "Clean,Corrupt,answer,rival\n" + "\n".join(map(",".join, TABLE)),
    "tsv": "clean\tcorrupted\tcorrect\tincorrect\n" + "\n".join(map("\t".join, TABLE)),
    "jsonl": "\n".join(
        json.dumps({"id": 1, **dict(zip(PairRow._fields, row, strict=True))})
        for row in TABLE
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_list_is_read_from_tables_and_json_lines(kind):
    content = FILES[kind].encode()
    assert read_pairs(content, f"pairs.{kind}") == [PairRow(*row) for row in TABLE]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("clean,other\na,b\n", "line 2: there is no column 'corrupted'"),
        ('{"clean": "a", "corrupted": 5}', "corrupted is 5, but must be a text"),
        ('["a", "b"]', "has named columns"),
        (f"clean,corrupted\n{'a' * 2001},b\n", "more than 2000 characters"),
        ("", "is empty"),
    ],
)
def test_a_list_that_cannot_be_read_says_where_and_why(content, complaint):
    with pytest.raises(DataError, match=complaint):
        read_pairs(content.encode(), "pairs.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_of_tales_differ_in_few_words_and_the_shipped_model_knows_them(kind):
    rows = tales_pairs(kind, 12)
    assert rows == tales_pairs(kind, 12)
    assert rows[:5] == tales_pairs(kind, 5)
    assert len(set(rows)) > 10
    for row in rows:
        one, other = row.clean.split(), row.corrupted.split()
        assert len(one) == len(other)
        assert 1 <= sum(a != b for a, b in zip(one, other, strict=True)) <= 2
        assert row.answer != row.rival
    if kind == "colour":
        told = [row.clean.split() for row in rows]
        assert all(
            is_held_out("colour", words[1], words[3].strip(".")) for words in told
        )
        assert {words[1] for words in told} <= set(THINGS)
        assert {row.rival for row in rows} <= set(COLOURS)
    model, tokenizer, _ = minigpt.load(SHIPPED / "tales")
    clean, corrupted = average_pairs(model, tokenizer, rows, "lens").right
    assert min(clean, corrupted) >= 10


def test_there_are_no_other_pairs_of_tales():
    with pytest.raises(DataError, match="Did you mean"):
        tales_pairs("colours", 1)


def test_pairs_of_held_out_text_are_the_models_own():
    checkpoint = minigpt.load(SHIPPED / "induction")
    rows = held_out_pairs(checkpoint, 6)
    pairs, left_out = align_all(checkpoint.model, checkpoint.tokenizer, rows)
    assert len(pairs) >= 3
    assert not left_out
    assert rows[:2] == held_out_pairs(checkpoint, 6)[:2]


def test_a_lens_tells_the_prompts_apart_where_both_signs_are_right_to_the_end():
    def of(clean, corrupted):
        values = np.array([[clean], [corrupted]], dtype=float)
        return average([PairNumbers(values, np.ones(2), values[:, 0, -1])])

    assert of([1, -1, 2, 3], [-1, -1, 1, -2]).told_apart == 3
    assert of([1, 1, 1], [-1, -2, -3]).told_apart == 0
    assert of([1, 1, -1], [-1, -1, -1]).told_apart is None


def test_two_models_are_compared_pair_by_pair(model, tokenizer):
    torch.manual_seed(5)
    other = create_model("transformer", **model.config.model_dump())
    other.eval().requires_grad_(False)
    metadata = minigpt.load(SHIPPED / "tales").metadata
    before = Checkpoint(other, tokenizer, metadata)
    after = Checkpoint(model, tokenizer, metadata)
    rows = [ROWS[3], REFUSED["lengths"][0], *ROWS[:2]]
    found = compare_rows(before, after, rows)
    pairs = [align(model, tokenizer, row) for row in (ROWS[3], *ROWS[:2])]
    clean = [torch.tensor([list(pair.prompts.other)]) for pair in pairs]
    for number, one in enumerate((other, model)):
        gaps = [gap(one(text), pair) for text, pair in zip(clean, pairs, strict=True)]
        assert found.means[number, 0] == pytest.approx(np.mean(gaps), abs=1e-5)
        chances = [
            float(one(text)[0, -1].softmax(-1)[pair.prompts.answer])
            for text, pair in zip(clean, pairs, strict=True)
        ]
        assert found.means[number, 2] == pytest.approx(np.mean(chances), abs=1e-6)
        losses = [
            float(torch.nn.functional.cross_entropy(one(text)[0, :-1], text[0, 1:]))
            for text in clean
        ]
        assert found.means[number, -1] == pytest.approx(np.mean(losses), abs=1e-5)
    assert (found.low <= found.change).all()
    assert (found.change <= found.high).all()
    assert found.heads.shape == (2, 2)
    assert found.means.shape == (2, len(QUANTITIES))
    same = compare_rows(after, after, rows)
    np.testing.assert_allclose(same.change, 0, atol=1e-9)
    np.testing.assert_allclose(same.heads, 0, atol=1e-9)


def test_models_of_other_tokens_have_no_common_loss_and_no_namesakes():
    words, pieces = (minigpt.load(SHIPPED / name) for name in ("glass", "tales"))
    row = PairRow("the cat was a", "the dog was a", "girl", "boy")
    found = compare_pair(words, pieces, row)
    assert found.heads is None
    assert np.isnan(found.quantities[:, -1]).all()
    assert np.isfinite(found.quantities[:, :-1]).all()
    with pytest.raises(DataError, match="never saw 'umbrella'"):
        compare_pair(minigpt.load(SHIPPED / "induction"), pieces, OTHER_WORDS)
