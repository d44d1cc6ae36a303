"""What tales teaches: true, varied, the same for a seed, held-out worlds apart."""

import re
from collections import Counter
from itertools import islice

from minigpt.datasets.tales.instructions import instructions, preferences, questions
from minigpt.datasets.tales.words import CLASSES, KNOWN


def test_the_same_seed_writes_the_same_and_another_does_not():
    first, again, other = (list(islice(instructions(n), 20)) for n in (1, 1, 2))
    assert first == again
    assert first != other
    assert len({one.messages for one in first}) == 20


def test_every_task_is_taught_and_every_answer_follows_from_its_prompt():
    seen = Counter()
    for one in islice(instructions(0), 400):
        prompt, said = one.prompt[-1].content, one.answer
        task = prompt.rpartition("\n\n")[2]
        if "story about" in task:
            seen["write"] += 1
            name, thing = task.split(" about ")[1].rstrip(".").split(" and a ")
            assert name in said
            assert thing in said
        elif "who is" in task.lower():
            seen["list"] += 1
            names = said.removesuffix(".").replace(" and ", ", ").split(", ")
            assert all(name in prompt for name in names)
            assert len(names) in (2, 3, 4)
        elif task.endswith("?") and "happened" not in task:
            seen["ask"] += 1
        else:
            seen["continue"] += 1
            assert len(said) > 10
    assert set(seen) == {"write", "list", "ask", "continue"}
    assert seen["ask"] > 200


def test_right_answers_are_right_in_either_form_and_others_are_not():
    forms = Counter()
    for asked in islice(questions(0), 200):
        question = asked.question
        assert asked.is_answered_by(asked.bare)
        assert asked.is_answered_by(f" {question.sentence}\n")
        for other in set(question.candidates) - {question.answer}:
            assert not asked.is_answered_by(f"{other}.")
            assert not asked.is_answered_by(asked.sentence(other))
        assert asked.sentence(question.answer) == question.sentence
        forms[question.kind] += 1
    assert len(forms) == 5


def test_pairs_prefer_truth_sentences_and_friends():
    kinds = Counter(pair.where for pair in islice(preferences(0), 300))
    assert kinds == {"truth": 100, "style": 100, "ending": 100}
    for pair in islice(preferences(0), 90):
        assert pair.chosen != pair.rejected
        same_length = abs(len(pair.chosen.split()) - len(pair.rejected.split())) <= 6
        assert same_length or pair.where != "truth"


def test_an_ending_wished_for_is_about_a_friend_and_the_other_is_not():
    pairs = (p for p in preferences(1, "held_out") if p.where == "ending")
    for pair in islice(pairs, 60):
        told = pair.prompt[0].content
        assert re.search("friend|alone", pair.chosen)
        assert not re.search("friend|alone", pair.rejected)
        assert pair.chosen not in told
        names = {person.name for person in KNOWN.people}
        said = set(re.findall(r"\w+", f"{pair.chosen} {pair.rejected}")) & names
        assert said
        assert all(name in told for name in said)


def test_both_answers_of_a_pair_fit():
    def is_short(conversation):
        text = " ".join(message.content for message in conversation.messages)
        return len(text) < 330

    for pair in islice(preferences(2, fits=is_short), 60):
        assert all(is_short(answer) for answer in pair.answers)


def test_held_out_examples_join_what_training_examples_never_join():
    def joined(split):
        asked = islice(questions(0, split), 600)
        return {
            (a.question.sentence, a.question.answer)
            for a in asked
            if a.question.kind == "colour"
        }

    assert CLASSES > 1
    train, held_out = joined("train"), joined("held_out")
    assert train
    assert held_out
    assert not train & held_out


def test_what_does_not_fit_is_left_out():
    def is_short(one):
        return sum(len(message.content) for message in one.messages) < 400

    assert all(is_short(one) for one in islice(instructions(0, fits=is_short), 30))
    for asked in islice(questions(0, fits=is_short), 10):
        assert len(asked.prompt[0].content) < 400
