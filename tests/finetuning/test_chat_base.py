"""A base gains chat tokens, and keeps what it knew."""

import pytest
import torch

from minigpt.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from minigpt.errors import CheckpointError
from minigpt.finetuning.chat import fingerprint, ready_to_chat, with_vocabulary
from minigpt.model import MLPLM


@pytest.mark.parametrize("tied", [True, False])
def test_a_base_with_chat_tokens_still_scores_the_old_ones_as_before(new_base, tied):
    base = new_base("word", tie_embeddings=tied)
    chat = ready_to_chat(base)
    size = base.tokenizer.vocab_size
    assert chat.model.config.vocab_size == chat.tokenizer.vocab_size == size + 3
    tokens = torch.tensor([base.tokenizer.encode("Mia had a red kite.")])
    torch.testing.assert_close(chat.model(tokens)[..., :size], base.model(tokens))
    assert ready_to_chat(chat) is chat


def test_new_rows_differ_and_look_like_the_old(new_base):
    chat = ready_to_chat(new_base())
    rows = chat.model.token_embedding.weight
    old, new = rows[:-3], rows[-3:]
    assert torch.pdist(new).min() > 0.1 * torch.pdist(old).mean()
    assert new.norm(dim=1).max() < 3 * old.norm(dim=1).max()


def test_the_same_base_gains_the_same_rows_whatever_the_dice(new_base):
    prints = set()
    for seed in (1, 2):
        base = new_base()
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        prints.add(fingerprint(ready_to_chat(base).model))
        assert torch.equal(torch.get_rng_state(), before)
    assert len(prints) == 1
    assert fingerprint(new_base(seed=5).model) not in prints


def test_an_mlp_can_grow_too():
    model = MLPLM(vocab_size=20)
    larger = with_vocabulary(model, 23)
    tokens = torch.arange(5)[None]
    torch.testing.assert_close(larger(tokens)[..., :20], model(tokens))


def test_a_chat_base_is_a_checkpoint_like_any_other(chat_base, tmp_path):
    save_checkpoint(tmp_path / "chat", chat_base.model, chat_base.tokenizer)
    loaded = load_checkpoint(tmp_path / "chat")
    assert loaded.tokenizer.special_tokens == chat_base.tokenizer.special_tokens
    assert fingerprint(loaded.model) == fingerprint(chat_base.model)


def test_a_base_with_another_tokenizer_is_refused(new_base):
    base, other = new_base("bpe"), new_base("char")
    wrong = Checkpoint(base.model, other.tokenizer, base.metadata)
    with pytest.raises(CheckpointError, match="another tokenizer"):
        ready_to_chat(wrong)
