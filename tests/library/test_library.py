"""Rename, delete, undo, bring in and take out: all of it, or nothing; nothing trusted.

The oracle of what a model says is its logits; of what was moved, every byte.
"""

import io
import json
import os
import pickle
import shlex
import stat
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import transformers

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.cli.settings import parse_train
from minigpt.config import RECIPES, RunConfig, get_recipe
from minigpt.errors import CheckpointError, MinigptError, RunError
from minigpt.library.archives import pack, pack_for_others, unpack, why_not_for_others
from minigpt.library.catalogue import available_models, find_model
from minigpt.library.incoming import bring, take_upload
from minigpt.library.inventory import describe_model, describe_run, describe_texts
from minigpt.library.names import free_name, rename
from minigpt.library.trash import delete, empty_trash, restore, trash
from minigpt.model import MLPLM, TransformerLM
from minigpt.runs import RunStore
from minigpt.runs.lock import RunLock
from minigpt.runs.status import RunStatus, write_status
from minigpt.runs.training_command import training_command
from minigpt.tokenizers import CharTokenizer

NAMES = ("config.json", "tokenizer.json", "model.safetensors")


def new_model(kind=TransformerLM, **settings):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab("the cat sat on the mat. ")
    sizes = {"d_model": 16, "num_heads": 2} if kind is TransformerLM else {"d_model": 8}
    torch.manual_seed(0)
    return kind(vocab_size=tokenizer.vocab_size, **sizes, **settings), tokenizer


@pytest.fixture
def data(tmp_path):
    """Return a data directory with the shipped model `glass`."""
    model, tokenizer = new_model()
    told = {"command": "make it", "tokens_per_step": 32, "validation_loss": 1.5}
    save_checkpoint(
        tmp_path / "models" / "glass", model, tokenizer, step=7, provenance=told
    )
    return tmp_path


@pytest.fixture
def files(data):
    """Return the three files of a model, by name."""
    return {name: (data / "models/glass" / name).read_bytes() for name in NAMES}


def zipped(contents, folder="glass/"):
    parcel = io.BytesIO()
    with zipfile.ZipFile(parcel, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in contents.items():
            opened.writestr(f"{folder}{name}", content)
    parcel.seek(0)
    return parcel


def upload(data, name, contents, folder="glass/"):
    return take_upload(data, name, [("model.zip", zipped(contents, folder))])


def everything(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def logits(path):
    model, tokenizer, _ = load_checkpoint(path)
    with torch.no_grad():
        return model(torch.tensor([tokenizer.encode("the cat")]))


def assert_nothing_new(data):
    assert [path.name for path in (data / "models").iterdir()] == ["glass"]


# --- out and in again ---


def test_a_download_comes_back_with_the_same_logits_and_the_same_bytes(data):
    parcel = io.BytesIO(pack(data / "models" / "glass", "glass"))
    path = take_upload(data, "again", [("glass.zip", parcel)])
    torch.testing.assert_close(
        logits(path), logits(data / "models/glass"), rtol=0, atol=0
    )
    for name in NAMES:
        assert (path / name).read_bytes() == (data / "models/glass" / name).read_bytes()
    assert find_model(data, "again").kind == "brought"


def test_the_files_alone_will_do_and_what_is_not_needed_is_left_out(data, files):
    loose = [(name, io.BytesIO(content)) for name, content in files.items()]
    path = take_upload(data, "loose", [*loose, ("about.json", io.BytesIO(b"evil"))])
    assert "evil" not in (path / "about.json").read_text("utf-8")
    assert logits(path).shape == logits(data / "models/glass").shape


def test_an_export_is_read_by_transformers_and_comes_back(data, tmp_path):
    exported = pack_for_others(data / "models/glass", "glass")
    with zipfile.ZipFile(io.BytesIO(exported)) as opened:
        opened.extractall(tmp_path / "theirs")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "theirs" / "glass"
    )
    tokens = load_checkpoint(data / "models/glass").tokenizer.encode("the cat")
    ours = logits(data / "models/glass")
    with torch.no_grad():
        torch.testing.assert_close(
            theirs.eval()(torch.tensor([tokens])).logits, ours, rtol=0, atol=1e-4
        )
    path = take_upload(data, "back", [("glass.ZIP", io.BytesIO(exported))])
    torch.testing.assert_close(logits(path), ours, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (MLPLM, {}, "no model of this kind"),
        (TransformerLM, {"positional_encoding": "alibi"}, "'alibi'"),
        (TransformerLM, {}, ""),
    ],
)
def test_what_cannot_be_exported_says_why(tmp_path, kind, settings, words):
    save_checkpoint(tmp_path / "m", *new_model(kind, **settings))
    reason = why_not_for_others(tmp_path / "m")
    assert bool(reason) == bool(words)
    assert words in reason


