"""The difference between two arms, against published tables and other programs."""

import numpy as np
import pytest

from minigpt.classroom.study.effect import effect_of, in_words, t_quantile
from minigpt.errors import DataError

LOCKED = [7, 4, 5, 7, 4, 5, 6, 1, -1, 1, 1, 6, 7, -1]
FREE = [1, 4, -1, 4, -2, 1, 4, 0, 0, 0, 3]
# The first two samples of "Welch's t-test", Wikipedia: t = −2.46 with 25.0 degrees of
# freedom.
FIRST = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0]
FIRST += [21.7, 21.4]
SECOND = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9]
SECOND += [20.5, 24.4]


@pytest.mark.parametrize(
    ("df", "quantile"),  # scipy 1.17.1: stats.t.ppf(.975, df)
    [
        (1, 12.706204736),
        (1.5, 6.016663104),
        (2.75, 3.352545433),
        (12.3, 2.172933482),
        (57, 2.002465459),
        (400, 1.965912343),
    ],
)
def test_the_quantile_is_that_of_a_table(df, quantile):
    assert t_quantile(df) == pytest.approx(quantile, rel=2e-5)


def test_the_interval_is_welch_s():
    # scipy 1.17.1: stats.ttest_ind(LOCKED, FREE, equal_var=False).confidence_interval()
    effect = effect_of(LOCKED, FREE)
    found = (effect.difference.value, effect.difference.low, effect.difference.high)
    assert found == pytest.approx((2.44155844, 0.33154688, 4.55157000), abs=1e-5)
    assert (effect.locked, effect.free) == (14, 11)
    wikipedia = effect_of(FIRST, SECOND).difference
    half = wikipedia.high - wikipedia.value
    assert wikipedia.value / (half / t_quantile(25.0)) == pytest.approx(-2.46, abs=0.01)


def test_hedges_g_is_corrected_for_small_arms():
    # J with scipy.special.gamma: 0.96697212; g = J · 2.44155844 / 2.62963…
    g = effect_of(LOCKED, FREE).g
    assert (g.value, g.low, g.high) == pytest.approx(
        (0.897828, 0.069852, 1.725805), 1e-4
    )
    one, other = effect_of([1, 3], [0, 2]), effect_of([0, 2], [1, 3])
    assert one.g.value == -other.g.value == pytest.approx(0.5642 / 2**0.5, abs=1e-4)


def test_the_interval_holds_the_truth_in_95_of_100_classes():
    random = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        one, other = random.normal(3, 2, 9), random.normal(2, 4, 14)
        difference = effect_of(one, other).difference
        held += difference.low <= 1 <= difference.high
    assert 0.92 <= held / 300 <= 0.98


def test_what_has_no_interval_is_said():
    with pytest.raises(DataError, match="1 and 5 learners"):
        effect_of([1], [1, 2, 3, 4, 5])
    with pytest.raises(DataError, match="gained the same"):
        effect_of([2, 2, 2], [1, 1])


def test_the_sentence_has_every_number_and_is_honest():
    said = in_words(effect_of(LOCKED, FREE), "from before to after the lesson")
    parts = ("(n = 14) gained 3.7 of 12", "(n = 11) 1.3", "+2.4 items", "+0.90")
    for part in (*parts, "+0.3 to +4.6"):
        assert part in said
    assert "includes 0" not in said
    assert "first look" in said
    many = in_words(effect_of(LOCKED * 2, FREE * 2), "from before to after the lesson")
    assert "first look" not in many
    unsure = in_words(effect_of(FREE, [*FREE, 9]), "from before to after the lesson")
    assert "a difference of −0.6 items" in unsure
    assert "includes 0" in unsure
