"""Predict and Check of beam search: every answer is computed, none is stored."""

from itertools import pairwise

from minigpt.generation.beam.exhaustive import about
from pages.beam_search.numbers import Found, Source
from pages.frame.questions import Question
from pages.frame.words import plain
from viz.beams import nats
from viz.tokens import display_piece

OFFERED = 4


def best_way_on(source: Source, found: Found) -> Question | None:
    """Ask, before the tree grows, where the best text parts from greedy's, and how."""
    best, greedy = found.best.tokens, found.greedy.tokens
    shared = 0
    if best != greedy:
        shared = next(
            place
            for place, pair in enumerate(zip(best, greedy, strict=False))
            if pair[0] != pair[1]
        )
    parent = found.tree.paths[1][shared - 1] if shared else -1
    after = [node.token for node in found.nodes if node.parent == parent]
    tokens = [greedy[shared], *after[: OFFERED - 1], best[shared], *after]
    names: dict[str, int] = {}
    for token in dict.fromkeys(tokens):
        names.setdefault(display_piece(source.pieces([token])[0]), token)
    options = list(names)[:OFFERED]
    answer = display_piece(source.pieces([best[shared]])[0])
    if len(options) < 2 or names[answer] != best[shared]:
        return None
    return Question(
        id="beam_search.way_on",
        text=_way_on(source, found, shared),
        options=options,
        answer=options.index(answer),
        why=f"Its whole text has a sum of {plain(nats(found.best.cumulative))} nats, "
        f"greedy’s {plain(nats(found.greedy.cumulative))}.",
    )


def _way_on(source: Source, found: Found, shared: int) -> str:
    """Word the question: the texts part after so many tokens."""
    leads = f"leads a beam of width {source.config.num_beams} to its best text?"
    tokens = found.greedy.tokens
    likeliest = plain(display_piece(source.pieces([tokens[shared]])[0]))
    if not shared:
        return (
            f"Greedy takes the likeliest next token, “**{likeliest}**”. Which first "
            f"token {leads}"
        )
    before = plain(display_piece(source.written(tokens[:shared])))
    return (
        f"After “**{before}**” greedy takes the likeliest, “**{likeliest}**”. Which "
        f"token {leads}"
    )


def check_questions(source: Source, found: Found) -> list[Question]:
    """Return the questions that have a clear answer for this search."""
    vocab_size = source.checkpoint.model.config.vocab_size
    asked = [
        _drop_out(found),
        _beginnings(found),
        _sum(source, found),
        _candidates(source, found, vocab_size),
    ]
    return [question for question in asked if question is not None][:3]


def _drop_out(found: Found) -> Question:
    """Ask where greedy's text leaves the beam."""
    left, steps = found.greedy_left, len(found.greedy.tokens)
    spread = {1, max(1, steps // 2), steps} if left is None else {1, left, steps}
    options = [f"step {step}" for step in sorted(spread)]
    never = "it never drops it"
    right = never if left is None else f"step {left}"
    why = "It stays among the kept texts to the end."
    if left is not None:
        node = found.nodes[found.tree.paths[0][left - 1]]
        place = f"ranks {node.rank + 1}" if node.rank >= 0 else "is not considered"
        why = f"With {plain(nats(node.cumulative))} nats it {place} there."
    return Question(
        id="beam_search.drop_out",
        text="At which step does the beam drop greedy’s text?",
        options=[*options, never],
        answer=[*options, never].index(right),
        why=why,
    )


def _sum(source: Source, found: Found) -> Question | None:
    """Ask how a sum goes on."""
    path = found.tree.paths[1]
    if len(path) < 2:
        return None
    nodes = [found.nodes[each] for each in path]
    before, node = max(pairwise(nodes), key=lambda pair: -pair[1].log_prob)
    if abs(node.log_prob) < 0.02 or abs(before.cumulative) < 0.02:
        return None  # The sums would look alike.
    right = nats(node.cumulative)
    wrong = [nats(before.cumulative - node.log_prob), nats(-node.cumulative / 2 - 1)]
    wrong.insert(0, nats(min(before.cumulative, node.log_prob)))
    options = sorted({right, *wrong})
    piece = plain(display_piece(source.pieces([node.token])[0]))
    return Question(
        id="beam_search.sum",
        text=f"At step {before.step} the best text’s sum is "
        f"{plain(nats(before.cumulative))}. Then comes “**{piece}**”, with ln p "
        f"{plain(nats(node.log_prob))}. What is the new sum?",
        options=options,
        answer=options.index(right),
        why="Probabilities multiply, so their logarithms add up.",
    )


def _candidates(source: Source, found: Found, vocab_size: int) -> Question:
    """Ask among how many continuations a step chooses."""
    step = min(2, int(found.search.steps[-1]))
    before = [node for node in found.search.candidates if node.step == step - 1]
    texts = 1 if step == 1 else sum(node.status == "kept" for node in before)
    right = texts * vocab_size
    width = source.config.num_beams
    numbers = sorted({right, width, 2 * width, vocab_size, vocab_size**2})
    return Question(
        id="beam_search.candidates",
        text=f"From how many continuations does step {step} choose?",
        options=[about(number) for number in numbers],
        answer=numbers.index(right),
        why=(
            f"It is {texts} unfinished text{'s' * (texts > 1)} times {vocab_size:,} "
            "tokens."
        ),
    )


def _beginnings(found: Found) -> Question | None:
    """Ask what it took to know the best of all texts."""
    best = found.best_of_all
    if best is None or best.num_read * 10 > best.num_texts:
        return None
    numbers = [best.num_read, best.num_texts // 2, best.num_texts]
    return Question(
        id="beam_search.beginnings",
        text=f"To be sure of the best of all {about(best.num_texts)} texts, how many "
        "beginnings had to be read?",
        options=[about(number) for number in numbers],
        answer=0,
        why="A text is never likelier than its beginning. A beginning that is "
        "already less likely than a complete text need not be continued.",
    )
