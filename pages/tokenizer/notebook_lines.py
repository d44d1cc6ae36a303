"""The lines behind the Tokenizer page's figures, by definition and without tricks."""

PAIRS = """
from collections import Counter
from itertools import pairwise
from minigpt.tokenizers.byte_pair.pretokens import count_pretokens

early = tokenizer.limited_to({merges})
pairs = Counter()
for word, times in count_pretokens([text]).items():
    for pair in pairwise(early.encode(word)):
        pairs[pair] += times
counts = sorted(pairs.values(), reverse=True)[:{shown}]
"""

SIZES = """
from minigpt.tokenizers import BPETokenizer

tokens = [len(text.encode())]
for step in BPETokenizer({vocab_size}).training_steps(text):
    tokens.append(tokens[-1] - step.joined)
"""

TREE = """
from minigpt.tokenizers.byte_pair.pretokens import PATTERN

ranks = {{pair: rank for rank, pair in enumerate(tokenizer.merges)}}
joins, start = [], 0
for pretoken in PATTERN.findall({word!r}):
    row = [bytes([byte]) for byte in pretoken.encode()]
    while pairs := [(ranks[pair], place) for place, pair in enumerate(zip(row, row[1:]))
                    if pair in ranks]:
        rank, place = min(pairs)
        before = start + sum(map(len, row[:place]))
        row[place:place + 2] = [row[place] + row[place + 1]]
        joins.append([before, before + len(row[place]), rank])
    start += len(pretoken.encode())
"""

BOTH = """
ids = {"one": one.encode(text), "other": other.encode(text)}
"""

SCRIPTS = """
from minigpt.tokenizers.inspection.scripts import SENTENCES

bytes_per_token = [
    len(each.text.encode()) / len(tokenizer.encode(each.text)) for each in SENTENCES
]
"""
