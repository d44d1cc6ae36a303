"""The file: what is in it, who may run in it, and what cannot become one."""

import ast
import base64
import gzip
import json
import os
import re
import zipfile
from hashlib import sha256

import numpy as np
import pytest
import torch
from model.test_transformer import small_model

import minigpt
from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.cli import main
from minigpt.config import LoraConfig
from minigpt.errors import ConfigError
from minigpt.lesson_file.bundle import joined
from minigpt.lesson_file.contents import MOST_WEIGHTS, why_not
from minigpt.lesson_file.document import lesson_file
from minigpt.lesson_file.snapshots import fitting
from minigpt.lesson_file.views import SHARED, VIEWS
from minigpt.model import MLPLM
from minigpt.model.lora import add_lora, without_adapter
from minigpt.places import app_folder
from minigpt.runs.checkpoints import SavedStep
from minigpt.tokenizers import BPETokenizer, CharTokenizer

TEXT = "the cat sat on the mat </script><b>&amp; "
TAG = re.compile(r"<(script|style)([^>]*)>(.*?)</\1>", re.DOTALL)


def checkpoint_of(**changes) -> Checkpoint:
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT)
    return Checkpoint(
        small_model(vocab_size=tokenizer.vocab_size, **changes), tokenizer, None
    )


def parts(page: str) -> dict[str, str]:
    """Return the contents of each script and style, by its id or kind."""
    return {
        (re.findall(r'id="(\w+)"', attributes) or [kind])[0]: content
        for kind, attributes, content in TAG.findall(page)
    }


def small(seed: int, **changes):
    """Return a model of a seed, for the same tokenizer as the others."""
    model = checkpoint_of(**changes).model
    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        weight.data.normal_(generator=generator)
    return model


def weights_of(page: str, name: str = "weights") -> np.ndarray:
    packed = base64.b64decode(parts(page)[name])
    return np.frombuffer(gzip.decompress(packed), "<f4")


def test_only_the_files_own_script_and_style_may_run_and_nothing_is_asked_for():
    page = lesson_file(checkpoint_of(), name="mine")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for kind in ("script", "style"):
        digest = sha256(parts(page)[kind].encode()).digest()
        wanted = base64.b64encode(digest).decode()
        assert re.findall(rf"{kind}-src 'sha256-([^']+)'", policy) == [wanted]
    assert not re.search(r"""(src|href)=|https?://(?!www\.w3\.org/2000/svg)""", page)


def test_names_prompts_and_tokens_are_data_and_end_no_tag():
    name = '</script><script>alert("x")</script>'
    page = lesson_file(checkpoint_of(), name=name, prompt=name, lesson="generation")
    assert page.count("</script>") == 3  # settings, weights, script
    assert "&lt;/script&gt;" in re.findall("<title>(.*)</title>", page)[0]
    settings = json.loads(parts(page)["settings"])
    assert (settings["name"], settings["prompt"]) == (name, name)
    assert settings["lesson"] == "generation"
    assert settings["tokenizer"]["pieces"][-len(set(TEXT)) :] == sorted(set(TEXT))


def test_the_weights_are_the_models_to_the_bit_and_an_adapter_is_merged():
    checkpoint = checkpoint_of()
    adapted = add_lora(checkpoint.model, LoraConfig())
    for name, weight in adapted.named_parameters():
        if "lora_b" in name:
            weight.data += 0.1
    page = lesson_file(checkpoint, name="mine")
    merged = without_adapter(adapted).state_dict()
    index = json.loads(parts(page)["settings"])["weights"]
    assert [each["name"] for each in index] == list(merged)
    expected = np.concatenate([each.numpy().ravel() for each in merged.values()])
    assert np.array_equal(weights_of(page), expected)


def test_a_model_that_does_not_fit_is_refused_in_one_sentence(monkeypatch):
    fits = checkpoint_of()
    mlp = MLPLM(vocab_size=fits.tokenizer.vocab_size, d_model=4, d_ff=8)
    assert "kind mlp has none" in why_not(mlp, fits.tokenizer)
    with pytest.raises(ConfigError, match="has none: choose a transformer"):
        lesson_file(fits._replace(model=mlp), name="mine")
    assert why_not(*fits[:2]) == ""
    monkeypatch.setattr("minigpt.lesson_file.contents.MOST_WEIGHTS", 1000)
    assert "at most 1,000" in why_not(*fits[:2])
    assert MOST_WEIGHTS * 4 <= 100e6
    other = BPETokenizer().to_dict() | {"rules": {"prefix_space": True}}
    monkeypatch.undo()
    assert "other rules" in why_not(fits.model, BPETokenizer.from_dict(other))


