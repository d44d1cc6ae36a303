"""Neurons: what makes one fire, what it promotes, and what is lost without it."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.corpora import HeldOut, Windows
from minigpt.interpret.interventions.interventions import Ablation, How
from minigpt.interpret.interventions.parts import Neuron
from minigpt.interpret.neurons.examples import (
    NeuronExample,
    NeuronExamples,
    neuron_examples,
)
from minigpt.interpret.neurons.output import promoted_tokens
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.attribution_detail import Neurons, rank_neurons
from minigpt.textbook.interventions import ablation_hooks
from pages.frame import corpora, models, notebook, state
from pages.frame.reading import read
from pages.frame.remember import remember
from pages.frame.words import plain
from pages.intervene import numbers
from pages.intervene.ablate import moved
from viz.attribution import signed_bars
from viz.circuits.token_map import extremes
from viz.components.firing_examples.view import FiringExample, firing_examples
from viz.components.value_grid.view import Grid, value_grid
from viz.effects import before_after_bars
from viz.tokens import display_piece

WORDS = (
    "A **neuron** compares each token's stream with its input weights. If it fires, it "
    "adds its output weights, times its activation, to the stream. Read through the "
    "unembedding, these say which tokens it **promotes**. The strongest examples alone "
    "make a neuron look like a specialist: look at the other tenths and at random "
    "tokens before you name it. Then **switch it off**: a neuron that seems to mean "
    "something may hardly matter, since others do the same, and few neurons stand for "
    "one thing only."
)

NO_MLP = (
    "This model has no MLPs, so it has no neurons: choose a model with d_ff above 0."
)

HOW: dict[str, How] = {"zero": "zero", "its mean": "mean"}

OFFERED = 6
"""Neurons of each layer in the table: those that add most to the likeliest token."""

PROMOTED = 6
"""Tokens of either kind in the figure."""

GRID, PROMOTES, WITHOUT, FIRES = (
    "neuron_grid",
    "neuron_promotes",
    "neuron_without",
    "neuron_fires",
)
"""The regions of the page, by their keys."""

EXAMPLES = 4
WINDOWS, FEWER = 64, 16
"""Windows of held-out text; a large model reads fewer."""


class Ranking(NamedTuple):
    """The neurons of every layer, those first that add most to the likeliest token."""

    token: int
    """The likeliest after the prompt."""
    layers: list[Neurons]

    def offered(self, layer: int) -> list[int]:
        """Return the numbers of a layer's neurons that stand in the table."""
        first: list[int] = self.layers[layer].neurons[:OFFERED].tolist()
        return first

    @property
    def strongest(self) -> Neuron:
        """Return the neuron that adds most, or takes most, of all layers."""
        shares = [abs(float(each.shares[0])) for each in self.layers]
        layer = max(range(len(shares)), key=shares.__getitem__)
        return Neuron(layer, self.offered(layer)[0])


def read_prompt(checkpoint: Checkpoint, row: DeltaGenerator) -> Reading:
    """Show the prompt's field.

    Raises:
        DataError: If the model has no neurons.
    """
    if not checkpoint.model.config.mlp_width:
        raise DataError(NO_MLP)
    with row:
        return read(checkpoint)


def rank(checkpoint: Checkpoint, tokens: list[int]) -> Ranking:
    """Rank all neurons by what they add to the likeliest token after a prompt."""
    model = checkpoint.model
    token = int(numbers.effect(checkpoint, tokens, ()).before.argmax())
    layers = range(model.config.num_layers)
    last = len(tokens) - 1
    return Ranking(
        token, [_ranked(model, tokens, last, layer, token) for layer in layers]
    )


def show(checkpoint: Checkpoint, reading: Reading) -> None:
    """Show one neuron of a prompt's many."""
    left, right = st.columns([5, 6], gap="large")
    with left:
        neuron = _choose(checkpoint, rank(checkpoint, reading.tokens))
        with st.container(key=PROMOTES):
            _show_promoted(checkpoint, neuron)
    with right, st.container(key=WITHOUT):
        _show_without(checkpoint, reading, neuron)
    with st.container(key=FIRES):
        _show_examples(checkpoint, neuron)


def _choose(checkpoint: Checkpoint, ranking: Ranking) -> Neuron:
    """Show the neurons that add most to the likeliest token; return the chosen one."""
    config = checkpoint.model.config
    layers = range(config.num_layers)
    strongest = ranking.strongest.layer
    state.keep_possible("neuron_layer", layers, "layer")
    state.keep_possible("neuron", range(config.mlp_width), "neuron")
    numbered = st.container(horizontal=True, vertical_alignment="bottom")
    layer = numbered.number_input(
        "Layer", 0, config.num_layers - 1, strongest, key="neuron_layer", **state.BOUND
    )
    chosen = numbered.number_input(
        "Neuron",
        0,
        config.mlp_width - 1,
        ranking.offered(layer)[0],
        key="neuron",
        help=f"0 to {config.mlp_width - 1}.",
        **state.BOUND,
    )
    here = [
        (layer, place)
        for place, number in enumerate(ranking.offered(layer))
        if number == chosen
    ]
    _show_ranked(checkpoint, ranking, here[0] if here else None)
    return Neuron(int(layer), int(chosen))


