"""What "Embeddings and positions" asks about position schemes, and about windows."""

import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import product

from minigpt.checkpoint import Checkpoint
from minigpt.config import MLPConfig, ModelConfig
from minigpt.errors import DataError
from minigpt.interpret.positions import position_views as views
from pages.embeddings.numbers import distances_of, turning_of
from pages.frame.questions import Question
from pages.frame.reading import Place, shuffled_places
from pages.frame.words import plain, told_apart

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


def distance(checkpoint: Checkpoint, scheme: str, place: Place) -> Iterator[Question]:
    """Ask what a scheme does with a longer distance: first the head on the screen.

    Args:
        checkpoint: The model.
        scheme: The one on the screen.
        place: The head on the screen; others, and other distances, follow.
    """
    model = checkpoint.model
    longest = model.config.max_seq_len
    if not views.is_known(model, scheme) or longest < 8:
        return
    for layer, head, near, far in _distances(checkpoint, scheme, place):
        found = distances_of(model, scheme, layer, longest)
        if found is None:
            return
        values = found.values[head if len(found.values) > 1 else 0]
        one, other = float(values[near]), float(values[far])
        if abs(one - other) < CLEAR:
            continue
        where = f"In L{layer}H{head}, with" if len(found.values) > 1 else "With"
        units = f"{near} token{'' if near == 1 else 's'} apart", f"{far} tokens apart"
        one_shown, other_shown = told_apart([one, other], 3)
        yield Question(
            f"embeddings.distance_{scheme}",
            f"{where} **{scheme}** positions: where is {MEASURES[scheme]} larger, "
            f"{units[0]} or {units[1]}?",
            list(units),
            int(other > one),
            f"{plain(one_shown)} at {near}, {plain(other_shown)} at {far}.",
            {"layer": layer, "head": head},
        )


def _distances(
    checkpoint: Checkpoint, scheme: str, place: Place
) -> Iterator[tuple[int, int, int, int]]:
    """Yield layer, head, a short and a long distance: the first about the screen."""
    config = checkpoint.model.config
    yield place.layer, place.head, 1, config.max_seq_len // 2
    heads = [(place.layer, place.head)]
    if scheme in ("relative", "alibi"):
        heads = list(product(range(config.num_layers), range(config.num_heads)))
    steps = range(1, config.max_seq_len)
    pairs = [(near, far) for near in steps[:8] for far in steps if far > near]
    asked = [(*head, *pair) for head in heads for pair in pairs]
    order = random.Random(len(asked))
    yield from order.sample(asked, min(200, len(asked)))


def position_checks(
    checkpoint: Checkpoint, tokens: list[int]
) -> list[Iterator[Question]]:
    """Ask what becomes of scores and lengths under each scheme."""
    config = checkpoint.model.config
    turns = config.d_head % 2 == 0
    return [
        rope_distance(checkpoint, tokens) if turns else alibi_cost(config),
        beyond(config),
        learned_numbers(config),
    ]


def rope_distance(checkpoint: Checkpoint, tokens: list[int]) -> Iterator[Question]:
    """Ask what becomes of q · k when both move on."""
    config, last = checkpoint.model.config, len(tokens) - 1
    first = (0, 0, last, max(0, last - 1))
    pairs = [(query, key) for query in range(1, len(tokens)) for key in range(query)]
    places = shuffled_places(
        range(config.num_layers), range(config.num_heads), range(len(pairs))
    )
    others = [(layer, head, *pairs[pair]) for layer, head, pair in places]
    for layer, head, query, key in dict.fromkeys([first, *others]):
        with suppress(DataError):
            turning = turning_of(checkpoint.model, tokens, layer, head, query, key)
            before, after = (turning.score(query + n, key + n) for n in (0, 10))
            other = turning.score(query + 10, key)
            values = sorted({round(each, 6) for each in (after, other, 2 * before)})
            shown = told_apart(values, 3)
            if len(set(shown)) < 3:
                continue
            yield Question(
                "embeddings.rope",
                f"RoPE in L{layer}H{head}: at {query} and {key}, q · k / √d is "
                f"{plain(f'{before:.3f}')}. Both move 10 positions further on. What "
                "is it now?",
                shown,
                values.index(round(after, 6)),
                "Both are rotated by the same angle, and only the angle between them "
                "counts.",
                {
                    f"scheme_of_{config.positional_encoding}": "rope",
                    "layer": layer,
                    "head": head,
                    "token": query,
                },
            )


BEYOND = [
    "There is no vector left: it cannot read further",
    "The scheme goes on as before",
    "All large distances share the last bias",
]


