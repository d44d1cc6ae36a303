"""The tour of the logit lens: how one answer comes about, and which parts wrote it."""

from minigpt.interpret.stream.logit_lens import Column, overtaking, settling
from pages.frame.controls.tour import Stop
from pages.frame.words import number, quoted
from pages.logit_lens.attribution import ALONE, MINUS, PART
from pages.logit_lens.choice import PAIR_AT, name_of, place_of
from pages.logit_lens.lens import CELL
from pages.logit_lens.numbers import LensReading
from viz.probabilities import probability_text

GRID, RACE, SHARES = "lens_grid", "lens_race", "lens_shares"
"""Three regions: the grid, the race of two answers, and what each part adds."""

TOP, OF_A, KL = "top token", "p of A", "KL"
"""What a cell of the grid can show."""


def stops(source: LensReading, position: int) -> list[Stop]:
    """Write the tour of one token's answer.

    Args:
        source: The model and prompt.
        position: The token after which the model answers.
    """
    column = source.column(position)
    a, b = (int(token) for token in column.top(-1, 2))
    return [
        *_cells(source, column, position, (a, b)),
        *_measures(source, column, position, a),
        _race(source, column, (a, b)),
        *_shares(source, position, (a, b)),
        _other_token(source, position),
    ]


def _cells(
    source: LensReading, column: Column, position: int, pair: tuple[int, int]
) -> list[Stop]:
    """Go down one column, from the embedding to the end."""
    points, tops = source.lens().points, source.lens().top_tokens[:, position, 0]
    after = quoted(source.pieces[position])
    first, answer = (quoted(source.piece(int(tops[at]))) for at in (0, -1))
    found = settling(tops)
    return [
        Stop(
            GRID,
            "A model answers at its end. What would it say if it stopped earlier? Each "
            "column is a token of the text and each row a place in the model, from its "
            "entrance above to its end below. A cell holds the likeliest next token "
            f"there. At the entrance, after {after}, it is {first}. Reading a model "
            "like this is called the logit lens. (A dot stands for a space.)",
            {"point": 0, "token": position, "lens_metric": TOP}
            | _pair(source, position, pair),
        ),
        _largest_change(source, column),
        Stop(
            GRID,
            f"The model's own answer is {answer}. "
            + (
                "It is there from the entrance on, and stays to the end."
                if found == 0
                else f"It is in every row from {points[found].name} on, which is the "
                "row marked now. Above that row, the model would have said "
                f"{quoted(source.piece(int(tops[found - 1])))}."
            ),
            {"point": found},
        ),
    ]


def _largest_change(source: LensReading, column: Column) -> Stop:
    """Show the part of the model that raises one token's probability most."""
    points = source.lens().points
    rises = [float(column.change(at).max()) for at in range(len(points))]
    point = rises.index(max(rises))
    raised = int(column.change(point).argmax())
    before, now = (
        probability_text(float(column.probabilities[at, raised]))
        for at in (point - 1, point)
    )
    return Stop(
        CELL,
        "Every part of the model changes the answer a little, and here is the part "
        f"that changes it most: {points[point].name}. It raises "
        f"{quoted(source.piece(raised))} from {before} to {now}. Above are the ten "
        "likeliest tokens, below what was promoted and what was suppressed.",
        {"point": point},
    )


def _measures(source: LensReading, column: Column, position: int, a: int) -> list[Stop]:
    """Show the same grid with other numbers."""
    last = len(source.lens().points) - 1
    start, end = (
        probability_text(float(column.probabilities[at, a])) for at in (0, -1)
    )
    return [
        Stop(
            GRID,
            "The same grid with numbers: how probable is this one answer, "
            f"{quoted(source.piece(a))}, in each cell? After "
            f"{quoted(source.pieces[position])} it begins with {start} and ends with "
            f"{end}. In the other columns, too, it is this token that is measured.",
            {"lens_metric": OF_A, "point": last},
        ),
        Stop(
            GRID,
            "And how far is each row from the model's answer as a whole, over all "
            "tokens? This distance is called KL. After "
            f"{quoted(source.pieces[position])} it is "
            f"{number(source.lens().kl[0, position])} nats at the entrance. At the end "
            "it is 0: there the lens shows the answer itself.",
            {"lens_metric": KL, "point": 0},
        ),
    ]


def _race(source: LensReading, column: Column, pair: tuple[int, int]) -> Stop:
    """Let the answer race its rival."""
    one, other = (quoted(source.piece(token)) for token in pair)
    leads = column.logits[:, pair[0]] - column.logits[:, pair[1]]
    found = overtaking(column.logits[:, pair[0]], column.logits[:, pair[1]])
    if not found:
        course = f"{one} is ahead all the way."
    else:
        course = (
            f"{one} overtakes in {source.lens().points[found].name}: its lead goes "
            f"from {number(leads[found - 1])} to {number(leads[found])}."
        )
    return Stop(
        RACE,
        f"The second likeliest answer is {other}: a rival. Before probabilities are "
        "worked out, every token has a score, called its logit, and here the two "
        f"scores race through the model. {course} At the end the lead is "
        f"{number(leads[-1])}.",
        {"lens_metric": TOP, "point": found or 0},
    )


def _shares(source: LensReading, position: int, pair: tuple[int, int]) -> list[Stop]:
    """Say which parts the lead and the answer's own score consist of."""
    lead = source.attribution(position, *pair)
    layer, head = lead.strongest_head
    alone = source.attribution(position, pair[0], None)
    at = alone.order[0]
    return [
        Stop(
            SHARES,
            "Where does the lead come from? Every part of the model only adds to one "
            "list of numbers, so the lead is a sum of shares, one bar for each part. "
            f"Of all heads, L{layer}H{head} moves it furthest: it adds "
            f"{number(float(lead.heads[layer, head]))}. All shares together make "
            f"{number(float(lead.logit))}.",
            {"lens_split": MINUS, "layer": layer, "head": head, PART: (None, None)},
        ),
        Stop(
            SHARES,
            f"Without the rival, the score of {quoted(source.piece(pair[0]))} alone is "
            f"{number(float(alone.logit))}. The part that adds most to it is "
            f"{alone.parts[at].name}, with {number(float(alone.shares[at]))}. "
            "Bars below zero work against it.",
            {"lens_split": ALONE, PART: (alone.parts[at].name, (layer, head))},
        ),
    ]


def _other_token(source: LensReading, position: int) -> Stop:
    """Go to the token whose answer stands earliest."""
    tops = source.lens().top_tokens[:, :, 0]
    settled = [settling(tops[:, at]) for at in range(tops.shape[1])]
    others = [at for at in range(len(settled)) if at != position] or [position]
    place = min(others, key=lambda at: settled[at])
    column = source.column(place)
    a, b = (int(token) for token in column.top(-1, 2))
    return Stop(
        GRID,
        f"Not every answer takes equally long. After {quoted(source.pieces[place])}, "
        f"it is {quoted(source.piece(a))}, and it is there from "
        f"{source.lens().points[settled[place]].name} on. Your turn: click any cell.",
        {"token": place, "point": settled[place]} | _pair(source, place, (a, b)),
    )


def _pair(
    source: LensReading, position: int, pair: tuple[int, int]
) -> dict[str, object]:
    """Return the settings that choose the answer and its rival."""
    column = source.column(position)
    a, b = (name_of(source, column, token) for token in pair)
    return {"lens_a": a, "lens_b": b, PAIR_AT: place_of(source, position)}
