"""Library: what is here, what it cost, and where it comes from.

Learning goal: a model is its weights, its tokenizer, and the line that made them.
"""

import streamlit as st

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.library.inventory import Facts, TextFacts
from pages.frame import lesson, notebook, state
from pages.frame.guard import guard, show_note
from pages.frame.questions import check
from pages.library import bring, card, questions, serving, shelves, trash
from pages.library.shelves import MODELS, RUNS, SHELVES, TEXTS

EMPTY = {
    MODELS: "No model yet. Train one, which takes a minute, or add one below.",
    RUNS: (
        "No run yet. Every training run that you start is listed here, with "
        "everything it saved."
    ),
    TEXTS: (
        "No text of your own yet. The built-in tales need no file; you can add "
        "texts below."
    ),
}


def show_shelf(shelf: str) -> None:
    """Show what stands on a shelf, the chosen piece of it, and how to bring more."""
    found = shelves.facts(shelf)
    left, right = st.columns([3, 2], gap="large")
    with left:
        chosen = shelves.choose(shelf, found) if found else None
        if chosen is None:
            show_note(EMPTY[shelf])
        if isinstance(chosen, Facts) and chosen.has_model:
            show_code(chosen)
        bring.show(shelf, is_empty=not found)
    with right, guard():
        if isinstance(chosen, TextFacts):
            card.show_text(chosen)
        elif chosen is not None:
            card.show(chosen)


def show_code(facts: Facts) -> None:
    """Show the lines that load the chosen model."""
    notebook.show(
        "selected model",
        load_checkpoint,
        "sum(p.numel() for p in model.parameters())",
        drawn=facts.num_parameters,
        begin=notebook.naming(model=f"minigpt.load({str(facts.path)!r}).model"),
    )


lesson.open(
    "Library", "A model is its weights, its tokenizer, and the command that trained it."
)
with guard():
    trash.show_problem_of_before()
    with st.container(horizontal=True, vertical_alignment="center"):
        shelf = st.segmented_control(
            "Shelf",
            SHELVES,
            default=MODELS,
            required=True,
            key="shelf",
            label_visibility="collapsed",
            **state.BOUND,
        )
        trash.show()
    serving.show_running()
    show_shelf(shelf)
with guard():
    lesson.explain(
        "A checkpoint is a folder of three files: **config.json** says what the "
        "model is, **tokenizer.json** how text becomes tokens, "
        "**model.safetensors** holds the weights, four bytes each "
        "(quantized: fewer). None of them can run code. Older formats (pickles) can, "
        "so they are never read.\n\nThe **loss** is in nats per token of the model's "
        "own tokenizer, so compare it only between models with the same tokenizer. "
        "The **fingerprint** identifies the training text: if one letter "
        "changes, it changes too.",
        save_checkpoint,
        load_checkpoint,
    )
    check([[each] for each in questions.about(shelves.facts(MODELS))])