def beyond(config: ModelConfig) -> Iterator[Question]:
    """Ask what a scheme says past the training length: first the model's own."""
    own = (config.positional_encoding, config.max_seq_len, config.relative_distances)
    schemes = ("learned", "rope", "relative", "alibi", "sinusoidal")
    others = [
        (scheme, length, 32)
        for length in (32, 64, 128, 256, 1024)
        for scheme in schemes
    ]
    for scheme, longest, distances in dict.fromkeys([own, *others]):
        answer = {"learned": 0, "relative": 2}.get(scheme, 1)
        why = (
            f"The table has {longest} rows.",
            "Its formula works for any position, or it needs none.",
            f"A bias was learned for {distances} distances.",
        )[answer]
        is_own = (scheme, longest, distances) == own
        whose = "This model's positions are" if is_own else "The model's positions are"
        yield Question(
            "embeddings.beyond",
            f"A text is longer than {longest} tokens, the longest in training. {whose} "
            f"**{scheme}**. What happens beyond that length?",
            BEYOND,
            answer,
            why,
        )


def learned_numbers(config: ModelConfig) -> Iterator[Question]:
    """Ask what a scheme adds to the parameters: first to this model's."""
    own = (
        config.positional_encoding,
        config.max_seq_len,
        config.d_model,
        config.num_layers,
        config.num_heads,
        config.relative_distances,
    )
    others = [
        (scheme, length, width, layers, 4, 32)
        for length, width, layers in product((64, 128, 256), (32, 128), (2, 4))
        for scheme in ("learned", "relative", "rope")
    ]
    for each in dict.fromkeys([own, *others]):
        scheme, length, width, layers, heads, distances = each
        table, biases = length * width, layers * heads * distances
        learned = {"learned": table, "relative": biases}.get(scheme, 0)
        options = sorted({learned, 0, table, biases, length})
        whose = "this model" if each == own else "a model"
        yield Question(
            "embeddings.weights",
            f"How many parameters does {whose} learn for its **{scheme}** positions? "
            f"It reads up to {length} tokens, its vectors have {width} numbers, and it "
            f"has {layers} layers of {heads} heads"
            + (
                f" with biases for {distances} distances."
                if scheme == "relative"
                else "."
            ),
            [str(option) for option in options],
            options.index(learned),
            _learned_why(scheme, learned),
        )


def _learned_why(scheme: str, learned: int) -> str:
    return {
        "learned": f"One vector per position: {learned} numbers.",
        "relative": f"One number per layer, head and distance: {learned}.",
    }.get(scheme, "None: it is computed by a formula.")


def alibi_cost(config: ModelConfig) -> Iterator[Question]:
    """Ask what a distance costs in a head of ALiBi's."""
    own = (config.num_heads, 0, 4)
    others = product((4, 8, 16), (0, 1, 3), (2, 4, 10, 20))
    for heads, head, far in dict.fromkeys([own, *others]):
        slope = views.slopes(heads)[head]
        values = sorted({far * slope, slope, far * far * slope, slope / far})
        shown = told_apart(values)
        right = values.index(far * slope)
        yield Question(
            "embeddings.alibi",
            f"ALiBi with {heads} heads: head {head} has a slope of "
            f"{plain(f'{slope:.4g}')} logits per token. By how much is the score of a "
            f"key {far} tokens back lowered?",
            shown,
            right,
            f"{far} times the slope: {plain(shown[right])} logits.",
        )


def window_checks(config: MLPConfig) -> list[Iterator[Question]]:
    """Ask what an MLP reads."""
    return [window(config), window_weights(config)]


def window(config: MLPConfig) -> Iterator[Question]:
    """Ask how far an MLP sees: which of the last tokens it reads."""
    seen = config.context_size
    for text, back in product((32, 16, 8), range(seen, 2 * seen + 1)):
        for place in (text - back, text - seen + back % seen):
            yield Question(
                "embeddings.window",
                f"This model predicts what follows a text of {text} tokens. Does it "
                f"read the token at position {place}? (Positions start at 0.)",
                ["no", "yes"],
                int(place >= text - seen),
                "Its first layer has weights for exactly this many tokens: the last "
                f"{seen}, at positions {text - seen} to {text - 1}.",
            )


def window_weights(config: MLPConfig) -> Iterator[Question]:
    """Ask how wide the joined vector is: first this model's."""
    own = (config.context_size, config.d_model)
    for seen, width in dict.fromkeys(
        [own, *product((2, 3, 4, 8), (8, 16, 32, 64, 128))]
    ):
        joined = seen * width
        shown = sorted({joined, width, seen + width, 2 * joined})
        yield Question(
            "embeddings.window_weights",
            f"{seen} embeddings of {width} numbers each are joined. How many numbers "
            "go into the first layer?",
            [str(option) for option in shown],
            shown.index(joined),
            "They are put side by side, so the place in the long vector is the "
            "position.",
        )
