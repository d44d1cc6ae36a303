"""The answers of Generation, Beam search and Chat, from the logits."""

import math
import re
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from guard.answers import answers
from guard.printed import Answer, plain_text
from guard.screen import Asked
from guard.seen import Seen, cache_of, logits_of, softmax

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets.tales.talk import (
    known_question,
    story_to_talk_about,
    words_of_fact,
)
from minigpt.finetuning.chat import ready_to_chat
from minigpt.finetuning.conversation_tokens import Turn, messages_of, read_tokens
from minigpt.generation import Generator
from minigpt.generation.sample import Sampler
from minigpt.interpret.reading.answer import places_of
from minigpt.tokenizers.chat import CHAT_TOKENS
from viz.tokens import display_piece

# Generation: one draw.


def settings(seen: Seen) -> dict[str, Any]:
    """What the fields of the page are set to."""
    names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")
    fields = {field.key: field.value for field in seen.app.number_input}
    return {name: fields.get(f"generate.{name}") for name in names}


def raw(seen: Seen) -> np.ndarray:
    return logits_of(seen.model, seen.tokens)[-1]


def filtered(seen: Seen) -> np.ndarray:
    """The distribution after the page's filters, in their order."""
    chosen = settings(seen)
    assert chosen["repetition_penalty"] == 1
    assert not chosen["min_p"]
    logits = raw(seen) / chosen["temperature"]
    if chosen["top_k"]:
        logits[np.argsort(-logits)[int(chosen["top_k"]) :]] = -np.inf
    if chosen["top_p"] and chosen["top_p"] < 1:
        logits[~nucleus(softmax(logits), chosen["top_p"])] = -np.inf
    return softmax(logits)


def nucleus(p: np.ndarray, share: float) -> np.ndarray:
    """Say which tokens are the fewest that reach a share together."""
    order_ = np.argsort(-p)
    count = int((np.cumsum(p[order_]) < share).sum()) + 1
    kept = np.zeros(len(p), dtype=bool)
    kept[order_[:count]] = True
    return kept


@answers("generation.how_often")
def how_often(seen: Seen, asked: Asked) -> Answer:
    p = softmax(raw(seen)).max()
    place = sum(100 * p >= most for most in (10, 40, 70, 95))
    return Answer(asked.options[place], (100, p))


@answers("generation.second")
def second(seen: Seen, asked: Asked) -> Answer:
    p = softmax(raw(seen))
    token = int(np.argsort(-p)[1])
    return Answer(seen.piece(token), (p[token],))


@answers("generation.temperature")
def temperature(seen: Seen, asked: Asked) -> Answer:
    p = softmax(raw(seen)).max()
    cold, hot = (softmax(raw(seen) / t).max() for t in (0.5, 2.0))
    return Answer(cold, (p, 0.5, 1, cold, 2, hot))


@answers("generation.nucleus")
def kept_tokens(seen: Seen, asked: Asked) -> Answer:
    kept = int(nucleus(softmax(raw(seen)), 0.9).sum())
    return Answer(kept, (len(raw(seen)), 0.9, 1, kept, 0.9))


def thrown(seen: Seen) -> int:
    """Return the token that a sampler with the page's seed writes."""
    chosen = settings(seen)
    if chosen["seed"] is None:
        chosen["seed"] = seen.app.session_state["_chance"]
    config = GenerationConfig(strategy="sampling", **chosen)
    return Sampler(seen.model, seen.tokens, config).draw().token


def text_written(seen: Seen) -> list[int]:
    """Write a text with the page's settings."""
    chosen = settings(seen)
    config = GenerationConfig(strategy="sampling", max_new_tokens=6, **chosen)
    model, tokenizer, _ = seen.checkpoint
    prompt = seen.app.text_input(key="prompt").value
    return Generator(model, tokenizer, model.device).generate(prompt, config).tokens


@answers("generation.surprise")
def surprise(seen: Seen, asked: Asked) -> Answer:
    p = np.sort(softmax(raw(seen)))[-3]
    return Answer(-math.log(p), (p, p, -math.log(p)))


# Generation: the cache.


@answers("generation.cache_new")
def newly_read(seen: Seen, asked: Asked) -> Answer:
    count = len(seen.tokens)
    return Answer(1, (count - 1, count, 1))


