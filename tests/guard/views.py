"""What is opened, of every page: at which place, and what must stand there."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from guard.answers_learning import hooks_followed, losses
from guard.lines import (
    CELLS,
    GRADIENTS,
    LOCKED,
    OPENED_KEY,
    PICKED,
    gradient_hook,
)
from guard.models import SHAPES
from guard.runs import FIRST, OWN, REPEATS, TEXT
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
    after: Callable[[Seen], None] | None = None
    """What a hand does on the open page."""
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


def _predict(seen: Seen) -> None:
    """Make a prediction, so that a question about what is seen follows."""
    radio = next(
        radio for radio in seen.app.radio if (radio.key or "").startswith("_answer_")
    )
    radio.set_value(0).run()


def _gradient(part: str) -> Callable[[Seen], dict[str, object]]:
    def state(seen: Seen) -> dict[str, object]:
        columns = hooks_followed(seen)
        begin = int(losses(seen).argmax()), len(columns) - 1
        chosen = 2, columns.index(gradient_hook(seen, part))
        return {"gradients.choice": (begin, chosen)}

    return state


def _cut(text: str) -> Callable[[Seen], dict[str, object]]:
    def state(seen: Seen) -> dict[str, object]:
        return {"cut": [text.format(layer=seen.layer, head=seen.head)]}

    return state


def _predict(seen: Seen) -> None:
    """Make the page's prediction, whatever it is: another question follows."""
    first = next(radio for radio in seen.app.radio if "_answer_" in (radio.key or ""))
    first.set_value(0).run()


def _compare_with_blind_guess(seen: Seen) -> None:
    """Choose what the model would say blindly, which a small circuit tells apart."""
    box = seen.app.selectbox(key="circuit_rival")
    box.set_value(box.options[1]).run()


def _write(seen: Seen) -> None:
    """Let the page write six tokens, and choose the fourth."""
    app = seen.app
    app.number_input(key="generate.max_new_tokens").set_value(6)
    app.number_input(key="generate.seed").set_value(11).run()
    app.button(key="generate").click().run()
    for _ in range(20):
        if not any(button.label == "Stop" for button in app.button):
            break
        app.run()
    app.session_state["written.choice"] = (None, LOCKED)
    app.run()


def _count_tokens(seen: Seen) -> None:
    """Answer the prediction, so that what is asked afterwards comes up."""
    (radio,) = (
        radio
        for radio in seen.app.radio
        if (radio.key or "").startswith("_answer_tokenizer.count_")
    )
    radio.set_value(0).run()


def _predict(seen: Seen) -> None:
    """Make a prediction, so that the page asks what was seen."""
    seen.app.radio[0].set_value(0).run()


def _talk(seen: Seen) -> None:
    """Ask the first question on offer, and look at the heads that answered it."""
    app = seen.app
    app.button(key="chip_0").click().run()
    for _ in range(80):
        if not any(button.label == "Stop" for button in app.button):
            break
        app.run()
    app.button_group(key="chat_view").set_value("Where it looks").run()


