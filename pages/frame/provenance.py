"""Where a number comes from: its formula, its operands, its line of source."""

from collections.abc import Sequence
from hashlib import sha256

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.provenance import Provenance, SourceLine, trace
from pages.frame import covering
from pages.frame.remember import remember
from viz.provenance import digits, operand_table, placed, shape_words


def show(
    checkpoint: Checkpoint, tokens: Sequence[int], hook: str, index: Sequence[int]
) -> None:
    """Show one number of one hook in a line, and beside it how the model made it.

    Args:
        checkpoint: The model that was asked.
        tokens: The ids it read.
        hook: `blocks.0.attn.hook_pattern`, or `logits`.
        index: Place in the hook's tensor, the batch (0) first.
    """
    if not covering.aids_are_open():
        return
    read = list(map(int, tokens))
    found = _traced(checkpoint.model, read, hook, tuple(map(int, index)))
    name = placed(hook, found.index)
    key = sha256(name.encode()).hexdigest()[:12]
    with st.container(key=f"provenance_{key}", horizontal=True, gap="small"):
        line = f"{name} = {digits(found.value)}"
        st.code(line, language=None, wrap_lines=True, width="content")
        with st.popover(
            "Where does this number come from?",
            icon=":material/account_tree:",
            type="tertiary",
        ):
            _explain(found, checkpoint.tokenizer.pieces(read))


_traced = remember(256)(trace)


def _explain(found: Provenance, pieces: list[str]) -> None:
    with st.container(key=f"explained_{found.hook}_{found.index}"):
        st.caption(f"`{found.hook}` holds {shape_words(found.axes, found.shape)}")
        st.code(
            f"{found.formula}\n= {found.arithmetic}\n= {digits(found.recomputed)}",
            language=None,
            wrap_lines=True,
        )
        table = operand_table(
            found.operands.axis,
            found.operands.labels,
            found.operands.columns,
            pieces=pieces if found.operands.axis == "k_pos" else None,
            chosen=found.operands.chosen,
        )
        rows = len(table)
        st.dataframe(
            table.style.format("{:.4g}", na_rep=""),
            height=min(36 * (rows + 1), 218),
        )
        _show_source(found.source)


def _show_source(source: SourceLine) -> None:
    st.caption(f"`{source.path}:{source.line}`, in `{source.function}`")
    lines = source.excerpt.splitlines()
    lines[source.line - source.first_line] += f"  # ← line {source.line}"
    st.code("\n".join(lines), language="python")
