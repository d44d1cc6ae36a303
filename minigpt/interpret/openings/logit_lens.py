"""Where one sees the answer overtake its rival: late in the stream, and by far."""

from collections.abc import Iterator
from typing import NamedTuple

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.openings.opening import (
    Opening,
    held_out_prompts,
    transformer_of,
)
from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.logit_lens import leads, lens_column, overtaking


class _Race(NamedTuple):
    """The output's two likeliest tokens along the stream, after one token."""

    prompt: str
    tokens: list[int]
    position: int
    point: int
    """From which point on the answer stays ahead."""
    points: int
    behind: float
    """The rival's largest lead before, in logits."""
    lead: float
    """The answer's lead at the end, in logits."""

    @property
    def margin(self) -> float:
        return min(self.behind, self.lead)

    @property
    def is_late(self) -> bool:
        return 2 * self.point >= self.points


def logit_lens_opening(checkpoint: Checkpoint) -> Opening | None:
    """Search the token after which the answer overtakes its rival most visibly.

    Answer and rival are the two likeliest next tokens. Overtaking in the later half of
    the stream comes first; then what counts is the smaller of both leads, the rival's
    before and the answer's after.

    Effects: `point` where the answer takes the lead, counted from the embedding;
    `behind`, the rival's largest lead before, and `lead`, the answer's at the end, both
    in logits; `margin`, the smaller of the two.

    Returns:
        The place, and the head with the largest share in it; None where the answer is
        ahead from the embedding on, after every token of every prompt.
    """
    best = max(
        _races(checkpoint), key=lambda race: (race.is_late, race.margin), default=None
    )
    if best is None:
        return None
    model = transformer_of(checkpoint)
    first, second = lens_column(model, best.tokens, best.position).top(-1, 2)
    split = attribute(model, best.tokens, best.position, int(first), int(second))
    effects = {
        "point": float(best.point),
        "behind": best.behind,
        "lead": best.lead,
        "margin": best.margin,
    }
    return Opening(best.prompt, *split.strongest_head, best.position, effects)


def _races(checkpoint: Checkpoint) -> Iterator[_Race]:
    model = transformer_of(checkpoint)
    for prompt, tokens in held_out_prompts(checkpoint):
        gaps = leads(model, tokens)
        for position in range(1, len(tokens)):
            gap = gaps[:, position]
            point = overtaking(gap, 0 * gap)
            if point:
                behind, lead = float(-gap[:point].min()), float(gap[-1])
                yield _Race(prompt, tokens, position, point, len(gap), behind, lead)
