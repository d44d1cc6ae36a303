"""What is printed on a terminal cannot command it."""

import os
import sys

import pytest

from minigpt.cli import main, output
from minigpt.cli.progress import PlainLines, ProgressBar
from minigpt.training.callbacks import StepRecord

HOSTILE = {
    "clear the screen": "\x1b[2J\x1b[H",
    "retitle the window": "\x1b]0;owned\x07",
    "a link": "\x1b]8;;http://evil.example\x1b\\here",
    "go back over the line": "harmless\rrm -rf",
    "take back letters": "evil\b\b\b\b",
    "an 8-bit escape": "\x9b31m",
    "a device query": "\x1b[6n",
    "delete": "a\x7f",
    "a zero byte": "a\0b",
    "turn a line around": "correct\u202e.on",
}


def shown_on_a_terminal(monkeypatch, text):
    """Print a result and a remark on a real terminal, and return what it gets."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    outside, inside = pty.openpty()
    with os.fdopen(inside, "w", encoding="utf-8", newline="") as screen:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            patch.setattr(sys, "stderr", screen)
            output.say(text)
            output.note(text)
        got = b""
        while got.count(b"\n") < 2:
            got += os.read(outside, 4096)
    os.close(outside)
    return got.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("what", HOSTILE)
def test_a_terminal_is_shown_control_characters_and_obeys_none(monkeypatch, what):
    shown = shown_on_a_terminal(monkeypatch, f"é{HOSTILE[what]}")
    assert shown.count("é") == shown.count("\n") == 2
    assert not any(ord(char) < 32 and char != "\n" for char in shown), shown
    assert not any(127 <= ord(char) < 160 for char in shown)
    assert "\\" in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("what", HOSTILE)
def test_into_a_pipe_a_result_goes_as_it_is(capsys, what):
    output.say(HOSTILE[what])
    output.note(HOSTILE[what])
    out, err = capsys.readouterr()
    assert out == HOSTILE[what] + "\n"
    assert "\x1b" not in err


def test_an_error_that_quotes_what_was_typed_is_harmless(capsys):
    assert main(["\x1b[2Jtrain"]) == 2
    assert "\\x1b[2Jtrain" in capsys.readouterr().err


def steps_on(machine):
    """Describe steps, one for each given slowdown."""
    return [
        StepRecord(
            step=step, total_steps=9, epoch=1, loss=2.0, average_loss=2.0,
            learning_rate=1e-3, gradient_norm=1.0, tokens_seen=step,
            tokens_per_second=50.0, eta_seconds=7.0, slower=slower,
        )
        for step, slower in enumerate(machine, 1)
    ]  # fmt: skip


def test_a_log_says_how_busy_the_machine_is(capsys):
    for record in steps_on([2.04, 1.2]):
        PlainLines(9).on_step(record)
    assert capsys.readouterr().out.splitlines() == [
        "step 1/9: loss 2.000, 50 tokens/s, 7 s left. "
        "This machine is busy: about 2 × slower.",
        "step 2/9: loss 2.000, 50 tokens/s, 7 s left",
    ]


def test_above_the_bar_it_says_so_when_that_begins_and_when_it_ends(capsys):
    with ProgressBar(9) as bar:
        for record in steps_on([None, 1.2, 2.04, 2.5, 1.1, 1.0]):
            bar.on_step(record)
    printed = capsys.readouterr().out
    assert printed.count("This machine is busy: about 2 × slower.") == 1
    assert printed.count("This machine is free again.") == 1
