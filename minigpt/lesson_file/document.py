"""Writes the lesson file: a page with its style, its scripts, a model, a tokenizer.

The page's own policy forbids every request, and every script but its own: their hashes
stand in its head. What a user or a model wrote is data, and is only ever shown as text.
"""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from minigpt.checkpoint import Checkpoint
from minigpt.lesson_file import bundle, views
from minigpt.lesson_file.contents import LESSONS, contents, require_lesson
from minigpt.lesson_file.snapshots import packed_steps
from minigpt.runs.checkpoints import SavedStep
from minigpt.tokenizers.base import checked_text

HERE = Path(__file__).parent

FALLBACK_PROMPT = "Once upon a time there was a"


def lesson_file(
    checkpoint: Checkpoint,
    *,
    name: str,
    lesson: str = "head_explorer",
    prompt: str = FALLBACK_PROMPT,
    head: tuple[int, int] = (0, 0),
    steps: Sequence[SavedStep] = (),
) -> str:
    """Write a model and the lessons about it as one HTML page.

    Args:
        checkpoint: A transformer; see `contents.why_not`.
        name: The model's, for the page's title.
        lesson: Which of `LESSONS` it opens with.
        prompt: The text that it opens with.
        head: The layer and the head that it opens with.
        steps: The saved steps of its training; as many go along as there is room for.

    Raises:
        ConfigError: If the lesson has no file, or the model cannot be put into one.
        DataError: If the prompt or the name is no text that a file can hold.
    """
    require_lesson(lesson)
    checked_text(prompt)
    checked_text(name)
    made = contents(checkpoint)
    earlier = packed_steps(checkpoint, steps) if steps else {}
    begin: dict[str, Any] = {"name": name, "lesson": lesson, "prompt": prompt}
    begin |= {"head": list(head), "steps": []}
    if earlier:
        now = checkpoint.metadata.step
        begin |= {"step": now, "steps": sorted([*earlier, now])}
    # "</script>" in a name or a token must not end the data.
    data = json.dumps(made.settings | begin, ensure_ascii=False).replace("<", "\\u003c")
    script, style = page_script(), page_style()
    page = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(lesson_title(name, lesson)),
        script_hash=_hash(script),
        style_hash=_hash(style),
        style=style,
        settings=data,
        weights=made.weights,
        earlier="\n".join(
            f'<script type="text/plain" id="weights_{step}">{weights}</script>'
            for step, weights in earlier.items()
        ),
        script=script,
    )


def lesson_title(name: str, lesson: str) -> str:
    """Return what a lesson file is called: the model, and what it opens with."""
    return f"{name} · {LESSONS[lesson]}"


def page_script() -> str:
    """Return everything that runs in the page."""
    return f"\n{views.scripts()}\n{bundle.joined(HERE / 'lessons' / 'page.js')}"


def page_style() -> str:
    """Return the page's style sheet."""
    own = [views.own_style(name) for name in ("page", "figures")]
    return "\n" + "".join([views.palette(), *own])


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"
