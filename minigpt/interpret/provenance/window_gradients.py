"""The gradient at each hook of an MLP model; see `gradients` for its logits."""

from minigpt.interpret.provenance.gradients import product
from minigpt.interpret.provenance.site import Site, doubles
from minigpt.interpret.provenance.working import (
    Working,
    multiply_and_add,
    number,
    parts,
)


def hidden_out(site: Site) -> Working:
    """A unit of an MLP model, through the next layer, or through the logits."""
    _, position, unit = site.index
    after = f"blocks.{site.layer + 1}.hook_pre_grad"
    layer = site.model.head
    if site.layer + 1 < len(site.model.blocks):
        layer = site.model.blocks[site.layer + 1].linear
    else:
        after = "logits_grad"
    return multiply_and_add(
        "gradient of what comes next · the unit's column of weights",
        "output",
        ("gradient", site.value(after, position)),
        ("weight", doubles(layer.weight[:, unit])),
    )


def hidden_in(site: Site) -> Working:
    """What a unit of an MLP model hears, through its tanh."""
    y = float(site.here("hook_post", *site.index[1:]))
    back = float(site.here("hook_post_grad", *site.index[1:]))
    return product(
        "gradient of the unit × (1 − tanh(x)²)", {"gradient": back, "slope": 1 - y * y}
    )


def window(site: Site) -> Working:
    """One number of an MLP model's window, through the first layer."""
    _, position, slot, dimension = site.index
    column = slot * site.model.config.d_model + dimension
    return multiply_and_add(
        "gradient of the first layer · the column of weights",
        "d_ff",
        ("gradient", site.value("blocks.0.hook_pre_grad", position)),
        ("weight", doubles(site.model.blocks[0].linear.weight[:, column])),
    )


def embedding_in_windows(site: Site) -> Working:
    """An embedding of an MLP model, in every window that it stands in."""
    _, position, dimension = site.index
    size = site.model.config.context_size
    found = {
        f"window of position {at}": float(
            site.value("hook_window_grad", at, size - 1 - (at - position), dimension)
        )
        for at in range(position, min(position + size, len(site.tokens)))
    }
    return Working(
        "Σ gradients of the places where it stands",
        parts(**found),
        " + ".join(map(number, found.values())),
        sum(found.values()),
    )