PATCHED = {
    "intervene": "Patch",
    "clean": "Mia had a red kite",
    "corrupted": "Tom had a red kite",
}

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
    "learning": View(
        "learning",
        (*ALL, "mlp"),
        ("learning loss",),
        (
            "learning.longer_step",
            "learning.cost",
            "learning.new_weight",
            "learning.farther",
        ),
    ),
    "learning gradient": View(
        "learning",
        ("relative", "alibi", "mlp"),
        ("learning gradient",),
        query={"learning_view": "2 The gradient"},
    ),
    **{
        f"learning {part}": View(
            "learning",
            ("rope",),
            (f"learning {part}",),
            query={"learning_view": "2 The gradient"},
            before=_gradient(part),
        )
        for part in GRADIENTS
    },
    **{
        f"learning step of {optimizer}": View(
            "learning",
            ("relative", "mlp"),
            query={"learning_view": "3 One step", "optimizer": optimizer},
        )
        for optimizer in ("SGD", "AdamW")
    },
    "learning sizes": View(
        "learning",
        ("rope", "learned"),
        query={"learning_view": "4 Its size", "optimizer": "AdamW", "rate": "0.003"},
    ),
    "learning again": View(
        "learning",
        ("relative", "mlp"),
        query={
            "learning_view": "5 Again and again",
            "optimizer": "AdamW",
            "rate": "0.01",
            "steps": "3",
        },
    ),
    "block": View(
        "block",
        ALL,
        ("block",),
        ("block.sublayers", "block.added", "block.norm", "block.fired"),
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
            "head_explorer.elsewhere",
            "head_explorer.reads",
            "head_explorer.band",
            "head_explorer.cost",
        ),
    ),
    "head_explorer examples": View(
        "head_explorer",
        ("relative",),
        ("head_explorer", "head_explorer examples"),
        query={"head_tab": "In its corpus"},
    ),
    "head_explorer predicted": View(
        "head_explorer",
        ("relative",),
        ("head_explorer",),
        ("head_explorer.most",),
        after=_predict,
    ),
    "intervene predicted": View(
        "intervene",
        ("relative",),
        (),
        ("intervene.next_token",),
        after=_predict,
    ),
    "intervene patch predicted": View(
        "intervene",
        ("relative",),
        ("intervene patch",),
        ("intervene.strongest_z",),
        query=PATCHED,
        after=_predict,
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
    "logit_lens tuned": View(
        "logit_lens",
        ("told",),
        (),
        ("logit_lens.tuned_nearer",),
        after=lambda seen: seen.app.button(key="tune_lens").click().run(),
        data="told",
    ),
    "intervene": View(
        "intervene",
        ALL,
        (),
        (
            "intervene.which_head",
            "intervene.side_effect",
            "intervene.mean",
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
            "intervene.where",
            "intervene.unchanged",
            "intervene.share",
        ),
        query=PATCHED,
    ),
    "intervene turn": View(
        "intervene",
        ("relative", "rope"),
        (),
        ("intervene.needed", "intervene.sharper", "intervene.cost"),
        query={"intervene": "Cut each in turn"},
    ),
    "intervene steer": View(
        "intervene",
        ("relative", "rope"),
        (),
        (
            "intervene.twice",
            "intervene.steered_at",
            "intervene.other_way",
        ),
        query={"intervene": "Steer"},
    ),
    "intervene paths": View(
        "intervene",
        ("relative", "rope"),
        (),
        (
            "intervene.strongest_path",
            "intervene.paths_together",
            "intervene.path_through",
        ),
        query={"intervene": "Paths"},
    ),
    "intervene neurons": View(
        "intervene",
        ("relative", "rope"),
        (),
        (
            "intervene.firing",
            "intervene.promotes",
            "intervene.without_neuron",
        ),
        query={"intervene": "Neurons"},
    ),
    "intervene circuit": View(
        "intervene",
        ("rope",),
        (),
        (
            "intervene.circuit_size",
            "intervene.circuit_last",
            "intervene.circuit_kind",
            "intervene.without_circuit",
        ),
        query={"intervene": "Circuit"},
        after=_compare_with_blind_guess,
    ),
    "intervene many": View(
        "intervene",
        ("relative", "rope"),
        (),
        (
            "intervene.on_average",
            "intervene.pairs_led",
            "intervene.sign_is_sure",
        ),
        query={"intervene": "Many prompts"},
    ),
    "intervene many lens": View(
        "intervene",
        ("rope",),
        query={"intervene": "Many prompts", "pairs_measure": "Lens"},
    ),
    "compare": View(
        "compare",
        ("relative",),
        ("compare loss", "compare heads"),
        (
            "compare.worse",
            "compare.factor",
            "compare.largest",
            "compare.removed",
        ),
        query={"read": "Prompt", "against_step": "0"},
        before=lambda seen: {"piece": seen.token},
    ),
    "compare seen": View(
        "compare",
        ("relative",),
        ("compare loss", "compare heads"),
        ("compare.orange",),
        query={"read": "Prompt", "against_step": "0"},
        before=lambda seen: {"piece": seen.token},
        after=_predict,
    ),
    "compare saliency": View(
        "compare",
        ("relative",),
        ("compare loss", "compare saliency"),
        query={"read": "Prompt", "against_step": "0", "part": "Saliency"},
        before=lambda seen: {"piece": seen.token},
    ),
    "compare rounding": View(
        "compare",
        ("relative",),
        ("compare loss",),
        query={"read": "Prompt", "against_step": "0", "part": "Rounding"},
        before=lambda seen: {"piece": seen.token},
        after=lambda seen: seen.app.button(key="measure_rounding").click().run(),
    ),
    "tokenizer": View(
        "tokenizer",
        ("learned", "alibi"),
        ("tokenizer",),
        (
            "tokenizer.count",
            "tokenizer.digits",
            "tokenizer.eos",
            "tokenizer.by_hand",
        ),
    ),
    "tokenizer afterwards": View(
        "tokenizer",
        ("learned", "alibi"),
        ("tokenizer",),
        ("tokenizer.half", "tokenizer.emoji"),
        after=_count_tokens,
    ),
    "tokenizer in slow motion": View(
        "tokenizer",
        ("learned",),
        (),
        ("tokenizer.first_merge",),
        query={"tokenizer_view": "Slow motion"},
    ),
    "tokenizer beside another": View(
        "tokenizer",
        ("learned",),
        (),
        ("tokenizer.fewer",),
        query={"tokenizer_view": "Compare"},
    ),
    "tokenizer in many languages": View(
        "tokenizer",
        ("learned", "alibi"),
        (),
        ("tokenizer.scripts",),
        query={"tokenizer_view": "Languages"},
    ),
    "embeddings tokens": View(
        "embeddings",
        ALL,
        ("embeddings tokens",),
        (
            "embeddings.nearest",
            "embeddings.variance",
            "embeddings.above_chance",
            "embeddings.table",
        ),
    ),
    "embeddings unembedding": View(
        "embeddings",
        ("rope",),
        ("embeddings unembedding",),
        query={"embedding_table": "unembedding"},
    ),
    "embeddings typed": View(
        "embeddings",
        ("alibi",),
        ("embeddings typed",),
        before=lambda _: {"embedding_word": "k"},
    ),
    "embeddings positions": View(
        "embeddings",
        ALL,
        ("embeddings positions",),
        (
            "embeddings.distance_{scheme}",
            "embeddings.rope",
            "embeddings.beyond",
            "embeddings.weights",
        ),
        query={"embeddings_part": "Positions"},
    ),
    "embeddings shuffle": View(
        "embeddings",
        ("relative", "learned"),
        ("embeddings shuffle",),
        ("embeddings.one_layer", "embeddings.two_layers", "embeddings.moved_most"),
        query={"embeddings_part": "Shuffle the words"},
    ),
    "embeddings of one head": View(
        "embeddings",
        ("single",),
        ("embeddings shuffle",),
        ("embeddings.alibi",),
        query={"embeddings_part": "Shuffle the words"},
    ),
    "embeddings of a window": View(
        "embeddings",
        ("mlp",),
        ("embeddings shuffle",),
        ("embeddings.window", "embeddings.window_weights"),
        query={"embeddings_part": "Shuffle the words"},
    ),
    "block of one head": View("block", ("single",), ("block",), ("block.grows",)),
    "block seen": View(
        "block", ("relative", "rope"), ("block",), ("block.head",), after=_predict
    ),
    "generation": View(
        "generation",
        ("relative", "rope", "learned"),
        ("generation",),
        (
            "generation.how_often",
            "generation.temperature",
            "generation.nucleus",
            "generation.surprise",
        ),
        before=lambda _: {"_chance": 5},
    ),
    "beam_search": View(
        "beam_search",
        ("relative", "rope"),
        ("beam_search",),
        (
            "beam_search.way_on",
            "beam_search.drop_out",
            "beam_search.sum",
            "beam_search.candidates",
        ),
    ),
    "beam_search of few tokens": View(
        "beam_search",
        ("alibi",),
        ("beam_search",),
        ("beam_search.gain",),
        query={"tokens": "2", "width": "8"},
        after=_predict,
    ),
    "chat": View(
        "chat",
        ("relative",),
        (),
        ("chat.same_without", "chat.predicted_from", "chat.room", "chat.counted"),
    ),
    "chat with a tuned model": View(
        "chat",
        ("talker",),
        (),
        ("chat.template", "chat.head", "chat.base"),
        data="talkers",
    ),
    "training of a text": View(
        "training",
        ("",),
        (),
        ("training.unknowable", "training.baseline", "training.held_out"),
        query={"run": TEXT},
        data="runs",
    ),
    "training of copying": View(
        "training",
        ("",),
        (),
        ("training.how_long", "training.first_time"),
        query={"run": REPEATS},
        data="runs",
    ),
    "training of a race": View(
        "training",
        ("",),
        (),
        ("training.race_speed", "training.race_tokens", "training.race_start"),
        query={"run": FIRST},
        data="runs",
    ),
    "training of sizes": View(
        "training",
        ("",),
        (),
        ("training.size_line", "training.size_fall"),
        query={"run": "sized-8"},
        data="runs",
    ),
    "finetuning": View(
        "finetuning",
        ("relative",),
        ("finetuning example",),
        (
            "finetuning.masked",
            "finetuning.surprise",
            "finetuning.size",
            "finetuning.dpo_start",
        ),
        before=lambda _: {
            "base_of_sft": "relative",
            "examples_from": "paste",
            "pasted_sft": "\n".join(map(json.dumps, OWN)),
        },
    ),
    "finetuning afterwards": View(
        "finetuning",
        ("plain",),
        ("finetuning example afterwards",),
        ("finetuning.likelier", "finetuning.moved"),
        query={"tuning": "answers"},
        data="tuned",
    ),
    "library": View(
        "library",
        ("relative",),
        (),
        (
            "library.tokens_per_parameter",
            "library.bytes",
            "library.tokens_per_step",
        ),
    ),
    "generation seen": View(
        "generation",
        ("alibi",),
        ("generation",),
        ("generation.second",),
        before=lambda _: {"_chance": 5},
        after=_predict,
    ),
    "generation cache": View(
        "generation",
        ("relative", "learned"),
        ("generation cache",),
        (
            "generation.cache_new",
            "generation.cache_bytes",
            "generation.cache_kept",
            "generation.cache_work",
        ),
        query={"generation_view": "the cache"},
    ),
    "generation of a text": View(
        "generation",
        ("rope",),
        ("generation text",),
        after=_write,
    ),
    "beam_search node": View(
        "beam_search",
        ("relative",),
        ("beam_search node",),
        before=lambda _: {"beam_tree.choice": (None, 6)},
    ),
    "chat heads": View("chat", ("talker",), ("chat",), after=_talk, data="talkers"),
    "finetuning heads": View(
        "finetuning",
        ("plain",),
        ("finetuning heads",),
        query={"tuning": "answers", "look": "Heads"},
        data="tuned",
    ),
    "home of a window": View("home", ("mlp",)),
    "attention seen": View(
        "attention",
        ("relative", "rope"),
        ("attention",),
        ("attention.rest",),
        after=_predict,
    ),
    "attention edited": View(
        "attention",
        ("relative", "rope"),
        ("attention",),
        before=lambda _: {"left_out": ["÷ √d"]},
    ),
}
