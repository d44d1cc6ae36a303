"""The answers of Tokenizer and Embeddings, from the tables and the formulas."""

import math
from itertools import pairwise

import numpy as np
import torch
from guard.answers import answers
from guard.printed import Answer, Below, numbers_in, plain_text
from guard.screen import Asked
from guard.seen import Seen, logits_of, softmax

from minigpt.config import ModelConfig
from minigpt.interpret.positions.word_order import shuffled
from minigpt.model import create_model
from minigpt.tokenizers.byte_pair.pretokens import pretokens
from minigpt.tokenizers.inspection.scripts import SENTENCES

# Tokenizer: the chosen model's own.


def merged(seen: Seen, text: str, count: int) -> int:
    """Count the tokens of a text after the first merges, pair by pair."""
    merges = seen.checkpoint.tokenizer.merges[:count]
    total = 0
    for part in pretokens(text):
        for word in part:
            symbols = [bytes([byte]) for byte in word.encode("utf-8")]
            for one, other in merges:
                place = 0
                while place < len(symbols) - 1:
                    if (symbols[place], symbols[place + 1]) == (one, other):
                        symbols[place : place + 2] = [one + other]
                    place += 1
            total += len(symbols)
    return total


def count_of(seen: Seen, text: str) -> int:
    return len(seen.checkpoint.tokenizer.encode(text))


def text_of(seen: Seen) -> str:
    return seen.app.text_input(key="prompt").value


@answers("tokenizer.count")
def tokenizer_count(seen: Seen, asked: Asked) -> Answer:
    text, tokenizer = text_of(seen), seen.checkpoint.tokenizer
    # Characters are the tokens of one kind, joined bytes those of the other.
    is_bytes = hasattr(tokenizer, "merges")
    right = merged(seen, text, len(tokenizer.merges)) if is_bytes else len(text)
    return Answer(right, (len(text.split()), len(text), right))


