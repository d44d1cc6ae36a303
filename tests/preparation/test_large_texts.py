"""A large text's tokens are those of a small one, made in a stream, and kept."""

import errno
import os
import threading

import numpy as np
import pytest
import torch

from minigpt.checkpoint import load_checkpoint
from minigpt.cli import main
from minigpt.config import DataConfig, RunConfig, TokenizerConfig
from minigpt.datasets.batches.examples import PackedDataset
from minigpt.datasets.batches.windows import WindowSampler
from minigpt.datasets.corpus import held_out_text, prepare_corpus, text_to_learn
from minigpt.datasets.files.text_file import TextFile
from minigpt.datasets.tales.story import generate_tales
from minigpt.errors import DataError
from minigpt.preparation import token_writing
from minigpt.preparation.estimate import estimate_run
from minigpt.preparation.large_texts import prepare_large_text
from minigpt.preparation.token_store import TokenStore
from minigpt.runs.store import RunStore
from minigpt.tokenizers import CharTokenizer
from minigpt.tokenizers.base import Tokenizer
from minigpt.worker.worker import Display, train_run


@pytest.fixture(autouse=True)
def home(tmp_path, short_is_large, monkeypatch):
    """Keep the tokens of texts that count as large here."""
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def path(home):
    path = home / "tales.txt"
    path.write_text(generate_tales(100_000), encoding="utf-8")
    return path


def prepare(path, kind="bpe", tokenizer=None, tell=lambda *_: None, **data):
    config = TokenizerConfig(kind=kind, vocab_size=300)
    settings = DataConfig(source=str(path), **data)
    return prepare_large_text(settings, tokenizer, config, 16, tell)


def in_memory(path, kind="bpe", tokenizer=None, **data):
    config = TokenizerConfig(kind=kind, vocab_size=300)
    settings = DataConfig(source=str(path), **data)
    return prepare_corpus(settings, tokenizer, config, 16)


def same(large, small):
    return [len(large.train_tokens), len(large.validation_tokens)] == [
        len(small.train_tokens),
        len(small.validation_tokens),
    ] and all(
        torch.equal(ours[:], theirs[:].long())
        for ours, theirs in (
            (large.train_tokens, small.train_tokens),
            (large.validation_tokens, small.validation_tokens),
        )
    )


class Killed(BaseException):
    """As if the process died."""


def die_at(activity, share):
    def tell(now, done):
        if now == activity and done >= share:
            raise Killed

    return tell


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
@pytest.mark.parametrize("separator", [None, "\n\n", "字"])
@pytest.mark.parametrize("block", [997, 65_536])
def test_the_tokens_are_those_of_the_text_in_memory(
    home, strange, kind, separator, block, monkeypatch
):
    monkeypatch.setattr("minigpt.datasets.files.text_file.BLOCK", block)
    path = home / "text.txt"
    path.write_bytes((400 * strange + generate_tales(20_000)).encode())
    large, tokenizer = prepare(path, kind, document_separator=separator)
    small, other = in_memory(path, kind, document_separator=separator)
    assert tokenizer.to_dict() == other.to_dict()
    assert same(large, small)
    assert large.sha256 == small.sha256
    assert large.num_characters == small.num_characters


def test_a_document_of_any_length_is_cut_where_no_token_is(home, strange):
    path = home / "text.txt"
    long = (400 * strange + generate_tales(20_000)) * 12
    path.write_text(f"one%{long}%%two%{long[::-1]}", encoding="utf-8")
    assert len(long) > 262_144
    for kind in ("word", "bpe"):
        large, _ = prepare(path, kind, document_separator="%")
        small, _ = in_memory(path, kind, document_separator="%")
        assert same(large, small)


def test_a_second_run_and_a_resumed_one_read_nothing_again(path, monkeypatch):
    first, tokenizer = prepare(path)
    monkeypatch.setattr(TextFile, "blocks", None)  # whoever reads would fail
    told = []
    second, same_tokenizer = prepare(path, tell=lambda *words: told.append(words))
    assert same_tokenizer.to_dict() == tokenizer.to_dict()
    resumed, given = prepare(path, tokenizer=tokenizer)
    assert given is tokenizer
    assert same(second, first)
    assert same(resumed, first)
    assert second.sha256 == resumed.sha256 == first.sha256
    assert told == []


def test_other_settings_are_other_tokens(path):
    prepare(path)
    with_ends, tokenizer = prepare(path, document_separator="\n\n")
    assert tokenizer.eos_id in with_ends.train_tokens[:]
    prepare(path, kind="char")
    shorter, _ = prepare(path, validation_fraction=0.05)
    assert len(shorter.validation_tokens) < len(with_ends.validation_tokens)
    brought = CharTokenizer()
    brought.build_vocab("abc")
    unknown, _ = prepare(path, kind="char", tokenizer=brought)
    assert (unknown.train_tokens[:] == brought.unk_id).any()
    assert len(TokenStore().entries()) == 5


