"""Every text that prints a number, by page: what claims it, and what it must print.

A text that no pattern claims fails the test: whoever prints a new number says here
where it comes from.
"""

import math
import re
from collections.abc import Callable

import numpy as np
import torch
from guard import answers_attention as attention
from guard import answers_inside as inside
from guard import answers_learning as learning
from guard import answers_text as text
from guard import answers_train as train
from guard import answers_write as write
from guard.printed import Below
from guard.seen import Seen, divergence, logits_of, losses_over, softmax, without_head

Number = float | Below
Claim = Callable[[Seen, int], tuple[Number, ...]]
"""Called with the page, and how many texts it has claimed before on it."""

CAPTIONS: dict[str, list[tuple[str, Claim]]] = {}


def claims(lesson: str, pattern: str) -> Callable[[Claim], Claim]:
    """Register what a kind of text on a page must print."""

    def register(claim: Claim) -> Claim:
        CAPTIONS.setdefault(lesson, []).append((pattern, claim))
        return claim

    return register


def constant(lesson: str, pattern: str, *numbers: float) -> None:
    """Claim a text whose numbers are the page's own words."""
    claims(lesson, pattern)(lambda seen, nth: numbers)


def claim_of(lesson: str, words: str) -> tuple[str, Claim] | None:
    """Return the first pattern that claims a text."""
    for pattern, claim in CAPTIONS.get(lesson, []):
        if re.search(pattern, words):
            return pattern, claim
    return None


constant("attention", "weights that add up to 1", 1)
constant("tokenizer", r"starts with 256\s+bytes", len(range(0xFF + 1)))
constant("tokenizer", "^\\*\\*BPE, 1,000 merges", 1000)
constant("head_explorer", "mean over rows, 0 to 1", 0, 1, 2)
claims("head_explorer", "95% interval:")(
    lambda seen, nth: attention.held_out_habit(seen)
)
claims("head_explorer", "^Not measured here")(
    lambda seen, nth: attention.unmeasured(seen)
)
claims("head_explorer", "^Bars: the share of its weight")(
    lambda seen, nth: (
        *(10, len(attention.habits_of(seen).cells)),
        *(64, min(64, seen.config.max_seq_len), 95),
    )
)
constant("head_explorer", "strongest examples\\*\\*, selected by weight", 4)
constant("head_explorer", "examples drawn at random\\*\\*, not selected", 4)
claims("head_explorer", "An example is strong if its largest weight")(
    lambda seen, nth: (64, min(64, seen.config.max_seq_len))
)
constant("beam_search", "a beam of width 1", 1)
constant("intervene", "brings the whole answer back", 1, 0, 1)
constant("intervene", "likeliest next 12 tokens", 12)


@claims("home", "entropy")
def entropy(seen: Seen, nth: int) -> tuple[Number, ...]:
    p = softmax(seen.cache["logits"][-1])
    return (float(-(p * np.log(p)).sum()),)


@claims("home", "^The row of")
def best_guess(seen: Seen, nth: int) -> tuple[Number, ...]:
    row = seen.cache["logits"][seen.token]
    named = (seen.piece(seen.tokens[seen.token]), seen.piece(int(row.argmax())))
    digits = tuple(float(each) for each in named if each.isdecimal())
    return (*digits, softmax(row).max())


@claims("tokenizer", "The largest difference")
def widest(seen: Seen, nth: int) -> tuple[Number, ...]:
    """Both counts, and the number in the second one's name."""
    from pages.tokenizer.choice import PROGRAMS, tokenizer_of

    word = re.search(r"\*\*(.*?)\*\* is", seen_text(seen))[1]
    one = seen.checkpoint.tokenizer
    counts = [text.fewest_of(each, word) for each in (one, tokenizer_of(PROGRAMS))]
    return (*counts, 1000)


def seen_text(seen: Seen) -> str:
    (found,) = (
        each.value for each in seen.app.markdown if "largest difference" in each.value
    )
    return found


