"""The Tokenizer page's first view: one text as pieces and ids, in any vocabulary."""

from dataclasses import dataclass

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.tokenizers import AdaptedTokenizer, BPETokenizer, Tokenizer
from minigpt.tokenizers.base import SPECIAL_TOKENS
from minigpt.tokenizers.inspection.token_bytes import TokenCloseUp, close_up
from pages.frame import notebook, provenance, state
from pages.frame.guard import show_note
from pages.tokenizer.choice import MAKERS, TokenizerChoice, expression_of, limited
from viz.components.piece_links.view import MOST_PIECES, piece_links
from viz.tokens import token_table

TO_TRY = {
    "The the": "The the The the",
    "1234": "1 12 123 1234 12345",
    "a␣␣b": "two  spaces, three   spaces, and some at the end   ",
    "🙂": "🙂 🙂🙂 👩\u200d🚀 🇫🇷",
    "<eos>": "The end.<eos>",
    "שלום": "שלום عليكم world",
    "naïve": "na\u00efve nai\u0308ve नमस्ते",
}
"""Texts on which tokenizers trip; `naïve` is there in both of its spellings."""

MEANINGS = {
    "<pad>": "fills up short texts in a batch",
    "<unk>": "stands for anything that is not in the vocabulary",
    "<bos>": "marks the beginning of a text",
    "<eos>": "marks the end of a text",
}


@dataclass(frozen=True)
class Encoded:
    """A text, encoded by one tokenizer."""

    text: str
    tokenizer: Tokenizer
    tokens: list[TokenCloseUp]

    @property
    def ids(self) -> list[int]:
        """What a model would get."""
        return [each.token for each in self.tokens]

    @property
    def summary(self) -> str:
        """Say how long the text is, in every unit."""
        num_bytes = len(self.text.encode("utf-8"))
        count = len(self.tokens)
        per_token = f" · {num_bytes / count:.2f} bytes per token" if count else ""
        return (
            f"{plural(count, 'token')} · {plural(len(self.text), 'character')} · "
            f"{plural(num_bytes, 'byte')}{per_token}"
        )


def plural(count: int, thing: str) -> str:
    """Say how many.

    >>> plural(1, "token"), plural(1200, "byte")
    ('1 token', '1,200 bytes')
    """
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def lost(tokenizer: Tokenizer, unknown: list[str]) -> str:
    """Say what a tokenizer has no token for, and what the model gets instead.

    Args:
        tokenizer: Whose vocabulary lacks it.
        unknown: What is missing, not empty.
    """
    more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    instead = "nothing"
    if tokenizer.unk_id is not None:
        instead = tokenizer.piece(tokenizer.unk_id)
    return (
        f"Not in this vocabulary: {', '.join(unknown[:8])}{more}. The model reads "
        f"{instead} there."
    )


def closed(tokenizer: AdaptedTokenizer) -> str:
    """Say what cannot be shown of a tokenizer that a library runs."""
    return (
        f"The tokenizers library runs this model's tokenizer, of type "
        f"{tokenizer.method}. Its pieces and ids are shown here; the steps that lead "
        "to them are not. To see merges, choose one of this project's own above."
    )


def cut(tokenizer: Tokenizer, text: str, special: bool = False) -> Encoded:
    """Encode a text and describe each token.

    Args:
        tokenizer: Any.
        text: What to encode.
        special: Whether to put the tokens for beginning and end around it.
    """
    flags = dict.fromkeys(_marks(tokenizer, special), True)
    ids = tokenizer.encode(text, **flags)
    return Encoded(text, tokenizer, close_up(tokenizer, ids))


def _marks(tokenizer: Tokenizer, special: bool) -> list[str]:
    """Return the flags of `encode` that put this tokenizer's marks around a text."""
    marks = {"add_bos": tokenizer.bos_id, "add_eos": tokenizer.eos_id}
    return [name for name, token in marks.items() if special and token is not None]


