"""The Fine-tuning page before the start: what is learned, of tales or of one's own."""

import math
from typing import NamedTuple

import streamlit as st

from minigpt.checkpoint import Checkpoint
from minigpt.config import RunConfig
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.forms.rows import as_text
from minigpt.errors import DataError
from minigpt.preparation.finetuning_estimate import Examples
from pages.finetuning import example as finetuning_example
from pages.finetuning import numbers
from pages.frame import state, texts
from pages.frame.guard import show_note
from pages.frame.server.uploads import uploader
from pages.frame.words import plain

SOURCES = ("tales", "upload", "paste")
FEW = 12
"""Examples that tell how new a file is to the base."""
SFT_FORMS = """{"instruction": "Summarize this text:", "input": "…", "output": "…"}
{"messages": [{"role": "user", "content": "Who sang?"},
              {"role": "assistant", "content": "A bird."}]}"""
DPO_FORM = """{"instruction": "Who sang?", "input": "…",
 "chosen": "A bird.", "rejected": "No"}"""

OTHER_FORMS = {
    "sft": "Also prompt and completion, question and answer, ShareGPT’s conversations, "
    "texts with tags such as ### Human:, and the columns of a CSV or parquet file.",
    "dpo": "Also with a prompt or question, and chosen and rejected as whole "
    "conversations, in lists of messages or with the tags Human: and Assistant:.",
}


class Source(NamedTuple):
    """Where the examples come from."""

    examples: str
    """`tales`, or the path of the copy that is kept of a file."""
    name: str
    """What the reader calls it."""
    remark: str = ""
    """How it was read, if it is no UTF-8 text."""


def choose(method: str) -> Source | None:
    """Let the reader choose examples; None until there are some."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        source = segmented("Examples", list(SOURCES), "examples_from")
        with st.popover(
            "The accepted formats", icon=":material/data_object:", type="tertiary"
        ):
            st.caption("JSON (a list), JSONL (one object per line) or a table:")
            st.code(SFT_FORMS if method == "sft" else DPO_FORM, language="json")
            st.caption(OTHER_FORMS[method])
    if source == "tales":
        return Source("tales", "tales")
    contents, name = _own_examples(source, method)
    if contents is None:
        return None
    told = "Your examples" if source == "paste" else name
    found = as_text(contents, name)
    if found.remark:
        contents = found.text.encode()
    return Source(str(texts.keep(contents, name).absolute()), told, found.remark)


def _own_examples(source: str, method: str) -> tuple[bytes | None, str]:
    if source == "upload":
        file = uploader(
            "JSON, JSONL, CSV, TSV or parquet",
            type=["json", "jsonl", "txt", "csv", "tsv", "parquet"],
            key="examples",
        )
        return (None, "") if file is None else (file.getvalue(), file.name)
    pasted = st.text_area(
        "Your examples, one JSON object per line",
        key=f"pasted_{method}",
        height=120,
        placeholder=SFT_FORMS.splitlines()[0] if method == "sft" else DPO_FORM,
        persist_state="session",
    )
    return (pasted.encode(), "pasted-examples") if pasted.strip() else (None, "")


def read(config: RunConfig, base: Checkpoint, source: Source) -> Examples:
    """Read the examples; what is wrong is said of the file that the reader brought.

    Raises:
        DataError: If they cannot be used.
    """
    try:
        found = numbers.examples(config, base)
    except DataError as error:
        told = str(error).replace(source.examples, source.name)
        raise DataError(told) from None
    if found.remark:
        before = f"{source.name}: {source.remark}. " if source.remark else ""
        st.caption(plain(before + found.remark))
    return found


def say_what_an_adapter_cannot(
    config: RunConfig, base: Checkpoint, examples: Examples
) -> None:
    """Say, of LoRA on a file of one's own, how new the file is to the base."""
    finetune = config.finetune
    assert finetune is not None
    if finetune.lora is None or not finetune.is_own_file or finetune.method != "sft":
        return
    losses = [
        finetuning_example.mean_loss(numbers.conversation_losses(base, one))
        for one in examples.train[:FEW]
        if isinstance(one, Conversation)
    ]
    cost, size = sum(losses) / len(losses), base.tokenizer.vocab_size
    show_note(
        "LoRA leaves the embeddings as they are, so it cannot give a new meaning to "
        "pieces of text that the base has hardly met. A token of your answers costs "
        f"this base {cost:.1f} nats now; a uniform guess costs ln({size:,}) = "
        f"{math.log(size):.1f}. The nearer to that, the less LoRA can learn: train all "
        "weights instead."
    )


def segmented(label: str, options: list[str], key: str, help: str | None = None) -> str:
    """Let one of a few be chosen, never none."""
    chosen: str = st.segmented_control(
        label,
        options,
        help=help,
        default=options[0],
        required=True,
        key=key,
        **state.BOUND,
    )
    return chosen