def _show_ranked(
    checkpoint: Checkpoint, ranking: Ranking, selected: tuple[int, int] | None
) -> None:
    """Show a row of neurons for each layer; a click chooses one."""
    piece = plain(display_piece(checkpoint.tokenizer.pieces([ranking.token])[0]))
    ranked = ranking.layers
    names = [[f"N{each}" for each in some.neurons[:OFFERED]] for some in ranked]

    def choose(cell: tuple[int, int] | None) -> None:
        if cell is not None:
            st.session_state["neuron_layer"] = cell[0]
            st.session_state["neuron"] = int(ranked[cell[0]].neurons[cell[1]])

    st.caption(f"Neurons that add most to the logit of “{piece}”, or take most from it")
    grid = Grid(
        [some.shares[:OFFERED] for some in ranked],
        rows=[f"L{layer}" for layer in range(len(ranked))],
        columns=[f"{place + 1}." for place in range(len(names[0]))],
        unit="logits",
        row_title="layer",
        texts=names,
        signed=True,
        shrinks=True,
    )
    value_grid(grid, key=GRID, selected=selected, on_select=choose)


def _show_promoted(checkpoint: Checkpoint, neuron: Neuron) -> None:
    """Show the tokens that the neuron's output weights promote and suppress."""
    values = promoted(checkpoint.model, neuron)
    tokenizer = checkpoint.tokenizer
    pieces = models.vocabulary(tokenizer)
    names, shown = extremes(pieces, values, PROMOTED)
    st.markdown(f"What **{neuron}** promotes and suppresses")
    st.vega_lite_chart(signed_bars(names, shown, "logits × scale, per unit").spec)
    notebook.show(
        "promoted",
        promoted_tokens,
        f"promoted_tokens(model, {neuron!r})",
        drawn=values,
        also=[Neuron],
    )


def _show_without(checkpoint: Checkpoint, reading: Reading, neuron: Neuron) -> None:
    """Show the next token and the loss with the neuron switched off."""
    chosen = st.segmented_control(
        "Replace its activation by",
        list(HOW),
        default="zero",
        required=True,
        key="neuron_off",
        help="The mean is over all positions of held-out text.",
        **state.BOUND,
    )
    ablation = Ablation(neuron, HOW[chosen])
    effect = numbers.effect(checkpoint, reading.tokens, [ablation])
    tokenizer = checkpoint.tokenizer
    pieces = models.vocabulary(tokenizer)
    st.markdown(moved(pieces, effect, is_changed=True))
    st.vega_lite_chart(before_after_bars(pieces, effect.before, effect.after, 6).spec)
    before, after = (numbers.mean_loss(checkpoint, made) for made in ((), (ablation,)))
    st.metric(
        "Held-out loss, nats per token",
        f"{after:.4f}",
        f"{after - before:+.4f} without {neuron}",
        delta_color="inverse",
        delta_arrow="off",
    )
    hooks = numbers.hooks_call([ablation])
    notebook.show(
        "without the neuron",
        ablation_hooks,
        f"model.run_with_hooks(tokens, {hooks})[0, -1].softmax(-1)",
        drawn=effect.after,
        begin=(
            numbers.opening(checkpoint) if numbers.need_windows([ablation]) else None
        ),
    )


def fires(checkpoint: Checkpoint, neuron: Neuron) -> tuple[HeldOut, NeuronExamples]:
    """Return held-out text, and where in it a neuron fires."""
    count = WINDOWS if numbers.is_quick(checkpoint) else FEWER
    text = corpora.held_out_text(checkpoint, count)
    return text, _examples(checkpoint.model, text.windows, neuron, EXAMPLES)


def _show_examples(checkpoint: Checkpoint, neuron: Neuron) -> None:
    """Show where in held-out text the neuron fires, where less, and where by chance."""
    text, found = fires(checkpoint, neuron)
    count = len(text.windows)
    kinds = (found.strongest, found.deciles, found.random)
    most = max(abs(each.activation) for kind in kinds for each in kind)
    st.subheader(f"Where {neuron} fires", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**The {len(found.strongest)} strongest examples**")
        _show_rows(checkpoint, text.windows, found.strongest, most, "strongest")
        st.markdown(f"**{len(found.random)} tokens drawn at random**, not selected")
        _show_rows(checkpoint, text.windows, found.random, most, "random")
    with right:
        st.markdown("**One example from each tenth of all tokens**, strongest first")
        _show_rows(checkpoint, text.windows, found.deciles, most, "deciles")
    st.caption(
        f"{count} windows of {text.windows.shape[1]} tokens: {text.description}. The "
        "number is the activation at the framed token; blue: above 0, orange: below. "
        f"It is above 0 at {100 * found.firing:.1f}% of all tokens."
    )
    call = f"neuron_examples(model, windows, {neuron!r}, {EXAMPLES})"
    notebook.show(
        "neuron examples",
        neuron_examples,
        f"[each.activation for kind in {call}[:3] for each in kind]",
        drawn=[each.activation for kind in kinds for each in kind],
        begin=notebook.opening_with_windows(count),
        also=[Neuron],
    )


def _show_rows(
    checkpoint: Checkpoint,
    windows: Windows,
    examples: Sequence[NeuronExample],
    most: float,
    kind: str,
) -> None:
    rows = [
        FiringExample(
            checkpoint.tokenizer.pieces(windows[each.window]),
            each.activations,
            each.position,
        )
        for each in examples
    ]
    firing_examples(rows, most, key=f"firing_{kind}")


_ranked = remember(512)(rank_neurons)
promoted = remember(128)(promoted_tokens)
"""What a neuron adds to each token's logit."""
_examples = remember(128, spinner="Reading the corpus …")(neuron_examples)
