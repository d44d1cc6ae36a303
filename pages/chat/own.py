"""A model that was tuned on a file of one's own: what can be asked, what is right."""

from pathlib import Path

from minigpt.config import FinetuneConfig
from minigpt.datasets.conversations import Conversation
from minigpt.errors import DataError
from minigpt.library.finetuned import finetuning_of
from minigpt.preparation.finetuning import OwnFile, own_conversations
from pages.chat.speakers import Speaker
from pages.frame.remember import remember

OFFERED = 4
"""Learned questions that are offered; besides, one that was held out."""
_LONGEST = 80


@remember(256)
def tuned_by(path: Path) -> FinetuneConfig | None:
    """Return how a checkpoint was fine-tuned; None if it was not, or is unknown."""
    return finetuning_of(path)


def learns_tales(speaker: Speaker) -> bool:
    """Whether a model was tuned on questions about the built-in stories."""
    finetune = tuned_by(speaker.path)
    return finetune is not None and not finetune.is_own_file


def has_own_file(speaker: Speaker) -> bool:
    """Whether a model was tuned on a file, of which it was never told a story."""
    finetune = tuned_by(speaker.path)
    return finetune is not None and finetune.is_own_file


def file_of(speaker: Speaker) -> OwnFile | None:
    """Return what a model learned to answer; None if it is not here to be read."""
    finetune = tuned_by(speaker.path)
    if finetune is None or not finetune.is_own_file or finetune.method != "sft":
        return None
    return _read(finetune, speaker)


@remember(12, key=lambda finetune, speaker: (finetune, speaker.path))
def _read(finetune: FinetuneConfig, speaker: Speaker) -> OwnFile | None:
    who = speaker.checkpoint
    window = who.model.config.max_seq_len
    try:
        return own_conversations(finetune, who.tokenizer, window)
    except DataError:
        return None  # it lies on another machine, or was deleted


def offered(speaker: Speaker) -> list[str]:
    """Return some questions of the file: the first learned, and one held out."""
    own = file_of(speaker)
    if own is None:
        return []
    learned, held_out = (list(filter(None, map(_asked, part))) for part in own)
    return [*learned[:OFFERED], *held_out[:1]]


def _asked(conversation: Conversation) -> str:
    """Return a question that is short enough to be offered, or ""."""
    (*before, last) = conversation.prompt
    is_short = not before and len(last.content) <= _LONGEST
    return last.content if is_short and "\n" not in last.content else ""


def right_answer(speaker: Speaker, question: str) -> str | None:
    """Return the answer that the file gives to a question; None if it has none."""
    own = file_of(speaker)
    if own is None:
        return None
    every = (*own.learned, *own.held_out)
    return next((each.answer for each in every if _is_asked(each, question)), None)


def _is_asked(conversation: Conversation, question: str) -> bool:
    turns = conversation.prompt
    return len(turns) == 1 and turns[0].content.strip() == question.strip()


def describe(speaker: Speaker, question: str) -> str:
    """Say in Markdown whether a question is one of those that were learned."""
    own = file_of(speaker)
    if own is None:
        return ""
    if any(_is_asked(each, question) for each in own.learned):
        return f"One of the {len(own.learned)} questions it was tuned on."
    if any(_is_asked(each, question) for each in own.held_out):
        return "**Held out**: it is in the file, but the model was not tuned on it."
    return f"**None of the {len(own.learned)} questions it was tuned on.**"
