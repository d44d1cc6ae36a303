"""Several processes write the tokens of one, and none outlives its work."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from patience import until

from minigpt.config import DataConfig, TokenizerConfig
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import DataError
from minigpt.preparation import token_writing
from minigpt.preparation.encoding import encoder, in_order, process, processes
from minigpt.preparation.encoding.in_order import encode_in_order
from minigpt.preparation.encoding.processes import usable_cores
from minigpt.preparation.large_texts import prepare_large_text
from minigpt.preparation.token_store import TokenStore
from minigpt.tokenizers import SPECIAL_TOKENS, BPETokenizer, CharTokenizer
from minigpt.tokenizers.documents import encode_documents

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path, short_is_large, monkeypatch):
    """Give two processes small blocks of a text that counts as large."""
    monkeypatch.setattr(in_order, "BLOCK", 3_000)
    monkeypatch.setattr(encoder, "WORTH_A_WORKER", 1)
    return tmp_path


@pytest.fixture
def path(home, strange):
    path = home / "text.txt"
    path.write_bytes((100 * strange + generate_tales(60_000)).encode())
    return path


@pytest.fixture
def prepare(path, monkeypatch):
    """Return what prepares the text by a number of processes, in a place of its own."""

    def prepared(
        cores,
        place,
        tell=lambda *_: None,
        kind="bpe",
        separator="\n\n",
        tokenizer=None,
    ):
        monkeypatch.setattr(encoder, "usable_cores", lambda: cores)
        monkeypatch.setenv("MINIGPT_DATA", str(path.parent / place))
        data = DataConfig(source=str(path), document_separator=separator)
        config = TokenizerConfig(kind=kind, vocab_size=300)
        prepare_large_text(data, tokenizer, config, 16, tell)

    return prepared


def files(home: Path, place: str) -> dict[str, bytes]:
    """Return all that lies in the store of a place."""
    found = (home / place).rglob("*.*")
    return {p.name: p.read_bytes() for p in found if p.is_file()}


def encoders() -> list[psutil.Process]:
    """Return the processes that encode for this one."""
    return [
        child
        for child in psutil.Process().children()
        if any(word.endswith("encoding.process") for word in child.cmdline())
    ]


class Killed(BaseException):
    """As if the process died."""


@pytest.mark.parametrize(
    ("kind", "separator"),
    [("char", "\n"), ("word", "字"), ("bpe", "\n\n"), ("bpe", None)],
)
def test_several_processes_write_the_files_of_one(
    path, home, prepare, kind, separator, monkeypatch
):
    if separator is None:  # only a long document has several parts
        path.write_text(path.read_text("utf-8") * 9, encoding="utf-8")
    prepare(1, "one", kind=kind, separator=separator)
    monkeypatch.setattr(encoder, "encode_parts", None)  # who encodes here would fail
    prepare(2, "two", kind=kind, separator=separator)
    assert files(home, "two") == files(home, "one")
    assert encoders() == []


def test_who_is_stopped_leaves_no_process_and_keeps_what_is_encoded(home, prepare):
    def stop(activity, share):
        if activity == "encoding the text" and share > 0.5:
            assert len(encoders()) == 2
            raise Killed

    with pytest.raises(Killed):
        prepare(2, "two", stop)
    assert encoders() == []
    (entry,) = TokenStore().entries()
    assert 0 < entry.index.train.characters < entry.index.num_characters
    begun = []
    prepare(1, "two", lambda _, share: begun.append(share))
    assert begun[0] > entry.index.train.characters / entry.index.num_characters
    prepare(1, "one")
    assert files(home, "two") == files(home, "one")


def test_a_process_that_is_killed_is_one_clear_error_and_costs_nothing(home, prepare):
    killed = []

    def kill(activity, share):
        if activity == "encoding the text" and share > 0.5 and not killed:
            killed.append(encoders()[0])
            killed[0].kill()

    with pytest.raises(DataError, match=r"exit code -9.* is kept.*OMP_NUM_THREADS=1"):
        prepare(2, "two", kill)
    assert encoders() == []
    (entry,) = TokenStore().entries()
    assert entry.index.train.characters > 0
    prepare(1, "two")
    prepare(1, "one")
    assert files(home, "two") == files(home, "one")


def test_processes_that_cannot_be_started_are_one_clear_error(prepare, monkeypatch):
    def refuse(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(DataError, match=r"cannot be started \(Cannot allocate memory"):
        prepare(2, "two")


def test_a_vocabulary_without_an_end_is_refused_before_any_process(
    prepare, monkeypatch
):
    monkeypatch.setattr(token_writing, "_TRIED", 20)  # there no document ends
    monkeypatch.setattr(encoder, "Processes", None)
    usual = BPETokenizer()
    usual.build_vocab("a")
    fields = usual.to_dict()
    pieces = [piece for piece in fields["vocab"] if piece not in SPECIAL_TOKENS]
    plain = {"vocab": {piece: n for n, piece in enumerate(pieces)}}
    endless = BPETokenizer.from_dict(fields | plain | {"special_tokens": {}})
    with pytest.raises(DataError, match="no token for the end of a text"):
        prepare(2, "two", tokenizer=endless)


def test_one_core_and_a_short_text_need_no_process(home, prepare, monkeypatch):
    monkeypatch.setattr(encoder, "Processes", None)  # who needs them would fail
    prepare(1, "one")
    monkeypatch.setattr(encoder, "WORTH_A_WORKER", 40_000)
    prepare(2, "two")
    assert files(home, "two") == files(home, "one")


class Slow:
    """Workers that do nothing until they are waited for, and count what they have."""

    def __init__(self, tokenizer, most):
        self.tokenizer, self.most = tokenizer, most
        self.under_way, self.peak = 0, 0

    def submit(self, block):
        self.under_way += 1
        self.peak = max(self.peak, self.under_way)

        def ids():
            self.under_way -= 1
            return encode_documents(self.tokenizer, block, [])

        return ids


def test_no_more_is_read_than_may_be_under_way():
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("ab")
    workers, read, encoded, ids = Slow(tokenizer, most=5), 0, 0, []

    def text():
        nonlocal read
        for _ in range(400):
            read += 1_000
            yield "abba%" * 200

    for some, characters in encode_in_order(workers, text(), "%"):
        ids += some.tolist()
        encoded += characters
        assert read - encoded <= 5 * 3_000 + 1_000
    assert workers.peak == 5
    assert workers.under_way == 0
    assert encoded == 400_000
    assert ids == tokenizer.encode("abba", add_eos=True) * 80_000


def test_as_many_cores_as_one_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    for bound, cores in {"": 3, "2": 2, "2,1": 2, "8": 3, "all": 3}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", bound)
        assert usable_cores() == cores
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    monkeypatch.delattr(os, "sched_getaffinity")  # on macOS and Windows
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert usable_cores() == 7


PARENT = """
import os, sys
from pathlib import Path
from minigpt.preparation.encoding.processes import Processes

