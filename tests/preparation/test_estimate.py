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