@pytest.mark.parametrize("exported", [False, True])
def test_a_directory_of_yours_is_brought_with_its_stages_told(data, tmp_path, exported):
    source = data / "models/glass"
    if exported:
        with zipfile.ZipFile(io.BytesIO(pack_for_others(source, "out"))) as opened:
            opened.extractall(tmp_path)
        source = tmp_path / "out"
    stages = []
    path = bring(data, "mine", str(source), stages.append)
    torch.testing.assert_close(
        logits(path), logits(data / "models/glass"), rtol=0, atol=1e-5
    )
    assert stages == [f"Reading {source.name}", "Saving it"]


def test_a_name_that_cannot_be_fetched_is_one_clear_line(data, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="not complete in the cache"):
        bring(data, "far", "nobody/nothing-of-the-kind", print)
    with pytest.raises(CheckpointError, match="no directory"):
        bring(data, "far", "../no such place", print)
    assert_nothing_new(data)


# --- nothing of an upload is trusted ---


@pytest.mark.parametrize(
    "name",
    ["../config.json", "/config.json", "a/../../config.json", "..\\config.json",
     "C:\\config.json", "//host/x/config.json", "../../app.py"],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(data, files, name):
    before = everything(data)
    with pytest.raises(CheckpointError, match=r"refused|does not belong to a model"):
        upload(data, "evil", {**files, name: b"{}"}, folder="")
    assert everything(data) == before
    assert_nothing_new(data)


@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin", "x.PKL", "a.ckpt"])
def test_a_pickle_is_never_opened(data, files, name, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    with pytest.raises(CheckpointError, match="pickle"):
        upload(data, "evil", {**files, name: pickle.dumps(Bomb())})
    disguised = {**files, "model.safetensors": pickle.dumps(Bomb())}
    with pytest.raises(CheckpointError, match="damaged"):
        upload(data, "evil", disguised)
    assert not (tmp_path / "exploded").exists()
    assert_nothing_new(data)


@pytest.mark.parametrize(
    "name", ["module.py", "конфиг.json", "config.json\n", "ＣＯＮ"]
)
def test_a_file_that_no_model_has_is_refused_by_name(data, files, name):
    with pytest.raises(CheckpointError, match="does not belong to a model"):
        upload(data, "evil", {**files, name: b"{}"})
    assert_nothing_new(data)


def test_a_link_inside_a_zip_is_refused(data, files):
    parcel = zipped(files)
    with zipfile.ZipFile(parcel, "a") as opened:
        link = zipfile.ZipInfo("glass/vocab.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    parcel.seek(0)
    with pytest.raises(CheckpointError, match="is a link"):
        take_upload(data, "evil", [("m.zip", parcel)])
    assert_nothing_new(data)


def test_a_zip_that_swells_is_stopped_at_the_limit(data, files):
    bomb = zipped({**files, "config.json": b" " * (2**20 + 1)})
    assert len(bomb.getvalue()) < 2**18
    with pytest.raises(CheckpointError, match=r"config\.json is larger than 1 MB"):
        take_upload(data, "evil", [("m.zip", bomb)])
    assert_nothing_new(data)


def test_a_zip_that_lists_thousands_of_files_is_refused_unread(data):
    many = zipped({f"{number}.json": b"" for number in range(3000)})
    with pytest.raises(CheckpointError, match="lists far more"):
        take_upload(data, "evil", [("m.zip", many)])


@pytest.mark.parametrize("cut", [0, 10, -30, -1])
def test_a_damaged_zip_is_one_clear_line(data, files, cut):
    whole = zipped(files).getvalue()
    with pytest.raises(CheckpointError):
        take_upload(data, "evil", [("m.zip", io.BytesIO(whole[:cut]))])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    with pytest.raises(CheckpointError):
        take_upload(data, "evil", [("m.zip", io.BytesIO(bytes(flipped)))])
    assert_nothing_new(data)


def test_two_models_in_one_zip_are_refused(data, files):
    both = {f"a/{name}": content for name, content in files.items()}
    both |= {f"b/{name}": content for name, content in files.items()}
    with pytest.raises(CheckpointError, match="upload one model at a time"):
        upload(data, "evil", both, folder="")
    loose = [("config.json", io.BytesIO(files["config.json"]))] * 2
    with pytest.raises(CheckpointError, match="two files"):
        take_upload(data, "evil", loose)
    assert_nothing_new(data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"d_model": 32}, "has shape"),
        ({"d_model": 10**9}, "d_model"),
        ({"num_layers": 5}, "missing"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_weights_of_other_sizes_than_described_are_refused(data, files, change, words):
    config = json.loads(files["config.json"])
    config["model"] |= change
    with pytest.raises(CheckpointError, match=words) as caught:
        upload(data, "evil", {**files, "config.json": json.dumps(config)})
    assert ".coming" not in str(caught.value)
    assert_nothing_new(data)


@pytest.mark.parametrize("missing", NAMES)
def test_a_model_without_one_of_its_files_is_refused(data, files, missing):
    del files[missing]
    with pytest.raises(CheckpointError, match=missing):
        upload(data, "evil", files)
    assert_nothing_new(data)


@pytest.mark.parametrize("name", ["../x", "", "A", "x" * 33, "ж", ".hidden", "a/b"])
def test_a_name_that_is_none_is_refused_everywhere(data, files, name):
    with pytest.raises(RunError, match="cannot be a name"):
        upload(data, name, files)
    upload(data, "good", files)
    with pytest.raises(RunError, match="cannot be a name"):
        rename(data, "model", "good", name)
    assert find_model(data, "good")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("Mein Modell (1).zip", "mein-modell-1"),
        ("../../etc/passwd", "passwd"),
        ("C:\\models\\GPT 2.safetensors", "gpt-2"),
        ("модель.zip", "model"),
        ("glass.zip", "glass-2"),
        ("owner/model", "model"),
        ("x" * 90, "x" * 28),
    ],
)
def test_a_name_is_made_of_whatever_a_file_is_called(data, wanted, name):
    assert free_name(data, wanted) == name


def test_of_two_uploads_under_one_name_exactly_one_succeeds(data, files):
    def attempt(_):
        try:
            return upload(data, "same", files)
        except RunError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(attempt, range(4)))
    assert sum(not isinstance(result, str) for result in results) == 1
    assert all("already" in result for result in results if isinstance(result, str))
    assert sorted(p.name for p in (data / "models").iterdir()) == ["glass", "same"]


