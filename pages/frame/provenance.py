"""Where a number comes from: its formula, its operands, its line of source."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.checkpoint import Checkpoint
from minigpt.interpret.provenance import Provenance, SourceLine, trace
from minigpt.interpret.provenance.working import Operands, Working
from minigpt.interpret.reading.prompt import Streams
from pages.frame import covering
from pages.frame.look.source import source_of
from pages.frame.remember import remember
from viz.provenance import digits, operand_table, placed, shape_words


def show(
    checkpoint: Checkpoint,
    tokens: Sequence[int],
    hook: str,
    index: Sequence[int],
    streams: Streams | None = None,
) -> None:
    """Show one number of one hook in a line, and beside it how the model made it.

    Args:
        checkpoint: The model that was asked.
        tokens: The ids it read.
        hook: `blocks.0.attn.hook_pattern`, or `logits`.
        index: Place in the hook's tensor, the batch (0) first.
        streams: `Reading.streams` of the tokens, if they are at hand: it is quicker.
    """
    if not covering.aids_are_open():
        return
    read = list(map(int, tokens))
    found = _traced(checkpoint.model, read, hook, tuple(map(int, index)), streams)
    with _line("provenance", placed(hook, found.index), found.value):
        _explain(found, checkpoint.tokenizer.pieces(read))


_traced = remember(256, key=lambda *args: args[:4])(trace)  # streams follow from them


def show_working(name: str, working: Working, function: Callable[..., object]) -> None:
    """Show one number that no hook holds, and beside it how it is worked out.

    Args:
        name: What the number is, as code: `ov_map(model, 0, 1)[5, 3]`.
        working: Its formula and operands.
        function: The function of `minigpt` that worked it out.
    """
    if not covering.aids_are_open():
        return
    with _line("working", name, working.result):
        _show_arithmetic(working.formula, working.arithmetic, working.result)
        _show_operands(working.operands)
        path = function.__module__.replace(".", "/")
        st.caption(f"`{path}.py`, in `{function.__name__}`")
        st.code(source_of(function).text, language="python")


def _line(kind: str, name: str, value: float) -> DeltaGenerator:
    """Show a number with its name; return the popover that says where it comes from."""
    key = sha256(name.encode()).hexdigest()[:12]
    with st.container(key=f"{kind}_{key}", horizontal=True, gap="small"):
        line = f"{name} = {digits(value)}"
        st.code(line, language=None, wrap_lines=True, width="content")
        return st.popover(
            "Where does this number come from?",
            icon=":material/account_tree:",
            type="tertiary",
        )


def _explain(found: Provenance, pieces: list[str]) -> None:
    with st.container(key=f"explained_{found.hook}_{found.index}"):
        st.caption(f"`{found.hook}` holds {shape_words(found.axes, found.shape)}")
        _show_arithmetic(found.formula, found.arithmetic, found.recomputed)
        of_tokens = found.operands.axis == "k_pos"
        _show_operands(found.operands, pieces if of_tokens else None)
        _show_source(found.source)


def _show_arithmetic(formula: str, arithmetic: str, result: float) -> None:
    st.code(
        f"{formula}\n= {arithmetic}\n= {digits(result)}", language=None, wrap_lines=True
    )


def _show_operands(operands: Operands, pieces: list[str] | None = None) -> None:
    table = operand_table(
        operands.axis,
        operands.labels,
        operands.columns,
        pieces=pieces,
        chosen=operands.chosen,
    )
    # The browser rounds: pandas' styler writes each cell as a text, and is slow at it.
    digits_shown = st.column_config.NumberColumn(format="%.4g")
    st.dataframe(
        table,
        height=min(36 * (len(table) + 1), 218),
        column_config=dict.fromkeys(table.columns, digits_shown),
    )


def _show_source(source: SourceLine) -> None:
    st.caption(f"`{source.path}:{source.line}`, in `{source.function}`")
    lines = source.excerpt.splitlines()
    lines[source.line - source.first_line] += f"  # ← line {source.line}"
    st.code("\n".join(lines), language="python")
