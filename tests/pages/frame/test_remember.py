"""What a page has computed once is found again, and never for something else."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from minigpt.checkpoint import Checkpoint, CheckpointMetadata
from minigpt.config import GenerationConfig
from minigpt.model import LanguageModel, create_model
from minigpt.tokenizers import CharTokenizer
from pages.frame.remember import forget_all, remember, serial

CALLS: list[str] = []


@pytest.fixture(autouse=True)
def fresh_cache():
    forget_all()
    CALLS.clear()


def small(kind: str = "transformer") -> LanguageModel:
    sizes = {"d_model": 8, "vocab_size": 5, "max_seq_len": 4}
    if kind == "transformer":
        sizes |= {"num_layers": 1, "num_heads": 1}
    return create_model(kind, **sizes)


def checkpoint() -> Checkpoint:
    metadata = CheckpointMetadata(model_type="transformer", model={})
    return Checkpoint(small(), CharTokenizer(), metadata)


@remember(8)
def first(number: int) -> str:
    CALLS.append("first")
    return f"first {number}"


@remember(8)
def second(number: int) -> str:
    CALLS.append("second")
    return f"second {number}"


@remember(8)
def of_model(model: LanguageModel, tokens: list[int]) -> int:
    CALLS.append("model")
    return id(model)


@remember(8)
def of_checkpoint(checkpoint: Checkpoint) -> int:
    CALLS.append("checkpoint")
    return id(checkpoint.model)


@remember(8)
def text_of(path: Path) -> str:
    CALLS.append("text")
    return path.read_text(encoding="utf-8") if path.is_file() else "none"


@remember(8)
def numbers(count: int) -> list[int]:
    return list(range(count))


@remember(8, shared=True)
def shared(count: int) -> list[int]:
    return list(range(count))


def test_the_second_call_computes_nothing():
    assert [first(1), first(1), first(2)] == ["first 1", "first 1", "first 2"]
    assert CALLS == ["first", "first"]


def test_two_functions_of_one_module_share_nothing():
    assert (first(1), second(1)) == ("first 1", "second 1")


def test_two_functions_with_the_same_lines_share_nothing():
    def made(value: str):
        @remember(8, key=lambda: value)
        def give() -> str:
            return value

        return give

    assert (made("a")(), made("b")()) == ("a", "b")


@pytest.mark.parametrize("kind", ["transformer", "mlp"])
def test_two_models_of_one_shape_share_nothing(kind):
    one, other = small(kind), small(kind)
    assert of_model(one, [1]) == id(one)
    assert of_model(other, [1]) == id(other)
    assert of_model(one, [1]) == id(one)
    assert CALLS == ["model", "model"]


def test_a_model_that_takes_anothers_place_in_memory_is_another():
    model = small()
    number = serial(model)
    for _ in range(20):
        del model
        gc.collect()
        model = small()
        assert serial(model) > number
        number = serial(model)


def test_a_checkpoint_is_its_model_and_its_tokenizer():
    one = checkpoint()
    of_checkpoint(one)
    of_checkpoint(one._replace(metadata=one.metadata.replace(step=3)))
    assert CALLS == ["checkpoint"]
    of_checkpoint(one._replace(tokenizer=CharTokenizer()))
    of_checkpoint(one._replace(model=small()))
    assert CALLS == ["checkpoint"] * 3


def test_a_dataclass_is_what_it_is_compared_by_and_its_model_is_not_copied():
    @dataclass(frozen=True)
    class Chosen:
        checkpoint: Checkpoint
        tokens: list[int]
        label: str = field(default="", compare=False)

    @remember(8)
    def model_of(chosen: Chosen) -> int:
        CALLS.append("chosen")
        return id(chosen.checkpoint.model)

    one = checkpoint()
    assert model_of(Chosen(one, [1])) == id(one.model)
    assert model_of(Chosen(one, [1], "another name")) == id(one.model)
    assert CALLS == ["chosen"]
    model_of(Chosen(one, [2]))
    assert CALLS == ["chosen"] * 2


def test_a_file_that_came_or_changed_is_read_again(tmp_path):
    path = tmp_path / "text.txt"
    assert text_of(path) == "none"
    for number, words in enumerate(("once", "upon")):
        path.write_text(words, encoding="utf-8")
        os.utime(path, ns=(number, number + 1))
        assert (text_of(path), text_of(path)) == (words, words)
    assert CALLS == ["text"] * 3


def test_a_directory_is_the_checkpoint_in_it(tmp_path):
    @remember(8)
    def config_of(directory: Path) -> str:
        return (directory / "config.json").read_text(encoding="utf-8")

    for number, words in enumerate(("{}", '{"step": 1}')):
        (tmp_path / "config.json").write_text(words, encoding="utf-8")
        os.utime(tmp_path / "config.json", ns=(number, number + 1))
        assert config_of(tmp_path) == words


def test_settings_and_arrays_are_told_apart():
    @remember(8)
    def given(config: GenerationConfig, array: np.ndarray) -> tuple[int, float]:
        CALLS.append("given")
        return config.seed, float(array.sum())

    for seed, value in ((1, 1.0), (1, 2.0), (2, 1.0), (1, 1.0)):
        found = given(GenerationConfig(seed=seed), np.array([value]))
        assert found == (seed, value)
    assert CALLS == ["given"] * 3


def test_a_key_stands_for_all_arguments():
    @remember(8, key=lambda numbers: sum(numbers))
    def total(numbers: list[int]) -> int:
        CALLS.append("total")
        return sum(numbers)

    assert (total([1, 2]), total([2, 1]), total([4])) == (3, 3, 4)
    assert CALLS == ["total"] * 2


def test_a_caller_cannot_change_what_is_kept():
    numbers(3).append(9)
    assert numbers(3) == [0, 1, 2]


def test_a_shared_result_is_one_object():
    assert shared(3) is shared(3)
    assert shared(3) is not shared(2)


def test_no_more_results_are_kept_than_asked_for():
    for number in [*range(9), 0]:
        first(number)
    assert len(CALLS) == 10


def test_an_error_is_the_functions_own():
    @remember(8)
    def fail() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        fail()


def test_many_who_ask_at_once_wait_for_one_answer():
    begun, go_on = threading.Event(), threading.Event()

    @remember(8, shared=True)
    def slow(number: int) -> list[int]:
        CALLS.append("slow")
        begun.set()
        assert go_on.wait(10)
        return [number]

    with ThreadPoolExecutor(4) as readers:
        found = [readers.submit(slow, 1) for _ in range(4)]
        assert begun.wait(10)
        go_on.set()
        results = [each.result() for each in found]
    assert CALLS == ["slow"]
    assert all(each is results[0] for each in results)


def test_an_old_result_is_worked_out_again():
    @remember(8, seconds=0)
    def now() -> None:
        CALLS.append("now")

    now()
    now()
    assert len(CALLS) == 2
