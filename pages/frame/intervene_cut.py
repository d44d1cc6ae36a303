"""Cut: take a part of the model away, and see what it was for."""

import math
from collections.abc import Sequence

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.causes import Circuit, State, find_circuit
from minigpt.interpret.effects import Effect
from minigpt.interpret.interventions import Cut
from minigpt.interpret.reading import Reading
from pages.frame import intervene_code, intervene_numbers, notebook, provenance
from pages.frame.intervene_choose import choose, cut_list, set_cuts
from pages.frame.intervene_questions import which_head
from pages.frame.questions import predict
from pages.frame.reading import read
from pages.frame.words import plain
from viz.components import value_grid
from viz.effects import before_after_bars, change_grid

COPYING_PROMPT = "Mia met Tom . the sun was up . then Ana fed Sam . Mia met"

SCORES = {
    "induction": "induction",
    "previous token": "previous_token",
    "first token": "first_token",
}


def show(checkpoint: Checkpoint) -> Reading:
    """Show the prompt, what is cut, and everything that this changes."""
    reading = read(checkpoint)
    prediction = which_head(checkpoint, reading)
    if prediction is not None:
        predict(prediction)
    whole = intervene_numbers.state_under_cuts(checkpoint, ())
    circuit = find_circuit(whole.scores)
    if circuit is not None:
        _offer_story(circuit, whole)
    left, right = st.columns([5, 6], gap="large")
    with right:
        cuts = cut_list(checkpoint, len(reading.tokens))
        effect = intervene_numbers.effect(checkpoint, reading.tokens, cuts)
        _show_next_token(checkpoint, cuts, effect)
    with left:
        choose(checkpoint, reading, cuts)
        _show_texts(checkpoint, reading, cuts)
    if cuts:
        _show_consequences(checkpoint, cuts, whole, circuit)
        hook, index = cuts[-1].part.example(len(reading.tokens))
        st.caption(f"One of the numbers that {cuts[-1].part} changes, before the cut:")
        provenance.show(checkpoint, reading.tokens, hook, index)
    return reading


def _offer_story(circuit: Circuit, whole: State) -> None:
    previous, control, induction = circuit.previous, circuit.control, circuit.induction
    looks = whole.scores.previous_token[previous.layer, previous.head]
    copies = whole.scores.induction[induction.layer, induction.head]
    with st.container(border=True, key="story"):
        st.markdown(
            f"**Try it.** In random words said twice, **{previous}** reads the word "
            f"before ({looks:.2f}) and **{induction}** what came next last time "
            f"({copies:.2f}). Does {induction} need the other? Cut one at a time."
        )
        row = st.container(horizontal=True)
        row.button(
            f"Cut {previous}",
            icon=":material/content_cut:",
            on_click=set_cuts,
            args=([f"{previous} zero"], COPYING_PROMPT),
        )
        row.button(
            f"Cut the control, {control}",
            icon=":material/content_cut:",
            on_click=set_cuts,
            args=([f"{control} zero"], COPYING_PROMPT),
        )
        row.button(
            "Cut nothing", type="tertiary", on_click=set_cuts, args=([], COPYING_PROMPT)
        )


def _show_next_token(
    checkpoint: Checkpoint, cuts: Sequence[Cut], effect: Effect
) -> None:
    tokenizer = checkpoint.tokenizer
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_moved(pieces, effect, bool(cuts)))
        st.space("stretch")
        body = intervene_code.cutting(checkpoint.model, cuts, _size(checkpoint))
        notebook.code(
            "next token",
            body + "logits = model.run_with_hooks(tokens, edits)\n"
            "after = logits[0, -1].softmax(-1).detach()",
            variable="after",
            drawn=effect.after,
        )
    st.altair_chart(before_after_bars(pieces, effect.before, effect.after))


def _moved(pieces: Sequence[str], effect: Effect, is_cut: bool) -> str:
    """Say what the prompt's likeliest token was and is."""
    first, now = int(effect.before.argmax()), int(effect.after.argmax())
    named = f"**{plain(pieces[first].strip() or repr(pieces[first]))}**"
    if not is_cut:
        return f"Next token, whole model: {named} {effect.before[first]:.3f}."
    words = (
        f"Next token: {named} {effect.before[first]:.3f} → {effect.after[first]:.3f}; "
        f"KL {effect.kl:.3f} nats."
    )
    if now != first:
        likeliest = plain(pieces[now].strip() or repr(pieces[now]))
        words += f" Now likeliest: **{likeliest}** {effect.after[now]:.3f}."
    return words


