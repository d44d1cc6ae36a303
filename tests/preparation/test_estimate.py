import threading
from types import SimpleNamespace

import pytest

from minigpt.config import (
    DataConfig,
    ModelConfig,
    RunConfig,
    TokenizerConfig,
    get_recipe,
)
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import DataError
from minigpt.model import create_model
from minigpt.preparation import estimate as estimates
from minigpt.preparation import free_cores
from minigpt.preparation.estimate import estimate_run


def config_for(path, **model) -> RunConfig:
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 32}
    return RunConfig(
        data=DataConfig(source=str(path)), transformer=ModelConfig(**{**sizes, **model})
    )


@pytest.fixture
def text_path(tmp_path):
    path = tmp_path / "tales.txt"
    path.write_text(generate_tales(30_000), encoding="utf-8")
    return path


def test_the_parameters_are_those_of_the_model_that_will_be_built(text_path):
    config = config_for(text_path)
    estimate = estimate_run(config)
    sizes = {**config.transformer.to_dict(), "vocab_size": estimate.vocab_size}
    model = create_model("transformer", **sizes)
    assert estimate.num_parameters == sum(p.numel() for p in model.parameters())


def test_characters_are_counted_as_tokens(text_path):
    estimate = estimate_run(config_for(text_path))
    length = len(text_path.read_text(encoding="utf-8"))
    assert estimate.text_tokens == pytest.approx(length, rel=0.01)


def test_words_are_fewer_than_characters(text_path):
    config = config_for(text_path)
    words = config.replace(tokenizer=TokenizerConfig(kind="word").to_dict())
    assert estimate_run(words).text_tokens < estimate_run(config).text_tokens / 2


def test_more_steps_take_longer(text_path):
    config = config_for(text_path)
    longer = config.replace(train={**config.train.to_dict(), "max_steps": 5000})
    shorter = config.replace(train={**config.train.to_dict(), "max_steps": 50})
    assert estimate_run(longer).seconds > 50 * estimate_run(shorter).seconds


@pytest.fixture
def held_up(monkeypatch):
    """Return a function that lets others have a share of every core, by the clocks."""

    def hold_up(share):
        clock = threading.local()

        def seconds():
            clock.now = getattr(clock, "now", 0.0) + 0.01
            return clock.now

        clocks = SimpleNamespace(
            perf_counter=seconds,
            thread_time=lambda: (1 - share) * clock.now,
            monotonic=lambda: 0.0,
        )
        monkeypatch.setattr(free_cores, "time", clocks)
        free_cores._slower.cache_clear()

    monkeypatch.setattr(estimates, "_speed_of", lambda minute: 1e9)
    yield hold_up
    free_cores._slower.cache_clear()


def test_others_on_this_machine_make_a_run_longer_by_what_they_take(text_path, held_up):
    found = {}
    for share in (0.0, 0.75):
        held_up(share)
        found[share] = estimate_run(config_for(text_path))
    assert found[0.0].slower == pytest.approx(1.0, abs=0.1)
    assert found[0.75].slower == pytest.approx(4.0, rel=0.1)
    times = found[0.75].seconds / found[0.0].seconds
    assert times == pytest.approx(found[0.75].slower / found[0.0].slower)


def test_repeats_never_come_to_an_end():
    config = get_recipe("induction-live")
    estimate = estimate_run(config)
    assert estimate.text_tokens is None
    assert estimate.seen_tokens == 500 * 16 * 32
    sizes = {**config.transformer.to_dict(), "vocab_size": estimate.vocab_size}
    model = create_model("transformer", **sizes)
    assert estimate.num_parameters == sum(p.numel() for p in model.parameters())


def test_a_text_shorter_than_a_window_is_refused_with_numbers(tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("a short text", encoding="utf-8")
    with pytest.raises(DataError, match="about 12 tokens"):
        estimate_run(config_for(path))


def test_a_rare_character_far_into_the_text_is_in_the_vocabulary(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("abc " * 40_000 + "Z" + "abc " * 10_000, encoding="utf-8")
    specials_and_characters = 4 + len("abc Z")
    assert estimate_run(config_for(path)).vocab_size == specials_and_characters