@pytest.mark.parametrize(
    ("activity", "share"),
    [
        ("reading the text", 0.5),
        ("learning the vocabulary", 0.5),
        ("encoding the text", 0.01),
        ("encoding the text", 0.6),
        ("encoding the text", 0.97),
    ],
)
@pytest.mark.parametrize("separator", [None, "\n\n"])
def test_a_preparation_that_was_killed_goes_on_where_it_was(
    path, activity, share, separator, monkeypatch
):
    with pytest.raises(Killed):
        prepare(path, tell=die_at(activity, share), document_separator=separator)
    encoded = []
    encode = Tokenizer.encode

    def watched(self, text, *arguments, **options):
        encoded.append(len(text))
        return encode(self, text, *arguments, **options)

    monkeypatch.setattr(Tokenizer, "encode", watched)
    large, _ = prepare(path, document_separator=separator)
    small, _ = in_memory(path, document_separator=separator)
    assert same(large, small)
    if share == 0.97 and separator:
        assert sum(encoded) < 250_000  # the beginning to try, and what was missing


def test_what_was_written_beyond_the_index_was_never_there(path):
    with pytest.raises(Killed):
        prepare(path, tell=die_at("encoding the text", 0.5))
    (entry,) = TokenStore().entries()
    with (entry.path / "train.bin").open("ab") as file:
        file.write(b"half a tok")
    large, _ = prepare(path)
    assert same(large, in_memory(path)[0])


@pytest.mark.parametrize("damage", ["short", "long", "missing"])
def test_damaged_tokens_are_refused_with_the_remedy(path, damage, monkeypatch):
    prepare(path)
    (entry,) = TokenStore().entries()
    tokens = entry.path / "train.bin"
    content = tokens.read_bytes()
    if damage == "missing":
        tokens.unlink()
    else:
        tokens.write_bytes(content[:-1] if damage == "short" else content + b"xx")
    with pytest.raises(DataError, match=f"data tokens --remove {entry.path.name}"):
        prepare(path)
    TokenStore().remove(entry.path.name)
    again, _ = prepare(path)
    assert same(again, in_memory(path)[0])


def test_an_index_that_cannot_be_read_is_as_none(path):
    prepare(path)
    (entry,) = TokenStore().entries()
    (entry.path / "index.json").write_text('{"version": 1, "train": ', "utf-8")
    again, _ = prepare(path)
    assert same(again, in_memory(path)[0])


def test_a_half_encoded_part_that_lost_bytes_is_refused(path):
    with pytest.raises(Killed):
        prepare(path, tell=die_at("encoding the text", 0.6), document_separator="\n\n")
    (entry,) = TokenStore().entries()
    assert entry.index.train.tokens > 0
    os.truncate(entry.path / "train.bin", 10)
    with pytest.raises(DataError, match="data tokens --remove"):
        prepare(path, document_separator="\n\n")


def test_a_file_that_changed_is_noticed_and_one_that_was_only_touched_is_known(path):
    first, _ = prepare(path)
    os.utime(path, ns=(1, 1))
    touched, _ = prepare(path)
    assert same(touched, first)
    assert len(TokenStore().entries()) == 1
    text = path.read_text("utf-8")
    path.write_text(text.replace("a", "e", 1), encoding="utf-8")
    changed, _ = prepare(path)
    assert changed.sha256 != first.sha256
    assert len(TokenStore().entries()) == 2


def test_a_file_that_changes_while_it_is_read_is_refused(path):
    def write_more(activity, share):
        if activity == "encoding the text":
            path.write_bytes(path.read_bytes() + b".")

    with pytest.raises(DataError, match="changed while it was read"):
        prepare(path, tell=write_more)
    assert TokenStore().entries() == []


def test_a_file_that_shrinks_while_it_is_read_is_refused(path):
    def cut_off(activity, share):
        os.truncate(path, 1000)

    with pytest.raises(DataError, match="became shorter while it was read"):
        prepare(path, tell=cut_off)


@pytest.mark.parametrize("place", [70_000, 99_999])
def test_bytes_that_are_no_text_are_named(path, place):
    content = bytearray(path.read_bytes())
    content[place] = 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"byte {place} is 0xff"):
        prepare(path)
    assert TokenStore().entries() == []


