"""`minigpt serve`: the README's examples, and what it refuses to start."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
import safetensors.torch
from patience import until

from minigpt.cli import main
from minigpt.errors import ConfigError
from minigpt.serve import needed
from minigpt.serve.settings import ServeSettings

from .conftest import MODELS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("### Over HTTP")[2].partition("\n### ")[0]


@pytest.fixture
def address(tmp_path):
    """Run the README's command on a free port; return where it answers."""
    pytest.importorskip("fastapi")
    pytest.importorskip("prometheus_client")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = re.search(r"^    python (-m minigpt serve .*)$", SECTION, re.M)[1]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("MINIGPT_SHIPPED", None)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *words.split(), "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"localhost:{port}"
            until(lambda: process.poll() is not None or answers(url))
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130  # stopped by Ctrl-C
    said = (tmp_path / "log").read_text()
    assert said.startswith(f"tales-chat answers at http://127.0.0.1:{port}/v1")
    assert "Traceback" not in said


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"http://{url}/health").status_code == 200
    except httpx2.TransportError:
        return False


def test_the_examples_of_the_readme_run(address, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell = re.search(r"```sh\n(.*?)```", SECTION, re.S)[1]
    shell = shell.replace("localhost:8000", address).replace("curl", "curl -sS")
    done = subprocess.run(["bash", "-ec", shell], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"content":"Mia."' in done.stdout
    patterns = safetensors.torch.load_file("patterns.safetensors")
    assert len(patterns) == 4
    pytest.importorskip("openai")
    code = re.search(r"```py\n(.*?)```", SECTION, re.S)[1]
    exec(code.replace("localhost:8000", address), {})
    assert len(capsys.readouterr().out) > 100


def refusal(capsys, line: str) -> str:
    assert main(["serve", *shlex.split(line)]) == 2
    [said] = capsys.readouterr().err.strip().splitlines()
    return said


def test_a_port_that_is_taken_is_one_line(capsys):
    pytest.importorskip("fastapi")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(capsys, f"--model {MODELS / 'tales-chat'} --port {port}")
    assert f"127.0.0.1:{port}" in said
    assert said.count("127.0.0.1") == 1
    assert "--port" in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--host 0.0.0.0", "give --api_key"),
        ("--api_key ''", "at least one character"),
        ("--max_texts 0", "max_texts is 0"),
        ("--port 99999", "port is 99999"),
        ("--max_tokns 5", "Did you mean"),
        ("--model no-such-model", "no-such-model"),
        ("--host no.such.host.invalid --api_key k", "another --port"),
    ],
)
def test_what_cannot_be_served_is_one_line(capsys, monkeypatch, tmp_path, line, words):
    pytest.importorskip("fastapi")
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    model = "" if "--model" in line else f"--model {MODELS / 'tales-chat'} "
    assert words in refusal(capsys, model + line)


def test_a_missing_package_is_named_as_pip_knows_it(capsys, monkeypatch):
    monkeypatch.setitem(needed.NEEDED, "no_such_package", "no-such-package")
    assert "pip install no-such-package" in refusal(capsys, "")


def test_an_address_of_another_machine_is_no_matter_of_the_port():
    pytest.importorskip("prometheus_client")
    from minigpt.serve.running import listen

    with pytest.raises(ConfigError, match="choose another --host"):
        listen(ServeSettings(host="192.0.2.1", port=0, api_key=("word",)))
