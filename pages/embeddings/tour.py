"""The tour of "Embeddings and positions": a token's list, then its place."""

from contextlib import suppress
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.errors import DataError
from minigpt.interpret.positions.embedding_space import Neighbours, Which
from minigpt.interpret.reading.prompt import Reading
from pages.embeddings.numbers import (
    PromptTokens,
    chance_of,
    components_of,
    distances_of,
    neighbours_of,
    order_of,
)
from pages.embeddings.positions import DISTANCE, SCHEME
from pages.embeddings.shuffle import SEED, VERDICTS, run_tests
from pages.embeddings.tokens import EVERY, NEIGHBOURS, PICTURE, PROMPT, drawn_tokens
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted

PIECES, PART, TABLE = "embedding_pieces", "embeddings_part", "embedding_table"
"""A region, and two names in the session."""

TOKENS, POSITIONS, SHUFFLE = PARTS = ("Tokens", "Positions", "Shuffle the words")
"""The page's parts."""

FAR = 10
"""Tokens apart, where one token apart is the other end."""

NAMES = {"rope": "RoPE", "alibi": "ALiBi"}
"""Schemes whose names are written in their own way."""

HOW = {
    "learned": "a list for each place, learned in training, is added to the token's",
    "sinusoidal": "waves, from short to long, are added to the token's list",
    "rope": "what a token looks for and what it is found by are turned like the hands "
    "of a clock, further at each place",
    "alibi": "when a token looks back, the farther away the other token is, the lower "
    "its score becomes",
    "relative": "when a token looks back, every distance has a number of its own that "
    "is added to the score",
    "none": "nothing is added at all, and the model sees only which tokens come before",
}


class _Found(NamedTuple):
    """A token of the prompt, and its neighbours in a table."""

    place: int
    which: Which
    near: Neighbours

    @property
    def best(self) -> float:
        return float(self.near.cosines[0])


def stops(checkpoint: Checkpoint, text: PromptTokens) -> list[Stop]:
    """Write the tour of one text.

    Args:
        checkpoint: The model that is shown.
        text: The prompt.
    """
    clear, plain = _clearest(checkpoint, text)
    found = [
        *_lists(checkpoint, text, clear, plain),
        *_maps(checkpoint, text, clear),
        *_other_table(checkpoint, text, clear),
    ]
    if text.reading is not None:
        found += _positions(checkpoint, text.reading)
    with suppress(DataError):  # a text that has only one order
        found.append(_shuffled(checkpoint, text))
    return found


def _clearest(checkpoint: Checkpoint, text: PromptTokens) -> tuple[_Found, _Found]:
    """Return the prompt's token that has a neighbour most clearly, and least.

    Both are of the table in which the first one was found.
    """
    tied = checkpoint.model.ties_embeddings
    tables: list[Which] = ["embedding"] if tied else ["embedding", "unembedding"]
    places = {token: place for place, token in reversed([*enumerate(text.tokens)])}
    found = [
        _Found(place, which, neighbours_of(checkpoint, which, token))
        for which in tables
        for token, place in places.items()
    ]
    clear = max(
        found, key=lambda each: each.best - chance_of(checkpoint, each.which).most
    )
    same = [each for each in found if each.which == clear.which]
    return clear, min(same, key=lambda each: each.best)


def _lists(
    checkpoint: Checkpoint, text: PromptTokens, clear: _Found, plain: _Found
) -> list[Stop]:
    """Say what a token is to the model, and when two of them are alike."""
    width, size = checkpoint.model.config.d_model, checkpoint.tokenizer.vocab_size
    start = 0 if clear.place else len(text.tokens) - 1
    name, other = (quoted(text.pieces[each.place]) for each in (clear, plain))
    chance, count = chance_of(checkpoint, clear.which).most, len(plain.near.tokens)
    beyond = int((plain.near.cosines > chance).sum())
    return [
        Stop(
            PIECES,
            "A model cannot calculate with letters. So it keeps a table: a list of "
            f"{width} numbers for each of the {size:,} tokens it knows. All that is "
            f"shown below is about one token of this text. Now it is "
            f"{quoted(text.pieces[start])}; click another to see that one. (A dot "
            "stands for a space.)",
            {PART: TOKENS, "embedding_word": "", "token": start},
        ),
        Stop(
            NEIGHBOURS,
            f"Think of the list of {name} as an arrow. Tokens that are used alike are "
            "pushed alike in training, so their arrows can end up pointing the same "
            f"way. Closest to {name} is {_nearest(checkpoint, clear)}. How well two "
            "directions agree is called their cosine: 1 is the same direction, 0 a "
            f"right angle. Here it is {number(clear.best)}.",
            {"token": clear.place, TABLE: clear.which},
        ),
        Stop(
            NEIGHBOURS,
            "Is that a lot? The dashed line shows what chance alone can do: "
            f"{number(chance)}. Take {other}. Its closest token, "
            f"{_nearest(checkpoint, plain)}, has a cosine of {number(plain.best)}: "
            f"{_count(beyond, count)} beyond the line.",
            {"token": plain.place},
        ),
    ]