def test_a_disk_without_room_is_named_before_anything_is_written(path, monkeypatch):
    monkeypatch.setattr(token_writing, "SPARE_BYTES", 10**18)
    with pytest.raises(DataError, match=r"too full .*MINIGPT_DATA.* MB are free"):
        prepare(path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_keeps_what_is_encoded(path, number):
    def full(activity, share):
        if activity == "encoding the text" and share > 0.5:
            raise OSError(number, os.strerror(number))

    with pytest.raises(DataError, match=r"too full .*not encoded again"):
        prepare(path, tell=full, document_separator="\n\n")
    (entry,) = TokenStore().entries()
    assert entry.index.train.tokens > 0
    large, _ = prepare(path, document_separator="\n\n")
    assert same(large, in_memory(path, document_separator="\n\n")[0])


def test_a_tokenizer_learns_from_all_over_a_text_that_is_too_long_for_it(home):
    path = home / "alphabet.txt"
    lines = [f"{chr(200 + n)} {chr(200 + n)}\n" * 10_000 for n in range(20)]
    path.write_text("".join(lines), encoding="utf-8")
    config = TokenizerConfig(kind="char", sample_characters=300_000)
    data = DataConfig(source=str(path), validation_fraction=0.001)
    corpus, tokenizer = prepare_large_text(data, None, config, 16)
    assert corpus.num_characters == 800_000
    assert 280_000 < corpus.sample_characters < 320_000
    assert tokenizer.unknown("".join(lines)) == []


def test_batches_from_the_disk_are_those_from_memory(path):
    large, _ = prepare(path)
    small, _ = in_memory(path)
    ours = WindowSampler(large.train_tokens, 16, 8, seed=3)
    theirs = WindowSampler(small.train_tokens, 16, 8, seed=3)
    assert ours.steps_per_epoch == theirs.steps_per_epoch
    for step in (0, 1, 77, ours.steps_per_epoch + 5):
        for one, other in zip(ours.batch(step), theirs.batch(step), strict=True):
            assert torch.equal(one, other)
    packed = [PackedDataset(c.validation_tokens, 16) for c in (large, small)]
    assert len(packed[0]) == len(packed[1])
    for one, other in zip(*packed, strict=True):
        assert torch.equal(one["labels"], other["labels"])


def test_a_token_is_written_in_as_few_bytes_as_hold_it(path):
    prepare(path, kind="char")
    prepare(path, kind="bpe")
    kinds = {entry.index.number_type for entry in TokenStore().entries()}
    assert kinds == {"uint8", "uint16"}
    for entry in TokenStore().entries():
        row = np.fromfile(entry.path / "train.bin", entry.index.number_type)
        assert len(row) == entry.index.train.tokens


def test_a_large_text_is_trained_on_stopped_and_resumed_without_reading_it(
    path, home, monkeypatch
):
    monkeypatch.setattr("minigpt.preparation.estimate._BEGINNING_CHARACTERS", 30_000)
    config = RunConfig(
        data={"source": str(path)},
        transformer={"d_model": 16, "num_layers": 1, "num_heads": 2, "max_seq_len": 16},
        train={"max_steps": 6, "batch_size": 4, "eval_interval": 3, "eval_batches": 1},
    )
    assert estimate_run(config).text_tokens == pytest.approx(101_000, rel=0.01)
    run = RunStore(home / "data" / "runs").create(config, "large")
    shown = []
    show = lambda activity, left: shown.append(activity)  # noqa: E731
    train_run(run, display=Display(show=show))
    assert any(activity.startswith("encoding the text, 94%") for activity in shown)
    status = run.status()
    assert (status.state, status.step) == ("finished", 6)
    assert status.bigram_loss < status.unigram_loss < status.uniform_loss
    provenance = load_checkpoint(run.latest).metadata.provenance
    learned_from = len(path.read_text("utf-8")) - 6_000
    assert provenance["tokenizer_characters"] == learned_from
    monkeypatch.setattr(TextFile, "blocks", None)
    run.write_config(config.replace(train={**config.train.to_dict(), "max_steps": 8}))
    train_run(run, resume=True)
    assert run.status().step == 8


def test_a_request_to_stop_is_heard_while_a_text_is_encoded(path, home):
    config = RunConfig(data={"source": str(path)})
    run = RunStore(home / "data" / "runs").create(config, "stopped")

    def stop(activity, left):
        if activity.startswith("learning the vocabulary"):
            run.request_stop()

    with pytest.raises(KeyboardInterrupt):
        train_run(run, display=Display(show=stop))
    status = run.status()
    assert status.state == "interrupted"
    assert status.can_resume
    (entry,) = TokenStore().entries()
    assert not entry.index.complete


def test_what_a_large_text_held_out_is_found_for_other_stages(path):
    data = DataConfig(source=str(path))
    text = path.read_text("utf-8")
    rest, fingerprint = held_out_text(data)
    assert rest == text[-6_000:]
    corpus, tokenizer = prepare(path)
    assert fingerprint == corpus.sha256
    assert tokenizer.decode(corpus.validation_tokens[:]) == rest
    few = text_to_learn(data, 10_000)
    assert 9_000 < len(few) < 12_000


def test_kept_tokens_are_listed_and_removed_on_the_shell(path, capsys):
    prepare(path)
    (entry,) = TokenStore().entries()
    name = entry.path.name
    assert main(["data", "tokens"]) == 0
    told = capsys.readouterr().out
    assert name in told
    assert str(path) in told
    path.unlink()
    main(["data", "tokens"])
    assert "the file is gone" in capsys.readouterr().out
    assert main(["data", "tokens", "--remove", "tails"]) == 2
    assert main(["data", "tokens", "--remove", name]) == 0
    assert TokenStore().entries() == []
    assert not entry.path.exists()


def test_two_processes_encode_a_text_once(path):
    waited = []
    threads = [
        threading.Thread(
            target=prepare,
            args=(path,),
            kwargs={"tell": lambda activity, share: waited.append(activity)},
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waited.count("reading the text") == len(list(TextFile(path).blocks()))
