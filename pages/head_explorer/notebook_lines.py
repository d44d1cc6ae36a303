"""The Head explorer's figures as lines for a notebook."""

from typing import Final

PATTERNS: Final = """
_, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
patterns = torch.cat(list(cache.values()))  # [layer head q_pos k_pos]
"""

RANDOM: Final = """
from minigpt.interpret import corpora, probes

length = min(64, model.config.max_seq_len)
windows = corpora.held_out_windows(metadata, tokenizer, length)
vocabulary = probes.familiar_tokens(tokenizer, windows)
random = probes.repeated_tokens(vocabulary, model.config.max_seq_len)
scores = probes.scores_on(model, random)
"""

EVERY: Final = """
every = [scores.previous_token, scores.first_token, scores.self_token, scores.entropy]
"""

EARLIER: Final = """
same = tokens[0, :, None] == tokens[0]  # [q_pos k_pos]
"""

SCORE: Final = {
    "previous_token": """
score = patterns.diagonal(-1, dim1=-2, dim2=-1).mean(-1)
""",
    "first_token": """
score = patterns[:, :, 2:, 0].mean(-1)
""",
    "self_token": """
score = patterns.diagonal(0, dim1=-2, dim2=-1)[:, :, 1:].mean(-1)
""",
    "duplicate_token": EARLIER
    + """
read = same.tril(-1)  # an earlier occurrence of the query's own token
score = (patterns * read).sum(-1)[:, :, read.any(-1)].mean(-1)
""",
    "induction": EARLIER
    + """
read = same.tril(-2).roll(1, dims=1)  # what followed an earlier occurrence
score = (patterns * read).sum(-1)[:, :, read.any(-1)].mean(-1)
""",
    "entropy": """
logs = patterns.clamp(min=1e-30).log()
score = -(patterns * logs).sum(-1)[:, :, 1:].mean(-1)
""",
}


def score(name: str) -> str:
    """Return the lines that compute one score, [layer head], on the prompt."""
    return PATTERNS.strip() + SCORE[name]


def every_score(on_prompt: bool) -> str:
    """Return the lines that compute all scores, on the prompt or on random tokens."""
    if not on_prompt:
        return RANDOM.strip() + EVERY
    return (
        PATTERNS.strip()
        + """
from minigpt.interpret import head_scores

scores = head_scores(patterns.detach().numpy(), tokens[0].tolist())
"""
        + EVERY
    )


def pattern(layer: int, head: int) -> str:
    """Return the lines that record one head's pattern."""
    return f"""
_, cache = model.run_with_cache(tokens, "blocks.{layer}.attn.hook_pattern")
pattern = cache["pattern", {layer}][0, {head}]  # [q_pos k_pos]
"""


def layer_patterns(layer: int) -> str:
    """Return the lines that record the patterns of a layer."""
    return f"""
_, cache = model.run_with_cache(tokens, "blocks.{layer}.attn.hook_pattern")
patterns = cache["pattern", {layer}][0]  # [head q_pos k_pos]
"""


def two_patterns(one: tuple[int, int], other: tuple[int, int]) -> str:
    """Return the lines that record two heads' patterns."""
    return f"""
_, cache = model.run_with_cache(tokens, "*.attn.hook_pattern")
both = torch.stack([
    cache["pattern", {one[0]}][0, {one[1]}],
    cache["pattern", {other[0]}][0, {other[1]}],
])  # [which q_pos k_pos]
"""


def on_random_tokens(layer: int, head: int) -> str:
    """Return the lines that score one head on random tokens, said twice."""
    return f"""{RANDOM.strip()}
names = "previous_token", "induction", "duplicate_token", "first_token", "self_token"
there = [float(getattr(scores, name)[{layer}, {head}]) for name in names]
"""


def examples(layer: int, head: int, count: int) -> str:
    """Return the lines that find a head's strongest reads, and draw random ones."""
    return f"""
from minigpt.interpret.corpora import held_out_windows
from minigpt.interpret.heads.corpus_examples import corpus_examples

length = min(64, model.config.max_seq_len)
windows = held_out_windows(metadata, tokenizer, length)
found = corpus_examples(model, windows, {layer}, {head}, {count})
weights = [example.weight for example in [*found.strongest, *found.random]]
"""


def cut(layer: int, head: int) -> str:
    """Return the lines that cut one head and predict the next token."""
    return f"""
def cut(z, hook):  # [batch pos head d_head]
    z = z.clone()
    z[:, :, {head}] = 0
    return z

logits = model.run_with_hooks(tokens, [("blocks.{layer}.attn.hook_z", cut)])
after = logits[0, -1].softmax(-1)
"""
