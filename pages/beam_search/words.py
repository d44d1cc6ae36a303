"""What the page of beam search says about a search: each step, and how it ended."""

from minigpt.generation.beam.exhaustive import about
from pages.beam_search.numbers import Found
from viz.beams import nats, times_likelier


def captions(found: Found, vocab_size: int) -> list[str]:
    """Say for each step what was compared and what became of it.

    Args:
        found: The search.
        vocab_size: Tokens by which each text is continued.
    """
    steps = int(found.search.steps[-1])
    # Greedy's text or the best of all may be longer than the search went on.
    last = max(node.step for node in found.nodes)
    lines = [_step(found, step, vocab_size) for step in range(1, steps + 1)]
    over = "The search is over; only the texts it is compared with go on."
    lines += [over] * (last - steps)
    lines[-1] = f"{lines[-1]} {ending(found)}"
    return lines


def ending(found: Found) -> str:
    """Say how the search ended, against greedy and against all texts."""
    words = [f"Done: {against_greedy(found)}", against_all(found)]
    return " ".join(word for word in words if word)


def against_greedy(found: Found) -> str:
    """Compare the best text found with greedy's."""
    best, greedy = found.best, found.greedy
    sums = f"{nats(best.cumulative)} against greedy’s {nats(greedy.cumulative)} nats"
    if best.tokens == greedy.tokens:
        return (
            f"the best text found is greedy’s own, {nats(best.cumulative)} nats. On "
            "this prompt, greedy does as well as this beam."
        )
    gain = best.cumulative - greedy.cumulative
    if gain > 0:
        return f"{sums}. The beam’s text is {times_likelier(gain)} as likely."
    if best.score > greedy.score:
        return (
            f"{sums}. Greedy’s whole text is {times_likelier(-gain)} as likely, but "
            "the beam’s has the better score, which takes length into account."
        )
    return f"{sums}. The beam pruned a text that would have been better: greedy’s."


def against_all(found: Found) -> str:
    """Say whether the best of all texts was found, if it is known."""
    best = found.best_of_all
    if best is None:
        return ""
    count = about(best.num_texts)
    if found.has_best_of_all:
        return f"It is the best of all {count} texts (◆)."
    score = nats(best.text.score, 3)
    return (
        f"This beam missed the best of all {count} texts (◆): "
        f"{nats(best.text.cumulative)} nats, score {score}."
    )


def _step(found: Found, step: int, vocab_size: int) -> str:
    level = [node for node in found.search.candidates if node.step == step]
    running = {node.parent for node in level}
    before = [node for node in found.search.candidates if node.step == step - 1]
    texts = 1 if step == 1 else sum(node.status == "kept" for node in before)
    kept = sum(node.status == "kept" for node in level)
    finished = sum(node.status == "finished" for node in level)
    fates = [
        f"{kept} {'goes' if kept == 1 else 'go'} on" * (kept > 0),
        f"{finished} finish{'es' * (finished == 1)}" * (finished > 0),
    ]
    words = (
        f"{texts} text{'s' * (texts > 1)} × {vocab_size:,} tokens = "
        f"{texts * vocab_size:,} candidates. Of the best {len(level)}, "
        f"{' and '.join(fate for fate in fates if fate) or 'none goes on'}."
    )
    if texts > len(running) and kept:
        words += f" {len(running)} of the {texts} texts are continued among them."
    if found.greedy_left == step:
        node = found.nodes[found.tree.paths[0][step - 1]]
        where = (
            f"it ranks {node.rank + 1}" if node.rank >= 0 else "it is not among them"
        )
        words += f" Greedy’s text drops out: {where}."
    return words
