"""A small base, and the same tuned on a few questions until it answers them.

It answers what it has learned by heart, and rambles about the rest: enough to tell a
right answer from a wrong one, and a tuned model from its base.
"""

from itertools import islice
from pathlib import Path

import torch

from minigpt.checkpoint import Checkpoint, CheckpointMetadata, save_checkpoint
from minigpt.config import TokenizerConfig
from minigpt.datasets.batches.examples import collate_fn
from minigpt.datasets.conversations import Conversation
from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.story import generate_tales
from minigpt.datasets.tales.talk import story_to_talk_about
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.supervised import SupervisedDataset
from minigpt.model import create_model
from minigpt.tokenizers.chat import Message
from minigpt.tokenizers.storage import build_tokenizer, load_tokenizer
from minigpt.training.loss import language_model_loss

WINDOW = 256
SHARE = 0.62
"""Of the window, as the Chat page has it: the story that it begins with."""


def make_chat_models(data: Path) -> Path:
    """Fill `data/models` with `plain` and `talker`, and return `data`."""
    settings = TokenizerConfig(kind="bpe", vocab_size=700)
    tokenizer = build_tokenizer(settings, generate_tales(60_000))
    torch.manual_seed(0)
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=32,
        num_layers=2,
        num_heads=2,
        max_seq_len=WINDOW,
    ).eval()
    base = data / "models" / "plain"
    save_checkpoint(base, model, tokenizer, step=1)
    about = CheckpointMetadata(model_type="transformer", model=model.config.to_dict())
    tuned = ready_to_chat(Checkpoint(model, tokenizer, about))
    learn_by_heart(tuned)
    save_checkpoint(
        data / "models" / "talker",
        tuned.model,
        tuned.tokenizer,
        step=2,
        provenance={"finetune": {"method": "sft", "base": str(base)}},
    )
    return data


def make_slow_model(data: Path) -> Path:
    """Add `deep` to `data/models`: its answers are long, slow, and can be stopped."""
    tokenizer = load_tokenizer(data / "models" / "plain")
    model = create_model(
        "transformer",
        vocab_size=tokenizer.vocab_size,
        d_model=64,
        num_layers=48,
        num_heads=2,
        max_seq_len=2048,
    )
    save_checkpoint(data / "models" / "deep", model, tokenizer, step=1)
    return data


def learn_by_heart(tuned: Checkpoint) -> None:
    """Teach the answers to the first two questions about the first story."""
    model, tokenizer, _ = tuned
    story = story_to_talk_about(
        0, lambda text: len(tokenizer.encode(text)) <= SHARE * WINDOW
    )
    assert story is not None
    asked = [Asked(story.text, question) for question in islice(story.questions, 2)]
    examples = SupervisedDataset(
        [Conversation((*one.prompt, Message("assistant", one.bare))) for one in asked],
        tokenizer,
        WINDOW,
    )
    batch = collate_fn([examples[number] for number in range(len(examples))])
    model.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loss = torch.tensor(torch.inf)
    while loss > 0.01:
        optimizer.zero_grad()
        loss = language_model_loss(model(batch["input_ids"]), batch["labels"])
        loss.backward()
        optimizer.step()
    model.eval()
