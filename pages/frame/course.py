"""The course: its lessons in order. Every name of a page comes from here.

The navigation, the path on Home, "Next lesson" and the tests that walk through all
pages follow this list. A lesson whose file is not there yet is left out.
"""

from copy import copy
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import streamlit as st

_ROOT: Final = Path(__file__).parents[2]


class Lesson(NamedTuple):
    """One page of the navigation."""

    path: str
    title: str
    icon: str
    section: str
    aha: str = ""
    """What a reader takes home, in one line. Pages without one are no lessons."""

    @property
    def name(self) -> str:
        """The page's name in the URL, in the session and in saved progress."""
        return Path(self.path).stem


HOME: Final = Lesson("pages/home/home.py", "Home", ":material/home:", "")

LESSONS: Final = tuple(
    lesson
    for lesson in (
        Lesson(
            "pages/tokenizer/tokenizer.py",
            "Tokenizer",
            ":material/extension:",
            "Understand",
            "Trained on other text, a tokenizer splits the same word differently.",
        ),
        Lesson(
            "pages/embeddings/embeddings.py",
            "Embeddings and positions",
            ":material/scatter_plot:",
            "Understand",
            "Without positions, “dog bites man” and “man bites dog” look the same.",
        ),
        Lesson(
            "pages/attention/attention.py",
            "Attention, step by step",
            ":material/center_focus_strong:",
            "Understand",
            "Attention is a weighted average; without ÷ √d, one token takes over.",
        ),
        Lesson(
            "pages/block/block.py",
            "Multi-head and block",
            ":material/layers:",
            "Understand",
            "Heads move information, MLPs transform it, the stream keeps it.",
        ),
        Lesson(
            "pages/learning/learning.py",
            "How a weight learns",
            ":material/calculate:",
            "Train",
            "One step is arithmetic, and it is the same for all weights.",
        ),
        Lesson(
            "pages/training/training.py",
            "Training",
            ":material/trending_down:",
            "Train",
            "The loss drops at the moment when an induction head forms.",
        ),
        Lesson(
            "pages/finetuning/finetuning.py",
            "Fine-tuning",
            ":material/school:",
            "Train",
            "A few hundred examples turn a storyteller into an assistant.",
        ),
        Lesson(
            "pages/head_explorer/head_explorer.py",
            "Head explorer",
            ":material/grid_view:",
            "Look inside",
            "A head that does one thing on this text may do another on the next.",
        ),
        Lesson(
            "pages/logit_lens/logit_lens.py",
            "Logit lens and attribution",
            ":material/search:",
            "Look inside",
            "You can see in which layer the answer overtakes its rival.",
        ),
        Lesson(
            "pages/intervene/intervene.py",
            "Intervene",
            ":material/content_cut:",
            "Look inside",
            "Ablate (switch off) one head, and another one stops working.",
        ),
        Lesson(
            "pages/compare/compare.py",
            "Compare",
            ":material/compare:",
            "Look inside",
            "The average loss can improve while some tokens get worse.",
        ),
        Lesson(
            "pages/generation/generation.py",
            "Generation",
            ":material/edit_note:",
            "Write",
            "The model gives probabilities; you decide how to choose from them.",
        ),
        Lesson(
            "pages/beam_search/beam_search.py",
            "Beam search",
            ":material/account_tree:",
            "Write",
            "The likeliest first token may not lead to the likeliest text.",
        ),
        Lesson(
            "pages/chat/chat.py",
            "Chat",
            ":material/forum:",
            "Write",
            "A chat model is a text model that has seen a format.",
        ),
    )
    if (_ROOT / lesson.path).is_file()
)

LIBRARY: Final = Lesson(
    "pages/library/library.py", "Library", ":material/inventory_2:", "Library"
)

PAGES: Final = (
    HOME,
    *LESSONS,
    *([LIBRARY] if (_ROOT / LIBRARY.path).is_file() else []),
)
"""Every page, as the navigation shows them."""


def navigation() -> dict[str, list[st.Page]]:
    """Return the pages by section, for `st.navigation`."""
    sections: dict[str, list[st.Page]] = {}
    for each, page in zip(PAGES, _looked_up(), strict=True):
        # A copy for each run: Streamlit notes in it whether it may be run now.
        sections.setdefault(each.section, []).append(copy(page))
    return sections


@cache
def _looked_up() -> list[st.Page]:
    """Look up every page's file once: it is resolved, checked and named."""
    return [
        st.Page(
            _ROOT / each.path, title=each.title, icon=each.icon, default=each == HOME
        )
        for each in PAGES
    ]


def lesson_named(name: str) -> Lesson | None:
    """Return the lesson of a name in the URL; None for other pages."""
    return next((lesson for lesson in LESSONS if lesson.name == name), None)


def after(lesson: Lesson) -> Lesson | None:
    """Return the lesson that follows; None after the last."""
    place = LESSONS.index(lesson) + 1
    return LESSONS[place] if place < len(LESSONS) else None
