"""Stories to talk about: held-out, short enough, with questions and right answers."""

from minigpt.datasets.tales.talk import (
    known_question,
    story_to_talk_about,
    suggestions,
    words_of_fact,
)


def short(text):
    return len(text) <= 500


def test_a_number_is_one_story_and_it_fits():
    first = story_to_talk_about(3, short)
    assert first == story_to_talk_about(3, short)
    assert short(first.text)
    assert first != story_to_talk_about(4, short)


def test_where_no_story_fits_there_is_none():
    assert story_to_talk_about(0, lambda text: len(text) < 5) is None


def test_suggested_questions_are_of_different_kinds_and_have_known_answers():
    story = story_to_talk_about(0, short)
    offered = suggestions(story, story.text)
    asked = [known_question(story, text) for text in offered]
    kinds = [each.question.kind for each in asked if each is not None]
    assert len(kinds) == len(set(kinds)) >= 2
    assert asked[-1] is None
    assert len(set(offered)) == len(offered)


def test_only_a_text_whose_end_is_not_told_may_go_on():
    story = story_to_talk_about(0, short)
    assert "Continue the story." not in suggestions(story, story.text)
    half = story.text[:100]
    assert suggestions(story, half) == suggestions(None, half)
    assert "Continue the story." in suggestions(story, half)


def test_without_a_story_one_is_asked_for():
    assert all("Mia and a kite" in text for text in suggestions(None, ""))
    assert known_question(None, "Who?") is None


def test_the_right_words_stand_in_the_story():
    for number in range(20):
        story = story_to_talk_about(number, short)
        for question in story.questions:
            asked = known_question(story, f" {question.text} ")
            assert asked.question == question
            assert words_of_fact(asked).lower() in story.text.lower()
