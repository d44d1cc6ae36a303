"""Predict and Check of the logit lens: every answer is computed, none is stored."""

from minigpt.interpret.stream.attribution import Attribution
from minigpt.interpret.stream.logit_lens import Column, Lens, overtaking, settling
from pages.frame.questions import Question
from pages.frame.words import plain
from pages.logit_lens.numbers import LensReading
from viz.tokens import display_piece


def when_it_settles(source: LensReading, lens: Lens, position: int) -> Question:
    """Ask, before the grid is read, where the model's last word appears for good."""
    tops = lens.top_tokens[:, position, 0]
    names = [point.name for point in lens.points]
    found = settling(tops)
    stretches = _stretches(source.checkpoint.model.config.num_layers)
    starts = [names.index(first) for first, _ in stretches]
    answer = max(i for i, start in enumerate(starts) if start <= found)
    said = plain(display_piece(source.piece(int(tops[-1]))))
    read = plain(display_piece(source.pieces[position]))
    return Question(
        id="logit_lens.settles",
        text=f"After “**{read}**”, the model's likeliest next token is “**{said}**”. "
        "From which point on does the lens already show this token?",
        options=[title for _, title in stretches],
        answer=answer,
        why=f"The lens shows “**{said}**” from the {plain(names[found])} on.",
    )


def check_questions(
    source: LensReading,
    column: Column,
    position: int,
    pair: tuple[int, int],
    split: Attribution,
) -> list[Question]:
    """Return the questions that have a clear answer for this prompt.

    Args:
        source: The model and prompt.
        column: The lens at the position.
        position: After which token.
        pair: A and B.
        split: The attribution of A minus B.
    """
    found = [
        _first_word(source, column, position),
        _overtaking(source, column, pair),
        _largest(source, pair, split),
        _total(column, pair, split),
    ]
    return [question for question in found if question is not None]


def _stretches(layers: int) -> list[tuple[str, str]]:
    """Cut the stream into at most four stretches: the first point's name, a title."""
    firsts = sorted({0, layers // 2, layers - 1})
    lasts = [*(first - 1 for first in firsts[1:]), layers - 1]
    return [
        ("embedding", "embedding"),
        *(
            (f"L{first} attention", f"L{first}" + f"–L{last}" * (last > first))
            for first, last in zip(firsts, lasts, strict=True)
        ),
    ]


def _first_word(source: LensReading, column: Column, position: int) -> Question | None:
    """Ask what the lens says before any block."""
    first, output = int(column.top(0, 1)[0]), int(column.top(-1, 1)[0])
    own = source.tokens[position]
    kinds = {own: "the token just read", output: "the model's final answer"}
    if own == output:
        return None
    said = plain(display_piece(source.piece(first)))
    answers = [*kinds.values(), "some other token"]
    answer = answers.index(kinds.get(first, "some other token"))
    why = f"It shows “**{said}**”."
    if source.checkpoint.model.config.tie_embeddings and first == own:
        why += (
            " Embedding and unembedding are the same matrix here, so it repeats "
            "its input."
        )
    return Question(
        id="logit_lens.first",
        text="What does the lens show here before the first block?",
        options=answers,
        answer=answer,
        why=why,
    )


def _overtaking(
    source: LensReading, column: Column, pair: tuple[int, int]
) -> Question | None:
    """Ask where A takes the lead over B for good."""
    a, b = pair
    found = overtaking(column.logits[:, a], column.logits[:, b])
    if found is None or a == b:
        return None
    names = [point.name for point in source.lens().points]
    others = [i for i in range(len(names)) if i != found]
    spread = others[:: max(1, len(others) // 3)][:3]
    places = sorted({found, *spread})
    one, other = (plain(display_piece(source.piece(token))) for token in pair)
    return Question(
        id="logit_lens.overtakes",
        text=f"From which point on does A, **{one}**, stay ahead of B, **{other}**?",
        options=[names[place] for place in places],
        answer=places.index(found),
        why="A − B stays above zero from there.",
    )


def _largest(
    source: LensReading, pair: tuple[int, int], split: Attribution
) -> Question | None:
    """Ask which part speaks most for A against B."""
    order = split.order
    if len(order) < 4 or split.shares[order[0]] - split.shares[order[1]] < 1e-4:
        return None
    places = sorted((order[0], order[1], order[-2], order[-1]))
    one, other = (plain(display_piece(source.piece(token))) for token in pair)
    winner = split.parts[order[0]].name
    return Question(
        id="logit_lens.largest",
        text=f"Which of these parts contributes most to **{one}** over **{other}**?",
        options=[split.parts[place].name for place in places],
        answer=places.index(order[0]),
        why=f"{plain(winner)} adds {plain(f'{split.shares[order[0]]:+.3f}')}.",
    )


def _total(column: Column, pair: tuple[int, int], split: Attribution) -> Question:
    """Ask what all shares add up to."""
    right = f"{split.logit:.3f}, logit(A) − logit(B)"
    options = [
        f"{column.probabilities[-1, pair[0]]:.3f}, the probability of A",
        right,
        "1.000, as probabilities do",
    ]
    return Question(
        id="logit_lens.total",
        text="The shares of all parts add up to …",
        options=options,
        answer=1,
        why="The stream is a sum and the unembedding is linear; the final norm's scale "
        "is held fixed.",
    )
