"""Home's tour: one token's list of numbers, from the text to what comes next."""

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.stream.journey import Journey
from pages.frame.controls.tour import Stop
from pages.home.zoom import FIGURE, PLACE, REVEALED, block_of, steps_of, travel_of
from viz.probabilities import probability_text
from viz.tokens import display_piece, display_pieces

Settings = dict[str, object]


def stops(
    checkpoint: Checkpoint, found: Journey, tokens: list[int], token: int
) -> list[Stop]:
    """Write the tour of one token.

    Args:
        checkpoint: The model that is shown.
        found: The journey of the prompt.
        tokens: The prompt.
        token: Position of the token to follow.
    """
    pieces = display_pieces(checkpoint.tokenizer.pieces(tokens))
    return [
        *_text(f"“{pieces[token]}”", found.d_model),
        *_block(checkpoint, tokens, token, f"“{pieces[token]}”"),
        *_end(checkpoint, found, tokens, token),
    ]


def _text(name: str, width: int) -> list[Stop]:
    return [
        Stop(
            "prompt",
            "A language model reads the beginning of a text and guesses what comes "
            "next. That is all it does. This is the beginning it reads now; later you "
            "can type your own.",
            _at(None),
        ),
        Stop(
            FIGURE,
            "It cannot read letters. So the text is split into pieces, called tokens, "
            f"and each token becomes a list of {width} numbers. Every coloured cell is "
            "one of those numbers: blue above zero, orange below. (A dot stands for a "
            "space.)",
            _at(None),
        ),
        Stop(
            FIGURE,
            f"Follow one token, {name}. Its list sets out through the model. So far "
            "it says only which token this is, and nothing about the rest of the text.",
            _at((), 1),
        ),
    ]


def _block(
    checkpoint: Checkpoint, tokens: list[int], token: int, name: str
) -> list[Stop]:
    """Show the first block: gather, add, work, add."""
    layer, head, most = _busiest_head(checkpoint, tokens, token)
    giver = display_piece(checkpoint.tokenizer.pieces(tokens)[most])
    stops = [
        Stop(
            FIGURE,
            f"On the way, {name} looks back at the tokens before it, and takes a "
            "little from one and a lot from another: the wider the bar, the more. "
            f"Here it takes most from “{giver}”. The last row is all that it gathered. "
            "This is called attention.",
            _at((layer, head)),
        ),
        Stop(
            FIGURE,
            "What was gathered is added to the list, cell by cell. Nothing is "
            "overwritten: the old numbers are still in the sum.",
            _at((), 2),
        ),
    ]
    if checkpoint.model.config.mlp_width:
        stops.append(
            Stop(
                FIGURE,
                "Next, a second part of the model works on this list alone, without "
                "looking at other tokens, and its result is added too. It is called "
                "the MLP. Looking back and working alone together make a block.",
                _at((), 3),
            )
        )
    return stops


def _end(
    checkpoint: Checkpoint, found: Journey, tokens: list[int], token: int
) -> list[Stop]:
    """Show the other blocks, the prediction, the way inside and the whole."""
    layers, name = checkpoint.model.config.num_layers, found.expected[token][0]
    best = display_piece(checkpoint.tokenizer.pieces([int(name)])[0])
    layer, head, most = _busiest_head(checkpoint, tokens, token)
    known = checkpoint.tokenizer.vocab_size
    rest = "The next block does" if layers == 2 else f"All {layers} blocks do"
    everything = len(travel_of(checkpoint.model, tokens, token).addends)
    return [
        Stop(
            FIGURE,
            f"{rest} the same: look back, work alone, add. The list says less and "
            "less about the token that it began as, and more and more about what "
            "should follow.",
            _at((), everything),
        ),
        Stop(
            FIGURE,
            f"At the end, the list is compared with all {known:,} "
            "tokens that the model knows. The better one fits, the longer its bar: "
            "the probability that it comes next. The best guess is "
            f"“{best}”, with {probability_text(found.probabilities[token][0])}.",
            _at(()),
        ),
        Stop(
            FIGURE,
            "Nothing here is hidden. Click a row to go inside it: into a block, into "
            "one of its heads, down to one multiplication, as here. After a click the "
            "mouse wheel does the same, and Esc leads back out.",
            _at((layer, head, most)),
        ),
        Stop(
            "journey",
            "This is the same model on one sheet, with a line for every token. Click "
            "a guess at its end: it is appended to the text, and the model reads "
            "again. That is how it writes.",
            _at(()),
        ),
    ]


def _busiest_head(
    checkpoint: Checkpoint, tokens: list[int], token: int
) -> tuple[int, int, int]:
    """Return the first block's head that takes most from elsewhere, and from where."""
    model = checkpoint.model
    found = [
        steps_of(model, tokens, 0, head, token).pattern[: token + 1]
        for head in range(len(block_of(model, tokens, 0, token).results))
    ]
    # How evenly it takes: a head that copies one token shows less of what happens.
    spread = [float((row**2).sum()) + float(row[token]) for row in found]
    head = spread.index(min(spread))
    return 0, head, int(found[head].argmax())


def _at(path: tuple[int, ...] | None, revealed: int | None = None) -> Settings:
    """Return the settings that bring the figure to a level."""
    return {PLACE: path, REVEALED: revealed}
