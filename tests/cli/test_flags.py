"""The flags of `train`: tutorials' names, the recipe's defaults, clear refusals."""

import json
import subprocess
import sys

import pytest

from minigpt.cli import main
from minigpt.cli.parsing import given_flags
from minigpt.cli.settings import parse_train
from minigpt.config import (
    ModelConfig,
    RunConfig,
    TrainConfig,
    get_config,
    get_recipe,
)
from minigpt.errors import ConfigError


def config_of(line):
    return parse_train(line.split()).config


def test_without_flags_the_run_is_the_default_recipe():
    assert config_of("") == get_recipe("default")
    assert config_of("--recipe gpt2") == get_recipe("gpt2")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--embedding_dim 64 --hidden_dim 128 --num_layers 2", (64, 128, 2)),
        ("--embedding-dim=64 --hidden-dim=128 --num-layers=2", (64, 128, 2)),
        ("--d_model 64 --d_ff 128 --num_layers 2", (64, 128, 2)),
        ("--model_type mlp --embedding_dim 64 --hidden_dim 128", (64, 128, 2)),
    ],
)
def test_tutorials_names_and_our_own_mean_the_same(line, expected):
    model = config_of(line).model
    assert (model.d_model, model.d_ff, model.num_layers) == expected


def test_every_field_of_model_and_training_has_a_flag(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for field in [*ModelConfig.model_fields, *TrainConfig.model_fields]:
        assert f"--{field}" in text


def test_a_preset_sets_the_sizes_and_flags_go_before_it():
    small = get_config("small")
    model = config_of("--preset small --num_layers 3").model
    assert (model.d_model, model.num_layers) == (small.d_model, 3)


def test_num_epochs_replaces_the_recipes_number_of_steps():
    train = config_of("--num_epochs 5 --batch_size 64 --learning_rate 3e-4").train
    assert (train.max_steps, train.num_epochs, train.batch_size) == (None, 5, 64)
    assert train.learning_rate == 3e-4


def test_none_can_be_said_for_an_optional_number():
    assert config_of("--eval_batches None").train.eval_batches is None


@pytest.mark.parametrize("recipe", ["induction", "induction-live"])
def test_a_recipe_comes_back_from_its_flags_and_from_json(recipe):
    config = config_of(f"--recipe {recipe}")
    assert config == get_recipe(recipe)
    assert RunConfig(**json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("words", "gain"), [("10 1 2 0.5", (10, 1, 2, 0.5)), ("3", 3.0)]
)
def test_a_gain_is_one_number_or_one_for_each_head(words, gain):
    config = config_of(f"--positional_encoding relative --relative_gain {words}")
    assert config.transformer.relative_gain == gain
    again = ModelConfig(**json.loads(json.dumps(config.transformer.to_dict())))
    assert again == config.transformer


def test_steps_to_save_at_are_a_list_of_numbers():
    assert config_of("--checkpoint_steps 0 1 8").train.checkpoint_steps == (0, 1, 8)


def test_a_data_file_is_remembered_by_its_full_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_of("--data_file text.txt").data.source == str(tmp_path / "text.txt")
    for built_in in ("tales", "repeats"):
        line = f"--data_file {built_in} --tokenizer word"
        assert config_of(line).data.source == built_in


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--num_heads 3", "num_heads is 3, which does not divide d_model 128"),
        ("--model_type mlp --num_heads 2", "--num_heads is for --model_type transform"),
        ("--model_type mlp --preset tiny", "--preset is for --model_type transformer"),
        ("--context_size 8", "--context_size is for --model_type mlp"),
        ("--embeding_dim 64", "Did you mean '--embedding_dim'"),
        ("--batch_size x", "--batch_size: invalid literal"),
        ("--batch_size 0", "batch_size is 0"),
        ("--batch_size", "Missing value"),
        ("--model_type rnn", "transformer' or 'mlp'"),
        ("--recipe best", "There is no recipe 'best'"),
        ("--preset smal", "Did you mean 'small'"),
        ("--vocab_size 500", "--vocab_size is for --tokenizer bpe"),
        ("--tokenizer bpe --vocab_size 5", "vocab_size is 5"),
        ("--tokenizer bpe --min_freq 2", "--min_freq is for"),
        ("--data_file a.txt --tales_megabytes 2", "--tales_megabytes is for"),
        ("--data_file tales --repeats_words 9", "--repeats_words is for"),
        ("--data_file repeats", "whole words: choose 'word'"),
        ("--relative_gain 10 1", "relative_gain has 2 numbers and num_heads is 4"),
        ("--relative_gain 0", "relative_gain.number is 0"),
        ("--checkpoint_steps -1", "checkpoint_steps.0 is -1"),
        ("--max_steps 5 --num_epochs 2", "give one of them"),
        ("--name a --output_dir b", "give one of them"),
        ("--resume a --num_layers 2", "drop --num_layers"),
        ("--dropout 1.5", "dropout is 1.5"),
        ("--learning_rate nan", "learning_rate is nan"),
        ("--device", "Missing value"),
        ("text.txt", "'text.txt' does not belong to any option"),
    ],
)
def test_a_wrong_flag_is_answered_by_one_line_and_exit_code_2(line, words, capsys):
    with pytest.raises(ConfigError):
        parse_train(line.split())
    assert main(["train", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


def test_flags_are_found_in_either_spelling():
    assert given_flags(["--batch-size=8", "--d_model", "64", "x"]) == {
        "batch_size",
        "d_model",
    }


@pytest.mark.parametrize("words", [["frobnicate"], ["generat"]])
def test_an_unknown_command_is_one_line(words, capsys):
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from minigpt.cli import main; main([])\n"
        "try: main(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "quickstart" in done.stdout
