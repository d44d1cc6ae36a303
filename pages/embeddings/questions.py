"""Predict and Check of "Embeddings and positions", answered by the chosen model."""

from collections.abc import Sequence

from minigpt.config import MLPConfig, ModelConfig
from minigpt.interpret.positions.embedding_space import Components, Neighbours
from minigpt.interpret.positions.position_views import Distances, Turning, slopes
from minigpt.interpret.positions.word_order import OrderTest
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.tokens import display_piece

MEASURES = {
    "learned": "the cosine of two positions' vectors",
    "sinusoidal": "the cosine of two positions' vectors",
    "rope": "q · k of two equal vectors",
    "alibi": "the number added to a score",
    "relative": "the number added to a score",
}
"""What each scheme makes of a distance, as `Distances.meaning` in a sentence."""

CLEAR = 0.02
"""Numbers closer than this make no fair question."""


def nearest(piece: str, found: Neighbours, pieces: Sequence[str]) -> Question | None:
    """Ask which of four tokens lies nearest; the others are farther neighbours.

    Args:
        piece: The chosen token's text.
        found: Its neighbours.
        pieces: Their texts.
    """
    if len(found.tokens) < 4 or found.cosines[0] - found.cosines[1] < 1e-3:
        return None
    ranks = [0, len(pieces) // 3, 2 * len(pieces) // 3, len(pieces) - 1]
    shown = sorted({display_piece(pieces[rank]) for rank in ranks})
    right = display_piece(pieces[0])
    if len(shown) < 4:
        return None
    return Question(
        "embeddings.nearest",
        "Which token's vector points most nearly in the same direction as that "
        f"of **{_word(piece)}**?",
        shown,
        shown.index(right),
        f"Their cosine is {plain(f'{found.cosines[0]:.3f}')}.",
    )


def distance(
    config: ModelConfig, scheme: str, name: str, found: Distances | None, row: int
) -> Question | None:
    """Ask what a scheme does with a longer distance.

    Args:
        config: The model's settings.
        scheme: The one on the screen.
        name: Of the head on the screen.
        found: What distance does.
        row: Which of its series is meant.
    """
    if found is None or config.max_seq_len < 8:
        return None
    values = found.values[row]
    far = config.max_seq_len // 2
    near, distant = float(values[1]), float(values[far])
    if abs(near - distant) < CLEAR:
        return None
    whose = f" of {name}" if len(found.values) > 1 else ""
    return Question(
        f"embeddings.distance_{scheme}",
        f"**{scheme}**{whose}: where is {MEASURES[scheme]} larger, 1 token apart or "
        f"{far} tokens apart?",
        ["1 token apart", f"{far} tokens apart"],
        int(distant > near),
        f"{plain(f'{near:.3f}')} at 1, {plain(f'{distant:.3f}')} at {far}.",
    )


def one_layer(test: OrderTest) -> Question:
    """Ask what a single layer without positions makes of a shuffle."""
    return Question(
        "embeddings.one_layer",
        "Shuffle the words but keep the last one. Take one layer of this model, "
        "without any positions: what does it predict next?",
        ["something else", "exactly the same"],
        int(not test.moved),
        "Attention is a weighted average, and an average has no order. The "
        "largest change of a probability is "
        f"{plain(f'{test.largest_change:.0e}')}, a rounding error.",
    )


def two_layers(test: OrderTest | None) -> Question | None:
    """Ask the same of two layers, where the mask betrays the order."""
    if test is None:
        return None
    change = f"{test.largest_change:.3g}"
    return Question(
        "embeddings.two_layers",
        "Now take **two** layers without positions: does a shuffle change what "
        "they predict?",
        ["no, never", "yes: the causal mask shows them the order"],
        int(test.moved),
        f"A probability changes by up to {plain(change)}. In the second layer "
        "each token carries what it has already read, and that depends on what "
        "stood before it.",
    )


def rope_distance(turning: Turning | None, query: int, key: int) -> Question | None:
    """Ask what becomes of q · k when both move on."""
    if turning is None:
        return None
    before, after = (turning.score(query + on, key + on) for on in (0, 10))
    other = turning.score(query + 10, key)
    shown = sorted({f"{value:.3f}" for value in (after, other, 2 * before)}, key=float)
    if len(shown) < 3:
        return None
    return Question(
        "embeddings.rope",
        f"RoPE: at {query} and {key}, q · k / √d is {plain(f'{before:.3f}')}. "
        "Both move 10 positions further on. What is it now?",
        shown,
        shown.index(f"{after:.3f}"),
        "Both are rotated by the same angle, and only the angle between them counts.",
    )


def variance(found: Components, drawn: int) -> Question | None:
    """Ask how much of the space a flat picture holds."""
    share = 100 * float(found.explained[:2].sum())
    right = round(share)
    shown = sorted({right, 100, (right + 35) % 100, (right + 65) % 100})
    return Question(
        "embeddings.variance",
        f"How much of the variance of these {drawn} vectors, of {len(found.mean)} "
        "numbers each, does the flat picture show?",
        [f"about {option}%" for option in shown],
        shown.index(right),
        f"{plain(f'{share:.1f}')}%: the rest lies along directions that are not drawn.",
    )


def beyond(config: ModelConfig) -> Question:
    """Ask what the model's own scheme says past the training length."""
    scheme = config.positional_encoding
    answer = {"learned": 0, "relative": 2}.get(scheme, 1)
    why = (
        f"The table has {config.max_seq_len} rows.",
        "Its formula works for any position, or it needs none.",
        f"A bias was learned for {config.relative_distances} distances.",
    )[answer]
    return Question(
        "embeddings.beyond",
        f"A text is longer than {config.max_seq_len} tokens, the longest in "
        f"training. This model's positions are **{scheme}**. What happens beyond "
        "that length?",
        [
            "There is no vector left: it cannot read further",
            "The scheme goes on as before",
            "All large distances share the last bias",
        ],
        answer,
        why,
    )


def learned_numbers(config: ModelConfig) -> Question:
    """Ask what a scheme adds to the parameters."""
    learned = {
        "learned": config.max_seq_len * config.d_model,
        "relative": config.num_layers * config.num_heads * config.relative_distances,
    }.get(config.positional_encoding, 0)
    table = config.vocab_size * config.d_model
    shown = sorted({learned, 0, table, config.max_seq_len * config.d_model})
    return Question(
        "embeddings.weights",
        f"How many numbers did this model learn for its **{config.positional_encoding}"
        "** positions?",
        [str(option) for option in shown],
        shown.index(learned),
        f"{learned}; its embedding has {table}.",
    )


def alibi_cost(config: ModelConfig) -> Question:
    """Ask what a distance costs in ALiBi's first head."""
    slope = slopes(config.num_heads)[0]
    right = f"{4 * slope:.3g}"
    shown = sorted({right, f"{slope:.3g}", f"{16 * slope:.3g}"}, key=float)
    return Question(
        "embeddings.alibi",
        f"ALiBi, with this model's {config.num_heads} heads: head 0 has a slope "
        f"of {plain(f'{slope:.3g}')} logits per token. By how much is the score "
        "of a key 4 tokens back lowered?",
        shown,
        shown.index(right),
        f"4 times the slope: {plain(right)} logits.",
    )


def window(config: MLPConfig) -> Question:
    """Ask how far an MLP sees."""
    seen = config.context_size
    shown = sorted({seen, 1, 2 * seen, config.max_seq_len})
    return Question(
        "embeddings.window",
        "How many of the last tokens does this model read at once?",
        [str(option) for option in shown],
        shown.index(seen),
        "Its first layer has weights for exactly this many places.",
    )


def window_order(test: OrderTest | None) -> Question | None:
    """Ask whether an MLP notices a shuffle."""
    if test is None:
        return None
    return Question(
        "embeddings.window_order",
        "Shuffle the words but keep the last one. Does this MLP predict "
        "something else?",
        ["no", "yes"],
        int(test.moved),
        f"A probability changes by up to {plain(f'{test.largest_change:.3g}')}: "
        "each place in the window has weights of its own.",
    )


def window_weights(config: MLPConfig) -> Question:
    """Ask how wide the joined vector is."""
    joined = config.context_size * config.d_model
    shown = sorted({joined, config.d_model, config.d_ff, 2 * joined})
    return Question(
        "embeddings.window_weights",
        f"{config.context_size} embeddings of {config.d_model} numbers each are "
        "joined. How many numbers go into the first layer?",
        [str(option) for option in shown],
        shown.index(joined),
        "They are put side by side, so the place in the long vector is the position.",
    )


def _word(piece: str) -> str:
    return plain(display_piece(piece))
