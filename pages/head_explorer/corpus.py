"""A head in text that the model never saw, and without it: two tabs of the explorer."""

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.corpora import Windows
from minigpt.interpret.heads.corpus_examples import (
    CorpusExamples,
    HeadExample,
    corpus_examples,
)
from minigpt.interpret.heads.held_out_scores import WINDOWS
from minigpt.interpret.interventions.ablation import loss_over, measure
from minigpt.interpret.interventions.interventions import Ablation, How
from minigpt.interpret.interventions.parts import Head
from minigpt.interpret.reading.prompt import Reading
from minigpt.model import TransformerLM
from minigpt.textbook.interventions import ablation_hooks
from pages.frame import corpora, notebook, provenance, state
from pages.frame.reading import Place
from pages.frame.remember import remember
from pages.head_explorer import held_out
from viz.components.reading_examples.view import ReadingExample, reading_examples
from viz.effects import before_after_bars

EXAMPLES = 4
"""The strongest, and as many at random."""

FEWER = 16
"""Windows that a large model is shown in."""

HOW: dict[str, How] = {"zero": "zero", "its mean": "mean"}


def show_examples(checkpoint: Checkpoint, place: Place) -> None:
    """Show where the head reads hardest in held-out text, and where by chance."""
    model = checkpoint.model
    is_quick = held_out.seconds(model.config) <= held_out.QUICK
    count = WINDOWS if is_quick else FEWER
    text = corpora.held_out_text(checkpoint, count)
    if text.windows.shape[1] < 2:
        st.caption(
            "This model reads only one token at a time: there is nothing to attend to."
        )
        return
    found = _examples(model, text.windows, place.layer, place.head, EXAMPLES)
    _show_kinds(checkpoint, text.windows, found)
    first, hook = found.strongest[0], f"blocks.{place.layer}.attn.hook_pattern"
    window = text.windows[first.window]
    cell = (0, place.head, first.query, first.key)
    provenance.show(checkpoint, window, hook, cell)
    length = text.windows.shape[1]
    st.caption(
        f"{count} windows of {length} tokens: {text.description}. The framed token "
        "reads the others: the darker a token, the larger its weight. An example is "
        "strong if its largest weight lies far above the mean of this head's rows with "
        "as many tokens to read; rows with only a few are left out, since with only "
        "two tokens to read, one of them gets a lot anyway. The number above is the "
        "strongest example's."
    )
    asked = f"{place.layer}, {place.head}, {EXAMPLES}"
    notebook.show(
        "examples",
        corpus_examples,
        f"[example.weight for kind in corpus_examples(model, windows, {asked}) "
        "for example in kind]",
        drawn=[example.weight for kind in found for example in kind],
        begin=notebook.opening_with_windows(count),
    )


def _show_kinds(
    checkpoint: Checkpoint, windows: Windows, found: CorpusExamples
) -> None:
    """Show the strongest and the random ones beside one of each tenth."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            f"**The {len(found.strongest)} strongest examples**, selected by weight"
        )
        _show_rows(checkpoint, windows, found.strongest, "strongest")
        st.markdown(f"**{len(found.random)} examples drawn at random**, not selected")
        _show_rows(checkpoint, windows, found.random, "random")
    with right:
        st.markdown("**One example of each tenth**, the strongest tenth first")
        _show_rows(checkpoint, windows, found.deciles, "deciles")


def _show_rows(
    checkpoint: Checkpoint, windows: Windows, examples: list[HeadExample], kind: str
) -> None:
    pieces = [
        checkpoint.tokenizer.pieces(windows[each.window, : each.query + 1])
        for each in examples
    ]
    rows = [
        ReadingExample(text, example.row)
        for text, example in zip(pieces, examples, strict=True)
    ]
    reading_examples(rows, key=f"examples_{kind}")


def show_without(checkpoint: Checkpoint, reading: Reading, place: Place) -> None:
    """Show what the model predicts without this head, and what that costs."""
    layer, head = place.layer, place.head
    chosen = st.segmented_control(
        f"Replace what L{layer}H{head} writes by",
        list(HOW),
        default="zero",
        required=True,
        key="head_cut",
        help="The mean is over all positions of the held-out windows.",
        **state.BOUND,
    )
    how, model = HOW[chosen], checkpoint.model
    windows = corpora.windows(checkpoint)
    ablation = Ablation(Head(layer, head), how)
    effect = _effect(model, reading.tokens, [ablation], windows)
    before, after = _loss(model, windows), _loss(model, windows, Head(layer, head), how)
    left, right = st.columns([3, 2], gap="large")
    pieces = checkpoint.tokenizer.pieces(range(len(effect.before)))
    with left:
        bars = before_after_bars(pieces, effect.before, effect.after, shown=6)
        st.vega_lite_chart(bars.spec)
        others = ", windows" * (how != "zero")
        hooks = f"ablation_hooks(model, ['L{layer}H{head} {how}']{others})"
        notebook.show(
            "without it",
            ablation_hooks,
            f"model.run_with_hooks(tokens, {hooks})[0, -1].softmax(-1)",
            drawn=effect.after,
            begin=notebook.opening_with_windows() if others else None,
        )
    with right:
        st.metric("KL, before ‖ after", f"{effect.kl:.3f} nats")
        st.metric(
            "Loss on held-out text",
            f"{after:.3f} nats",
            f"{after - before:+.3f} without L{layer}H{head}",
            delta_color="inverse",
        )
        st.caption("To ablate other parts, or several at once, use the Intervene page.")


_examples = remember(128, spinner="Reading the corpus …")(corpus_examples)
_effect = remember(128)(measure)


@remember(512, spinner="Reading the corpus without it …")
def _loss(
    model: TransformerLM, windows: Windows, head: Head | None = None, how: How = "zero"
) -> float:
    """Return the mean loss of the windows without a head; None: the whole model."""
    ablations = [] if head is None else [Ablation(head, how)]
    return float(loss_over(model, windows, ablations).mean())
