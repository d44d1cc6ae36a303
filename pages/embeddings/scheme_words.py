"""What each position scheme does, in a sentence or two."""

from minigpt.config import ModelConfig

WORDS = {
    "learned": "A vector for each position, learned like any weight, is **added to the "
    "embedding**.",
    "sinusoidal": "Sine waves, from short to long, are **added to the embedding**; "
    "nothing is learned.",
    "rope": "Each pair of numbers in a query or key is **rotated** like the hand of a "
    "clock, by an angle that grows with the position. Each pair rotates at its own "
    "speed.",
    "alibi": "The distance, times the head's slope, is **subtracted from each score**. "
    "Nothing is learned.",
    "relative": "A number for each distance, learned by each head, is **added to the "
    "score**.",
    "none": "No positions are given. Only the causal mask tells early tokens from late "
    "ones.",
}


def in_words(config: ModelConfig, scheme: str) -> str:
    """Say what a scheme does, and where this model departs from the formula."""
    words = WORDS[scheme] + _windows(config)
    if scheme != "rope":
        return words
    if config.rope_dim is not None:
        words += (
            f" In this model only the first {config.rope_dim} of a head's "
            f"{config.d_head} numbers are rotated; the others stay as they are."
        )
    if config.rope_local_base is not None:
        words += (
            f" Layers with a window have speeds of their own, from the base "
            f"{config.rope_local_base:g}; the others have {config.rope_base:g}."
        )
    if config.rope_factor != 1.0:
        which, made = "Its hands", "its first training texts"
        if config.rope_trained_length is not None:
            which = "Its slowest hands (not the fast ones)"
            made = (
                f"the {config.rope_trained_length:,} tokens of its first training texts"
            )
        words += (
            f" {which} turn {config.rope_factor:g} times slower than in other models, "
            f"so that the model can read texts longer than {made}."
        )
    return words


def _windows(config: ModelConfig) -> str:
    """Say which layers see only the last tokens; nothing if none does."""
    sizes = [window for window in config.windows if window is not None]
    if not sizes:
        return ""
    where = (
        "In this model"
        if len(sizes) == config.num_layers
        else (f"In {len(sizes)} of this model's {config.num_layers} layers")
    )
    return (
        f" {where} a token reads only the last {min(sizes):,} tokens, itself included."
    )
