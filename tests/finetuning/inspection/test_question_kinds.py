"""Questions that a model was tuned on are told from others, and the error is small."""

from itertools import islice
from pathlib import Path

import pytest

from minigpt.checkpoint import Checkpoint, load_checkpoint
from minigpt.datasets.tales.instructions import questions
from minigpt.datasets.tales.other_questions import OTHER_QUESTIONS
from minigpt.errors import DataError
from minigpt.finetuning.inspection.question_kinds import judge, learned_kinds
from minigpt.model import create_model

SHIPPED = Path(__file__).parents[3] / "data" / "models" / "tales-chat"


@pytest.fixture(scope="module")
def who():
    return load_checkpoint(SHIPPED)


@pytest.fixture(scope="module")
def kinds(who):
    return learned_kinds(who)


def test_of_the_shipped_model_few_are_taken_for_what_they_are_not(kinds):
    wrong, passed = kinds.taken_for_others, kinds.taken_for_learned
    assert wrong.number >= 80
    assert wrong.share <= 0.05
    assert passed.number == len(OTHER_QUESTIONS)
    assert passed.share <= 0.1


def test_a_learned_question_lies_at_no_distance_from_itself(who, kinds):
    found = judge(who, kinds, kinds.questions[3], "")
    assert found.nearest == kinds.questions[3]
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert found.is_known


def test_a_word_that_training_never_met_does_not_make_a_kind_unknown(who, kinds):
    asked = list(islice(questions(11, "new"), 40))
    found = [judge(who, kinds, one.question.text, one.story) for one in asked]
    assert all(each.new_words for each in found)
    assert sum(each.is_known for each in found) >= 36
    # Without the story, nobody can tell that the word is a name.
    alone = [judge(who, kinds, one.question.text, "") for one in asked]
    assert sum(each.is_known for each in alone) < 10


def test_words_of_another_kind_of_question_do_not_count_as_names(who, kinds):
    story = "How old is Mia? asked the owl. Mia had a red kite."
    found = judge(who, kinds, "How old is Mia?", story)
    assert not found.is_known


def test_a_model_without_a_residual_stream_is_refused(who):
    mlp = create_model("mlp", vocab_size=who.tokenizer.vocab_size)
    with pytest.raises(DataError, match="no residual stream"):
        learned_kinds(Checkpoint(mlp, who.tokenizer, who.metadata))
