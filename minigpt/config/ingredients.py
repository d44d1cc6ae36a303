"""What sets two recipes apart, ingredient by ingredient, each with reason and source.

An ingredient is a few settings that make sense only together. To find out what one
contributes, take it from another recipe and train again.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

from minigpt.config.recipes import RECIPES, get_recipe
from minigpt.config.training import RunConfig

SECTIONS: Final = ("transformer", "train")
"""Where in a run's configuration the ingredients lie."""

_NO_INGREDIENTS: Final = {
    "max_steps",
    "eval_interval",
    "seed",
    "vocab_size",
    "num_threads",
}
"""Length, evaluation, seed and the like: no part of a recipe."""


class Ingredient(NamedTuple):
    """Some settings that belong together."""

    name: str
    settings: tuple[str, ...]
    """Fields of `ModelConfig` or `TrainConfig`; the first one represents them."""
    why: str
    """One sentence."""
    source: str


INGREDIENTS: Final = (
    Ingredient(
        "optimizer",
        ("optimizer", "learning_rate", "muon_learning_rate"),
        "Muon makes each matrix's update orthogonal, so that all directions learn at "
        "one pace: the largest single gain.",
        "Jordan et al. 2024, kellerjordan.github.io/posts/muon",
    ),
    Ingredient(
        "memory of the optimizer",
        ("beta1", "beta2", "muon_momentum"),
        "A short run has no time for averages over hundreds of steps.",
        "Kingma & Ba 2015, arXiv:1412.6980, section 2",
    ),
    Ingredient(
        "schedule",
        ("schedule", "warmup_steps", "min_learning_rate_ratio", "decay_start"),
        "A straight line down to zero loses no step at the end, and Muon needs no "
        "warm-up.",
        "Defazio et al. 2023, arXiv:2310.07831",
    ),
    Ingredient(
        "dropout",
        ("dropout",),
        "A run of many passes over its text would memorise it; random zeros "
        "prevent that.",
        "Srivastava et al. 2014, Journal of Machine Learning Research 15",
    ),
    Ingredient(
        "weight decay",
        ("weight_decay",),
        "Pulls weights to zero, which helps over many passes, not in part of one.",
        "Loshchilov & Hutter 2019, arXiv:1711.05101",
    ),
    Ingredient(
        "positions",
        (
            *("positional_encoding", "relative_distances", "relative_gain"),
            *("rope_base", "rope_dim", "rope_factor", "rope_trained_length"),
            *("rope_slow_turns", "rope_fast_turns", "rope_ramp", "rope_local_base"),
        ),
        "With a learned bias per distance, heads find the token before at once; "
        "position vectors must be learned one by one.",
        "Raffel et al. 2020, arXiv:1910.10683, section 2.1",
    ),
    Ingredient(
        "activation",
        ("activation",),
        "The squared ReLU is sparse, and cheaper than GELU.",
        "So et al. 2021, arXiv:2109.08668",
    ),
    Ingredient(
        "norms without weights",
        ("norm_affine", "norm", "norm_eps"),
        "The matrix after a norm can scale by itself: a scale of its own costs time.",
        "Xu et al. 2019, arXiv:1911.07013",
    ),
    Ingredient(
        "no biases",
        ("bias", "qkv_bias"),
        "Fewer small operations in a step, and nothing lost.",
        "Chowdhery et al. 2022, arXiv:2204.02311, section 2",
    ),
    Ingredient(
        "a head of its own",
        ("tie_embeddings",),
        "What a token means and what predicts it are two questions: two matrices.",
        "Press & Wolf 2017, arXiv:1608.05859, who tie them",
    ),
    Ingredient(
        "token shift",
        ("token_shift",),
        "Each embedding gets a share of the one before it; otherwise a head would be "
        "needed for that.",
        "Peng et al. 2023, arXiv:2305.13048, section 3.1.1",
    ),
    Ingredient(
        "value embeddings",
        ("value_embeddings",),
        "What heads copy includes the token itself, in every layer.",
        "Zhou et al. 2024, arXiv:2410.17897",
    ),
    Ingredient(
        "queries and keys normalised",
        ("qk_norm",),
        "Scores stay small, whatever the learning rate.",
        "Henry et al. 2020, arXiv:2010.04245",
    ),
    Ingredient(
        "size of the model",
        ("num_layers", "d_model", "num_heads", "num_kv_heads", "head_dim", "d_ff"),
        "A smaller model takes more steps in the same time; a larger one learns more "
        "in each.",
        "Kaplan et al. 2020, arXiv:2001.08361, section 6",
    ),
    Ingredient(
        "window and batch",
        ("max_seq_len", "batch_size"),
        "A small model spends most of a step on overhead: fewer, larger steps waste "
        "less, and a longer window lets it look farther back.",
        "McCandlish et al. 2018, arXiv:1812.06162",
    ),
    Ingredient(
        "number format",
        ("precision",),
        "Matrix products in 16 bits where that is faster; the weights keep 32.",
        "Micikevicius et al. 2018, arXiv:1710.03740",
    ),
)


class Difference(NamedTuple):
    """One ingredient whose settings differ between two runs."""

    ingredient: Ingredient
    first: dict[str, Any]
    """The settings that differ, as the first run has them."""
    second: dict[str, Any]


def text_recipes() -> list[str]:
    """Name the recipes that learn from a text of one's choice."""
    return [name for name in RECIPES if get_recipe(name).data.source != "repeats"]


def differences(first: RunConfig, second: RunConfig) -> list[Difference]:
    """Return the ingredients that set two runs apart.

    A setting that no ingredient names is an ingredient by itself, with its
    description as the reason.
    """
    ours, theirs = dict(_settings(first)), dict(_settings(second))
    left = [name for name in ours if ours[name] != theirs[name]]
    found = []
    for ingredient in (*INGREDIENTS, *_unnamed(first)):
        names = [name for name in ingredient.settings if name in left]
        if names:
            one, other = ({n: each[n] for n in names} for each in (ours, theirs))
            found.append(Difference(ingredient, one, other))
    return found


def taking(config: RunConfig, other: RunConfig, names: Collection[str]) -> RunConfig:
    """Return a run with some ingredients as another run has them.

    Args:
        config: The run to change.
        other: Where the ingredients come from.
        names: Which, by their names.
    """
    changes = {
        setting: value
        for difference in differences(config, other)
        if difference.ingredient.name in names
        for setting, value in difference.second.items()
    }
    return config.replace(
        **{
            section: getattr(config, section).to_dict()
            | {
                name: changes[name]
                for name in type(getattr(config, section)).model_fields
                if name in changes
            }
            for section in SECTIONS
        }
    )


def _settings(config: RunConfig) -> Iterator[tuple[str, Any]]:
    for section in SECTIONS:
        for name, value in getattr(config, section):
            if name not in _NO_INGREDIENTS:
                yield name, value


def _unnamed(config: RunConfig) -> Iterator[Ingredient]:
    """Make an ingredient of each setting that has none."""
    named = {name for ingredient in INGREDIENTS for name in ingredient.settings}
    for section in SECTIONS:
        for name, info in type(getattr(config, section)).model_fields.items():
            if name not in named | _NO_INGREDIENTS:
                why = info.description or name
                yield Ingredient(name, (name,), why, "the setting's own description")