@claims("tokenizer", "the letters `<eos>`")
def typed_end(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (text.count_of(seen, "<eos>"),)


# Embeddings.


@claims("embeddings", "This plane holds")
def plane(seen: Seen, nth: int) -> tuple[Number, ...]:
    size, width = text.vectors(seen).shape
    return (len(text.drawn(seen)), size, text.flat_share(seen), width - 2, width)


@claims("embeddings", "^By chance")
def by_chance(seen: Seen, nth: int) -> tuple[Number, ...]:
    pair, nearest = text.chance(seen)
    return (pair, len(text.vectors(seen)) - 1, nearest)


constant("embeddings", "1 for the same direction", 1, 0)


@claims("embeddings", "slope .* logits per token")
def slope(seen: Seen, nth: int) -> tuple[Number, ...]:
    own = -text.by_distance(seen)[1]
    return (own, 10, 10 * own)


@claims("embeddings", "adds most at distance")
def most_at(seen: Seen, nth: int) -> tuple[Number, ...]:
    table = seen.model.blocks[seen.layer].attn.position_bias.bias_table
    values = text.by_distance(seen)
    return (int(values.argmax()), values.max(), table.shape[1])


@claims("embeddings", "1 token apart: ")
def near_and_far(seen: Seen, nth: int) -> tuple[Number, ...]:
    values = text.by_distance(seen)
    return (1, values[1], values[-1])


@claims("embeddings", "The same weights read texts of")
def twice(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (2 * seen.config.max_seq_len,)


def shuffle_tests(seen: Seen) -> list[tuple[int | None, object]]:
    """The model, then its first two layers and its first, as they are shown."""
    layers = getattr(seen.config, "num_layers", 0) if seen.lesson else 0
    if not hasattr(seen.config, "num_heads"):
        return [(None, seen.model)]
    depths = [depth for depth in (2, 1) if depth <= layers]
    return [(None, seen.model), *((n, text.bare(seen, n)) for n in depths)]


@claims("embeddings", "changed by up to|the same \\(Δ")
def changed(seen: Seen, nth: int) -> tuple[Number, ...]:
    depth, model = shuffle_tests(seen)[nth]
    change = text.change_of(seen, model)
    named = (depth,) if depth is not None and depth > 1 else ()
    return (*named, change if change > 1e-5 else Below(1e-5))


@claims("embeddings", "^KL ")
def shuffle_kl(seen: Seen, nth: int) -> tuple[Number, ...]:
    _, model = shuffle_tests(seen)[nth]
    before, after = (
        logits_of(model, each)[-1] for each in (seen.tokens, text.order(seen))
    )
    kl = divergence(before, after)
    if not hasattr(seen.config, "num_heads"):
        return (kl,)
    from guard.seen import cache_of

    first, other = (
        cache_of(model, each)["blocks.0.hook_attn_out"][-1]
        for each in (seen.tokens, text.order(seen))
    )
    moved = np.linalg.norm(other - first) / np.linalg.norm(first)
    return (kl, 100 * moved if moved >= 1e-4 else Below(1e-4))


# Attention, with a step left out.


@claims("attention", "nats here")
def edited(seen: Seen, nth: int) -> tuple[Number, ...]:
    """Leave ÷ √d out of one head, and read on from there."""
    own = torch.from_numpy(attention.all_products(seen))
    missing = own * (1 - 1 / math.sqrt(seen.config.d_head))

    def unscaled(scores, hook):
        scores = scores.clone()
        scores[:, seen.head] += missing.to(scores.dtype)
        return scores

    hook = (f"blocks.{seen.layer}.attn.hook_attn_scores", unscaled)
    before, after = (
        logits_of(seen.model, seen.tokens, hooks) for hooks in ([], [hook])
    )
    here, last = (divergence(before[at], after[at]) for at in (seen.token, -1))
    return (here, last, seen.config.num_layers * seen.config.num_heads)


# The lens.


@claims("logit_lens", "overtakes B")
def overtakes(seen: Seen, nth: int) -> tuple[Number, ...]:
    gaps = list(inside.gaps(seen).values())
    place = inside.first_for_good([gap > 0 for gap in gaps])
    return (gaps[place - 1], gaps[place])


def final_scale(seen: Seen) -> float:
    x = list(inside.points(seen).values())[-1][seen.token]
    centred = x - x.mean() if seen.config.norm == "layernorm" else x
    return math.sqrt((centred**2).mean() + seen.model.ln_final.eps)


@claims("logit_lens", "shares add up to")
def shares(seen: Seen, nth: int) -> tuple[Number, ...]:
    found = inside.shares(seen)
    gap = list(inside.gaps(seen).values())[-1]
    return (len(found), sum(found.values()), gap, final_scale(seen))


@claims("logit_lens", "^#### ")
def one_share(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (inside.shares(seen)[f"L{seen.layer}H{seen.head}"],)


@claims("logit_lens", "adds most to")
def one_part_writes(seen: Seen, nth: int) -> tuple[Number, ...]:
    found = inside.written(seen, inside.unembedding(seen).T)
    own, answer = found[f"L{seen.layer}H{seen.head}"], inside.pair(seen)[0]
    total = sum(float(each[answer]) for each in found.values())
    return (own.max(), own.min(), len(found), total)


constant("logit_lens", "^An early layer may know the answer", 2023)


@claims("logit_lens", "windows of held-out text on which it was not trained")
def tuned_lens(seen: Seen, nth: int) -> tuple[Number, ...]:
    windows, found = inside.lens_distances(seen.path)
    *before, _ = found.values()
    closer = sum(tuned < raw for raw, tuned in before)
    raw, tuned = np.mean(before, axis=0)
    return (windows, closer, len(before), tuned, raw)


@claims("logit_lens", "The lens reads all")
def lens_width(seen: Seen, nth: int) -> tuple[Number, ...]:
    from guard.lines import LINES

    return (seen.config.d_model, LINES["lens cell"](seen).index[-1])


@claims("logit_lens", "^unembed\\(")
def lens_code(seen: Seen, nth: int) -> tuple[Number, ...]:
    logits = list(inside.lens(seen).values())[-1]
    best = int(logits.argmax())
    last = seen.config.num_layers - 1
    cell = (last, 0, seen.token, best)
    return (*cell, logits[best], best, softmax(logits)[best])


# Intervene.


@claims("intervene", "On random tokens said twice")
def sharpest(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (max(attention.previous_on_random(seen).values()),)


@claims("intervene", "^\\*\\*Challenge: ")
def challenge(seen: Seen, nth: int) -> tuple[Number, ...]:
    cuts = [cut_of(seen)] if seen.app.session_state["cut"] else []
    before, after = (
        logits_of(seen.model, seen.tokens, hooks)[-1] for hooks in ([], cuts)
    )
    best = int(before.argmax())
    p, q = (float(softmax(logits)[best]) for logits in (before, after))
    return (5, len(cuts), p, q) if cuts else (5, p)


@claims("intervene", "^Next token, whole model")
def whole(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (softmax(logits_of(seen.model, seen.tokens)[-1]).max(),)


CHANGES: dict[str, Callable[[Seen], tuple[str, object]]] = {}
"""What other parts of Intervene change, as a hook, by the part's name."""


def cut_of(seen: Seen) -> tuple[str, object]:
    """The one change on the page, as a hook of our own."""
    part = seen.app.session_state["intervene"]
    if part in CHANGES:
        return CHANGES[part](seen)
    (words,) = seen.app.session_state["cut"]
    if words.startswith("attention"):

        def nothing(value, hook):
            return value * 0

        return f"blocks.{seen.layer}.hook_attn_out", nothing
    if "[" in words:

        def blind(pattern, hook):
            pattern = pattern.clone()
            pattern[:, seen.head, 5, 3] = 0
            return pattern

        return f"blocks.{seen.layer}.attn.hook_pattern", blind
    return without_head(seen.layer, seen.head)


@claims("intervene", "changes, before the ablation:$")
def cut_named(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (5, 3)


@claims("intervene", "Loss over held-out text")
def loss_after(seen: Seen, nth: int) -> tuple[Number, ...]:
    before = losses_over(seen.model, seen.windows)
    after = losses_over(seen.model, seen.windows, [cut_of(seen)])
    return (after, after - before, before)


@claims("intervene", "where a pair comes again")
def copying_loss(seen: Seen, nth: int) -> tuple[Number, ...]:
    before, after = (copied(seen, cuts) for cuts in ([], [cut_of(seen)]))
    return (after, after - before, before)


def copied(seen: Seen, cuts: list[object]) -> float:
    """The mean loss of tokens that end a pair which the window had before."""
    losses = []
    for window in seen.windows.tolist():
        p = softmax(logits_of(seen.model, window, cuts)[:-1])
        pairs: set[tuple[int, int]] = set()
        for place in range(1, len(window)):
            pair = (window[place - 1], window[place])
            if pair in pairs:
                losses.append(-math.log(p[place - 1, window[place]]))
            pairs.add(pair)
    return float(np.mean(losses))


@claims("intervene", "^Next token: ")
def next_token_cut(seen: Seen, nth: int) -> tuple[Number, ...]:
    before = logits_of(seen.model, seen.tokens)[-1]
    after = logits_of(seen.model, seen.tokens, [cut_of(seen)])[-1]
    first, now = int(before.argmax()), int(after.argmax())
    p, q = softmax(before), softmax(after)
    said = (p[first], q[first], divergence(before, after))
    return said if first == now else (*said, q[now])


@claims("intervene", "of the way from")
def one_patch(seen: Seen, nth: int) -> tuple[Number, ...]:
    from guard.lines import LINES

    expected = LINES["intervene patch"](seen)
    layer, place = int(expected.hook.split(".")[1]), expected.index[1]
    return inside.said_of_patch(seen, layer, place)


@claims("intervene", "has the sharpest pattern")
def habit(seen: Seen, nth: int) -> tuple[Number, ...]:
    weights, rises = attention.previous_on_random(seen), inside.every_rise(seen)
    head = max(weights, key=weights.__getitem__)
    best = max(rises, key=rises.__getitem__)
    said = (weights[head], rises[head])
    return said if head == best else (*said, weights[best], rises[best])


# Compare.


@claims("compare", "the mean (gets worse|improves)")
def mean_change(seen: Seen, nth: int) -> tuple[Number, ...]:
    change = inside.changes(seen)
    worse = int((change > 0).sum())
    return (*steps(seen), abs(change.mean()), worse, len(change))


def steps(seen: Seen) -> tuple[int, int]:
    return 0, seen.checkpoint.metadata.step


@claims("compare", "what was expected$")
def expected_at(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (seen.token,)


@claims("compare", "^relative at step \\d+$")
def names(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (steps(seen)[nth],)


@claims("compare", "reads of itself")
def of_itself(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (steps(seen)[1], seen.token)


@claims("compare", "^loss\\[")
def loss_code(seen: Seen, nth: int) -> tuple[Number, ...]:
    at, token = seen.token, seen.tokens[seen.token]
    p = softmax(seen.cache["logits"][at - 1])[token]
    return (at, -math.log(p), 0, at - 1, token, token)


@claims("compare", "the logit( minus|.* is)")
def saliency_logit(seen: Seen, nth: int) -> tuple[Number, ...]:
    logit = seen.cache["logits"][seen.token - 1, seen.tokens[seen.token]]
    return (steps(seen)[1], logit)


# Beam search.


@claims("beam_search", "this logit minus ln")
def first_node(seen: Seen, nth: int) -> tuple[Number, ...]:
    tokens = write.node(seen).tokens
    logits = logits_of(seen.model, [*seen.tokens, *tokens[:-1]])[-1]
    total = math.log(np.exp(logits).sum())
    return (len(tokens), logits[tokens[-1]] - total, total)


@claims("beam_search", "Against greedy")
def against_greedy(seen: Seen, nth: int) -> tuple[Number, ...]:
    best, greedy = write.searched(seen).best, write.searched(seen, 1).best
    if best.tokens == greedy.tokens:
        return (best.total,)
    times = math.exp(abs(best.total - greedy.total))
    return (best.total, greedy.total, times if times < 2 else float(f"{times:.2g}"))


@claims("beam_search", "the best of all")
def all_texts(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (write.counted(seen)[1],)


@claims("beam_search", "This is certain")
def certain(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (write.counted(seen)[0],)


# Generation and Chat.


@claims("generation", "^Computed both ways")
def both_ways(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (Below(1e-4),)


@claims("generation", "Seed ")
def written_with(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (6, 11)


@claims("chat", "Of all heads")
def reads_most(seen: Seen, nth: int) -> tuple[Number, ...]:
    turn = seen.app.session_state["_chat"].turns[0]
    speaker, messages, _ = write.talk(seen, question=turn.question)
    row, written = turn.answer.read, turn.answer.tokens
    weights = write.on_the_answer(seen, speaker, messages, row, written)
    return (max(weights.values()),)


# Training.


@claims("training", "^Step: ")
def step_metric(seen: Seen, nth: int) -> tuple[Number, ...]:
    run = train.runs_shown(seen)[nth]
    found = train.status(seen, run)
    return (found["step"], found["total_steps"])


@claims("training", "^Training loss: ")
def training_loss(seen: Seen, nth: int) -> tuple[Number, ...]:
    shown = train.runs_shown(seen)
    if len(shown) == 1:
        return (train.status(seen)["train_loss"],)
    return (
        train.last_tenth(train.journal(seen, shown[nth], "step"), "elapsed_seconds"),
    )


@claims("training", "^Validation loss: ")
def validation_loss(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (train.status(seen)["validation_loss"],)


@claims("training", "how surprised the model is")
def what_a_loss_is(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (0, math.log(train.status(seen)["vocab_size"]))


@claims("training", "fallen halfway at step")
def verdict(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (train.half_way(seen, "second_loss"), train.half_way(seen, "induction"))


@claims("training", "^step \\d+")
def frame(seen: Seen, nth: int) -> tuple[Number, ...]:
    return train.frames(seen)[nth]


@claims("training", "The stripe and the drop")
def stripe(seen: Seen, nth: int) -> tuple[Number, ...]:
    begin, end = train.change(seen)
    first, second = (train.repetition(seen, f"{n}_loss") for n in ("first", "second"))
    return (begin, second[0], end, second[-1], first.max())


@claims("training", "^Step \\d+\\. Bar: ")
def picture(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (train.repetition(seen, "step")[-1],)


@claims("training", "^Click a head to open it as it was after step")
def opened(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (train.repetition(seen, "step")[-1],)  # the end of the run is a checkpoint


@claims("training", " won\\*\\*")
def winner(seen: Seen, nth: int) -> tuple[Number, ...]:
    return train.won(seen)


@claims("training", "Two things decide the race")
def decided(seen: Seen, nth: int) -> tuple[Number, ...]:
    return train.decided_by(seen)


@claims("training", "weights: finished")
def size_badge(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (train.sizes(seen)[nth][0],)


@claims("training", "You predicted")
def fifth_size(seen: Seen, nth: int) -> tuple[Number, ...]:
    return train.fifth(seen)


@claims("training", "On logarithmic axes")
def line_of_logarithms(seen: Seen, nth: int) -> tuple[Number, ...]:
    slope, _ = train.line(seen)
    return (2**slope, slope, 2)


# Fine-tuning, and the Library.


@claims("finetuning", "weights are trained, all of them")
def estimate(seen: Seen, nth: int) -> tuple[Number, ...]:
    fields = {field.label: field.value for field in seen.app.number_input}
    weights = sum(each.numel() for each in train.base(seen).model.parameters())
    learned, rows = len(train.OWN) - 1, fields["batch_size"]
    passes = fields["max_steps"] * rows / learned
    return (weights, learned, passes, 1, Below(math.inf))


@claims("finetuning", "^Read as JSON lines")
def rows_read(seen: Seen, nth: int) -> tuple[Number, ...]:
    return (len(train.OWN),)


@claims("library", "tokens in .* steps")
def read_in_training(seen: Seen, nth: int) -> tuple[Number, ...]:
    steps_, per_step = train.tokens_seen(seen)["relative"]
    return (steps_ * per_step, steps_)


@claims("finetuning", "The loss is the mean over")
def masked_mean(seen: Seen, nth: int) -> tuple[Number, ...]:
    who = [train.base(seen)]
    if seen.app.selectbox(key="tuning").value == "answers":
        who.append(train.tuned(seen))
    row, begin = train.example_row(seen, who[0], train.shown(seen))
    means = [float(train.losses_of(each, row, begin).mean()) for each in who]
    return (len(row) - begin, len(row), *means)


# How a weight learns.


@claims("learning", "^loss = ")
def mean_loss(seen: Seen, nth: int) -> tuple[Number, ...]:
    losses = learning.losses(seen)
    count, order = len(losses), np.argsort(-losses, kind="stable")
    terms = list(losses)
    if count > 4:
        terms = [*losses[order[:3]], count - 3, losses[order[3:]].sum()]
    return (*terms, count, losses.mean())


@claims("learning", ": one step of ")
def weight_place(seen: Seen, nth: int) -> tuple[Number, ...]:
    return learning.shown_cell(seen)


@claims("learning", "^w = w − lr")
def step_of_sgd(seen: Seen, nth: int) -> tuple[Number, ...]:
    w, g = learning.shown_weight(seen)
    rate = seen.app.select_slider(key="rate").value
    return (w, rate, g, w - rate * g)


@claims("learning", "^m = β₁")
def step_of_adamw(seen: Seen, nth: int) -> tuple[Number, ...]:
    w, g = learning.shown_weight(seen)
    lr, root = seen.app.select_slider(key="rate").value, abs(g) + 1e-8
    m, v = 0.1 * g, 0.01 * g * g
    after = w * (1 - 0.1 * lr) - lr * g / root
    return (
        *(1, 0.9, 0, 0.1, g, m),
        *(1, 0.99, 0, 0.01, g * g, v),
        *(1, 1, m, 0.1, g),
        *(1, 1, v, 0.01, g * g),
        *(1, w, 1, lr, 0.1, lr, g, root, after),
    )


@claims("learning", "by the slope, the loss should change")
def by_the_slope(seen: Seen, nth: int) -> tuple[Number, ...]:
    rate = seen.app.select_slider(key="rate").value
    slope, before, after = learning.slope_and_losses(seen, "AdamW", rate)
    return (rate, slope * rate, after - before, before, after)


@claims("learning", "^Steps taken: ")
def steps_taken(seen: Seen, nth: int) -> tuple[Number, ...]:
    losses = learning.losses_of_steps(seen, "AdamW", 0.01, 3)
    return (3, losses[-1], losses[0])
