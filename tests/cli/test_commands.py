"""Every command from start to end, as a person would type it, on tiny sizes."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
from patience import until

from minigpt.cli import main
from minigpt.runs.store import RunStore
from minigpt.worker.environment import UNTIL_BUSY, WAITING

TEXT = "the cat sat on the mat and the dog sat on the log. " * 100
TINY = shlex.split(
    "--d_model 16 --num_layers 1 --num_heads 2 --max_seq_len 16 --batch_size 4 "
    "--max_steps 6 --eval_interval 3 --num_threads 1"
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty place to work in, with a text."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A data directory with one trained run, `small`, to read from."""
    place = tmp_path_factory.mktemp("trained")
    (place / "text.txt").write_text(TEXT, encoding="utf-8")
    os.environ["MINIGPT_DATA"] = str(place / "data")
    try:
        words = ["--data_file", str(place / "text.txt"), "--name", "small", *TINY]
        assert main(["train", *words]) == 0
    finally:
        del os.environ["MINIGPT_DATA"]
    return place


@pytest.fixture
def small(trained, monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", str(trained / "data"))
    monkeypatch.chdir(trained)
    return trained


def answer(capsys, line, *words):
    """Run a command that succeeds, and return what it printed."""
    assert main([*shlex.split(line), *words]) == 0
    return capsys.readouterr().out


def refusal(capsys, line, *words):
    """Run a command that fails, and return its one line."""
    assert main([*shlex.split(line), *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("minigpt: ")
    assert not any("Traceback" in line for line in error)
    return error[-1]


def test_train_says_where_the_model_is_and_how_to_use_it(home, capsys):
    out = answer(capsys, "train", "--data_file", "text.txt", *TINY)
    assert "validation loss" in out
    command = re.search(r"python -m minigpt (generate --model_path \S+)", out)[1]
    assert answer(capsys, command, "--prompt", "the").startswith("the")


def test_the_tutorials_commands_work_as_written(home, capsys):
    base = "--embedding_dim 16 --hidden_dim 32 --sequence_length 16 --batch_size 32"
    words = f"train --model_type mlp --num_epochs 1 --data_file text.txt {base}"
    answer(capsys, words, "--output_dir", "models")
    written = answer(
        capsys,
        "generate --model_path models/best_model.pt --temperature 0.3",
        "--prompt",
        "the cat",
    )
    assert written.startswith("the cat")


def test_without_an_output_dir_best_model_is_the_newest_runs(home, capsys):
    answer(capsys, "train", "--data_file", "text.txt", *TINY)
    assert (
        main(shlex.split("generate --model_path models/best_model.pt --prompt a")) == 0
    )
    assert "using" in capsys.readouterr().err


def test_run_dir_without_a_run_names_the_flag_that_makes_one(home, capsys):
    line = refusal(capsys, "train --data_file text.txt --run_dir new", *TINY)
    assert "--output_dir" in line
    assert not (home / "new").exists()


def test_a_resumed_run_may_go_further(home, capsys):
    answer(capsys, "train", "--data_file", "text.txt", "--name", "long", *TINY)
    line = refusal(capsys, "train", "--resume", "long")
    assert "has finished its 6 steps" in line
    answer(capsys, "train --resume long --max_steps 9")
    run = RunStore(home / "data" / "runs").open("long")
    steps = [r["step"] for r in run.metrics().records if r["kind"] == "step"]
    assert steps == list(range(1, 10))
    assert run.status().step == 9


@pytest.mark.parametrize(
    "strategy",
    [
        "--temperature 0",
        "--strategy greedy",
        "--num_beams 3",
        "--top_k 5 --top_p 0.9 --min_p 0.01 --seed 7",
    ],
)
def test_every_strategy_continues_the_prompt(small, capsys, strategy):
    words = "generate --model_path small --prompt 'the cat' --max_new_tokens 20 "
    words += strategy
    first, second = answer(capsys, words), answer(capsys, words)
    assert first.startswith("the cat")
    assert len(first) > len("the cat\n")
    assert first == second


def test_without_a_seed_the_dice_are_thrown_anew(small, capsys):
    words = "generate --model_path small --prompt 'the cat' --max_new_tokens 20 "
    written = [answer(capsys, words + "--temperature 1.5") for _ in range(5)]
    assert all(text.startswith("the cat") for text in written)
    assert len(set(written)) > 1


def test_a_model_may_be_named_in_every_way(small, capsys):
    run = small / "data" / "runs" / "small"
    for path in (
        "small",
        str(run),
        str(run / "best_model.pt"),
        str(run / "checkpoints" / "best_model.pt"),
        str(run / "checkpoints" / "checkpoint_step_3"),
    ):
        words = ["--model_path", path, "--prompt", "a", "--temperature", "0"]
        assert answer(capsys, "generate", *words).startswith("a")


@pytest.mark.parametrize("how", ["", "--num_beams 2 --max_length 3"])
def test_prompts_from_a_file_are_all_continued(small, capsys, tmp_path, how):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("the cat\n\nthe dog\na log\n", encoding="utf-8")
    words = f"generate --model_path=small --prompts_file={prompts} {how}"
    out = answer(capsys, words)
    assert [out.count(f"/3: {p}") for p in ("the cat", "the dog", "a log")] == [1, 1, 1]


def test_samples_are_what_their_seeds_write_and_stop_texts_end_them(small, capsys):
    words = "generate --model_path small --prompt 'the cat' --max_length 30 "
    plain = [answer(capsys, f"{words} --seed {seed}") for seed in (5, 6)]
    together = answer(capsys, f"{words} --seed 5 --samples 2")
    assert together == f"--- 1/1: the cat\n{plain[0]}{plain[1]}\n"
    written = plain[0].removeprefix("the cat").rstrip("\n")
    end = min(written.find(word) for word in "od" if word in written)
    stopped = answer(capsys, f"{words} --seed 5 --stop o d")
    assert stopped == f"the cat{written[:end]}\n"


def test_a_conversation_understands_its_words(small, capsys, monkeypatch):
    lines = (
        "temp 0\nlength 7\nthe cat\ntemp 99999\ntemp cold\nlength 2.5\nzebra!\n"
        "top_k x y\nquit\nnever\n"
    )
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    assert main(shlex.split("generate --model_path small --interactive")) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("the cat")
    assert len(out.splitlines()[0]) == len("the cat") + 7
    assert "temperature is now 0" in err
    assert "temperature is 99999" in err
    assert "temp takes a number, not 'cold'" in err
    assert "cold" not in out
    assert "length takes a number, not '2.5'" in err
    assert "top_k x y" in out
    assert "'!'" in err
    assert "never" not in out


def test_a_trained_tokenizer_is_not_dropped_where_one_stands(small, capsys):
    before = set(small.iterdir())
    out = answer(capsys, "tokenizer train --data_file text.txt --kind word")
    place = small / "data" / "tokenizers" / "text-word.json"
    assert out.startswith(f"{place}: ")
    assert set(small.iterdir()) == before
    assert answer(capsys, f"tokenizer info {place}").startswith("kind        word")


def test_without_encoded_texts_the_list_says_so(small, capsys):
    assert main(["data", "tokens"]) == 0
    assert "There are no encoded texts" in capsys.readouterr().err


def test_evaluate_measures_the_text_the_model_was_trained_on(small, capsys):
    out = answer(capsys, "evaluate", "--model_path", "small")
    loss = float(re.search(r"loss +([\d.]+) nats", out)[1])
    recorded = RunStore(small / "data" / "runs").open("small").status()
    assert loss == pytest.approx(recorded.validation_loss, abs=2e-4)
    other = answer(capsys, "evaluate --data_file text.txt")
    assert f"{loss:.4f}" in other


def test_inspect_shows_parts_activations_and_the_next_token(small, capsys):
    out = answer(capsys, "inspect --model_path small --prompt cat --top_k 3")
    assert re.search(r"d_model +16", out)
    assert re.search(r"blocks\.0\.attn\.hook_pattern +\[1, 2, 3, 3\]", out)
    table = out[out.index("next token after 't'") :].splitlines()
    assert len(table) == 5
    line = refusal(capsys, "inspect --prompt cat --hooks *patern*")
    assert "There is no hook" in line


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
def test_a_tokenizer_is_trained_used_and_described(home, capsys, kind):
    train = f"tokenizer train --data_file text.txt --output t.json --tokenizer {kind}"
    assert "tokens" in answer(capsys, train, "--vocab_size", "300")
    ids = answer(capsys, "tokenizer encode t.json --text", "the cat").split()
    assert all(word.isdecimal() for word in ids)
    assert answer(capsys, "tokenizer", "decode", "t.json", *ids) == "the cat\n"
    assert f"kind        {kind}" in answer(capsys, "tokenizer info t.json")
    assert "no token 999999" in refusal(capsys, "tokenizer decode t.json 999999")


def test_a_runs_tokenizer_can_be_named_by_the_run(small, capsys):
    ids = answer(capsys, "tokenizer encode small --text cat --pieces")
    assert "'c' 'a' 't'" in ids


def test_data_describes_cleans_and_writes_texts(home, capsys):
    assert "lines       1" in answer(capsys, "data info text.txt")
    (home / "dirty.txt").write_bytes(b"a\r\nb  \r\n\r\n\r\n\r\nc\x07")
    answer(capsys, "data clean dirty.txt clean.txt")
    clean = (home / "clean.txt").read_bytes()
    assert b"\r" not in clean
    assert b"\x07" not in clean
    answer(capsys, "data tales one.txt --megabytes 0.05")
    answer(capsys, "data tales two.txt --megabytes 0.05")
    assert (home / "one.txt").read_bytes() == (home / "two.txt").read_bytes()
    assert "invalid choice 'both'" in refusal(capsys, "data tales x.txt --split both")


def test_quickstart_trains_and_writes(home, capsys):
    out = answer(capsys, "quickstart --steps 1 --name first")
    assert "Once " in out
    assert "--model_path first" in out
    assert RunStore(home / "data" / "runs").open("first").status().state == "finished"


def damage(place, change):
    """Copy the trained checkpoint and change it."""
    import shutil

    source = place / "data" / "runs" / "small" / "checkpoints" / "best_model"
    copy = place / "damaged"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    change(copy)
    return copy


def edit(path, **changes):
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config["model"] |= changes
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")


def truncate(path):
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (truncate, "model.safetensors"),
        (lambda path: (path / "model.safetensors").unlink(), "model.safetensors"),
        (lambda path: (path / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda path: edit(path, colour="blue"), "colour"),
        (lambda path: edit(path, d_ff=131072, num_layers=256, d_model=32768), "GB"),
    ],
)
def test_a_damaged_checkpoint_is_one_clear_line(small, capsys, change, words):
    path = damage(small, change)
    line = refusal(capsys, "generate", "--model_path", str(path), "--prompt", "a")
    assert words in line


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("generate --model_path smal", "Did you mean 'small'"),
        ("generate --model_path nowhere/x", "does not exist"),
        ("generate --model_path text.txt", "not a checkpoint"),
        ("generate --top_p 0 --prompt a", "top_p is 0"),
        ("generate --top_p 2 --prompt a", "top_p is 2"),
        ("generate --temperature -1 --prompt a", "temperature is -1"),
        ("generate --prompt a --interactive", "choose one"),
        ("generate --prompts_file missing.txt", "missing.txt"),
        ("generate --prompt a --samples 0", "samples is 0"),
        ("generate --prompt a --samples 2 --strategy beam", "Beam search"),
        ("generate --interactive --samples 2", "leave out --samples"),
        ("generate --prompt " + "a" * 99, "99"),
        ("train --resume smal", "Did you mean 'small'"),
        ("train --resume ../x", "cannot be a run's name"),
        ("train --name ../x", "cannot be a run's name"),
        ("train --name small", "already"),
        ("train --data_file missing.txt", "missing.txt"),
        ("train --data_file empty.txt", "empty"),
        ("train --data_file short.txt", "short.txt|window"),
        ("train --data_file binary.bin", "UTF-8"),
        ("train --d_model 32768 --num_heads 1 --num_layers 256", "GB"),
        ("evaluate --data_file missing.txt", "missing.txt"),
        ("evaluate --data_file short.txt", "window"),
        ("data fetch shakspeare", "shakespeare"),
        ("data info binary.bin", "UTF-8"),
        ("data", "fetch"),
        ("tokenizer encode nowhere --text a", "does not exist"),
        ("tokenizer encode text.txt --text a", "text.txt"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(small, capsys, command, words):
    (small / "empty.txt").write_bytes(b"")
    (small / "short.txt").write_bytes(b"too short")
    (small / "binary.bin").write_bytes(bytes(range(256)) * 4)
    line = refusal(capsys, command)
    assert re.search(words, line), line
    assert [run.id for run in RunStore(small / "data" / "runs").list()] == ["small"]


def start(place, *words, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "minigpt", *words],
        env={**os.environ, "MINIGPT_DATA": str(place / "data"), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(home, capsys, number, monkeypatch):
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    endless = ["--max_steps", "19999", "--eval_interval", "9999"]
    words = ["--data_file", "text.txt", "--name", "cut", *TINY, *endless]
    # libgomp says what it found when torch was loaded.
    process = start(home, "train", *words, OMP_DISPLAY_ENV="VERBOSE")
    store = RunStore(home / "data" / "runs")

    def has_begun() -> bool:
        assert process.poll() is None
        return any(run.metrics().records for run in store.list())

    until(has_begun)
    process.send_signal(number)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 128 + number
    assert "Traceback" not in error
    if sys.platform == "linux":
        assert f"GOMP_SPINCOUNT = '{UNTIL_BUSY}'" in error
    command = re.search(r"python -m minigpt (train --resume \S+)", error)[1]
    run = store.open("cut")
    step = run.status().step
    assert run.status().state == "stopped"
    assert run.latest.name == f"checkpoint_step_{step}"
    answer(capsys, command, "--max_steps", str(step + 2))
    steps = [r["step"] for r in run.metrics().records if r["kind"] == "step"]
    assert steps == list(range(1, step + 3))


def test_output_may_be_cut_short_by_its_reader(small):
    process = start(small, "inspect", "--model_path", "small", "--prompt", "cat")
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(60)