@answers("generation.cache_bytes")
def cache_bytes(seen: Seen, asked: Asked) -> Answer:
    count = len(seen.tokens)
    buffers = seen.model.new_cache(1, count).buffers
    kept = sum(each.untyped_storage().nbytes() for each in buffers)
    _, heads, _, width = buffers[0].shape
    layers = len(buffers) // 2
    said = (layers, heads, width, 4, count, layers, heads, width, count, 2, 4, 2)
    return Answer(kept, said)


@answers("generation.cache_kept")
def still_right(seen: Seen, asked: Asked) -> Answer:
    """Count the leading values that another token at position 1 leaves as they are."""
    changed = [seen.tokens[0], seen.tokens[1] ^ 1, *seen.tokens[2:]]
    layer = seen.model.config.num_layers - 1
    name = f"blocks.{layer}.attn.hook_v"
    same = np.isclose(
        cache_of(seen.model, seen.tokens)[name], cache_of(seen.model, changed)[name]
    )
    count = int(same.reshape(len(changed), -1).all(axis=1).cumprod().sum())
    return Answer(count, (len(changed), 1, 0, 1))


@answers("generation.cache_work")
def work(seen: Seen, asked: Asked) -> Answer:
    count = len(seen.tokens)
    every = [count, count + 1, count + 2]
    return Answer(sum(every), (3, count, count, sum(every), count + 2))


# Beam search: written once more, a list of texts and their sums.


class Text(NamedTuple):
    tokens: tuple[int, ...]
    sums: tuple[float, ...]

    @property
    def total(self) -> float:
        return self.sums[-1] if self.sums else 0.0

    @property
    def score(self) -> float:
        return self.total / len(self.tokens)


class Search(NamedTuple):
    best: Text
    levels: list[list[Text]]
    """Of each step, the best twice-width candidates, best first."""
    kept: list[list[Text]]
    """Of each step, those that go on or end."""
    going: list[int]
    """Of each step, how many go on."""


@cache
def search(
    model: Any, tokens: tuple[int, ...], width: int, steps: int, eos: int | None
):
    """Search as the page's settings have it: length penalty 1, no early stopping."""
    running, ended = [Text((), ())], []
    levels, kept, going = [], [], []
    for step in range(1, steps + 1):
        grown = []
        for text in running:
            p = softmax(logits_of(model, [*tokens, *text.tokens])[-1])
            grown += [
                Text((*text.tokens, n), (*text.sums, text.total + math.log(each)))
                for n, each in enumerate(p)
            ]
        level = sorted(grown, key=lambda text: -text.total)[: 2 * width]
        ends = [text for text in level[:width] if text.tokens[-1] == eos]
        on = [text for text in level if text.tokens[-1] != eos][:width]
        if step == steps:
            ends, on = level[:width], []
        ended = sorted([*ended, *ends], key=lambda text: -text.score)[:width]
        levels.append(level)
        kept.append([*on, *ends])
        going.append(len(on))
        running = on
        is_full = len(ended) == width
        if not on or (is_full and on[0].total / step <= ended[-1].score):
            break
    return Search(ended[0], levels, kept, going)


def searched(seen: Seen, width: int | None = None) -> Search:
    fields = {field.key: field.value for field in seen.app.number_input}
    width = width or int(fields["width"])
    eos = seen.checkpoint.tokenizer.eos_id
    return search(seen.model, tuple(seen.tokens), width, int(fields["tokens"]), eos)


def node(seen: Seen) -> Text:
    """The node that is chosen in the tree: the first, or the best of step two."""
    levels = searched(seen).levels
    chosen = "beam_tree.choice" in seen.app.session_state
    opened = seen.app.session_state["beam_tree.choice"][1] if chosen else None
    return levels[0][0] if not opened else levels[1][opened - len(levels[0])]


@answers("beam_search.way_on")
def way_on(seen: Seen, asked: Asked) -> Answer:
    best, greedy = searched(seen).best, searched(seen, 1).best
    parts = [a != b for a, b in zip(best.tokens, greedy.tokens, strict=False)]
    place = parts.index(True) if any(parts) else 0
    width = seen.app.number_input(key="width").value
    return Answer(seen.piece(best.tokens[place]), (width, best.total, greedy.total))