def show(
    entry: TokenizerChoice, tokenizer: Tokenizer, text: str, checkpoint: Checkpoint
) -> None:
    """Show the view."""
    if isinstance(tokenizer, AdaptedTokenizer):
        show_note(closed(tokenizer))
    merges = _choose(tokenizer)
    special = bool(st.session_state.get("special_tokens", False))
    now = cut(limited(tokenizer, merges), text, special)
    chosen = show_cut(now, "pieces", entry.name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        flags = "".join(f", {name}=True" for name in _marks(tokenizer, special))
        limit = "" if merges is None else f".limited_to({merges})"
        notebook.show(
            "the pieces",
            tokenizer.encode,
            f"tokenizer.encode({text!r}{flags})",
            drawn=now.ids,
            begin=notebook.naming(tokenizer=expression_of(entry) + limit),
            also=MAKERS,
        )
        with st.popover("Table", icon=":material/table:", type="tertiary"):
            pieces = [each.piece for each in now.tokens]
            st.dataframe(token_table(pieces, now.ids), hide_index=True)
        with st.popover("Special tokens", icon=":material/star:", type="tertiary"):
            show_special(tokenizer)
        st.toggle(
            "Put them around the text",
            key="special_tokens",
            help="Adds the tokens that mark where a text begins and where it ends.",
            **state.BOUND,
        )
    whole = merges is None or merges == len(getattr(tokenizer, "merges", []))
    if entry.kind == "model" and whole and now.tokens:
        _trace(checkpoint, now.ids, chosen or 0)


def show_cut(now: Encoded, key: str, maker: str) -> int | None:
    """Show a text's pieces and ids, linked; return the position locked, if any."""
    return piece_links(
        [each.piece for each in now.tokens],
        now.ids,
        [detail(each, now.tokenizer) for each in now.tokens[:MOST_PIECES]]
        + [""] * max(0, len(now.tokens) - MOST_PIECES),
        now.summary,
        key=f"{key}_{maker}",
        special=[p for p, each in enumerate(now.tokens) if each.spelling is None],
    )


def detail(token: TokenCloseUp, tokenizer: Tokenizer) -> str:
    """Say what a token is made of."""
    if token.spelling is None:
        meaning = MEANINGS.get(token.piece, "which never occurs in a text")
        return f"a special token: {meaning}"
    bytes_ = token.spelling.hex(" ").upper()
    made = {
        "bpe": "a byte by itself"
        if token.rank is None
        else f"merge {token.rank + 1:,}",
        "word": "a whole word or mark",
        "char": "a whole character",
        "adapted": "a piece of its vocabulary",
    }[tokenizer.kind]
    return f"{plural(len(token.spelling), 'byte')}: {bytes_} · {made}"


def show_special(tokenizer: Tokenizer) -> None:
    """List the tokens that no text contains."""
    rows = [
        {
            "id": token,
            "name": name,
            "meaning": MEANINGS.get(
                name, "special, defined by whoever made the tokenizer"
            ),
        }
        for token, name in tokenizer.special_tokens.items()
    ]
    st.dataframe(rows, hide_index=True)
    typed = len(tokenizer.encode(SPECIAL_TOKENS[-1]))
    st.caption(
        "They are added by an option, never by typing: the letters `<eos>` are "
        f"only {plural(typed, 'ordinary token')} here."
    )


def _choose(tokenizer: Tokenizer) -> int | None:
    """Show examples and the vocabulary's slider; return its number of merges."""
    examples, slider = st.columns([5, 4], vertical_alignment="bottom")
    with examples:
        st.pills(
            "Try",
            list(TO_TRY),
            key="to_try",
            on_change=_try,
            help="Difficult texts: spaces, numbers, emoji, other scripts.",
        )
    merges = None
    if isinstance(tokenizer, BPETokenizer) and tokenizer.merges:
        most = len(tokenizer.merges)
        if st.session_state.get("merges_used", 0) > most:
            st.session_state["merges_used"] = most
        with slider:
            merges = st.slider(
                f"Merges used, of {most:,}",
                0,
                most,
                most,
                key="merges_used",
                help="Shows the same text with a smaller vocabulary: 256 bytes and "
                "this many merges.",
                **state.BOUND,
            )
    return merges


def _try() -> None:
    """Put the example that was clicked into the prompt."""
    wanted = st.session_state.get("to_try")
    if wanted is not None:
        st.session_state["prompt"] = TO_TRY[wanted]
        st.session_state["to_try"] = None
        state.forget_unknown("prompt")


def _trace(checkpoint: Checkpoint, ids: list[int], position: int) -> None:
    """Show the row of the embedding that the model looks up for the id."""
    longest = checkpoint.model.config.max_seq_len
    if len(ids) <= longest:
        provenance.show(checkpoint, ids, "hook_embed", (0, position, 0))
