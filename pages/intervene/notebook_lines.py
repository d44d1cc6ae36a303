"""The lines of Python behind the figures of the Intervene page."""

from collections.abc import Sequence

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.interventions.interventions import FROM_OTHER_TEXTS, Cut
from minigpt.interpret.interventions.parts import Place
from minigpt.interpret.interventions.patching import CARRIED, Prompts
from minigpt.model import TransformerLM
from pages.intervene import numbers


def cutting(checkpoint: Checkpoint, cuts: Sequence[Cut]) -> str:
    """Return lines that make some cuts with hooks, as `edits`.

    Args:
        checkpoint: Whose parts they are.
        cuts: What is changed.
    """
    lines = []
    if any(cut.how in FROM_OTHER_TEXTS for cut in cuts):
        lines += [reading(checkpoint), "_, other = model.run_with_cache(windows)", ""]
    lines.append("edits = []")
    for number, cut in enumerate(cuts):
        places = cut.part.places(checkpoint.model)
        lines += _edit(f"edit_{number}", cut, next(iter(places.values())))
        lines += [f"edits.append(({name!r}, edit_{number}))" for name in places]
    return "\n".join(lines) + "\n"


def reading(checkpoint: Checkpoint) -> str:
    """Return lines that read the corpus, as `windows`."""
    count, length = numbers.windows(checkpoint).shape
    return (
        "from minigpt.interpret.corpora import held_out_windows\n"
        "windows = torch.tensor(held_out_windows(\n"
        f"    metadata, tokenizer, length={length}, count={count}))"
    )


def scoring(checkpoint: Checkpoint) -> str:
    """Return lines that make random tokens said twice, as `repeated`."""
    return (
        "from minigpt.interpret.heads.repeated_tokens import (\n"
        "    familiar_tokens, repeated_tokens, scores_on)\n"
        f"{reading(checkpoint)}\n"
        "familiar = familiar_tokens(tokenizer, windows.numpy())\n"
        "repeated = repeated_tokens(familiar, model.config.max_seq_len)\n"
    )


def patching(model: TransformerLM, prompts: Prompts, what: str, places: int) -> str:
    """Return lines that patch every place of every layer, as `moved`."""
    carried = CARRIED[what]
    here = ", ".join([":"] * carried.axis + ["place"])
    return f"""\
run, other = torch.tensor([{list(prompts.run)}]), torch.tensor([{list(prompts.other)}])
_, cache = model.run_with_cache(other)

def difference(edits=(), text=run):
    logits = model.run_with_hooks(text, edits)[0, -1]
    return (logits[{prompts.answer}] - logits[{prompts.rival}]).item()

def carry(place):
    def edit(value, hook):
        value = value.clone()
        value[{here}] = cache[hook.name][{here}]
        return value
    return edit

start, end = difference(), difference(text=other)
moved = [
    [(difference([(f"blocks.{{layer}}.{carried.hook}", carry(place))]) - start)
     / (end - start) for place in range({places})]
    for layer in range({model.config.num_layers})
]
"""


def _edit(name: str, cut: Cut, place: Place) -> list[str]:
    here = _written(place)
    lines = [
        f"def {name}(value, hook):  # {cut}",
        "    value = value.clone()",
    ]
    if cut.how == "mean":
        mean = "other[hook.name].mean((0, 1)).expand_as(value)"
        lines.append(f"    value[{here}] = {mean}[{here}]")
    elif cut.how == "resample":
        lines += [
            "    rows = (torch.arange(value.shape[0]) + 1) % len(windows)",
            "    places = torch.arange(value.shape[1]) % windows.shape[1]",
            f"    value[{here}] = other[hook.name][rows][:, places][{here}]",
        ]
    else:
        factor = 0.0 if isinstance(cut.how, str) else cut.how
        lines.append(f"    value[{here}] *= {factor}")
    if cut.renormalize:
        lines.append("    value /= value.sum(-1, keepdim=True).clamp(min=1e-9)")
    return [*lines, "    return value"]


def _written(place: Place) -> str:
    """Write cells of a tensor as Python does.

    >>> _written((slice(None), 3, slice(4, None)))
    ':, 3, 4:'
    """
    parts = []
    for part in place:
        if isinstance(part, slice):
            start, stop = (
                "" if end is None else end for end in (part.start, part.stop)
            )
            parts.append(f"{start}:{stop}")
        else:
            parts.append(str(part))
    return ", ".join(parts)
