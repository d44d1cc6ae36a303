"""A tuned model's reply to a conversation.

Generation is `minigpt.generation`'s; only the prompt is another: it holds tokens that
no text contains, so it is given as tokens.
"""

from collections.abc import Iterator, Sequence

from minigpt.config import GenerationConfig
from minigpt.errors import DataError
from minigpt.generation.sample import Sampler
from minigpt.generation.text import TextWriter
from minigpt.model import LanguageModel
from minigpt.tokenizers import Tokenizer
from minigpt.tokenizers.chat import Message, encode_prompt_for_answer

GREEDY = GenerationConfig(strategy="greedy", max_new_tokens=64)
"""The likeliest answer: what is measured."""


def reply(
    model: LanguageModel,
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    config: GenerationConfig = GREEDY,
) -> str:
    """Return the assistant's answer.

    Args:
        model: In evaluation mode; an adapter need not be merged.
        tokenizer: Its tokenizer, with chat tokens.
        messages: The conversation so far; the last word is the user's.
        config: How to choose tokens. Beam search is not for conversations.

    Raises:
        DataError: If the conversation leaves no room for an answer, or the tokenizer
            has no chat tokens.
    """
    *_, text = ["", *stream_reply(model, tokenizer, messages, config)]
    return text


def stream_reply(
    model: LanguageModel,
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    config: GenerationConfig = GREEDY,
) -> Iterator[str]:
    """Yield the answer so far after each token; arguments and errors as for `reply`."""
    tokens = encode_prompt_for_answer(messages, tokenizer)
    return continue_tokens(model, tokenizer, tokens, config)


def continue_tokens(
    model: LanguageModel,
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    config: GenerationConfig = GREEDY,
) -> Iterator[str]:
    """Yield what follows a row of tokens, so far, after each new one.

    Raises:
        DataError: If the row is as long as the model's window, or longer.
    """
    limit = model.config.max_seq_len
    if len(tokens) >= limit:
        raise DataError(
            f"The conversation is {len(tokens)} tokens long, and this model reads at "
            f"most max_seq_len = {limit}, its answer included: shorten it."
        )
    sampler = Sampler(model, tokens, config, tokenizer.eos_id)
    writer = TextWriter(tokenizer, tokens)
    return _texts(sampler, writer)


def _texts(sampler: Sampler, writer: TextWriter) -> Iterator[str]:
    while not sampler.is_done:
        text = writer.add(sampler.draw().token)
        yield (writer.finish() if sampler.is_done else text).strip()