def test_earlier_steps_go_along_as_far_as_there_is_room(tmp_path, monkeypatch):
    """One is of another size, one is damaged: they stay behind."""
    fits = checkpoint_of()
    steps = []
    for step, model in enumerate([*(small(n) for n in range(3)), small(3, d_ff=8)]):
        place = tmp_path / str(step)
        minigpt.save_checkpoint(place, model, fits.tokenizer, step=step)
        steps.append(SavedStep(step, place))
    (steps[1].path / "model.safetensors").write_bytes(b"")
    opened = load_checkpoint(steps[2].path)
    page = lesson_file(opened, name="mine", steps=steps)
    settings = json.loads(parts(page)["settings"])
    assert (settings["step"], settings["steps"]) == (2, [0, 2])
    first = load_checkpoint(steps[0].path).model.state_dict().values()
    expected = np.concatenate([each.numpy().ravel() for each in first])
    assert np.array_equal(weights_of(page, "weights_0"), expected)
    assert not np.array_equal(weights_of(page), expected)
    monkeypatch.setattr("minigpt.lesson_file.snapshots.ROOM", 300)
    assert [step for step, _ in fitting(steps, 100)] == [0, 1, 2]
    assert [step for step, _ in fitting(steps, 150)] == [0, 2]
    assert fitting(steps, 301) == []


def test_the_views_are_those_of_the_app():
    """Each view names its further scripts where it is registered; here once more."""
    for name, scripts in VIEWS.items():
        source = app_folder() / "viz" / "components" / name / "view.py"
        (call,) = [
            node
            for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "register"
        ]
        first, *further = [argument.value for argument in call.args]
        assert first == name
        assert [each for each in further if each not in SHARED] == list(scripts)


def test_modules_are_joined_in_the_order_of_their_imports_each_once(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    for name, text in {
        "low": 'export const low = () => "low";\n',
        "left": 'import { low } from "./low.js";\nexport function left() {}\n',
        "top": 'import { left } from "./left.js";\nimport { low } from "./low.js";\n',
    }.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    script = joined(folder / "top.js")
    assert re.findall(r"^const (\w+) = \(\(\) =>", script, re.MULTILINE) == [
        *("a_low", "a_left", "a_top")
    ]
    assert "const { low } = a_low;" in script
    assert "return { left };" in script
    assert "import" not in script
    assert "export" not in script


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Save two models, and return where the files will lie."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    fits = checkpoint_of()
    mlp = MLPLM(vocab_size=fits.tokenizer.vocab_size, d_model=4, d_ff=8)
    for name, model in {"mine": fits.model, "simple": mlp}.items():
        place = tmp_path / "data" / "models" / name
        minigpt.save_checkpoint(place, model, fits.tokenizer)
    return tmp_path


def test_the_command_writes_a_file_and_never_replaces_one_unasked(saved, capsys):
    words = ["lesson", "attention", "--model", "mine", "--prompt", "the cat"]
    assert main([*words, "-o", "lesson.html"]) == 0
    assert capsys.readouterr().out.startswith("wrote lesson.html, 0.")
    page = (saved / "lesson.html").read_text(encoding="utf-8")
    settings = json.loads(parts(page)["settings"])
    assert (settings["name"], settings["prompt"]) == ("mine", "the cat")
    assert main([*words, "-o", "lesson.html"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words, "-o", "lesson.html", "--overwrite"]) == 0
    assert main(words) == 0
    assert (saved / "mine.html").is_file()
    assert main([*words, "--scorm"]) == 0
    assert "SCORM 1.2" in capsys.readouterr().err
    assert zipfile.is_zipfile(saved / "mine.zip")


def test_what_the_command_cannot_do_is_one_line(saved, capsys):
    os.mkfifo(saved / "pipe")
    for words, told in [
        (["atention", "--model", "mine"], "Did you mean 'attention'"),
        (["attention", "--model", "mime"], "Did you mean 'mine'"),
        (["attention", "--model", "simple"], "kind mlp has none"),
        (["home", "--model", "mine", "--prompt", "\udcff"], "half of a surrogate pair"),
        (["home", "--model", "mine", "-o", "pipe", "--overwrite"], "exists already"),
        (["home", "--model", "mine", "-o", str(saved), "--overwrite"], "already"),
    ]:
        assert main(["lesson", *words]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("minigpt: ")
        assert told in line
    assert not list(saved.glob("*.html"))
    assert not (saved / "pipe").is_file()
