"""The figures' numbers by hand: each formula as it stands in a textbook.

Every function computes what one figure draws, from recorded hooks and the weights, one
head, layer or part at a time. `minigpt.interpret` computes the same in fewer passes and
with checks; `tests/textbook` holds the two against each other. The pages show these
functions under their figures.
"""
