"""Node, which runs the scripts of a lesson file without a browser."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ANSWER = Path(__file__).with_name("answer.mjs")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Return the way to ask node several questions at once."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    place = tmp_path_factory.mktemp("node")

    def ask(questions):
        asked, answered = place / "questions.json", place / "answers.json"
        asked.write_text(json.dumps(questions), encoding="utf-8")
        command = [program, str(ANSWER), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(answered.read_text(encoding="utf-8"))

    return ask
