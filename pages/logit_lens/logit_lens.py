"""Logit lens and attribution: when the answer appears, and which parts wrote it.

Learning goal: what the model would say after each layer, and which part wrote the
answer. Aha: you see the layer where the answer overtakes its rival.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.interpret.openings.opening import Opening
from minigpt.interpret.reading.prompt import Reading
from minigpt.interpret.stream.attribution import attribute
from minigpt.interpret.stream.logit_lens import logit_lens
from pages.frame import lesson, models, opening
from pages.frame.controls import tour
from pages.frame.guard import guard
from pages.frame.questions import check, predict
from pages.frame.reading import choose_place, read
from pages.logit_lens import attribution, choice, lens, questions, tuned, written
from pages.logit_lens import tour as lens_tour
from pages.logit_lens.numbers import LensReading, opening_of

WORDS = """
What if the model stopped here? The **lens** applies the final norm and the unembedding
to the residual stream at one point. Each row is a later point, each cell a distribution
over the next token. The last row is the model's own output.

The lens reads only what is stored in the form of the *output*. Early layers may hold
more than it shows.

**Shares** split the same logit by part. The stream is a sum and the unembedding is
linear, so with the final norm's scale held fixed, they add up exactly. A share is a
part's direct contribution, not what would happen without it: for that, ablate the part
(switch it off) on the Intervene page.
"""


def show_figures(
    reading: Reading, source: LensReading, position: int, pair_row: DeltaGenerator
) -> None:
    """Show lens, race, shares, and two more lenses; explain, and ask about them."""
    column = source.column(position)
    with pair_row:
        pair = choice.choose_pair(source, column, position)
    lens.show_lens(source, column, position, pair)
    with st.container(key=lens_tour.RACE):
        st.subheader("Answer and rival", anchor=False)
        attribution.show_race(source, column, position, pair)
    with st.container(key=lens_tour.SHARES):
        st.subheader("Which parts wrote it", anchor=False)
        attribution.show_shares(source, reading, position, pair)
    st.subheader("What each part writes", anchor=False)
    written.show(source, position, pair[0])
    st.subheader("A tuned lens beside the raw one", anchor=False)
    progress = tuned.show(source, position)
    lesson.explain(WORDS, logit_lens, attribute)
    lesson.formula(FORMULA, FORMULA_IN_WORDS)
    check(questions.checks(source, position, pair))
    tuned.train(source.checkpoint, progress)


def show_opening(found: Opening | None, source: LensReading) -> None:
    """Say why the page opened where it did. It answers the prediction: not before."""
    if found is None:
        return
    effects = found.effects
    point = source.lens().points[int(effects["point"])].name
    opening.offer(
        found,
        f"Opened where the answer overtakes its rival late and by far: in {point}, "
        f"after having been {effects['behind']:.2f} logits behind. At the end it is "
        f"{effects['lead']:.2f} ahead.",
    )


FORMULA = r"""
\begin{gathered}
p = \mathrm{softmax}\big(W_U \, \mathrm{norm}(r)\big), \qquad
r = x + \sum_{\text{parts}} o \\
\ell_t = u_t \cdot \mathrm{norm}(r)
\end{gathered}
"""
FORMULA_IN_WORDS = (
    "*r* is the residual stream at any point: the token's embedding *x*, and the "
    "outputs *o* of all parts so far. The final norm and the unembedding matrix "
    "$W_U$ were made for the end of the stream; the lens applies them earlier. "
    "$u_t$ is the row of $W_U$ that belongs to token *t*, and its dot product with "
    "the normed stream is the logit of *t*. As *r* is a sum, each part has a share in "
    "that logit: this is its attribution."
)

tour_button = lesson.open(
    "Logit lens and attribution",
    "What the model would predict after each layer, and which parts produced "
    "the answer.",
)
with guard():
    checkpoint = models.chosen()
    found = opening.begin(opening_of, checkpoint)
    text, numbers, rivals = st.columns([5, 1.4, 4])
    with text:
        reading = read(checkpoint)
    with numbers:
        position = choose_place(reading, ("token",)).token
    source = LensReading(checkpoint, reading.tokens, reading.pieces)
    tour.offer(tour_button, lambda: lens_tour.stops(source, position))
    if predict(questions.when_it_settles(source, position)):
        show_opening(found, source)
        show_figures(reading, source, position, rivals)