def _show_texts(checkpoint: Checkpoint, reading: Reading, cuts: Sequence[Cut]) -> None:
    st.caption(f"The likeliest next {intervene_numbers.WRITTEN} tokens")
    for name, made in (("before", ()), ("after", cuts)) if cuts else (("whole", ()),):
        text = intervene_numbers.continuation(checkpoint, reading.tokens, made)
        with st.container(key=f"continuation_{name}"):
            st.text(f"{name}: …{text}")


def _show_consequences(
    checkpoint: Checkpoint,
    cuts: Sequence[Cut],
    whole: State,
    circuit: Circuit | None,
) -> None:
    now = intervene_numbers.state_under_cuts(checkpoint, cuts)
    left, right = st.columns([5, 6], gap="large")
    with left:
        _show_losses(checkpoint, cuts, whole, now)
        if len(cuts) == 2:
            _show_pair(checkpoint, cuts[0], cuts[1])
    with right:
        _show_scores(checkpoint, cuts, whole, now, circuit)


def _show_losses(
    checkpoint: Checkpoint, cuts: Sequence[Cut], whole: State, now: State
) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.metric(
        "Loss over held-out text, nats per token",
        f"{now.loss:.3f}",
        f"{now.loss - whole.loss:+.3f} (was {whole.loss:.3f})",
        delta_color="inverse",
        delta_arrow="off",
    )
    if not math.isnan(whole.copying_loss):
        row.metric(
            "… where a pair comes again",
            f"{now.copying_loss:.3f}",
            f"{now.copying_loss - whole.copying_loss:+.3f} "
            f"(was {whole.copying_loss:.3f})",
            delta_color="inverse",
            delta_arrow="off",
            help="Over tokens that could be copied: the same two tokens stood one "
            "after the other before, in the same window.",
        )
    size = _size(checkpoint)
    body = intervene_code.cutting(checkpoint.model, cuts, size)
    notebook.code(
        "loss",
        intervene_code.reading(size)
        + "\n"
        + body
        + "logits = model.run_with_hooks(windows, edits)[:, :-1].detach()\n"
        "loss = torch.nn.functional.cross_entropy(\n"
        "    logits.flatten(0, 1), windows[:, 1:].flatten()).item()",
        variable="loss",
        drawn=now.loss,
    )


def _show_pair(checkpoint: Checkpoint, first: Cut, second: Cut) -> None:
    found = intervene_numbers.pair_effect(checkpoint, first, second)
    verdict = "more than the sum: each covers for the other"
    if found.interaction < 0:
        verdict = "less than the sum: they are needed for the same thing"
    st.markdown(
        f"**The pair.** Rise of the loss in nats: {plain(str(first))} alone "
        f"{found.first:+.3f}, {plain(str(second))} alone {found.second:+.3f}, both "
        f"{found.both:+.3f}. Interaction {found.interaction:+.3f}, {verdict}."
    )


def _show_scores(
    checkpoint: Checkpoint,
    cuts: Sequence[Cut],
    whole: State,
    now: State,
    circuit: Circuit | None,
) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Where the heads look while this is cut",
            list(SCORES),
            default="induction" if circuit else "previous token",
            required=True,
            key="cut_score",
            help="Mean weight over random tokens said twice, before → after the cut.",
        )
        st.space("stretch")
        name = SCORES[chosen]
        before, after = getattr(whole.scores, name), getattr(now.scores, name)
        body = intervene_code.cutting(checkpoint.model, cuts, _size(checkpoint))
        notebook.code(
            "scores",
            "from minigpt.interpret.probes import (\n"
            "    familiar_tokens, repeated_tokens, scores_on)\n"
            + intervene_code.reading(_size(checkpoint))
            + "\nfamiliar = familiar_tokens(tokenizer, windows.numpy())\n"
            "repeated = repeated_tokens(familiar, model.config.max_seq_len)\n"
            + body
            + "with model.hooks(edits):\n"
            f"    scores = scores_on(model, repeated).{name}",
            variable="scores",
            drawn=after,
        )
    layers, heads = before.shape
    names = [[f"L{layer}H{head}" for head in range(heads)] for layer in range(layers)]
    grid = change_grid(names, before, after, f"{chosen} score")
    value_grid(
        grid.values,
        key="scores_after",
        rows=[f"L{layer}" for layer in range(layers)],
        columns=[f"H{head}" for head in range(heads)],
        unit="change of the score",
        row_title="layer",
        texts=grid.texts,
        sentences=grid.sentences,
        signed=True,
        limit=1.0,
    )


def _size(checkpoint: Checkpoint) -> tuple[int, int]:
    """Return how many windows the corpus has, and how long they are."""
    count, length = intervene_numbers.windows(checkpoint).shape
    return count, length
