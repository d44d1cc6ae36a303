"""Twenty continuations as a tree: where the model is sure, and where texts part."""

import streamlit as st

from minigpt.config import GenerationConfig
from minigpt.errors import ConfigError
from minigpt.generation import Generator
from minigpt.generation.continuations import continue_often, path_to, prefix_tree
from minigpt.generation.result import Generation
from minigpt.textbook.generation import token_counts_at
from pages.frame import models, notebook
from pages.generation import source as sources
from pages.generation import tour
from pages.generation.notebook_lines import settings_literal
from pages.generation.source import GenerationInput
from viz.components.continuation_tree.view import continuation_tree

COUNT = 20
MOST_TOKENS = 16
"""Each continuation's length at most: further on, every text is alone anyway."""


def show(source: GenerationInput, config: GenerationConfig) -> None:
    """Show the tree, or the button that grows it.

    Raises:
        ConfigError: If the strategy draws nothing.
    """
    if config.strategy == "beam":
        raise ConfigError("Beam search does not sample: choose greedy or sampling.")
    forced = sources.written(source)
    length = len(forced) + min(config.max_new_tokens, MOST_TOKENS)
    config = config.replace(max_new_tokens=length, seed=config.seed or 0)
    wanted = (source.identity, source.last_only, config, tuple(forced))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pressed = st.button(
            f"Grow {COUNT} continuations", icon=":material/account_tree:", key="grow"
        )
        if forced:
            st.button(
                "Back to the prompt",
                icon=":material/undo:",
                type="tertiary",
                on_click=restart,
                args=(source,),
            )
    if pressed or st.session_state.pop("_grow_on", False):
        st.session_state["_tree"] = (wanted, grow(source, config, forced))
    known, texts = st.session_state.get("_tree", (None, []))
    if known != wanted:
        st.caption(
            f"{COUNT} texts of {length - len(forced)} tokens from this prompt, each "
            "with its own seed. What they have in common is shown once."
        )
        return
    draw(source, config, forced, texts)


def grow(
    source: GenerationInput, config: GenerationConfig, forced: list[int]
) -> list[Generation]:
    """Write the continuations, and say how far it is."""
    texts = []
    bar = st.progress(0.0, f"0 of {COUNT}")
    with models.turn_to_write():
        for text in continue_often(
            source.generator, source.prompt, config, COUNT, forced
        ):
            texts.append(text)
            bar.progress(len(texts) / COUNT, f"{len(texts)} of {COUNT}")
    bar.empty()
    return texts


def restart(source: GenerationInput) -> None:
    """Grow again from the prompt alone."""
    sources.write(source, [])
    st.session_state["_grow_on"] = True


def draw(
    source: GenerationInput,
    config: GenerationConfig,
    forced: list[int],
    texts: list[Generation],
) -> None:
    """Draw the tree; a click puts a branch behind the text, and it grows from there."""
    tokenizer = source.checkpoint.tokenizer
    branches = prefix_tree([text.tokens[len(forced) :] for text in texts])

    def pick(branch: int) -> None:
        sources.write(source, [*forced, *path_to(branches, branch)])
        st.session_state["_grow_on"] = True

    if forced:
        st.text(f"… {tokenizer.decode(forced)}")
    if not branches:
        st.caption("The text has ended here: there is nothing to continue.")
        return
    continuation_tree(
        branches,
        tokenizer.pieces([branch.token for branch in branches]),
        [tokenizer.pieces(branch.rest) for branch in branches],
        [text.seed or 0 for text in texts],
        key=tour.BRANCHES,
        on_pick=pick,
    )
    first = [branch for branch in branches if branch.parent is None]
    notebook.show(
        "continuations",
        token_counts_at,
        f"token_counts_at(continue_often(generator, {source.prompt!r}, "
        f"{settings_literal(config)}, {COUNT}, {forced}), {len(forced)})",
        begin=source.opening,
        also=[GenerationConfig, Generator, continue_often],
        drawn={
            str(branch.token): len(branch.members)
            for branch in sorted(first, key=lambda branch: branch.token)
        },
    )