def _maps(checkpoint: Checkpoint, text: PromptTokens, clear: _Found) -> list[Stop]:
    """Say what a flat picture can show of so many directions."""
    width, token = checkpoint.model.config.d_model, text.tokens[clear.place]
    shares, counts = [], []
    for kind in (PROMPT, EVERY):
        drawn, _ = drawn_tokens(checkpoint, text.tokens, token, clear.near, kind)
        components, _ = components_of(checkpoint.model, clear.which, drawn)
        shares.append(f"{100 * float(components.explained[:2].sum()):.1f}%")
        counts.append(len(drawn))
    return [
        Stop(
            PICTURE,
            f"Nobody can draw {width} directions. Take the tokens of this text, "
            f"{quoted(text.pieces[clear.place])} and its neighbours, {counts[0]} in "
            "all. This map keeps the two directions along which they differ most. It "
            f"holds {shares[0]} of their differences. Directions found this way are "
            "called principal components.",
            {"token": clear.place, "embedding_points": PROMPT},
        ),
        Stop(
            PICTURE,
            f"Here are {counts[1]:,} tokens at once. The map holds {shares[1]} of "
            "their differences, which are measured as variance. "
            "Two dots that touch on it may still be far apart in the directions it "
            "leaves out. The bars count all of them.",
            {"embedding_points": EVERY},
        ),
    ]


def _other_table(
    checkpoint: Checkpoint, text: PromptTokens, clear: _Found
) -> list[Stop]:
    """Show the same token in the second table, where there are two."""
    if checkpoint.model.ties_embeddings:
        return []
    was = clear.which
    which: Which = "unembedding" if was == "embedding" else "embedding"
    there = _Found(
        clear.place,
        which,
        neighbours_of(checkpoint, which, text.tokens[clear.place]),
    )
    return [
        Stop(
            NEIGHBOURS,
            "There are two such tables. In one, a token is looked up when it is read: "
            "the embedding. The other helps to choose the next token, by comparing the "
            "model's last list with each of its rows: the unembedding. So far you have "
            f"seen the {was}; now you see the {which}. Here, closest to "
            f"{quoted(text.pieces[clear.place])} is {_nearest(checkpoint, there)}, "
            f"with a cosine of {number(there.best)}, where chance alone reaches "
            f"{number(chance_of(checkpoint, which).most)}.",
            {TABLE: which},
        )
    ]


def _positions(checkpoint: Checkpoint, reading: Reading) -> list[Stop]:
    """Say how a token's place is told, by this model and by others."""
    config = checkpoint.model.config
    own, chosen = config.positional_encoding, f"scheme_of_{config.positional_encoding}"
    other = "alibi" if config.d_head % 2 or own == "rope" else "rope"
    name = f" This is called {NAMES.get(own, own)} positions." if own != "none" else ""
    return [
        Stop(
            SCHEME,
            "A token has the same list wherever it stands. But “dog bites man” is not "
            "“man bites dog”, so the model must be told each token's place as well. In "
            f"this model, {HOW[own]}.{name}",
            {PART: POSITIONS, chosen: own, "token": len(reading.tokens) - 1},
        ),
        *_by_distance(checkpoint, own),
        Stop(
            SCHEME,
            f"Other models do it in other ways. With {NAMES[other]} positions, "
            f"{HOW[other]}. Then only the distance between two tokens makes a "
            "difference.",
            {chosen: other},
        ),
    ]


def _by_distance(checkpoint: Checkpoint, scheme: str) -> list[Stop]:
    """Show the head that treats near and far tokens most differently."""
    config, model = checkpoint.model.config, checkpoint.model
    far = min(FAR, config.max_seq_len - 1)
    if scheme not in ("relative", "alibi") or far < 2:
        return []
    curves = {
        (layer, head): curve
        for layer in range(config.num_layers)
        if (found := distances_of(model, scheme, layer, far + 1)) is not None
        for head, curve in enumerate(found.values)
    }
    layer, head = max(curves, key=lambda at: abs(curves[at][1] - curves[at][far]))
    near, away = (number(float(curves[layer, head][at]), 1) for at in (1, far))
    return [
        Stop(
            DISTANCE,
            f"Each head weighs distance in its own way. This is L{layer}H{head}, head "
            f"{head} of layer {layer}: it adds {near} to the score of the token just "
            f"before, and {away} to that of a token {far} places back. The "
            "higher the number, the more it looks there.",
            {"layer": layer, "head": head},
        )
    ]


def _shuffled(checkpoint: Checkpoint, text: PromptTokens) -> Stop:
    """Shuffle the words, and say whose answer changes.

    Raises:
        DataError: If there is only one order.
    """
    tests = run_tests(checkpoint, text.tokens, order_of(text.tokens, 1))
    alone = ""
    if 1 in tests.bare:
        test = tests.bare[1]
        says = (
            f"even so changes a probability by {number(test.largest_change, 3)}"
            if test.moved
            else "gives the same answer, apart from rounding"
        )
        alone = (
            f" The first layer alone, with no positions, {says}: it takes an average, "
            "and an average has no order."
        )
    return Stop(
        VERDICTS,
        "The words have just been shuffled; only the last one stayed. "
        "The probability of a next token changes by up to "
        f"{number(tests.model.largest_change, 3)}.{alone} Your turn: shuffle again, or "
        "go back and choose another token.",
        {PART: SHUFFLE, SEED: 1},
    )


def _nearest(checkpoint: Checkpoint, found: _Found) -> str:
    return quoted(checkpoint.tokenizer.pieces(found.near.tokens[:1])[0])


def _count(beyond: int, count: int) -> str:
    """Say how many of some neighbours reach, in words that can be read aloud."""
    if beyond in (0, count):
        return f"{'none' if beyond == 0 else 'even here all'} of its {count} bars " + (
            "reaches" if beyond == 0 else "reach"
        )
    return f"{beyond} of its {count} bars {'reaches' if beyond == 1 else 'reach'}"
