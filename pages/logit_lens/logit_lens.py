"""Logit lens and attribution: when the answer appears, and which parts wrote it.

Learning goal: what the model would say after each layer, and which part wrote the
answer. Aha: you see the layer where the answer overtakes its rival.
"""

import streamlit as st

from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.logit_lens import logit_lens
from pages.frame import lesson, models
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.frame.reading import choose_place, read
from pages.logit_lens import attribution, choice, lens, questions
from pages.logit_lens.numbers import LensReading

WORDS = """
The **lens** applies the final norm and the unembedding to the residual stream at one
point. Each row is a later point, each cell a distribution over the next token. The last
row is the model's own output.

The lens reads only what is stored in the form of the *output*. Early layers may hold
more than it shows.

**Shares** split the same logit by part. The stream is a sum and the unembedding
is linear, so they add up exactly, with the final norm's scale frozen at the value it
has here. A share is a part's direct contribution, not what would happen without it: for
that, ablate the part (switch it off) on the Intervene page.
"""

lesson.open(
    "Logit lens and attribution",
    "What the model would predict after each layer, and which parts produced "
    "the answer.",
)
with guard():
    checkpoint = models.chosen()
    text, numbers, rivals = st.columns([5, 1.4, 4])
    with text:
        reading = read(checkpoint)
    with numbers:
        position = choose_place(reading, ("token",)).token
    source = LensReading(checkpoint, reading.tokens, reading.pieces)
    column = source.column(position)
    with rivals:
        pair = choice.choose_pair(source, column, position)
    predict([questions.when_it_settles(source, source.lens(), position)])
    lens.show_lens(source, column, position, pair)
    st.subheader("Answer and rival", anchor=False)
    attribution.show_race(source, column, position, pair)
    st.subheader("Which parts wrote it", anchor=False)
    attribution.show_shares(source, reading, position, pair)
    lesson.explain(WORDS, logit_lens, attribute)
    split = source.attribution(position, *pair)
    check(
        [
            [each]
            for each in questions.check_questions(source, column, position, pair, split)
        ]
    )
