"""The same numbers by hand: each figure's formula as it stands in a textbook.

Nothing here is used to train or to run a model. These are the definitions beside the
library's faster or more general versions, in plain torch, a function for each figure of
the lessons; tests pin the two to each other, and the Code buttons show them.
"""
