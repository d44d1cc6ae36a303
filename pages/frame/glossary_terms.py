"""The words of the course: two plain sentences each, and where the thing is found.

More than 300 lines: it is one list of words.
"""

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
        "Switching off a part of the model: its output is replaced by zeros or "
        "by an average. What gets worse shows what the part was needed for.",
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
        "How a token gathers information from itself and the tokens before it: a "
        "weighted average of their values. The attention weights are computed "
        "anew for every text.",
        "minigpt.model.attention",
    ),
    Term(
        "attribution",
        "A logit written as a sum, with one part for each head, each MLP and the "
        "embedding. It says which parts contributed to the answer, not what "
        "would happen without them.",
        "minigpt.interpret.stream.attribution",
    ),
    Term(
        "beam search",
        "Writing several continuations side by side and keeping those that are "
        "likeliest as a whole. Greedy decoding is a beam of width 1.",
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
        "A way to build a vocabulary (BPE): start with single bytes, then "
        "repeatedly merge the most frequent pair of neighbouring tokens into a "
        "new one. Frequent words end up as one token.",
        "minigpt.BPETokenizer",
    ),
    Term(
        "causal mask",
        "The rule that no token may read the tokens after it. A masked score is "
        "set to −∞, so its attention weight is exactly 0.",
        "minigpt.model.positions.causal_mask",
    ),
    Term(
        "checkpoint",
        "A model saved at one step of its training: weights, settings and "
        "tokenizer in one directory. The time machine in the sidebar switches "
        "between checkpoints.",
        "minigpt.load",
    ),
    Term(
        "composition",
        "How much of what one head writes is read by a head of a later layer, through "
        "its queries, keys or values. It is worked out from the weights alone.",
        "minigpt.interpret.weights.composition",
    ),
    Term(
        "context",
        "The tokens that a model can read at once. Anything further back has no "
        "influence at all.",
        "max_seq_len",
    ),
    Term(
        "cosine",
        "How nearly two vectors point in the same direction: their dot product divided "
        "by both norms. 1 means the same direction, 0 a right angle, −1 opposite.",
    ),
    Term(
        "dot product",
        "Two vectors multiplied number by number, and the products added up. It is "
        "large when both are long and point in the same direction.",
    ),
    Term(
        "embedding",
        "The vector that stands for a token at the input of the model, before "
        "any token has read another. It is one row of a learned table.",
        "hook_embed",
    ),
    Term(
        "entropy",
        "How undecided a distribution is, in nats: 0 when one choice has all the "
        "probability, ln(n) when n choices are equally likely. Used for the next "
        "token and for a row of attention weights.",
    ),
    Term(
        "fine-tuning",
        "Training a finished model a little further, on a small, chosen set of "
        "examples. It keeps what it knows of language and changes how it responds.",
    ),
    Term(
        "gradient",
        "For each number, how much the loss would change if the number grew a "
        "little. Training moves every weight a small step against its gradient.",
        "run_with_cache(incl_bwd=True)",
    ),
    Term(
        "greedy",
        "Always taking the likeliest next token. The text is the same every "
        "time, and often dull.",
        "GenerationConfig(strategy='greedy')",
    ),
    Term(
        "head",
        "One of several attention mechanisms that work side by side in a block, each "
        "with its own queries, keys and values. L1H3 is head 3 of layer 1, counted "
        "from 0.",
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
        "A head that finds what followed the last time: in “red kite … red”, the "
        "second “red” reads “kite”. It needs a previous-token head in an earlier "
        "layer.",
    ),
    Term(
        "key",
        "The vector by which a token can be found by later tokens. A query that "
        "points in the same direction gives a large score.",
        "blocks.{i}.attn.hook_k",
    ),
    Term(
        "KL divergence",
        "How far one distribution is from another, in nats; 0 means they are "
        "equal. KL(before ‖ after) is the extra surprise, on average, of someone "
        "who expects “after” when tokens are drawn from “before”.",
        "minigpt.interpret.effects",
    ),
    Term(
        "KV cache",
        "The keys and values of all tokens read so far, kept while a text is written. "
        "Each new token is then computed alone, and the past is never computed twice.",
        "minigpt.model.kv_cache.Cache",
    ),
    Term(
        "layer norm",
        "Rescales a vector to a standard size before attention or the MLP reads "
        "it. The residual stream itself stays as it is.",
        "blocks.{i}.ln1.hook_normalized",
    ),
    Term(
        "logit",
        "The score of one possible next token, before the softmax. One logit "
        "alone says little; the difference between two says which token is "
        "likelier, and by how much.",
        "logits",
    ),
    Term(
        "logit lens",
        "Applying the final norm and the unembedding to the residual stream "
        "after an earlier layer. You see in which layer the answer appears.",
        "minigpt.interpret.stream.logit_lens",
    ),
    Term(
        "loss",
        "How surprised the model is by the token that really came, in nats, on "
        "average. A uniform guess among n tokens has a loss of ln(n).",
        "minigpt.training.loss",
    ),
    Term(
        "MLP",
        "The part of a block where each token works by itself on what attention "
        "has gathered. It widens the vector to many neurons, applies a nonlinear "
        "function, and narrows it again.",
        "blocks.{i}.mlp.hook_post",
    ),
    Term(
        "nats",
        "The unit of surprise with the natural logarithm: an event of "
        "probability p has a surprise of −ln(p) nats. One nat is 1.44 bits.",
    ),
    Term(
        "neuron",
        "One number in the wide middle of an MLP. It is large where the token's "
        "vector matches what the neuron responds to; it then adds its own output "
        "vector to the stream.",
        "blocks.{i}.mlp.hook_post",
    ),
    Term(
        "norm",
        "The length of a vector: the square root of the sum of its squared numbers. "
        "“The norm” of a block also means its layer norm.",
    ),
    Term(
        "optimizer",
        "The rule that turns gradients into steps of the weights. SGD steps by the "
        "gradient times the step size, AdamW gives each weight a step size of its own, "
        "and Muon moves all directions of a matrix equally far.",
        "minigpt.training.optimizer",
    ),
    Term(
        "OV circuit",
        "What a head moves: how reading each token changes every logit. It is the "
        "head's value and output matrices as one table of tokens by tokens.",
        "minigpt.interpret.weights.token_maps",
    ),
    Term(
        "parameter",
        "One of the numbers that training adjusts: an entry of a weight matrix, a bias "
        "or an embedding. A model's size is its number of parameters.",
        "model.parameters()",
    ),
    Term(
        "patching",
        "Running the model on one text with a few of its numbers taken from a "
        "run on another. Where that brings the other answer back, the replaced "
        "numbers carry the difference.",
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
        "The loss as a number of choices: e to the loss. A model of perplexity 8 "
        "is as undecided as a uniform choice among 8 tokens.",
    ),
    Term(
        "position",
        "Where a token stands, counted from 0. Attention by itself ignores "
        "order, so the model must be told: by vectors added to the embeddings, "
        "by rotating queries and keys, or by a bias on the scores.",
        "hook_pos_embed",
    ),
    Term(
        "previous-token head",
        "A head that reads the token just before. It does little by itself; "
        "together with a head in a later layer it makes induction possible.",
    ),
    Term(
        "QK circuit",
        "What a head looks for: the score of every key, for each token as the query. "
        "It is the head's query and key matrices as one table of tokens by tokens.",
        "minigpt.interpret.weights.token_maps",
    ),
    Term(
        "query",
        "The vector that says what a token looks for. Its dot product with a "
        "key, divided by √d_head, is the score.",
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
        "Rotary position embedding: queries and keys are rotated, by a larger "
        "angle at later positions. Their dot product then depends on how far "
        "apart they are.",
        "blocks.{i}.attn.hook_rot_q",
    ),
    Term(
        "sampling",
        "Drawing the next token at random, with the probabilities that the model "
        "gives. The same seed repeats the same draw.",
        "minigpt.generation.sample",
    ),
    Term(
        "score",
        "How well one query matches one key, before the softmax. The softmax "
        "turns a row of scores into a row of attention weights.",
        "blocks.{i}.attn.hook_attn_scores",
    ),
    Term(
        "softmax",
        "Turns any numbers into positive shares that add up to 1: e to the power "
        "of each, divided by the sum. Adding the same number to all of them "
        "changes nothing.",
    ),
    Term(
        "step size",
        "How far one step of learning goes against the gradient; also called the "
        "learning rate, lr. Too small and little is learned, too large and the loss "
        "rises.",
        "minigpt.training.schedule",
    ),
    Term(
        "temperature",
        "The number that the logits are divided by before the softmax. Below 1, "
        "likely tokens become likelier still and the text is more predictable; "
        "above 1, the probabilities become more even and the text varies more.",
        "GenerationConfig(temperature=…)",
    ),
    Term(
        "token",
        "A piece of text with a number (id) of its own: a character, a word or "
        "part of one. The model sees only these numbers.",
        "tokenizer.encode",
    ),
    Term(
        "top-k",
        "Drawing only among the k likeliest tokens. The others get probability "
        "0, and the remaining probabilities are rescaled to add up to 1.",
        "GenerationConfig(top_k=…)",
    ),
    Term(
        "top-p",
        "Drawing only among the likeliest tokens that together reach probability "
        "p. The surer the model, the fewer tokens are left.",
        "GenerationConfig(top_p=…)",
    ),
    Term(
        "unembedding",
        "Turning the final vector into logits: its dot product with one vector "
        "per token. Often the embedding table is used for this a second time.",
        "minigpt.TransformerLM.unembed",
    ),
    Term(
        "value",
        "The vector that a token passes on to the tokens that read it. Attention "
        "adds up the values, each times its attention weight.",
        "blocks.{i}.attn.hook_v",
    ),
    Term(
        "vector",
        "A list of numbers, read as an arrow: it has a direction and a length. Every "
        "token in the model is represented by one.",
    ),
    Term(
        "vocabulary",
        "All tokens that a tokenizer knows, each with its number. The model gives each "
        "of them a logit.",
        "vocab_size",
    ),
    Term(
        "weight",
        "A number that training adjusts and that stays fixed when the model is "
        "used. An *attention weight* is something else: the share, 0 to 1, with "
        "which one token reads another.",
    ),
)
