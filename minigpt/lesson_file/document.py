"""Writes the lesson file: a page with its style, its scripts, a model, a tokenizer.

The page's own policy forbids every request, and every script but its own: their hashes
stand in its head. What a user or a model wrote is data, and is only ever shown as text.
"""

import base64
import json
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template

from minigpt.checkpoint import Checkpoint
from minigpt.lesson_file import bundle, views
from minigpt.lesson_file.contents import LESSONS, contents, require_lesson

HERE = Path(__file__).parent

FALLBACK_PROMPT = "Once upon a time there was a"


def lesson_file(
    checkpoint: Checkpoint,
    *,
    name: str,
    lesson: str = "head_explorer",
    prompt: str = FALLBACK_PROMPT,
    head: tuple[int, int] = (0, 0),
) -> str:
    """Write a model and the lessons about it as one HTML page.

    Args:
        checkpoint: A transformer; see `contents.why_not`.
        name: The model's, for the page's title.
        lesson: Which of `LESSONS` it opens with.
        prompt: The text that it opens with.
        head: The layer and the head that it opens with.

    Raises:
        ConfigError: If the lesson has no file, or the model cannot be put into one.
    """
    require_lesson(lesson)
    made = contents(checkpoint)
    begin = {"name": name, "lesson": lesson, "prompt": prompt, "head": list(head)}
    # "</script>" in a name or a token must not end the data.
    data = json.dumps(made.settings | begin, ensure_ascii=False).replace("<", "\\u003c")
    script, style = page_script(), page_style()
    page = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"{name} · {LESSONS[lesson]}"),
        script_hash=_hash(script),
        style_hash=_hash(style),
        style=style,
        settings=data,
        weights=made.weights,
        script=script,
    )


def page_script() -> str:
    """Return everything that runs in the page."""
    return f"\n{views.scripts()}\n{bundle.joined(HERE / 'lessons' / 'page.js')}"


def page_style() -> str:
    """Return the page's style sheet."""
    return f"\n{views.palette()}{(HERE / 'page.css').read_text(encoding='utf-8')}"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"
