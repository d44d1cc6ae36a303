"""What a bucket may hold and answer: nothing of it leads out of a run's directory."""

import hashlib
import importlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from engines.small_runs import tiny

from minigpt.cli import main
from minigpt.errors import ConfigError, RunError
from minigpt.runs.store import RunStore
from minigpt.storage.bucket import Bucket, StorageError
from minigpt.storage.contents import CONTENTS, parse_contents, read_contents
from minigpt.storage.download import fetch
from minigpt.storage.following import follow, open_stored
from minigpt.storage.keeping import hand_over
from minigpt.storage.place import keep_in, read_place, require_url
from minigpt.worker.worker import train_run

ATTEMPT = "0123456789abcdef"
BODY = b"planted"
PIECE = [hashlib.sha256(BODY).hexdigest(), len(BODY)]


def planted(bucket, files, attempt=ATTEMPT) -> Bucket:
    """Return a bucket with such a list of files, and a piece of them."""
    found = Bucket(f"{bucket.url}/one")
    found.write(f"pieces/{PIECE[0]}", BODY)
    found.write(CONTENTS, json.dumps({"attempt": attempt, "files": files}).encode())
    return found


@pytest.mark.parametrize(
    "name",
    [
        "../escaped.txt",
        "/tmp/escaped.txt",
        "checkpoints/../../escaped.txt",
        "checkpoints/best_model/../../../escaped.json",
        "checkpoints/.best_model.previous/config.json",
        "checkpoints/best_model/pytorch_model.bin",
        "checkpoints/best_model/config.json\n",
        "checkpoints\\best_model\\config.json",
        "storage.json",
        "job.json",
        "lock",
        "stop",
        "",
        "snapshots/step_١.safetensors",
    ],
)
def test_a_name_that_no_run_has_is_refused(bucket, tmp_path, name):
    there = planted(bucket, {name: [PIECE]})
    (directory := tmp_path / "runs" / "one").mkdir(parents=True)
    with pytest.raises(StorageError, match="which no run has: refused") as error:
        fetch(there, directory)
    assert "\n" not in str(error.value)
    assert list(directory.iterdir()) == []
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.parametrize(
    "files",
    [
        {"config.json": [[PIECE[0], 2**40]]},
        {"config.json": [[PIECE[0], -7]]},
        {"config.json": [[PIECE[0], True]]},
        {"config.json": [["../control.json", 7]]},
        {"config.json": [[7, 7]]},
        {"config.json": [PIECE] * 2000},
        {"config.json": 7},
        {"config.json": []},
        ["config.json"],
    ],
)
def test_a_list_that_is_none_is_refused(files):
    data = json.dumps({"attempt": ATTEMPT, "files": files}).encode()
    with pytest.raises(StorageError, match=r"refused|damaged"):
        parse_contents(data, "s3://bucket/one")


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b'{"files": {}}'])
def test_whatever_is_no_list_is_told_in_one_sentence(data):
    with pytest.raises(StorageError, match="is damaged") as error:
        parse_contents(data, "s3://bucket/one")
    assert "\n" not in str(error.value)


def test_a_piece_that_is_not_what_its_name_says_is_refused(bucket, tmp_path):
    there = planted(bucket, {"log.txt": [PIECE]})
    for body in (b"changed", b"longer than it was"):
        there.write(f"pieces/{PIECE[0]}", body)
        with pytest.raises(StorageError, match=r"not what its|not of 7 bytes"):
            fetch(there, tmp_path)
        assert not (tmp_path / "log.txt").exists()
    there.write(f"pieces/{PIECE[0]}", BODY)
    fetch(there, tmp_path)
    assert (tmp_path / "log.txt").read_bytes() == BODY


