"""What the container's files promise is so: paths, port, options, names.

No image is built here; docs/hosting.md says how to.
"""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from streamlit_server import serve

from minigpt.places import data_directory

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
HOSTING = (ROOT / "docs/hosting.md").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, each with its arguments."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line]


def last(name: str) -> str:
    return [arguments for each, arguments in instructions() if each == name][-1]


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(last("ENV")))


def started_with(*arguments: str, **settings: str) -> list[str]:
    """Run the image's entry point with a `minigpt` that says what it was given."""
    shell, flag, script, name = json.loads(last("ENTRYPOINT"))
    script = f'minigpt() {{ printf "%s\\n" "$@"; }}; {script.removeprefix("exec ")}'
    done = subprocess.run([shell, flag, script, name, *arguments], env=settings,
                          capture_output=True, text=True, check=True)  # fmt: skip
    return done.stdout.splitlines()


def parsed(words: list[str]):
    assert words[0] == "app"
    return serve["parse"](words[1:])


@pytest.mark.skipif(not shutil.which("sh"), reason="the container's shell")
def test_the_image_starts_the_app_for_the_network():
    assert "minigpt" in PROJECT["project"]["scripts"]
    options = parsed(started_with())
    assert options.share
    assert not options.browser
    assert options.allow_host == options.allow_frame == []
    assert f"EXPOSE {options.port}" in DOCKERFILE
    assert f":{options.port}/_stcore/health" in last("HEALTHCHECK")
    assert f"app_port: {options.port}" in HOSTING


@pytest.mark.skipif(not shutil.which("sh"), reason="the container's shell")
def test_a_space_s_name_and_more_options_reach_the_app():
    words = started_with("--allow-host", "b c", SPACE_HOST="me-minigpt.hf.space")
    options = parsed(words)
    assert options.allow_host == ["me-minigpt.hf.space", "b c"]
    assert options.allow_frame == ["https://huggingface.co"]


def test_the_app_runs_without_root_s_rights_and_may_write_its_data(monkeypatch):
    monkeypatch.setenv("MINIGPT_DATA", environment()["MINIGPT_DATA"])
    volume = str(data_directory())
    assert last("VOLUME") == volume
    user = last("USER")
    assert user.isdigit()
    assert int(user) > 0
    made = next(words for name, words in instructions() if "useradd" in words)
    assert f"--uid {user} " in made
    assert f"--owner={user} {volume}" in made


def admitted() -> set[str]:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return {rule[1:] for rule in rules if rule.startswith("!")}


def test_all_that_the_wheel_is_made_of_goes_into_the_build_and_nothing_else():
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {path.strip("/") for path in wheel["include"]} - {"data/models"}
    needed |= set(wheel["force-include"])
    needed |= {"pyproject.toml", "requirements.txt", PROJECT["project"]["readme"]}
    tracked = re.findall(r"^!(data/models/\w.*)/$", (ROOT / ".gitignore").read_text(),
                         re.M)  # fmt: skip
    assert len(tracked) == 4
    assert admitted() == needed | set(tracked) | {"LICENSE"}
    assert all((ROOT / path).exists() for path in admitted())


def test_torch_is_the_one_that_launch_takes():
    index = re.search(r"--index-url=(\S+?)[\"\s]", (ROOT / "launch.py").read_text())[1]
    assert f"ARG TORCH_INDEX={index}" in DOCKERFILE
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert len([line for line in pins if line.startswith("torch==")]) == 1


def test_the_extras_that_are_named_exist():
    named = re.findall(r"\[([\w,]+)\]", " ".join(re.findall(r"EXTRAS=\S+", HOSTING)))
    assert named
    offered = PROJECT["project"]["optional-dependencies"]
    assert set(",".join(named).split(",")) <= set(offered)


def test_the_proxy_leads_to_the_app_and_waits_until_it_is_well():
    app, proxy = COMPOSE["services"]["app"], COMPOSE["services"]["proxy"]
    port = last("EXPOSE")
    assert proxy["command"][-1] == f"app:{port}"
    assert proxy["depends_on"]["app"]["condition"] == "service_healthy"
    name = proxy["command"][proxy["command"].index("--from") + 1]
    assert app["command"] == ["--allow-host", name]
    assert parsed(["app", *app["command"]]).allow_host == [name]
    assert f"data:{last('VOLUME')}" in app["volumes"]
    assert "ports" not in app  # only through the proxy


@pytest.mark.skipif(not shutil.which("sh"), reason="the container's shell")
def test_a_codespace_s_name_reaches_the_app():
    text = (ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8")
    settings = json.loads(re.sub(r"^ *//.*$", "", text, flags=re.M))
    command = settings["postAttachCommand"].removeprefix("python3 launch.py")
    assert command != settings["postAttachCommand"]
    script = f'set -- {command}; printf "%s\\n" "$@"'
    theirs = {
        "CODESPACE_NAME": "blue-kite",
        "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.github.dev",
    }
    for names, allowed in ({}, []), (theirs, ["blue-kite-8501.app.github.dev"]):
        said = subprocess.check_output(["sh", "-c", script], env=names, text=True)
        options = parsed(["app", *said.splitlines()])
        assert options.allow_host == allowed
        assert settings["forwardPorts"] == [options.port]