def test_unpacking_writes_only_names_of_its_own(data, files, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    unpack([("m.zip", zipped({**files, "trainer.json": b"{}"}))], target)
    assert sorted(path.name for path in target.iterdir()) == sorted(NAMES)


# --- rename, delete, undo ---


@pytest.fixture
def run(data):
    """Return a finished run `first` with a checkpoint."""
    run = RunStore(data / "runs").create(get_recipe("default"), "first")
    save_checkpoint(
        run.path / "checkpoints" / "checkpoint_step_3", *new_model(), step=3
    )
    write_status(run.path, RunStatus(state="finished", step=3))
    RunLock.acquire(run.path).release()
    return run


def test_undo_restores_bit_for_bit(data, files, run):
    upload(data, "mine", files)
    (data / "texts").mkdir()
    (data / "texts" / "кот.txt").write_text("a cat", encoding="utf-8")
    before = everything(data)
    gone = [
        delete(data, kind, name)
        for kind, name in (("model", "mine"), ("run", "first"), ("text", "кот.txt"))
    ]
    assert [entry.id for entry in available_models(data)] == ["glass"]
    assert [each.name for each in trash(data)] == ["кот.txt", "first", "mine"]
    for each in gone:
        restore(data, each.id)
    assert everything(data) == before
    assert trash(data) == []


def to_second(data, kind, name):
    return rename(data, kind, name, "second")


@pytest.mark.parametrize("act", [delete, to_second])
def test_what_ships_stays(data, act):
    with pytest.raises(RunError, match="ships with minigpt"):
        act(data, "model", "glass")
    assert find_model(data, "glass")


@pytest.mark.parametrize("act", [delete, to_second])
def test_a_run_at_work_stays_and_says_why(data, run, act):
    lock = RunLock.acquire(run.path)
    try:
        with pytest.raises(RunError, match="being trained"):
            act(data, "run", "first")
    finally:
        lock.release()
    assert run.path.is_dir()
    assert trash(data) == []
    rename(data, "run", "first", "second")
    assert find_model(data, "second").kind == "run"


def test_a_text_that_a_run_learns_from_stays(data):
    text = data / "texts" / "book.txt"
    text.parent.mkdir()
    text.write_text("a book", encoding="utf-8")
    config = RunConfig()
    config = config.replace(data=config.data.replace(source=str(text)).to_dict())
    run = RunStore(data / "runs").create(config, "reader")
    lock = RunLock.acquire(run.path)
    write_status(run.path, RunStatus(state="running"))
    with pytest.raises(RunError, match="'reader' is learning from"):
        delete(data, "text", "book.txt")
    write_status(run.path, RunStatus(state="finished"))
    lock.release()
    assert describe_texts(data)[0].readers == ("reader",)
    delete(data, "text", "book.txt")
    assert not text.exists()


@pytest.mark.parametrize("name", ["../models/glass/config.json", "..", "none.txt"])
def test_a_text_is_looked_up_and_never_a_path(data, name):
    (data / "texts").mkdir()
    with pytest.raises(RunError, match="not there any more"):
        delete(data, "text", name)


def test_of_two_who_delete_or_rename_the_same_one_is_told(data, run):
    def attempt(number):
        try:
            if number % 2:
                delete(data, "run", "first")
            else:
                rename(data, "run", "first", f"other-{number}")
        except RunError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(4) as pool:
        told = [text for text in pool.map(attempt, range(4)) if text]
    assert len(told) == 3
    assert all("first" in text for text in told)
    assert len(trash(data)) + len(RunStore(data / "runs").list()) == 1


def test_a_name_given_away_meanwhile_is_said_and_nothing_lost(data, files):
    upload(data, "mine", files)
    gone = delete(data, "model", "mine")
    upload(data, "mine", files)
    with pytest.raises(RunError, match="has been taken"):
        restore(data, gone.id)
    rename(data, "model", "mine", "other")
    restore(data, gone.id)
    with pytest.raises(RunError, match="no longer in the trash"):
        restore(data, gone.id)


def test_the_trash_is_emptied_of_what_is_old(data, files, monkeypatch):
    upload(data, "mine", files)
    gone = delete(data, "model", "mine")
    empty_trash(data, 3600)
    assert [each.id for each in trash(data)] == [gone.id]
    later = time.time() + 7200
    monkeypatch.setattr("minigpt.library.trash.time.time", lambda: later)
    empty_trash(data, 3600)
    assert trash(data) == []
    assert list((data / "trash").iterdir()) == []


def test_the_newest_is_first_where_the_clock_of_files_is_coarse(data):
    (data / "texts").mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (data / "texts" / name).write_text(name, encoding="utf-8")
        delete(data, "text", name)
    for folder in (data / "trash").glob("*/texts"):
        os.utime(folder, ns=(10**18, 10**18))
    assert [each.name for each in trash(data)] == ["c.txt", "b.txt", "a.txt"]


# --- what there is ---


def test_a_models_facts_are_those_of_its_tensors_and_files(data):
    (entry,) = available_models(data)
    facts = describe_model(entry)
    model = load_checkpoint(entry.path).model
    assert facts.num_parameters == sum(p.numel() for p in model.parameters())
    assert facts.num_bytes == sum(map(len, everything(entry.path).values()))
    assert (facts.tokens_seen, facts.loss, facts.command) == (7 * 32, 1.5, "make it")


@pytest.mark.parametrize(
    "told",
    [
        {"command": ["x"], "validation_loss": "low", "tokens_per_step": True},
        {"data": "x", "train": 3, "tokens_per_step": 10**400, "validation_loss": None},
        {"validation_loss": float("nan"), "tokens_per_step": float("inf")},
        {"command": "y" * 10**6, "data": {"source": 3, "tales_megabytes": []}},
    ],
)
def test_whatever_a_checkpoint_tells_of_itself_is_no_trap(data, files, told):
    config = json.loads(files["config.json"]) | {"provenance": told, "step": 10**30}
    upload(data, "odd", {**files, "config.json": json.dumps(config)})
    facts = describe_model(find_model(data, "odd"))
    assert facts.tokens_seen is None
    assert facts.loss is None
    assert len(facts.command) <= 400


def test_a_runs_facts_name_the_line_that_trains_it_again(data, run):
    facts = describe_run(run)
    assert facts.command == "python -m minigpt train --recipe default"
    assert (facts.state, facts.step, facts.has_model) == ("finished", 3, True)
    (run.path / "status.json").write_text("{", encoding="utf-8")
    assert "cannot be read" in describe_run(run).problem


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"model_type": "mlp"},
        {
            "data": {"source": "/tmp/it's a book.txt", "document_separator": "\n#\n"},
            "tokenizer": {"kind": "bpe", "vocab_size": 700},
        },
        {"train": {"max_steps": None, "num_epochs": 2, "compile": True}},
        {"train": {"checkpoint_steps": [1, 5], "patience": 3, "max_steps": 9}},
        {"transformer": {"bias": True, "d_ff": 99, "num_heads": 4, "relative_gain": 2}},
    ],
)
def test_the_command_of_a_run_gives_its_configuration(recipe, change):
    config = get_recipe(recipe)
    for part, fields in change.items():
        if isinstance(fields, dict):
            fields = getattr(config, part).replace(**fields).to_dict()
        config = config.replace(**{part: fields})
    words = shlex.split(training_command(config))
    assert words[:4] == ["python", "-m", "minigpt", "train"]
    again = parse_train(words[4:]).config
    for part in ("recipe", "model_type", "data", "tokenizer", "model", "train"):
        assert getattr(again, part) == getattr(config, part), part


def test_an_empty_data_directory_has_nothing_and_says_so_plainly(tmp_path):
    assert available_models(tmp_path / "none") == []
    assert describe_texts(tmp_path / "none") == []
    assert trash(tmp_path / "none") == []
    with pytest.raises(MinigptError, match="There is no model 'x'"):
        delete(tmp_path / "none", "model", "x")