@answers("beam_search.gain")
def gained(seen: Seen, asked: Asked) -> Answer:
    best, greedy = searched(seen).best, searched(seen, 1).best
    times = math.exp(best.total - greedy.total)
    place = 1 if best == greedy else 0 if times < 1 else 2 + (times > 2) + (times > 10)
    return Answer(asked.options[place], (best.total, greedy.total))


@answers("beam_search.drop_out")
def drop_out(seen: Seen, asked: Asked) -> Answer:
    found, greedy = searched(seen), searched(seen, 1).best
    for step, level in enumerate(found.kept, start=1):
        begun = greedy.tokens[:step]
        if begun not in [text.tokens for text in level]:
            total = greedy.sums[step - 1]
            ranks = [text.tokens for text in found.levels[step - 1]]
            rank = (ranks.index(begun) + 1,) if begun in ranks else ()
            return Answer(f"it is dropped at step {step}", (total, *rank))
    return Answer(asked.options[found.best.tokens != greedy.tokens])


@answers("beam_search.sum")
def new_sum(seen: Seen, asked: Asked) -> Answer:
    sums = searched(seen).best.sums
    place = int(re.search(r"At step (\d+)", asked.text)[1])
    return Answer(sums[place], (place, sums[place - 1], sums[place] - sums[place - 1]))


@answers("beam_search.candidates")
def candidates(seen: Seen, asked: Asked) -> Answer:
    width, vocab = seen.app.number_input(key="width").value, len(raw(seen))
    return Answer(vocab, (vocab, width, 1, 1, vocab))


def counted(seen: Seen) -> tuple[int, int]:
    """Count the beginnings likelier than the best whole text, and all texts."""
    fields = {field.key: field.value for field in seen.app.number_input}
    steps, vocab = int(fields["tokens"]), len(raw(seen))
    eos, best = seen.checkpoint.tokenizer.eos_id, searched(seen, 12).best
    assert searched(seen).best == best
    texts, count = [Text((), ())], 0
    for _ in range(steps):
        count += len(texts)
        texts = [
            Text((*text.tokens, n), (text.total + math.log(each),))
            for text in texts
            for n, each in enumerate(
                softmax(logits_of(seen.model, [*seen.tokens, *text.tokens])[-1])
            )
            if n != eos and (text.total + math.log(each)) / steps > best.score
        ]
    every = sum((vocab - 1) ** n for n in range(steps + 1))
    return count, every


# Chat: the row of tokens before an answer.


def talk(
    seen: Seen, *, template: bool = True, question: str | None = None
) -> tuple[Any, list[Any], list[int]]:
    """The speaker, what was said, and the row that it reads."""
    speaker = ready_to_chat(load_checkpoint(spoken_by(seen)))
    story = seen.app.text_area(key="chat_story").value
    question = question or offered(seen)
    messages = messages_of(story, [Turn(question)])
    row = read_tokens(messages, speaker.tokenizer, template=template)
    return speaker, messages, [each.token for each in row]


def offered(seen: Seen) -> str:
    """The first question on offer, or the one that was asked when it was."""
    for button in seen.app.button:
        if button.key == "chip_0":
            return plain_text(button.label)
    return seen.app.session_state["_chat"].turns[0].question


def quoted(asked: Asked) -> str:
    """What is asked about: the first on offer, or the next where that is unclear."""
    found = re.match("“(.*?)”", plain_text(asked.text))
    assert found is not None, asked.text
    return found[1]


def story_of(speaker: Any) -> Any:
    """The first built-in story that fills at most 62% of the window, or none."""
    tokenizer, window = speaker.tokenizer, speaker.model.config.max_seq_len
    return story_to_talk_about(
        0, lambda text: len(tokenizer.encode(text)) <= 0.62 * window
    )


def spoken_by(seen: Seen):
    who = seen.app.selectbox(key="who").value
    path = seen.data / "models" / who
    return seen.path if seen.path.is_relative_to(path) else path


def begun(speaker: Any, row: list[int], most: int = 8) -> list[int]:
    """The likeliest tokens, one after the other, up to an end."""
    written: list[int] = []
    while len(written) < min(most, speaker.model.config.max_seq_len - len(row)):
        token = int(logits_of(speaker.model, [*row, *written])[-1].argmax())
        if token == speaker.tokenizer.eos_id:
            break
        written.append(token)
    return written


def said(speaker: Any, row: list[int]) -> str:
    return speaker.tokenizer.decode(begun(speaker, row)).strip()


