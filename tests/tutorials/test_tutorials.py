"""The steps of the two "Tiny Language Model" documents, in their order.

Each block below is a block of the document, with another import path. Further
differences, all of them on purpose:

- The models are narrower and learn for fewer epochs, to take seconds.
- A checkpoint is a directory: `best_model.pt` is `best_model/`, and a trailing `.pt` is
  accepted. Nothing is pickled: `minigpt.load` takes the place of `torch.load`, and
  returns model and tokenizer ready to use.
- A document's `...` is filled in.
"""

import re

import pytest
import torch
from torch.utils.data import DataLoader

from minigpt.datasets import StreamingTextDataset, TextDataset, collate_fn
from minigpt.model import TransformerLM
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from minigpt.training.trainer import Trainer, get_cosine_schedule_with_warmup


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    """Let `./outputs` lie in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    return tmp_path


@pytest.fixture
def train_texts():
    """Return "Step 1: Collect Your Text Data"."""
    return [
        "The quick brown fox jumps over the lazy dog.",
        "Machine learning is a branch of artificial intelligence.",
        "Python is a popular programming language.",
        "Deep learning uses neural networks with many layers.",
    ]


@pytest.fixture
def tokenizer(train_texts):
    """Return "Step 2: Choose a Tokenizer", character level."""
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(train_texts)
    return tokenizer


@pytest.fixture
def train_dataloader(train_texts, tokenizer):
    """Return "Step 3: Create Dataset"."""
    dataset = TextDataset(
        texts=train_texts,
        tokenizer=tokenizer,
        max_length=128,
    )
    return DataLoader(
        dataset,
        batch_size=2,
        shuffle=True,
        collate_fn=collate_fn,
    )


@pytest.fixture
def model(tokenizer):
    """Return "Step 1: Define Model Configuration"."""
    return TransformerLM(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=32,
        num_layers=2,
        num_heads=4,
        d_ff=128,
        max_seq_len=128,
        dropout=0.1,
    )


@pytest.mark.filterwarnings("ignore:This machine has no cuda")
def test_readme_quick_start(capsys):
    train_texts = [
        "The quick brown fox jumps over the lazy dog.",
        "Machine learning is fascinating.",
    ]
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(train_texts)

    train_dataset = TextDataset(train_texts, tokenizer, max_length=128)
    train_dataloader = DataLoader(
        train_dataset, batch_size=8, shuffle=True, collate_fn=collate_fn
    )
    model = TransformerLM(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=32,
        num_layers=4,
        num_heads=4,
        d_ff=128,
        max_seq_len=128,
    )
    trainer = Trainer(
        model=model,
        train_dataloader=train_dataloader,
        output_dir="./outputs",
    )
    trainer.train(num_epochs=10)
    assert "Epoch 10/10" in capsys.readouterr().out

    from minigpt.generation.generator import Generator

    # Without a GPU, the CPU is used and a warning says so.
    generator = Generator(model, tokenizer, device="cuda")
    generated_text = generator.generate_sampling(
        prompt="Machine learning",
        max_new_tokens=50,
        temperature=0.8,
        top_k=10,
    )
    assert generated_text.startswith("Machine learning")
    assert len(generated_text) > len("Machine learning")


def test_readme_model_components():
    model = TransformerLM(
        vocab_size=1000,
        d_model=64,
        num_layers=6,
        num_heads=8,
        d_ff=256,
        max_seq_len=512,
        dropout=0.1,
        positional_encoding="sinusoidal",
    )
    assert model(torch.zeros(1, 512, dtype=torch.long)).shape == (1, 512, 1000)


def test_tutorial_bpe_tokenizer(train_texts):
    tokenizer = BPETokenizer(vocab_size=5000)
    tokenizer.build_vocab(train_texts)
    for text in train_texts:
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_tutorial_training_your_first_model(
    model, train_dataloader, working_directory, capsys
):
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=3e-4,
        weight_decay=0.1,
    )
    trainer = Trainer(
        model=model,
        train_dataloader=train_dataloader,
        optimizer=optimizer,
        device="cuda" if torch.cuda.is_available() else "cpu",
        output_dir="./outputs",
    )
    trainer.train(num_epochs=50)

    printed = capsys.readouterr().out
    assert printed.startswith("Epoch 1/50\n")
    losses = re.findall(
        r"^Step \d+: loss = (\d\.\d{4}), avg_loss = \d\.\d{4}, lr = 0\.000300$",
        printed,
        re.MULTILINE,
    )
    assert len(losses) == 1
    assert float(losses[0]) < 3.3
    assert (working_directory / "outputs" / "checkpoint_epoch_50").is_dir()


def test_tutorial_generating_text(model, tokenizer):
    from minigpt.generation.generator import Generator

    generator = Generator(model, tokenizer, device="cpu")

    prompt = "The quick brown"
    text = generator.generate_greedy(prompt=prompt, max_new_tokens=50)
    assert text == generator.generate_greedy(prompt=prompt, max_new_tokens=50)
    assert text.startswith(prompt)

    text = generator.generate_sampling(
        prompt="Machine learning",
        max_new_tokens=50,
        temperature=0.8,
    )
    assert text.startswith("Machine learning")
    text = generator.generate_sampling(
        prompt="Deep learning",
        max_new_tokens=50,
        top_k=10,
    )
    assert text.startswith("Deep learning")
    text = generator.generate_sampling(
        prompt="Python is",
        max_new_tokens=50,
        top_p=0.9,
    )
    assert text.startswith("Python is")
    text = generator.generate_beam_search(
        prompt="artificial intelligence",
        max_new_tokens=50,
        num_beams=5,
    )
    assert text.startswith("artificial intelligence")


def test_tutorial_learning_rate_scheduling(model, train_dataloader, capsys):
    num_epochs = 5
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    num_training_steps = len(train_dataloader) * num_epochs
    lr_scheduler = get_cosine_schedule_with_warmup(
        optimizer,
        num_warmup_steps=num_training_steps // 10,
        num_training_steps=num_training_steps,
    )
    trainer = Trainer(
        model=model,
        train_dataloader=train_dataloader,
        optimizer=optimizer,
        lr_scheduler=lr_scheduler,
    )
    trainer.train(num_epochs=num_epochs)
    assert lr_scheduler.get_last_lr() == [pytest.approx(0.0)]


def test_tutorial_predefined_configurations(tokenizer):
    from minigpt.config import MEDIUM_CONFIG, SMALL_CONFIG

    config = SMALL_CONFIG
    config.vocab_size = tokenizer.get_vocab_size()
    model = TransformerLM(**config.to_dict())
    assert model.config.vocab_size == tokenizer.get_vocab_size()
    assert MEDIUM_CONFIG.d_model > SMALL_CONFIG.d_model


def test_tutorial_checkpointing_loading_and_evaluation(
    model, tokenizer, train_texts, train_dataloader, working_directory, capsys
):
    # Evaluation
    eval_dataset = TextDataset(train_texts[:2], tokenizer, max_length=128)
    eval_dataloader = DataLoader(eval_dataset, batch_size=2, collate_fn=collate_fn)
    trainer = Trainer(
        model=model,
        train_dataloader=train_dataloader,
        eval_dataloader=eval_dataloader,
        eval_interval=3,  # Evaluate every 3 steps
        output_dir="./outputs",
    )
    trainer.train(num_epochs=6)
    eval_loss = trainer.evaluate()
    print(f"Evaluation loss: {eval_loss:.4f}")  # noqa: T201 (the tutorial does)
    assert re.search(r"^Evaluation loss: \d\.\d{4}$", capsys.readouterr().out, re.M)

    # Checkpointing: after each epoch, at specified intervals, best by validation loss
    names = {path.name for path in (working_directory / "outputs").iterdir()}
    assert {f"checkpoint_epoch_{epoch}" for epoch in range(1, 7)} <= names
    assert {"checkpoint_step_3", "checkpoint_step_12", "best_model"} <= names

    # To resume training
    result = trainer.train(
        num_epochs=8, resume_from_checkpoint="./outputs/checkpoint_epoch_5.pt"
    )
    assert result.epoch == 8

    # Loading a trained model
    import minigpt

    checkpoint = minigpt.load("./outputs/best_model")
    model = TransformerLM(**checkpoint.model.config.to_dict())
    model.load_state_dict(checkpoint.model.state_dict())
    model.eval()
    tokens = torch.tensor([checkpoint.tokenizer.encode("The quick")])
    assert torch.equal(model(tokens), checkpoint.model(tokens))


def test_tutorial_large_datasets(model, tokenizer, working_directory):
    path = working_directory / "large_text_file.txt"
    path.write_text("The quick brown fox jumps.\n" * 200, encoding="utf-8")
    dataset = StreamingTextDataset(
        filepath="large_text_file.txt",
        tokenizer=tokenizer,
        max_length=128,
    )
    loader = DataLoader(dataset, batch_size=4, collate_fn=collate_fn)
    result = Trainer(model=model, train_dataloader=loader).train(max_steps=3)
    assert result.step == 3
