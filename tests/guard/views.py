"""What is opened, of every page: at which place, and what must stand there."""

from collections.abc import Callable
from dataclasses import dataclass, field

from guard.lines import CELLS, OPENED_KEY, PICKED
from guard.models import SHAPES
from guard.seen import Seen

ALL = tuple(SHAPES)


@dataclass(frozen=True)
class View:
    """One page in one state."""

    lesson: str
    models: tuple[str, ...]
    lines: tuple[str, ...] = ()
    """The lines of origin that it shows, by their names in `LINES`, in order."""
    asks: tuple[str, ...] = ()
    """Questions that at least one of its models is asked."""
    query: dict[str, str] = field(default_factory=dict)
    before: Callable[[Seen], dict[str, object]] | None = None
    """Session state that stands for what a hand would have clicked."""
    data: str = "guarded"
    """The fixture that makes its models."""


def _opened(cell: str) -> Callable[[Seen], dict[str, object]]:
    def state(seen: Seen) -> dict[str, object]:
        row = (str(seen.path), *seen.tokens, seen.layer, seen.head, seen.token)
        return {"_opened_cell": (row, (cell, OPENED_KEY))}

    return state


def _picked(hook: str) -> Callable[[Seen], dict[str, object]]:
    def state(seen: Seen) -> dict[str, object]:
        row = (str(seen.path), *seen.tokens, seen.layer, seen.head, seen.token)
        return {"_picked_number": (row, (hook, PICKED[hook]))}

    return state


def _cut(text: str) -> Callable[[Seen], dict[str, object]]:
    def state(seen: Seen) -> dict[str, object]:
        return {"cut": [text.format(layer=seen.layer, head=seen.head)]}

    return state


VIEWS = {
    "home": View(
        "home",
        ALL,
        ("home",),
        ("home.sum", "home.who_predicts", "home.most_added"),
    ),
    "attention": View(
        "attention",
        ALL,
        ("attention",),
        (
            "attention.strongest",
            "attention.scale",
            "attention.mask",
            "attention.collapse",
        ),
    ),
    **{
        f"attention {cell}": View(
            "attention",
            ("rope",) if cell == "turned" else ("relative", "rope"),
            (f"attention {cell}",),
            before=_opened(cell),
        )
        for cell in CELLS
    },
    "block": View(
        "block",
        ALL,
        ("block",),
        ("block.sublayers", "block.head", "block.added", "block.norm", "block.fired"),
    ),
    **{
        f"block {hook}": View(
            "block",
            ("rope" if "mlp" in hook else "relative",),
            (f"block {hook}",),
            before=_picked(hook),
        )
        for hook in PICKED
    },
    "head_explorer": View(
        "head_explorer",
        ALL,
        ("head_explorer",),
        (
            "head_explorer.previous",
            "head_explorer.strongest",
            "head_explorer.band",
            "head_explorer.elsewhere",
            "head_explorer.cost",
        ),
    ),
    "logit_lens": View(
        "logit_lens",
        ALL,
        (),
        (
            "logit_lens.settles",
            "logit_lens.first",
            "logit_lens.overtakes",
            "logit_lens.largest",
            "logit_lens.total",
        ),
    ),
    "logit_lens origins": View(
        "logit_lens",
        ("relative", "rope"),
        ("lens cell", "lens share"),
        before=lambda seen: {"lens_origin": True, "share_origin": True},
    ),
    "intervene": View(
        "intervene",
        ALL,
        (),
        (
            "intervene.which_head",
            "intervene.next_token",
            "intervene.earlier",
            "intervene.pair",
        ),
    ),
    "intervene cut head": View(
        "intervene",
        ("relative",),
        ("intervene cut head",),
        before=_cut("L{layer}H{head} zero"),
    ),
    "intervene cut edge": View(
        "intervene",
        ("rope",),
        ("intervene cut edge",),
        before=_cut("L{layer}H{head}[5,3] zero"),
    ),
    "intervene cut attention": View(
        "intervene",
        ("alibi",),
        ("intervene cut attention",),
        before=_cut("attention{layer} zero"),
    ),
    "intervene patch": View(
        "intervene",
        ("relative", "rope"),
        ("intervene patch",),
        (
            "intervene.where_last",
            "intervene.unchanged",
            "intervene.strongest_z",
        ),
        query={
            "intervene": "Patch",
            "clean": "Mia had a red kite",
            "corrupted": "Tom had a red kite",
        },
    ),
    "intervene turn": View(
        "intervene",
        ("relative", "rope"),
        (),
        ("intervene.needed", "intervene.helped", "intervene.sharpest"),
        query={"intervene": "Cut each in turn"},
    ),
    "compare": View(
        "compare",
        ("relative",),
        ("compare loss", "compare heads"),
        (
            "compare.worse",
            "compare.direction",
            "compare.largest",
            "compare.removed",
        ),
        query={"read": "Prompt", "against_step": "0"},
        before=lambda seen: {"piece": seen.token},
    ),
    "compare saliency": View(
        "compare",
        ("relative",),
        ("compare loss", "compare saliency"),
        query={"read": "Prompt", "against_step": "0", "part": "Saliency"},
        before=lambda seen: {"piece": seen.token},
    ),
}
