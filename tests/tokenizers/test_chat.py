"""Who speaks: tokens that a tokenizer gains, and what they make of a conversation."""

import pytest

from minigpt.errors import CheckpointError, DataError
from minigpt.tokenizers import (
    BPETokenizer,
    CharTokenizer,
    WordTokenizer,
    load_tokenizer,
)
from minigpt.tokenizers.chat import (
    CHAT_TOKENS,
    Message,
    encode_chat,
    encode_prompt_for_answer,
    with_chat_tokens,
)

TEXT = "Mia had a kite. Who had the kite?"


@pytest.fixture(params=[CharTokenizer, WordTokenizer, lambda: BPETokenizer(280)])
def tokenizer(request):
    tokenizer = request.param()
    tokenizer.build_vocab(TEXT)
    return tokenizer


def test_old_tokens_keep_their_numbers_and_new_ones_come_last(tokenizer):
    chat = with_chat_tokens(tokenizer)
    assert chat.encode(TEXT, add_eos=True) == tokenizer.encode(TEXT, add_eos=True)
    assert chat.decode(chat.encode(TEXT)) == TEXT
    new = range(tokenizer.vocab_size, chat.vocab_size)
    assert tuple(chat.pieces(new)) == CHAT_TOKENS
    assert chat.special_tokens == tokenizer.special_tokens | dict(
        zip(new, CHAT_TOKENS, strict=True)
    )
    assert len(tokenizer.special_tokens) == 4
    assert with_chat_tokens(chat) is chat


def test_the_name_of_a_role_in_a_text_is_no_role(tokenizer):
    chat = with_chat_tokens(tokenizer)
    assert not set(chat.encode("<assistant> Mia")) & set(
        range(tokenizer.vocab_size, chat.vocab_size)
    )


def test_special_tokens_travel_with_the_file(tokenizer, tmp_path):
    chat = with_chat_tokens(tokenizer)
    chat.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert loaded.special_tokens == chat.special_tokens
    assert loaded.to_dict() == chat.to_dict()
    assert with_chat_tokens(loaded) is loaded


def test_decoding_leaves_roles_out_unless_asked(tokenizer):
    chat = with_chat_tokens(tokenizer)
    row = [token for token, _ in encode_chat([Message("user", "Mia")], chat)]
    assert chat.decode(row).strip() == "Mia"
    assert chat.decode(row, skip_special_tokens=False).startswith("<user>")


def test_a_conversation_is_roles_words_and_ends(tokenizer):
    chat = with_chat_tokens(tokenizer)
    user, assistant = (chat.vocab_size - 2, chat.vocab_size - 1)
    lead = " " if tokenizer.kind == "bpe" else ""
    question, answer = chat.encode(lead + "Who?"), chat.encode(lead + "Mia")
    row = encode_chat([Message("user", "Who?"), Message("assistant", "Mia")], chat)
    assert [token for token, _ in row] == [
        user,
        *question,
        assistant,
        *answer,
        chat.eos_id,
    ]
    assert [is_answer for _, is_answer in row] == [False] * (len(question) + 2) + [
        True
    ] * (len(answer) + 1)
    prompt = encode_prompt_for_answer([Message("user", "Who?")], chat)
    assert prompt == [user, *question, assistant]


def test_a_vocabulary_without_an_end_gains_one(tmp_path):
    plain = BPETokenizer(280)
    plain.build_vocab(TEXT)
    fields = plain.to_dict()
    ids = {name: n for n, name in enumerate(["<pad>", "<unk>", "<bos>", "<stop>"])}
    fields["special_tokens"] = ids
    fields["vocab"] = {k: v for k, v in fields["vocab"].items() if v > 3} | ids
    without = BPETokenizer.from_dict(fields)
    assert without.eos_id is None
    chat = with_chat_tokens(without)
    assert chat.special_tokens[chat.eos_id] == "<eos>"
    assert chat.vocab_size == without.vocab_size + 4


def test_a_tokenizer_without_roles_is_refused_with_the_remedy(tokenizer):
    with pytest.raises(DataError, match="finetune sft"):
        encode_chat([Message("user", "Who?")], tokenizer)


@pytest.mark.parametrize("added", ["<user>", [3], ["<user>", "<user>"], ["<eos>"]])
def test_a_damaged_list_of_added_tokens_is_refused(added):
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT)
    with pytest.raises(CheckpointError, match="added tokens"):
        CharTokenizer.from_dict(tokenizer.to_dict() | {"added": added})


def test_added_tokens_are_special_to_hugging_face_too(tmp_path):
    library = pytest.importorskip("tokenizers")
    tokenizer = CharTokenizer()
    tokenizer.build_vocab(TEXT)
    chat = with_chat_tokens(tokenizer)
    chat.save_huggingface(tmp_path / "tokenizer.json")
    theirs = library.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    row = [token for token, _ in encode_chat([Message("user", "Mia")], chat)]
    assert theirs.encode("<user>Mia").ids == row
