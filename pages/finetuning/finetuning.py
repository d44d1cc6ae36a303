"""Fine-tuning: from a model that continues texts to one that answers.

Learning goal: fine-tuning is training with another loss. SFT leaves the prompt out of
it, LoRA learns a small change beside frozen weights, DPO compares two answers.
"""

import streamlit as st

from minigpt.finetuning.preferences import dpo_loss
from minigpt.finetuning.supervised import supervised_example
from minigpt.model.lora import LoRALinear
from minigpt.runs import RunStore, data_directory
from pages.finetuning import set_up, watch
from pages.finetuning.tunings import default_tuning, every_tuning
from pages.frame import lesson, state
from pages.frame.guard import guard, show_problem
from pages.frame.questions import check

NEW = "new tuning"
START = "Choose a base, a method and examples, and start; or open one that is there."

lesson.open(
    "Fine-tuning",
    "Fine-tuning is training with another loss: what it learns, what it leaves alone.",
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
        help="Start a new one, or open one that is there. The link keeps the choice.",
        **state.BOUND,
    )
    if note := st.session_state.get("_unknown_tuning"):
        show_problem(f"{note} What you see is the default.")
    with told:
        if chosen == NEW:
            st.caption(START)
        else:
            watch.introduce(tunings[chosen])
    asked = set_up.show(store) if chosen == NEW else watch.show(tunings[chosen])
    lesson.explain(
        "**SFT** is pretraining’s loss with the prompt masked: gray tokens are read, "
        "only the answer is learned. **LoRA** freezes every weight W and learns two "
        "thin matrices beside it: W + B·A. Weights without such a pair stay exactly "
        "the base’s. **DPO** has no right answer, only a better and a worse: "
        "it raises the *margin* between how much likelier each became than under the "
        "frozen reference.\n\n"
        "The base has read many such stories. Fine-tuning teaches *when* to say what: "
        "after a question, its answer. A head whose attention changed need not matter: "
        "ablate it and see.",
        supervised_example,
        LoRALinear,
        dpo_loss,
    )
    check(asked)
