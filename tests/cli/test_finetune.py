"""Fine-tuning from the shell, as the tutorial's chapter 6 has it, on tiny sizes."""

import json
import re
import shlex
import shutil

import pytest

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.cli import main
from minigpt.datasets.conversation_files import read_conversations
from minigpt.finetuning.chat import fingerprint
from minigpt.library.catalogue import available_models, find_model
from minigpt.library.inventory import describe_model, describe_run
from minigpt.model import create_model
from minigpt.runs.status import write_status
from minigpt.runs.store import RunStore
from minigpt.tokenizers import BPETokenizer
from minigpt.tokenizers.chat import encode_chat

TINY = "--max_steps 4 --batch_size 2 --eval_interval 2 --num_threads 1 --questions 0"
# The format of the tutorial "Building Your SLM", chapter 6.
EXAMPLES = [
    {
        "instruction": "Summarize this text:",
        "input": f"Once {name} had a long red kite.",
        "output": f"{name} had a kite.",
    }
    for name in ("Mia", "Tom", "Ann", "Ben")
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A place with a base, `small`, and examples."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples.json").write_text(json.dumps(EXAMPLES, indent=2))
    tokenizer = BPETokenizer(300)
    tokenizer.build_vocab(" ".join(one["input"] for one in EXAMPLES))
    sizes = {"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 128}
    model = create_model("transformer", vocab_size=tokenizer.vocab_size, **sizes)
    save_checkpoint(tmp_path / "data" / "models" / "small", model, tokenizer)
    return tmp_path


def answer(capsys, line, *words):
    """Run a command that succeeds, and return what it printed."""
    assert main([*shlex.split(line), *words]) == 0
    return capsys.readouterr().out


def refusal(capsys, line, *words):
    """Run a command that fails, and return its one line."""
    assert main([*shlex.split(line), *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("minigpt: ")
    assert "Traceback" not in error[-1]
    return error[-1]


def tune(capsys, method, words):
    return answer(capsys, f"finetune {method} --base small {words} {TINY}")


def test_chapter_six_examples_are_learned_and_measured(home, capsys):
    out = tune(capsys, "sft", "--data_file examples.json --name summary")
    assert re.search(r"validation loss \d", out)
    command = re.search(r"python -m minigpt (finetune evaluate .+)", out)[1]
    out = answer(capsys, f"{command} --data_file examples.json")
    assert re.search(r"exact match +\d of 4 answers", out)


def test_an_adapter_is_trained_kept_and_merged(home, capsys):
    words = "--data_file examples.json --lora_rank 2 --name thin"
    out = tune(capsys, "sft", words)
    best = re.search(r"adapter +(\S+)", out)[1]
    merged = answer(
        capsys, f"finetune merge --adapter {best} --base small --output_dir merged"
    )
    assert "merged" in merged
    tuned, again = load_checkpoint(best), load_checkpoint(home / "merged")
    assert fingerprint(tuned.model) == fingerprint(again.model)
    assert tuned.metadata.provenance["finetune"]["lora_rank"] == 2
    other = create_model("transformer", **again.model.config.to_dict())
    save_checkpoint(home / "data" / "models" / "other", other, again.tokenizer)
    line = f"finetune merge --adapter {best} --base other --output_dir no"
    assert "made for another base" in refusal(capsys, line)


def test_preferences_follow_answers_and_the_base_may_be_a_run(home, capsys):
    tune(capsys, "sft", "--data_file examples.json --name first")
    pairs = [
        {"instruction": "Who?", "chosen": "Mia had a kite.", "rejected": "Mia"},
        {"instruction": "Who?", "chosen": "Tom had a kite.", "rejected": "Tom"},
    ]
    lines = "\n".join(map(json.dumps, pairs))
    (home / "pairs.jsonl").write_text(lines)
    words = f"finetune dpo --base first --data_file pairs.jsonl --beta 0.2 {TINY}"
    out = answer(capsys, words, "--name", "second")
    # The interim evaluations and the last line name the same unit.
    assert re.search(r"^validation loss \d\.\d+ nats per pair$", out, re.MULTILINE)
    assert "nats per token" not in out
    assert "margin" in out
    config = json.loads((home / "data/runs/second/config.json").read_text())
    assert config["finetune"]["beta"] == 0.2


def test_the_card_of_a_tuning_names_its_base_its_tokens_and_how_to_repeat_it(
    home, capsys
):
    tune(capsys, "sft", "--data_file examples.json --name first --lora_rank 2")
    store = RunStore(home / "data" / "runs")
    run = store.open("first")
    (model,) = (each for each in available_models(home / "data") if each.id == "first")
    tokenizer = load_checkpoint(run.best).tokenizer
    for facts in (describe_model(model), describe_run(run)):
        assert facts.tuned == "SFT of small, LoRA, rank 2"
        assert facts.data == "examples.json"
        # Four steps of two: three examples are learned, one is held out.
        per_pass = sum(
            is_answer
            for example in read_conversations("examples.json")[:3]
            for _, is_answer in encode_chat(example.messages, tokenizer)
        )
        assert facts.tokens_seen == 2 * per_pass
    words = shlex.split(facts.command)
    assert words[:7] == [
        *("python", "-m", "minigpt", "finetune", "sft", "--base", "small")
    ]
    assert main([*words[3:], "--name", "again", "--questions", "0"]) == 0
    again = store.open("again")
    assert again.config == run.config
    assert fingerprint(load_checkpoint(again.best).model) == fingerprint(
        load_checkpoint(run.best).model
    )


def test_a_tuning_that_a_page_ran_elsewhere_has_a_command_of_its_own(home, capsys):
    tune(capsys, "sft", "--data_file examples.json --name first")
    run = RunStore(home / "data" / "runs").open("first")
    brought = shutil.copytree(run.best, home / "data" / "models" / "brought")
    (brought / "about.json").write_text('{"origin": "upload"}')
    config = json.loads((brought / "config.json").read_text())
    config["provenance"]["command"] = "python -m minigpt.worker /tmp/x"
    (brought / "config.json").write_text(json.dumps(config))
    facts = describe_model(find_model(home / "data", "brought"))
    assert facts.command == describe_run(run).command
    assert "worker" not in facts.command


def test_a_tuning_is_resumed_by_name(home, capsys):
    tune(capsys, "sft", "--data_file examples.json --name half")
    run = RunStore(home / "data" / "runs").open("half")
    longer = run.config.train.replace(max_steps=6)
    run.write_config(run.config.replace(train=longer.to_dict()))
    write_status(run.path, run.status().replace(state="stopped"))
    answer(capsys, "finetune sft --resume half --questions 0")
    assert (run.status().state, run.status().step) == ("finished", 6)
    line = refusal(capsys, "finetune sft --resume half")
    assert "has finished" in line
    assert "--base half" in line
    assert "drop --beta" in refusal(capsys, "finetune dpo --resume half --beta 1")


def test_examples_can_be_read_back(home, capsys):
    for method in ("sft", "dpo"):
        lines = answer(capsys, f"finetune examples {method} --count 4")
        (home / "shown.jsonl").write_text(lines)
        words = f"--data_file shown.jsonl --name of-{method}"
        if method == "sft":
            rows = [json.loads(line) for line in lines.splitlines()]
            assert [turn["role"] for turn in rows[0]["messages"]] == [
                "user",
                "assistant",
            ]
            continue
        base = f"finetune dpo --base small {words} {TINY}"
        assert "max_seq_len = 128" in refusal(capsys, base)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("finetune stf --base small", "Did you mean 'sft'"),
        ("finetune sft", "--base is missing"),
        ("finetune sft --base smal", "Did you mean 'small'"),
        ("finetune sft --base small --data_file no.json", "There is no file"),
        ("finetune sft --base small --lora_rank 0", "lora_rank is 0"),
        ("finetune sft --base small --lora_rank 99", "lora_rank is 99"),
        ("finetune sft --base small --beta 1", "no option --beta"),
        ("finetune evaluate --model_path small --questions 0", "at least 1"),
    ],
)
def test_mistakes_are_told_in_one_line(home, capsys, line, complaint):
    if "lora_rank 99" in line:
        line += " --data_file examples.json"
    assert complaint in refusal(capsys, line)
    assert not list((home / "data").glob("runs/*/checkpoints/*"))
