"""A question is found that only the template makes right."""

from pathlib import Path

import pytest

from minigpt.checkpoint import load_checkpoint
from minigpt.config import GenerationConfig
from minigpt.datasets.tales.instructions import Asked
from minigpt.datasets.tales.questions import StoryQuestion
from minigpt.datasets.tales.talk import story_to_talk_about
from minigpt.finetuning.conversation_tokens import Turn, messages_of, read_tokens
from minigpt.finetuning.inspection.template_effect import (
    TemplateEffect,
    first_effect,
    verdict,
)
from minigpt.generation import Generator

SHIPPED = Path(__file__).parents[3] / "data" / "models" / "tales-chat"
ASKED = Asked(
    "Mia had a red kite and Tom a blue drum.",
    StoryQuestion(
        "colour",
        "What colour was the kite?",
        "red",
        "The kite was red.",
        ("red", "blue"),
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red.", "right"),
        (", The kite was red. The drum was blue.", "right"),
        ("The drum was blue, the kite red.", "wrong"),
        ("Blue.", "wrong"),
        ("They played all day, a hundred times.", "none"),
        ("", "none"),
    ],
)
def test_the_answer_named_first_counts(text, expected):
    assert verdict(ASKED, text) == expected


def test_the_template_matters_where_only_with_it_the_answer_is_right():
    assert TemplateEffect(ASKED, "red.", "blue.").matters
    assert TemplateEffect(ASKED, "red.", "and they").matters
    assert not TemplateEffect(ASKED, "red.", ", The kite was red.").matters
    assert not TemplateEffect(ASKED, "blue.", "blue.").matters


def test_on_the_shipped_model_one_of_the_first_stories_has_such_a_question():
    who = load_checkpoint(SHIPPED)
    model, tokenizer, _ = who
    window = model.config.max_seq_len
    stories = (
        story_to_talk_about(
            number, lambda text: len(tokenizer.encode(text)) <= 0.62 * window
        )
        for number in range(8)
    )
    found = next(filter(None, (first_effect(who, story) for story in stories)))
    messages = messages_of(found.asked.story, [Turn(found.asked.question.text)])
    read = [each.token for each in read_tokens(messages, tokenizer, template=False)]
    greedy = GenerationConfig(strategy="greedy", max_new_tokens=16)
    again = Generator(model, tokenizer).generate(tokenizer.decode(read), greedy)
    assert again.text.strip() == found.untold
    assert verdict(found.asked, again.text) != "right"
    assert found.asked.is_answered_by(found.told)