with Processes(Path(sys.argv[1]), [9], 1) as workers:
    child = workers._children[0].pid
    ids = workers.submit([("ab", True), ("a", False)])()
    print(child, "torch" in sys.modules, *ids, flush=True)
    sys.stdin.read()
"""


def test_a_process_needs_no_torch_and_ends_with_its_parent(tmp_path):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("ab")
    tokenizer.save(tmp_path / "tokenizer.json")
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "tokenizer.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as parent:
        child, has_torch, *ids = parent.stdout.readline().split()
        expected = [*tokenizer.encode("ab", add_eos=True), 9, *tokenizer.encode("a")]
        assert [int(token) for token in ids] == expected
        assert has_torch == "False"
        parent.kill()
        parent.wait()
        # The child has them, too: this ends when it does.
        assert parent.stderr.read() == ""
        until(lambda: has_ended(int(child)))


def test_a_process_that_nobody_listens_to_any_more_ends_quietly(tmp_path):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("ab")
    tokenizer.save(tmp_path / "tokenizer.json")
    with processes._started(json.dumps([str(tmp_path), []])) as child:
        child.stdout.close()
        child.stdin.write(b'[["ab", true]]\n')
    assert child.returncode == 0
    answers = io.BytesIO()
    blocks = io.BytesIO(b'[["ab", true]]\n[["a')  # who wrote it was killed meanwhile
    process.serve(str(tmp_path), [], blocks, answers)
    assert len(answers.getvalue()) == 8 + 3 * 4


def has_ended(pid: int) -> bool:
    """Whether a process is no more; nobody may have asked how it ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
