"""The Fine-tuning page before the start: a base, a method, examples, and the cost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import FinetuneConfig, RunConfig, TrainConfig
from minigpt.config.finetuning_recipes import default_training
from minigpt.datasets.conversations import Conversation
from minigpt.errors import ConfigError, DataError
from minigpt.library.catalogue import ModelEntry
from minigpt.preparation.finetuning_estimate import Examples, TuningEstimate
from minigpt.runs import RunStore
from minigpt.tokenizers.chat import Message, has_chat_tokens
from minigpt.worker import launch
from pages.finetuning import example as finetuning_example
from pages.finetuning import examples as examples_choice
from pages.finetuning import numbers, questions, tunings
from pages.finetuning.examples import segmented
from pages.finetuning.questions import Kinds
from pages.frame import models, state, words
from pages.frame.controls import settings
from pages.frame.guard import guard, show_note
from pages.frame.questions import predict

CHOICE = "tuning_choice"
"""The key of the region with all choices."""
METHODS = ("SFT", "DPO")
METHOD_HELP = "SFT learns right answers; DPO learns which of two answers is better."
CHANGE_HELP = (
    "Train all weights, or freeze them and train only small matrices beside "
    "them (LoRA)."
)
ALL, LORA = "all weights", "LoRA"
TARGETS = ("qkv", "output", "mlp")
SHORT = Conversation((Message("user", "Who sang?"), Message("assistant", "Mia.")))
"""Fits into every window."""
SETTLED = (
    *("max_steps", "num_epochs", "device", "num_threads", "compile", "shard"),
    *("tensorboard", "wandb_project"),
)


class Plan(NamedTuple):
    """What the reader has chosen so far."""

    config: RunConfig
    base: Checkpoint
    path: Path
    source: examples_choice.Source


def show(store: RunStore) -> Kinds:
    """Show the choices, one example as it will be learned, and the start.

    Returns:
        What to ask in the end.
    """
    question = st.container()
    left, right = st.container(key=CHOICE).columns([2, 3], gap="large")
    plan = examples = None
    with left, guard():
        plan = _choose()
    if plan is not None:
        with right, guard():
            examples = examples_choice.read(plan.config, plan.base, plan.source)
    with left, guard():
        _show_start(store, plan, examples)
    if plan is None:
        return []
    with right, guard():
        name = tunings.base_name(plan.path)
        # What cannot be learned is told above; what is masked can be seen still.
        found = [SHORT] if examples is None else [*examples.train]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            example = finetuning_example.choose(found, "new")
            st.markdown(f"**What it will learn**, as {words.plain(name)} reads it now")
        with question:
            may_show = predict(questions.masked([example, *found], plan.base))
        if may_show:
            finetuning_example.show(example, {name: plan.base}, [str(plan.path)])
        examples_in_order = [example, *finetuning_example.ordered(found)]
        return questions.before_a_tuning(examples_in_order, plan.base, plan.config)
    return []


def _choose() -> Plan | None:
    """Let the reader choose everything; None until there are examples."""
    method_column, change_column = st.columns([2, 3])
    with method_column:
        method = segmented("Method", list(METHODS), "method", help=METHOD_HELP)
    with change_column:
        change = segmented(
            "What may change", [ALL, LORA], "what_changes", help=CHANGE_HELP
        )
    kind: Literal["sft", "dpo"] = "sft" if method == "SFT" else "dpo"
    entry = _choose_base(kind)
    source = examples_choice.choose(kind)
    number = None if source is None else numbers.number_of(source.examples, kind)
    tuning, train = _choose_settings(kind, number, with_adapter=change == LORA)
    if source is None:
        return None
    path = entry.path.absolute()
    base = numbers.ready(path)
    if kind == "dpo" and not has_chat_tokens(models.load(path).tokenizer):
        show_note(
            f"{entry.id} has never seen a conversation. Preferences work best on a "
            "model that already answers: fine-tune it with SFT first, and choose "
            "that run as the base."
        )
    finetune = FinetuneConfig(
        method=kind, base=str(path), examples=source.examples, **tuning
    )
    return Plan(RunConfig(finetune=finetune, train=train), base, path, source)


def _choose_base(method: str) -> ModelEntry:
    """Let the reader choose the base: of preferences, by default one that answers.

    Raises:
        DataError: If there is no model yet.
    """
    known = {entry.id: entry for entry in models.entries()}
    if not known:
        raise DataError("There is no model yet. Train one on the Training page.")
    default = models.default_entry(list(known.values())).id
    if method == "dpo":
        tuned = tunings.answering_models()
        default = next(iter(tuned), default)
    key = f"base_of_{method}"
    if st.session_state.get(key) not in known:
        st.session_state.pop(key, None)
    chosen = st.selectbox(
        "Base",
        list(known),
        index=list(known).index(default),
        key=key,
        help="The model to start from. It is not changed: training writes a new one.",
        **state.BOUND,
    )
    return known[chosen]


def _choose_settings(
    method: str, number: int | None, *, with_adapter: bool
) -> tuple[dict[str, Any], TrainConfig]:
    """Let the reader change the few settings that matter, and behind them all others.

    Args:
        method: `sft` or `dpo`.
        number: How many examples a file of the reader's own has; None: tales.
        with_adapter: Whether LoRA was chosen.

    Raises:
        ConfigError: If a number is missing.
    """
    begin = default_training(method, has_adapter=with_adapter, examples=number)
    form = FinetuneConfig(method="sft", base="base", lora_rank=8)
    prefix = f"tune.{method}.{'lora' if with_adapter else 'all'}"
    names = ["max_steps", "learning_rate"]
    # Another file begins with another number of steps, and so with another field.
    own = prefix if number is None else f"{prefix}.{begin.max_steps}"
    train = settings.edit_some(begin, own, names, columns=2)
    tuning: dict[str, Any] = {}
    if with_adapter:
        fields = ["lora_rank", "lora_alpha"]
        tuning |= settings.edit_some(form, prefix, fields, columns=2)
        tuning["lora_targets"] = _choose_targets(prefix)
    if method == "dpo":
        tuning["beta"] = settings.field(form, "beta", prefix)
    with st.expander("All settings", icon=":material/tune:"):
        others = ["tales_examples", "validation_fraction"]
        others += ["packed"] if method == "sft" else []
        tuning |= settings.edit_some(form, prefix, others, columns=2)
        skip = (*SETTLED, "learning_rate", "checkpoint_steps")
        train |= settings.edit(begin, prefix, skip=skip, columns=2)
    missing = [name for name in (*train, *tuning) if _lacks({**train, **tuning}, name)]
    if missing:
        raise ConfigError(f"{missing[0]} is empty: type a number.")
    return tuning, TrainConfig(**{**begin.to_dict(), **train})


def _lacks(values: Mapping[str, Any], name: str) -> bool:
    return values[name] is None and name in ("max_steps", "learning_rate", "lora_rank")


def _choose_targets(prefix: str) -> tuple[str, ...]:
    """Let the reader choose which matrices get an adapter.

    Raises:
        ConfigError: If none is chosen.
    """
    chosen = st.pills(
        "lora_targets",
        TARGETS,
        selection_mode="multi",
        default=["qkv", "output"],
        key=f"{prefix}.lora_targets",
        help=FinetuneConfig.model_fields["lora_targets"].description,
        **state.BOUND,
    )
    if not chosen:
        raise ConfigError("lora_targets is empty: choose at least one kind of matrix.")
    return tuple(name for name in TARGETS if name in chosen)


def _show_start(store: RunStore, plan: Plan | None, examples: Examples | None) -> None:
    """Show what fine-tuning will cost, and the button that starts it."""
    is_ready = plan is not None and examples is not None
    estimate = None
    if plan is not None and examples is not None:
        estimate = numbers.estimate(plan.config, plan.base, examples)
        _show_estimate(estimate)
        examples_choice.say_what_an_adapter_cannot(plan.config, plan.base, examples)
    name_column, button_column = st.columns(2, vertical_alignment="bottom")
    name = name_column.text_input(
        "Name of the run",
        key="tuning_name",
        placeholder="default: from the time",
        help="a to z, 0 to 9, _ and -",
    )
    if button_column.button(
        "Start fine-tuning",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=not is_ready,
        help=None if is_ready else "Choose usable examples first.",
    ):
        assert plan is not None
        assert estimate is not None
        run = launch.start(
            store, plan.config, name.strip() or None, seconds=estimate.seconds
        )
        st.session_state["_started_tuning"] = run.id
        st.rerun()


def _show_estimate(found: TuningEstimate) -> None:
    share = found.learning / found.weights
    learns = "all of them" if share == 1 else f"{share:.1%} of the base’s"
    st.caption(
        f"**{words.count(found.learning)}** weights are trained, {learns} · "
        f"**{found.examples:,}** examples, each read "
        f"{words.times(found.passes, 1)}, and {found.held_out} held out · roughly "
        f"**{words.duration(found.seconds)}**"
    )


def open_started() -> None:
    """Choose the run that was just started. Call this before the widget of the run."""
    run_id = st.session_state.pop("_started_tuning", None)
    if run_id is not None:
        st.session_state["tuning"] = run_id
        state.forget_unknown("tuning")
