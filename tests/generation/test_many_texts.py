"""Trees, strategies and lists of prompts: each text is what it would be alone."""

import csv
import io
import json
from statistics import fmean

import pytest
import torch

from minigpt.config import GenerationConfig, TokenizerConfig
from minigpt.errors import DataError
from minigpt.generation import Generator
from minigpt.generation.continuations import continue_often, path_to, prefix_tree
from minigpt.generation.prompts import (
    MOST_PROMPTS,
    as_csv,
    as_json_lines,
    continue_each,
    read_prompts,
)
from minigpt.generation.strategies import STRATEGIES, try_each
from minigpt.model import create_model
from minigpt.tokenizers.storage import build_tokenizer

CONFIG = GenerationConfig(max_new_tokens=8, seed=5, stop_at_eos=False)


@pytest.fixture(scope="module")
def generator() -> Generator:
    """Return a random model that writes characters."""
    tokenizer = build_tokenizer(TokenizerConfig(kind="char"), "the cat sat, on a mat.")
    torch.manual_seed(0)
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=16,
        num_layers=1,
        num_heads=2,
        max_seq_len=32,
    )
    return Generator(model, tokenizer)


def test_each_continuation_is_what_its_seed_alone_would_give(generator):
    found = list(continue_often(generator, "the", CONFIG, 6))
    assert [each.seed for each in found] == [5, 6, 7, 8, 9, 10]
    for each in found:
        alone = generator.generate("the", CONFIG.replace(seed=each.seed))
        assert each.tokens == alone.tokens
    assert len({tuple(each.tokens) for each in found}) > 1


def test_a_forced_beginning_stands_in_all(generator):
    forced = generator.tokenizer.encode("on")
    found = continue_often(generator, "the", CONFIG, 4, forced)
    assert all(each.tokens[: len(forced)] == forced for each in found)


def test_the_tree_holds_every_text_once_and_no_other(generator):
    texts = [each.tokens for each in continue_often(generator, "the", CONFIG, 20)]
    tree = prefix_tree(texts)
    for member, text in enumerate(texts):
        way = [branch for branch in tree if member in branch.members]
        assert [*(branch.token for branch in way), *way[-1].rest] == text
        assert path_to(tree, way[-1].id) == [branch.token for branch in way]
    for branch in tree:
        children = [each for each in tree if each.parent == branch.id]
        passed_on = sorted(member for child in children for member in child.members)
        assert set(passed_on) <= set(branch.members)
        assert len(passed_on) == len(set(passed_on))
        assert branch.parent is None or branch.parent < branch.id


def test_a_text_that_ends_where_others_go_on_stays_in_the_tree():
    tree = prefix_tree([[1, 2], [1, 2, 3], [1, 2]])
    assert [(b.token, b.members) for b in tree] == [
        (1, [0, 1, 2]),
        (2, [0, 1, 2]),
        (3, [1]),
    ]
    assert prefix_tree([]) == prefix_tree([[]]) == []


def test_each_strategy_writes_what_its_settings_write(generator):
    attempts = list(try_each(generator, "the", CONFIG, samples=3))
    assert [each.name for each in attempts] == list(STRATEGIES)
    for each in attempts:
        draws = each.config.strategy == "sampling"
        assert len(each.samples) == (3 if draws else 1)
        for place, sample in enumerate(each.samples):
            alone = generator.generate("the", each.config.replace(seed=5 + place))
            assert sample.generation.text == alone.text
            assert sample.mean_log_prob == pytest.approx(fmean(alone.log_probs))
            assert 0 <= sample.distinct_share <= 1
        in_order = sorted(each.mean_log_probs)
        assert each.middle.mean_log_prob == in_order[(len(in_order) - 1) // 2]
    by_name = {each.name: each.config for each in attempts}
    assert by_name["top-p 0.9"].top_k is None
    assert by_name["top-p 0.9"].temperature == 1.0
    assert by_name["temperature 1.3"].seed == 5


def test_mean_log_probability_is_the_models_own_on_the_written_text(generator):
    attempt = next(try_each(generator, "the", CONFIG)).samples[0]
    tokens = [*attempt.generation.prompt_tokens, *attempt.generation.tokens]
    with torch.inference_mode():
        logits = generator.model(torch.tensor([tokens]))[0].log_softmax(-1)
    start = len(attempt.generation.prompt_tokens)
    own = [float(logits[at - 1, tokens[at]]) for at in range(start, len(tokens))]
    assert attempt.mean_log_prob == pytest.approx(fmean(own), abs=1e-4)


def test_prompts_are_lines_and_empty_ones_are_none():
    found = read_prompts("\ufeffone\r\n\r\n  two \rthree\n\n".encode())
    assert found.prompts == ["one", "  two ", "three"]
    assert found.left_out == 0
    assert read_prompts("a line\u2028still the same").prompts == [
        "a line\u2028still the same"
    ]


def test_of_ten_thousand_prompts_the_first_are_taken_and_the_rest_counted():
    found = read_prompts("\n".join(f"prompt {n}" for n in range(10_000)))
    assert len(found.prompts) == MOST_PROMPTS
    assert found.left_out == 10_000 - MOST_PROMPTS


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"caf\xe9", r"byte 3 is 0xe9"),
        (b"\xff\xfet\x00h\x00", "not UTF-8"),
        (b"a\x00b", "zero byte"),
        (b" \n\t\n", "no prompt"),
        ("", "no prompt"),
    ],
)
def test_a_file_that_holds_no_prompts_says_why(contents, words):
    with pytest.raises(DataError, match=words):
        read_prompts(contents)


def test_a_prompt_that_is_too_long_has_a_row_that_says_so(generator):
    prompts = ["the cat", "a" * 33, "on"]
    rows = list(continue_each(generator, prompts, CONFIG))
    assert [row.prompt for row in rows] == prompts
    assert "33 tokens" in rows[1].problem
    for row in (rows[0], rows[2]):
        assert row.text == generator.generate(row.prompt, CONFIG).text
        assert row.problem == ""


def test_the_table_reads_back_as_it_was_written(generator):
    prompts = ['the "cat", <b>', "=1+1", "a" * 40]
    rows = list(continue_each(generator, prompts, CONFIG))
    lines = [json.loads(line) for line in as_json_lines(rows).splitlines()]
    table = list(csv.DictReader(io.StringIO(as_csv(rows), newline="")))
    for row, line, cells in zip(rows, lines, table, strict=True):
        assert line["prompt"] == cells["prompt"] == row.prompt
        assert line["text"] == cells["text"] == row.text
        assert line["mean_log_prob"] == row.mean_log_prob


def test_only_the_end_of_a_long_prompt_is_read_where_that_is_agreed(generator):
    cutter = Generator(generator.model, generator.tokenizer, last_only=True)
    long = "the cat sat on a mat. " * 3
    tokens = generator.tokenizer.encode(long)[-32:]
    assert cutter.generate(long, CONFIG).prompt_tokens == tokens
    with pytest.raises(DataError, match="at most"):
        generator.generate(long, CONFIG)