def decisive_row(seen: Seen) -> tuple[list[int], np.ndarray]:
    """The text before the word that answers, and what the chosen head reads there."""
    turn = seen.app.session_state["_chat"].turns[0]
    answer = turn.answer
    speaker, messages, _ = talk(seen, question=turn.question)
    place = committed(seen, speaker, messages, answer.read, answer.tokens)
    tokens = [*answer.read, *answer.tokens][:place]
    hooks = cache_of(speaker.model, tokens)
    return tokens, hooks[f"blocks.{seen.layer}.attn.hook_pattern"][seen.head, -1]


@answers("chat.template")
def chat_template(seen: Seen, asked: Asked) -> Answer:
    speaker, messages, row = talk(seen, template=False)
    fact = fact_of(speaker, messages).question
    untold = speaker.tokenizer.decode(begun(speaker, row, 16)).lower()
    found = {
        match.start(): value
        for value in fact.candidates
        if (match := re.search(rf"\b{re.escape(value.lower())}\b", untold))
    }
    if not found:
        return Answer("No answer: the story goes on")
    if found[min(found)] == fact.answer:
        return Answer("The right answer all the same")
    return Answer("A wrong answer, from the same story")


@answers("chat.same_without")
def chat_same_without(seen: Seen, asked: Asked) -> Answer:
    told, untold = (
        said(*[talk(seen, template=each)[n] for n in (0, 2)]) for each in (True, False)
    )
    return Answer("yes" if told == untold else "no")


@answers("chat.predicted_from")
def chat_predicted_from(seen: Seen, asked: Asked) -> Answer:
    speaker, _, row = talk(seen)
    return Answer(display_piece(speaker.tokenizer.pieces(row[-1:])[0]))


@answers("chat.room")
def chat_room(seen: Seen, asked: Asked) -> Answer:
    speaker, _, row = talk(seen)
    limit = speaker.model.config.max_seq_len
    return Answer(limit - len(row), (len(row), limit))


@answers("chat.counted")
def chat_counted(seen: Seen, asked: Asked) -> Answer:
    speaker, _, row = talk(seen)
    special = speaker.tokenizer.special_tokens
    return Answer(sum(special.get(token) in CHAT_TOKENS for token in row), (1,))


@answers("chat.base")
def chat_base(seen: Seen, asked: Asked) -> Answer:
    _, messages, _ = talk(seen, question=quoted(asked))
    base = ready_to_chat(load_checkpoint(seen.data / "models" / "plain"))
    read = [each.token for each in read_tokens(messages, base.tokenizer)]
    return Answer(said(base, read).replace("\n", "⏎"))


def fact_of(speaker: Any, messages: list[Any]) -> Any:
    """The story's own answer to the last question."""
    fact = known_question(story_of(speaker), messages[-1].content.splitlines()[-1])
    assert fact is not None
    return fact


def committed(
    seen: Seen, speaker: Any, messages: list[Any], row: list[int], written: list[int]
) -> int:
    """The place of the first written word that might answer."""
    tokens, fact = [*row, *written], fact_of(speaker, messages)
    spelled = [
        place
        for value in fact.question.candidates
        for place in places_of(value, tokens, speaker.tokenizer)
        if place >= len(row)
    ]
    return min(spelled, default=len(row))


def on_the_answer(
    seen: Seen, speaker: Any, messages: list[Any], row: list[int], written: list[int]
) -> dict[str, float]:
    """How much of its row each head gives to the right answer in the story."""
    place = committed(seen, speaker, messages, row, written)
    there = places_of(words_of_fact(fact_of(speaker, messages)), row, speaker.tokenizer)
    hooks = cache_of(speaker.model, [*row, *written][:place])
    return {
        f"L{layer}H{head}": float(pattern[-1, there].sum())
        for layer in range(speaker.model.config.num_layers)
        for head, pattern in enumerate(hooks[f"blocks.{layer}.attn.hook_pattern"])
    }


@answers("chat.head")
def chat_head(seen: Seen, asked: Asked) -> Answer:
    speaker, messages, row = talk(seen, question=quoted(asked))
    written = begun(speaker, row)
    weights = on_the_answer(seen, speaker, messages, row, written)
    best = max(weights, key=weights.__getitem__)
    return Answer(best, (weights[best],))
