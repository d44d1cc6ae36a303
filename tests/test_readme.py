"""The documents tell the truth: their code runs, their files exist."""

import io
import re
import shlex
from pathlib import Path

import pytest

from minigpt.cli import main

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "data/SOURCES.md", "benchmarks/README.md"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What makes a command take seconds.
BRIEF = {
    "train": ["--max_steps", "6", "--preset", "tiny"],
    "generate": ["--max_new_tokens", "5"],
}
ELSEWHERE = {"import", "quickstart", "serve", "verify-result"}
"""What takes others' files, long, or never ends: tests of these commands have them."""
RESUMED = ["--max_steps", "8"]
COMMAND = re.compile(r"^    python -m minigpt (.*?)(?: +#.*)?$", re.MULTILINE)


def test_the_code_of_the_readme_runs_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 2
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
        names["tokens"] = names["torch"].tensor([names["tokenizer"].encode("The q")])
    written = capsys.readouterr().out
    assert "The quick brown fox" in written
    assert "torch.Size([1, 4, 9, 9])" in written


def test_the_commands_of_the_readme_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    (tmp_path / "book.txt").write_text("It was a dark night. " * 400, encoding="utf-8")
    commands = [shlex.split(words) for words in COMMAND.findall(README)]
    assert len(commands) >= 8
    for words in commands:
        if words[:2] == ["data", "fetch"] or words[0] in ELSEWHERE:
            continue  # tests/datasets has the first
        monkeypatch.setattr("sys.stdin", io.StringIO("quit\n"))  # for --interactive
        brief = RESUMED if "--resume" in words else BRIEF.get(words[0], [])
        assert main([*words, *brief]) == 0, (words, capsys.readouterr().err)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_links_to_exists(document: str) -> None:
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    targets = [link for pair in links for link in pair if link]
    for target in targets:
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{document} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_that_a_document_names_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    made_later = {"data/runs", "data/texts", "data/tokens", "data/trash"}
    named = re.findall(
        r"`((?:minigpt|viz|pages|data|tests|benchmarks|docs)/[\w./-]*)`", text
    )
    for name in named:
        if name.rstrip("/") not in made_later:
            assert (ROOT / name).exists(), f"{document} names {name}"