@answers("tokenizer.half")
def tokenizer_half(seen: Seen, asked: Asked) -> Answer:
    text = text_of(seen)
    every = len(seen.checkpoint.tokenizer.merges)
    now, then = merged(seen, text, every), merged(seen, text, every // 2)
    return Answer(then, (every, len(text.encode()), now, every // 2, then))


@answers("tokenizer.emoji")
def tokenizer_emoji(seen: Seen, asked: Asked) -> Answer:
    assert "🙂" not in "".join(
        seen.checkpoint.tokenizer.pieces(range(seen.config.vocab_size))
    )
    return Answer("<unk>: unknown")


@answers("tokenizer.first_merge")
def tokenizer_first_merge(seen: Seen, asked: Asked) -> Answer:
    """The first of the learned pairs that the text contains, byte beside byte."""
    words = [
        [bytes([byte]) for byte in word.encode()]
        for part in pretokens(text_of(seen))
        for word in part
    ]
    present = {pair for word in words for pair in pairwise(word)}
    merges = seen.checkpoint.tokenizer.merges
    rank = next(rank for rank, pair in enumerate(merges) if pair in present)
    name = " + ".join(part.decode().replace(" ", "·") for part in merges[rank])
    return Answer(name, (rank + 1,))


def fewest_of(tokenizer: object, word: str) -> int:
    return len(tokenizer.encode(f" {word}"))


@answers("tokenizer.fewer")
def tokenizer_fewer(seen: Seen, asked: Asked) -> Answer:
    from pages.tokenizer.choice import PROGRAMS, tokenizer_of

    word = asked.text.split("**")[1]
    one, other = seen.checkpoint.tokenizer, tokenizer_of(PROGRAMS)
    counts = fewest_of(one, word), fewest_of(other, word)
    if counts[0] == counts[1]:
        return Answer("both the same", counts)
    best = counts.index(min(counts))
    named = map(plain_text, asked.options)
    (right,) = (each for each in named if each.startswith(f"{best + 1}:"))
    return Answer(right, counts)


@answers("tokenizer.by_hand")
def tokenizer_by_hand(seen: Seen, asked: Asked) -> Answer:
    text = asked.text.split("`")[1]
    counts = {
        option: text.count("".join(plain_text(option).split(" + ")))
        for option in asked.options
    }
    best = max(counts, key=counts.__getitem__)
    return Answer(plain_text(best), (counts[best],))


@answers("tokenizer.vocabulary")
def tokenizer_vocabulary(seen: Seen, asked: Asked) -> Answer:
    bytes_, merges, special = (
        int(number.replace(",", "")) for number in numbers_in(asked.text)
    )
    right = bytes_ + merges + special
    return Answer(right, (bytes_, merges, special, bytes_, merges, special, right))


@answers("tokenizer.whole")
def tokenizer_whole(seen: Seen, asked: Asked) -> Answer:
    lengths = {word: count_of(seen, f" {word}") for word in asked.options}
    (right,) = (word for word, size in lengths.items() if size == 1)
    return Answer(right, tuple(n for word, n in lengths.items() if word != right))


@answers("tokenizer.digits")
def tokenizer_digits(seen: Seen, asked: Asked) -> Answer:
    encode, pieces = seen.checkpoint.tokenizer.encode, seen.checkpoint.tokenizer.pieces
    ids = encode("1234")
    # The explanation names the pieces; those that are numbers count as said.
    named = (float(each) for each in pieces(ids) if each.isdecimal())
    return Answer(len(ids), (1234, *named))


@answers("tokenizer.eos")
def tokenizer_eos(seen: Seen, asked: Asked) -> Answer:
    return Answer(f"{count_of(seen, '<eos>')} tokens of text")


@answers("tokenizer.scripts")
def tokenizer_scripts(seen: Seen, asked: Asked) -> Answer:
    costs = {each.language: count_of(seen, each.text) for each in SENTENCES}
    best = max(costs, key=costs.__getitem__)
    (text,) = (each.text for each in SENTENCES if each.language == best)
    return Answer(best, (costs[best], len(text), costs["English"]))


# Embeddings: rows of a table.

TYPED = "Any other token"


def vectors(seen: Seen) -> np.ndarray:
    """The table on the screen: where the address says so, the unembedding."""
    size = seen.checkpoint.tokenizer.vocab_size
    own = "unembedding" in str(seen.app.query_params.get("embedding_table"))
    layer = seen.model.head if own else seen.model.token_embedding
    return layer.weight.detach().double().numpy()[:size]


def chosen(seen: Seen) -> int:
    """The token that all figures are about: the one typed, or the prompt's."""
    typed = [field.value for field in seen.app.text_input if field.label == TYPED]
    ids = seen.checkpoint.tokenizer.encode(typed[0]) if typed and typed[0] else []
    return ids[0] if ids else seen.tokens[seen.token]


def neighbours(seen: Seen) -> tuple[list[int], np.ndarray]:
    """The eight nearest to the chosen token's vector, and every cosine."""
    unit = vectors(seen)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    token = chosen(seen)
    cosines = unit @ unit[token]
    order = [int(n) for n in np.argsort(-cosines) if n != token]
    return order[:8], cosines


def drawn(seen: Seen) -> list[int]:
    """The sixty commonest tokens, the chosen one and its neighbours."""
    ids, counts = np.unique(seen.windows, return_counts=True)
    special = seen.checkpoint.tokenizer.special_tokens
    order = ids[np.argsort(-counts, kind="stable")].tolist()
    common = [token for token in order if token not in special][:60]
    near, _ = neighbours(seen)
    return list(dict.fromkeys([*common, chosen(seen), *near]))


def flat_share(seen: Seen) -> float:
    """The share of variance along the two widest directions, in percent."""
    sizes = np.linalg.eigvalsh(np.cov(vectors(seen)[drawn(seen)].T))
    return 100 * float(sizes[-2:].sum() / sizes.sum())


@answers("embeddings.nearest")
def embeddings_nearest(seen: Seen, asked: Asked) -> Answer:
    near, cosines = neighbours(seen)
    pieces = [seen.piece(token) for token in range(len(cosines))]
    offered = [
        max(cosines[n] for n, p in enumerate(pieces) if p == plain_text(option))
        for option in asked.options
    ]
    assert max(offered) == cosines[near[0]]
    return Answer(seen.piece(near[0]), (max(offered), sorted(offered)[-2]))


def chance(seen: Seen) -> tuple[float, float]:
    """The mean cosine of two rows, and the nearest of random ones, half of the time."""
    unit = vectors(seen)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    size, width = unit.shape
    pairs = (unit @ unit.T)[~np.eye(size, dtype=bool)]
    # Of a random direction, one coordinate's square is Beta(1/2, (width − 1) / 2):
    # count what is left above a cosine, by a sum over small steps.
    steps = np.linspace(-1, 1, 400_001)
    density = (1 - steps**2) ** ((width - 3) / 2)
    above = 1 - np.cumsum(density) / density.sum()
    wanted = 1 - 0.5 ** (1 / (size - 1))
    return float(pairs.mean()), float(steps[np.argmax(above < wanted)])


@answers("embeddings.above_chance")
def embeddings_above_chance(seen: Seen, asked: Asked) -> Answer:
    near, cosines = neighbours(seen)
    limit, kept = max(chance(seen)), cosines[near]
    said = (limit, len(near), len(near), kept[0], kept[-1])
    return Answer(int((kept > limit).sum()), said)


@answers("embeddings.table")
def embeddings_table(seen: Seen, asked: Asked) -> Answer:
    rows, width = seen.model.token_embedding.weight.shape
    return Answer(rows * width, (rows, width, rows, width, rows * width))


@answers("embeddings.variance")
def embeddings_variance(seen: Seen, asked: Asked) -> Answer:
    share = flat_share(seen)
    said = (len(drawn(seen)), vectors(seen).shape[1], share)
    return Answer(f"about {round(share)}%", said)


# Positions: what a distance does.


def rope_speeds(config: ModelConfig) -> np.ndarray:
    """How far RoPE turns each pair per position, slowed if the model was stretched."""
    half = (config.rope_dim or config.d_head) // 2
    speeds = config.rope_base ** (-np.arange(half) / half)
    kept = np.zeros(half)
    if config.rope_trained_length is not None:
        turns = config.rope_trained_length * speeds / (2 * np.pi)
        ends = [config.rope_slow_turns, config.rope_fast_turns]
        kept = np.interp(turns, ends, [0.0, 1.0])
    return speeds * (kept + (1 - kept) / config.rope_factor)


def by_distance(seen: Seen) -> np.ndarray:
    """What the model's own scheme makes of distances 0, 1, …, for the chosen head."""
    config, far = seen.config, np.arange(seen.config.max_seq_len)
    if config.positional_encoding == "alibi":
        return -far * 2.0 ** (-8 * (seen.head + 1) / config.num_heads)
    if config.positional_encoding == "relative":
        bias = seen.model.blocks[seen.layer].attn.position_bias
        table = bias.bias_table.detach().double().numpy()[seen.head]
        return float(bias.gain[seen.head, 0]) * table[np.minimum(far, len(table) - 1)]
    if config.positional_encoding == "rope":
        speeds = rope_speeds(config)
        still = config.d_head // 2 - len(speeds)
        return (np.cos(far[:, None] * speeds).sum(1) + still) / (config.d_head // 2)
    table = seen.model.position_embedding.weight.detach().double().numpy()
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    cosines = unit @ unit.T
    return np.array([np.diagonal(cosines, d).mean() for d in far])


@answers("embeddings.distance_{scheme}")
def embeddings_distance(seen: Seen, asked: Asked) -> Answer:
    values = by_distance(seen)
    near, far = (int(numbers_in(option)[0]) for option in asked.options)
    right = asked.options[int(values[far] > values[near])]
    return Answer(right, (near, far, values[near], near, values[far], far))


def turned_score(seen: Seen, q_pos: int, k_pos: int) -> float:
    """q · k / √d of the first head, turned as RoPE would, at any two positions."""
    q = seen.attn("q", 0)[-1, 0]
    k = seen.attn("k", 0)[max(0, seen.last - 1), 0]
    speeds = rope_speeds(seen.config)
    half = len(speeds)

    def turn(vector: np.ndarray, position: int) -> np.ndarray:
        one, other, rest = vector[:half], vector[half : 2 * half], vector[2 * half :]
        cos, sin = np.cos(position * speeds), np.sin(position * speeds)
        return np.concatenate([one * cos - other * sin, other * cos + one * sin, rest])

    return float(turn(q, q_pos) @ turn(k, k_pos)) / math.sqrt(len(q))


@answers("embeddings.rope")
def embeddings_rope(seen: Seen, asked: Asked) -> Answer:
    query, key = seen.last, max(0, seen.last - 1)
    score = turned_score(seen, query, key)
    return Answer(score, (query, key, score, 10))


@answers("embeddings.beyond")
def embeddings_beyond(seen: Seen, asked: Asked) -> Answer:
    config, longest = seen.config, seen.config.max_seq_len
    if config.positional_encoding == "learned":
        rows = seen.model.position_embedding.weight.shape[0]
        return Answer(
            "There is no vector left: it cannot read further", (longest, rows)
        )
    if config.positional_encoding == "relative":
        table = seen.model.blocks[0].attn.position_bias.bias_table
        right = "All large distances share the last bias"
        return Answer(right, (longest, table.shape[1]))
    return Answer("The scheme goes on as before", (longest,))


@answers("embeddings.weights")
def embeddings_weights(seen: Seen, asked: Asked) -> Answer:
    names = ("position_embedding", "position_bias.bias_table")
    learned = sum(
        weight.numel()
        for name, weight in seen.model.named_parameters()
        if any(each in name for each in names)
    )
    config = seen.config
    sizes = (config.max_seq_len, config.d_model, config.num_layers, config.num_heads)
    is_relative = config.positional_encoding == "relative"
    distances = (config.relative_distances,) if is_relative else ()
    return Answer(learned, (*sizes, *distances, *((learned,) if learned else ())))


@answers("embeddings.alibi")
def embeddings_alibi(seen: Seen, asked: Asked) -> Answer:
    heads = seen.config.num_heads
    slope = 2.0 ** (-8 / heads)
    return Answer(4 * slope, (heads, 0, slope, 4, 4, 4 * slope))


# Order: the same words shuffled, read by the first layers without positions.


def order(seen: Seen) -> list[int]:
    return [seen.tokens[place] for place in shuffled(seen.tokens, 0)]


def change_of(seen: Seen, model: object) -> float:
    """The largest change of a next token's probability when the words are shuffled."""
    before, after = (
        softmax(logits_of(model, text)[-1]) for text in (seen.tokens, order(seen))
    )
    return float(np.abs(after - before).max())


def bare(seen: Seen, layers: int) -> object:
    """The model's first layers, told nothing of positions."""
    settings = {
        **seen.config.to_dict(),
        "positional_encoding": "none",
        "num_layers": layers,
    }
    settings.pop("model_type", None)
    model = create_model("transformer", **settings)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(dict(seen.model.named_parameters())[name])
    return model.eval()


def said_of(change: float) -> float | Below:
    return change if change > 1e-5 else Below(1e-5)


@answers("embeddings.one_layer")
def embeddings_one_layer(seen: Seen, asked: Asked) -> Answer:
    if not hasattr(seen.config, "num_heads"):
        change = change_of(seen, seen.model)
        right = "something changes" if change > 1e-5 else "exactly the same"
        return Answer(right, (0, said_of(change)))
    assert change_of(seen, bare(seen, 1)) < 1e-5
    return Answer("exactly the same", (0, Below(1e-5)))


@answers("embeddings.two_layers")
def embeddings_two_layers(seen: Seen, asked: Asked) -> Answer:
    change = change_of(seen, bare(seen, 2))
    assert change > 1e-5
    bins = ("by less than 0.1", "by 0.1 to 0.5", "by more than 0.5")
    right = bins[int(change >= 0.1) + int(change > 0.5)]
    return Answer(right, (0, change))


@answers("embeddings.moved_most")
def embeddings_moved_most(seen: Seen, asked: Asked) -> Answer:
    models = (seen.model, bare(seen, 2), bare(seen, 1))
    changes = [change_of(seen, model) for model in models]
    names = (
        "the whole model",
        "its first two layers, without positions",
        "its first layer, without positions",
    )
    best = names[changes.index(max(changes))]
    return Answer(best, (0, *changes[:2], Below(1e-5)))


# An MLP: a window of the last few tokens.


@answers("embeddings.window")
def embeddings_window(seen: Seen, asked: Asked) -> Answer:
    seen_at_once = seen.model.blocks[0].linear.weight.shape[1] // seen.config.d_model
    text, place, _ = (int(number) for number in numbers_in(asked.text))
    said = (text, place, 0, seen_at_once, text - seen_at_once, text - 1)
    return Answer("yes" if place >= text - seen_at_once else "no", said)


@answers("embeddings.window_weights")
def embeddings_window_weights(seen: Seen, asked: Asked) -> Answer:
    joined = seen.model.blocks[0].linear.weight.shape[1]
    width = seen.model.token_embedding.weight.shape[1]
    return Answer(joined, (joined // width, width))
