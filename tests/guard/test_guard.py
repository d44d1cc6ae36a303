"""Every number on the screen is a real tensor that can be traced to a hook.

On models in which no two numbers are alike, at places that a seed chose, everything
that a page prints is worked out once more apart from the page: the numbers traced, the
answers graded, the captions.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from guard import (  # noqa: F401 (they register)
    answers_attention,
    answers_deeper,
    answers_inside,
    answers_learning,
    answers_text,
    answers_train,
    answers_write,
    captions_deeper,
    captions_pairs,
)
from guard.answers import ANSWERS, Oracle
from guard.captions import claim_of
from guard.formulas import multiplied_out
from guard.lines import LINES, SITES
from guard.printed import assert_said, is_near, option_of
from guard.screen import questions, texts, traced, verdict
from guard.seen import cache_of, gradients_of
from guard.views import VIEWS

PAGES = Path(__file__).parents[2] / "pages"

NEVER_MET = {
    "tokenizer.whole",
    "tokenizer.vocabulary",
    "home.goes_on",
    "training.untrained",
    "training.tokens_read",
    "training.memorizing",
}
"""Asked of another kind of tokenizer, or when a lesson is reviewed."""


def oracle_of(name: str) -> Oracle | None:
    """Return who knows a question's answer; of every scheme, the same one."""
    return ANSWERS.get(re.sub("_(relative|rope|alibi|learned)$", "_{scheme}", name))


def test_every_traced_number_is_the_hooks_at_the_chosen_place(case):
    view, seen = case
    assert not seen.app.exception
    shown = traced(seen.app)
    expected = [LINES[name](seen) for name in view.lines]
    assert [(each.hook, each.index) for each in shown] == [
        (each.hook, each.index) for each in expected
    ]
    for one, other in zip(shown, expected, strict=True):
        checkpoint = other.checkpoint or seen.checkpoint
        tokens = seen.tokens if other.tokens is None else other.tokens
        read = gradients_of if other.hook.endswith("_grad") else cache_of
        own = read(checkpoint.model, tokens)[other.hook][other.index[1:]]
        assert is_near(one.shown, own), f"{one.hook}{one.index}: {one.shown} for {own}"


def test_the_operands_of_every_traced_number_multiply_out_to_it(case):
    _, seen = case
    for each in traced(seen.app):
        own = multiplied_out(each, seen)
        assert is_near(each.shown, own), f"{each.hook}: {each.shown}, operands {own}"
        assert is_near(each.recomputed, own)


def test_every_number_in_a_caption_is_what_it_should_be(case):
    view, seen = case
    claimed: Counter[str] = Counter()
    for words in texts(seen.app):
        found = claim_of(view.lesson, words)
        assert found, f"{view.lesson}: nobody has worked out the numbers of {words!r}"
        pattern, claim = found
        expected = claim(seen, claimed[pattern])
        assert_said(words, expected, view.lesson)
        claimed[pattern] += 1


def test_every_answer_is_graded_as_it_is(case):
    _, seen = case
    asked = questions(seen.app)
    for each in asked:
        assert oracle_of(each.id), f"{each.id}: nobody has worked out this answer"
        assert len(set(each.options)) == len(each.options), f"{each.id}: two are alike"
    found = [oracle_of(each.id)(seen, each) for each in asked]
    for each, answer in zip(asked, found, strict=True):
        each.radio.set_value(option_of(answer, each.options, each.id))
    seen.app.run()
    for each, answer in zip(asked, found, strict=True):
        is_right, said = verdict(seen.app, each)
        assert is_right, f"{each.id}: {answer.right!r} is right, the page says {said!r}"
        assert_said(f"{each.text} {said}", answer.said, each.id)


def test_nothing_on_the_pages_is_without_an_answer_or_a_line():
    source = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(PAGES.rglob("*.py"))
    )
    asked = set(re.findall(r'Question\(\s*(?:id=)?f?"([a-z_.{}]+)"', source))
    assert asked == set(ANSWERS)
    assert len(re.findall(r"\bQuestion\(", source)) == len(asked)
    expected = {name for view in VIEWS.values() for name in view.asks}
    assert set(ANSWERS) - expected == set(NEVER_MET)
    assert set(LINES) == {name for view in VIEWS.values() for name in view.lines}
    assert set(calls_of_show()) == SITES


def calls_of_show() -> Iterator[str]:
    """Yield folder and function of every call of `provenance.show`."""
    for path in PAGES.rglob("*.py"):
        for part in ast.parse(path.read_text(encoding="utf-8")).body:
            name = part.name if isinstance(part, ast.FunctionDef) else "<module>"
            calls = (node for node in ast.walk(part) if isinstance(node, ast.Call))
            if any(ast.unparse(call.func) == "provenance.show" for call in calls):
                yield f"{path.parent.name}.{name}"