def settings_replaced(bucket, run, source) -> None:
    """Let the settings in a bucket name another text, and take the run's own away."""
    files = json.loads((there := Bucket(f"{bucket.url}/one")).read(CONTENTS, 2**20))
    config = run.config.replace(data={"source": str(source)})
    body = json.dumps(config.to_dict()).encode()
    piece = hashlib.sha256(body).hexdigest(), len(body)
    there.write(f"pieces/{piece[0]}", body)
    files["files"]["config.json"] = [piece]
    del files["files"]["text.txt"]
    there.write(CONTENTS, json.dumps(files).encode())


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("nobody may learn this. " * 100)
    return path


@pytest.fixture
def handed_in(bucket, machine, text_file):
    """Return a run that this machine has handed in."""
    run = RunStore(machine("here")).create(tiny(text_file), "one")
    keep_in(run.path, bucket.url)
    hand_over(run)
    return run


def test_a_run_from_a_bucket_reads_no_file_that_its_settings_name(
    bucket, machine, handed_in, secret
):
    settings_replaced(bucket, handed_in, secret)
    machine("there")
    with pytest.raises(RunError, match=r"The text that 'one' learns from is not here"):
        train_run(open_stored(f"{bucket.url}/one", to_train=True))


def test_nor_does_the_machine_that_handed_it_in(bucket, handed_in, secret, tmp_path):
    settings_replaced(bucket, handed_in, secret)
    follow(handed_in, with_text=True)
    assert handed_in.config.data.source == str(secret)
    (tmp_path / "another").mkdir()
    keep_in(handed_in.path, f"file://{tmp_path}/another")
    with pytest.raises(RunError, match=r"The text that 'one' learns from is not here"):
        train_run(handed_in)
    for url in (bucket.url, f"file://{tmp_path}/another"):
        assert "text.txt" not in read_contents(Bucket(f"{url}/one")).files


def test_who_handed_a_run_in_goes_on_with_the_text_that_went_along(
    bucket, handed_in, text_file, tmp_path
):
    text_file.unlink()
    follow(handed_in, with_text=True)
    (tmp_path / "another").mkdir()
    keep_in(handed_in.path, f"file://{tmp_path}/another")
    train_run(handed_in)
    assert "text.txt" in read_contents(Bucket(f"file://{tmp_path}/another/one")).files


@pytest.mark.parametrize(
    "url",
    [
        "s3://user:word@bucket/runs",
        "s3://bucket/../runs",
        "s3://bucket/runs?key=1",
        "http://bucket/runs",
        "bucket/runs",
    ],
)
def test_an_address_is_a_bucket_and_a_prefix_and_nothing_else(url, tmp_path):
    with pytest.raises(ConfigError, match="is no storage"):
        require_url(url)
    (tmp_path / "storage.json").write_text(json.dumps({"url": url, "attempts": []}))
    assert read_place(tmp_path) is None


def test_without_s3fs_one_line_says_what_to_install(
    machine, text_file, monkeypatch, capsys
):
    root = machine("here")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    known = importlib.import_module("fsspec.registry").__dict__["_registry"]
    monkeypatch.delitem(known, "s3", raising=False)
    words = ["train", "--data", str(text_file), "--name", "no"]
    assert main([*words, "--storage", "s3://bucket/runs"]) == 2
    said = capsys.readouterr().err
    assert "pip install s3fs" in said
    assert not (root / "no").exists()


def test_a_refusal_is_one_sentence_without_a_credential(s3, monkeypatch):
    key = os.environ["AWS_ACCESS_KEY_ID"]
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    said = f"<Error><Code>AccessDenied</Code><Message>{secret} {key}</Message></Error>"

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.end_headers()
            self.wfile.write(said.encode())

        do_HEAD = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuse)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    import fsspec

    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(StorageError, match="refuses this machine") as error:
        Bucket(f"{s3.url}/one").write("control.json", b"{}")
    server.shutdown()
    server.server_close()
    assert "AWS_ACCESS_KEY_ID" in str(error.value)
    assert key not in str(error.value)
    assert secret not in str(error.value)
    assert "\n" not in str(error.value)
