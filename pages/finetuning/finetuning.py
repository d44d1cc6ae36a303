"""Fine-tuning: from a model that continues texts to one that answers.

Learning goal: fine-tuning is training with another loss. SFT leaves the prompt out of
it, LoRA learns a small change beside frozen weights, DPO compares two answers.
"""

import streamlit as st

from minigpt.finetuning.preferences import dpo_loss
from minigpt.finetuning.supervised import supervised_example
from minigpt.model.lora import LoRALinear
from minigpt.places import data_directory
from minigpt.runs import RunStore
from pages.finetuning import set_up, watch
from pages.finetuning import tour as finetuning_tour
from pages.finetuning.tunings import NEW, default_tuning, every_tuning, to_tour
from pages.frame import lesson, state
from pages.frame.controls import tour
from pages.frame.guard import guard, show_problem
from pages.frame.questions import check

START = "Choose a base model, a method and examples, and start. Or open an earlier run."

tour_button = lesson.open(
    "Fine-tuning",
    "Fine-tuning is more training, on chosen examples: see what changes in "
    "the model and what does not.",
)
store = RunStore(data_directory() / "runs")
with guard():
    tunings = every_tuning(store)
    set_up.open_started()
    options = [NEW, *tunings]
    state.keep_possible("tuning", options, "tuning")
    choice, told = st.columns([2, 3], vertical_alignment="bottom")
    chosen = choice.selectbox(
        "Tuning",
        options,
        index=default_tuning(options),
        key="tuning",
        on_change=state.forget_unknown,
        args=("tuning",),
        help=(
            "Start a new run, or open an earlier one. The page's address keeps the "
            "choice."
        ),
        **state.BOUND,
    )
    if note := st.session_state.get("_unknown_tuning"):
        show_problem(f"{note} What you see is the default.")
    with told:
        if chosen == NEW:
            st.caption(START)
        else:
            watch.introduce(tunings[chosen])
    if (toured := to_tour(tunings, chosen)) is not None:
        tour.offer(tour_button, lambda: finetuning_tour.stops(toured))
    asked = set_up.show(store) if chosen == NEW else watch.show(tunings[chosen])
    lesson.explain(
        "**SFT** (supervised fine-tuning) uses the loss of pretraining, but only on "
        "the answer: the grey tokens of the prompt are read, not learned. To train "
        "less, **LoRA** freezes every weight matrix W and learns two thin ones beside "
        "it: W + B·A. Weights without a pair stay as in the base. **DPO** (direct "
        "preference optimization) has no right answer, only a better one and a worse "
        "one. It raises the *margin*: how much more likely the better answer became "
        "than the worse, compared with a frozen copy, the reference.\n\nThe base has "
        "read many stories like these. Fine-tuning teaches it to answer when it is "
        "asked. A head whose attention changed need not matter: ablate it (switch it "
        "off) and see.",
        supervised_example,
        LoRALinear,
        dpo_loss,
    )
    check(asked)
