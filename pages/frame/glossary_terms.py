"""The words of the course: two plain sentences each, and where the thing is found."""

from typing import NamedTuple


class Term(NamedTuple):
    """One word, what it means, and where to find it in the model."""

    name: str
    words: str
    where: str = ""
    """A hook's name or a name of `minigpt`, as code writes it."""


TERMS = (
    Term(
        "ablation",
        "Taking a part of the model out, by putting zeros or an average in its place. "
        "What gets worse is what the part was needed for.",
        "minigpt.interpret.interventions.ablation",
    ),
    Term(
        "activation",
        "Any number that the model computes while it reads, as opposed to a weight, "
        "which it learned before. Every activation here has a hook's name.",
        "minigpt.ActivationCache",
    ),
    Term(
        "attention",
        "How a token gathers what it needs from the tokens before it: a weighted "
        "average of their values. The weights are worked out anew for every text.",
        "minigpt.model.attention",
    ),
    Term(
        "attribution",
        "A logit written as a sum, with one part for each head, each MLP and the "
        "embedding. It says who wrote the answer, not what would happen without them.",
        "minigpt.interpret.stream.attribution",
    ),
    Term(
        "beam search",
        "Writing several continuations side by side and keeping those that are "
        "likeliest as a whole. Greedy writing is a beam of one.",
        "minigpt.generation.beam.search",
    ),
    Term(
        "block",
        "One layer of the model: attention, then an MLP, each adding to the residual "
        "stream. A model is a stack of blocks.",
        "minigpt.model.block",
    ),
    Term(
        "byte-pair encoding",
        "A way to build a vocabulary: begin with bytes, and again and again join the "
        "pair that stands side by side most often. Frequent words become one token.",
        "minigpt.BPETokenizer",
    ),
    Term(
        "causal mask",
        "The rule that no token reads what comes after it. A masked score is −∞, and "
        "its weight exactly 0.",
        "minigpt.model.positions.causal_mask",
    ),
    Term(
        "checkpoint",
        "A model saved at one step of its training: weights, settings and tokenizer in "
        "one directory. The time machine goes from one checkpoint to another.",
        "minigpt.load",
    ),
    Term(
        "context",
        "The tokens that a model can read at once. What stands further back has no "
        "influence at all.",
        "max_seq_len",
    ),
    Term(
        "embedding",
        "The vector that a token is looked up as, before any token has read another. "
        "It is a row of a table that was learned.",
        "hook_embed",
    ),
    Term(
        "entropy",
        "How undecided a distribution is, in nats: 0 when one choice has everything, "
        "ln(n) when n choices are equally likely. It speaks of a next token or of a "
        "row of attention.",
    ),
    Term(
        "fine-tuning",
        "Training that begins with a trained model and a small, chosen set of "
        "examples. The model keeps its language and changes its manners.",
    ),
    Term(
        "gradient",
        "For each number, how much the loss would change if the number grew a little. "
        "Training moves every weight a step against its gradient.",
        "run_with_cache(incl_bwd=True)",
    ),
    Term(
        "greedy",
        "Writing by always taking the likeliest token. It is the same text every time, "
        "and often a dull one.",
        "GenerationConfig(strategy='greedy')",
    ),
    Term(
        "head",
        "One of several attentions that work side by side in a block, each with its "
        "own queries, keys and values. L1H3 is head 3 of layer 1, counted from 0.",
        "blocks.{i}.attn.hook_result",
    ),
    Term(
        "hook",
        "A named place in the model where a number can be read or replaced. Every "
        "number on these pages comes from one.",
        "minigpt.HookPoint",
    ),
    Term(
        "induction head",
        "A head that looks for what followed last time: after “red kite … red” it "
        "reads “kite”. It needs a previous-token head in a layer before it.",
    ),
    Term(
        "key",
        "What a token shows to those that may read it. A query that points the same "
        "way gives a large score.",
        "blocks.{i}.attn.hook_k",
    ),
    Term(
        "KL divergence",
        "How different a distribution became, in nats; 0 means not at all. It is the "
        "extra surprise of someone who still believes the new one.",
        "minigpt.interpret.effects",
    ),
    Term(
        "layer norm",
        "Brings a vector to a known size before a sublayer reads it. The stream itself "
        "is left as it is.",
        "blocks.{i}.ln1.hook_normalized",
    ),
    Term(
        "logit",
        "The score of one possible next token, before the softmax. One logit says "
        "little; the difference of two says which is likelier.",
        "logits",
    ),
    Term(
        "logit lens",
        "Asking the model for its next token before it has read through all its "
        "layers. You see in which layer the answer appears.",
        "minigpt.interpret.stream.logit_lens",
    ),
    Term(
        "loss",
        "How surprised the model is by the token that really came, in nats, on "
        "average. Guessing evenly among n tokens costs ln(n).",
        "minigpt.training.loss",
    ),
    Term(
        "MLP",
        "The part of a block where each token works by itself on what attention has "
        "gathered. It widens the vector to many neurons, bends it, narrows it again.",
        "blocks.{i}.mlp.hook_post",
    ),
    Term(
        "nats",
        "The unit of surprise with the natural logarithm: something of probability p "
        "surprises by −ln(p) nats. One nat is 1.44 bits.",
    ),
    Term(
        "neuron",
        "One number of an MLP's wide middle: a question put to the token. If it fires, "
        "it adds its own vector to the stream.",
        "blocks.{i}.mlp.hook_post",
    ),
    Term(
        "patching",
        "Running the model on one text with a few of its numbers taken from a run on "
        "another. Where that brings the other answer back, the difference is carried.",
        "minigpt.interpret.interventions.patching",
    ),
    Term(
        "pattern",
        "A head's attention weights as a table: a row for each token that reads, a "
        "column for each that is read. Every row adds up to 1.",
        "blocks.{i}.attn.hook_pattern",
    ),
    Term(
        "perplexity",
        "The loss as a number of choices: e to the loss. A perplexity of 8 is as "
        "undecided as an even choice among 8 tokens.",
    ),
    Term(
        "position",
        "Where a token stands, counted from 0. Attention sees a set, so the model has "
        "to be told the order: by adding, by turning, or by a bias on the scores.",
        "hook_pos_embed",
    ),
    Term(
        "previous-token head",
        "A head that reads the token just before. By itself it is dull; with a later "
        "head it makes induction.",
    ),
    Term(
        "query",
        "What a token looks for in those before it. Query times key, over √d_head, is "
        "the score.",
        "blocks.{i}.attn.hook_q",
    ),
    Term(
        "residual stream",
        "Each token's own vector, from the embedding to the logits. Heads and MLPs "
        "read it and add to it; nothing replaces it.",
        "blocks.{i}.hook_resid_post",
    ),
    Term(
        "RoPE",
        "Positions told by turning queries and keys, farther the later they stand. "
        "Their product then depends on how far apart they are.",
        "blocks.{i}.attn.hook_rot_q",
    ),
    Term(
        "sampling",
        "Drawing the next token at random, as likely as the model says. The seed makes "
        "the same draw come again.",
        "minigpt.generation.sample",
    ),
    Term(
        "score",
        "How well one query fits one key, before the softmax. A row of scores becomes "
        "a row of weights.",
        "blocks.{i}.attn.hook_attn_scores",
    ),
    Term(
        "softmax",
        "Turns any numbers into shares that add up to 1: e to each, over the sum. "
        "Adding the same to all changes nothing.",
    ),
    Term(
        "temperature",
        "What the logits are divided by before the softmax. Below 1 the likely become "
        "likelier, above 1 the choice becomes more even.",
        "GenerationConfig(temperature=…)",
    ),
    Term(
        "token",
        "A piece of text that has a number of its own: a character, a word or a part "
        "of one. The model sees the numbers only.",
        "tokenizer.encode",
    ),
    Term(
        "top-k",
        "Drawing only among the k likeliest tokens. The others get probability 0, and "
        "the rest is shared out again.",
        "GenerationConfig(top_k=…)",
    ),
    Term(
        "top-p",
        "Drawing only among the likeliest tokens that together reach probability p. "
        "How many those are depends on how sure the model is.",
        "GenerationConfig(top_p=…)",
    ),
    Term(
        "unembedding",
        "Comparing the final vector with every token's: the more alike, the higher the "
        "logit. Often it is the embedding's own table, used twice.",
        "minigpt.TransformerLM.unembed",
    ),
    Term(
        "value",
        "What a token hands over to those that read it. Attention adds up the values, "
        "each times its weight.",
        "blocks.{i}.attn.hook_v",
    ),
    Term(
        "weight",
        "A number that training found and reading leaves alone. Of attention, it also "
        "means how much of one token another takes in, 0 to 1.",
    ),
)
