"""From a configuration to everything a training run needs, and what it will cost.

In reading order: `sources` (the texts a run reads), `preparation` and `finetuning`
(from a configuration to `prepared`, all that a trainer needs), `baselines` (losses
without a network), `estimate` and `finetuning_estimate` (the cost, in advance).
For a text larger than memory: `large_texts`, `token_store` and `token_writing`, with
`encoding` (by all cores, or by a cluster).
"""
