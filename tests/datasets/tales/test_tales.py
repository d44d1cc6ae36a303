"""The world of tales: charming, repeatable, and fair to ask about."""

import hashlib
import re
import time
from random import Random

import pytest

from minigpt.datasets.tales.mentions import introduced, sentences
from minigpt.datasets.tales.questions import (
    STRATEGIES,
    baseline_scores,
    guess_without_binding,
)
from minigpt.datasets.tales.story import STORY_END, generate_tales, write_story
from minigpt.datasets.tales.words import (
    BOYS,
    CLASSES,
    COLOURS,
    GIRLS,
    KNOWN,
    NEW,
    PLACES,
    SPLITS,
    THINGS,
    is_held_out,
    kinds_of_tokens,
)
from minigpt.errors import DataError
from minigpt.tokenizers import WordTokenizer

HELD_KINDS = {"owned": "owner", "owner": "owner", "place": "place", "colour": "colour"}
HELD_KINDS["home"] = "place"


def stories(split, number=1500, seed=7):
    rng = Random(f"{split} {seed}")
    return [write_story(rng, split) for _ in range(number)]


def test_a_seed_always_gives_the_same_text():
    text = generate_tales(100_000, seed=3)
    digest = hashlib.sha256(text.encode()).hexdigest()
    # Who changes the world on purpose changes this line, and trains `tales` again.
    assert digest == "54f05849e1a0db4f2048f6a39f5688be992726ced6b4cd92a6d15fd40a4be925"
    assert generate_tales(100_000, seed=4)[:500] != text[:500]


def test_five_megabytes_take_less_than_five_seconds():
    start = time.process_time()
    text = generate_tales(5_000_000)
    assert time.process_time() - start < 5
    assert text.isascii()
    assert 5_000_000 <= len(text) < 5_003_000


def test_stories_end_with_a_blank_line_and_hardly_ever_repeat():
    text = generate_tales(1_000_000)
    assert text.endswith(STORY_END)
    told = text.removesuffix(STORY_END).split(STORY_END)
    assert all("\n" not in story for story in told)
    assert len(set(told)) > 0.999 * len(told)


@pytest.mark.parametrize("split", SPLITS)
def test_stories_have_5_to_16_sentences_of_every_length_between(split):
    lengths = [len(sentences(story.text)) for story in stories(split)]
    assert set(lengths) == set(range(5, 17))


@pytest.mark.parametrize("split", SPLITS)
def test_every_sentence_begins_with_a_capital_and_ends_with_a_stop(split):
    for story in stories(split, 300):
        assert "{" not in story.text
        assert "  " not in story.text
        for sentence in sentences(story.text):
            assert re.fullmatch(r'"?[A-Z].*[.!?]"?', sentence), sentence


def test_an_article_fits_the_colour_that_follows():
    text = generate_tales(500_000)
    assert not re.search(r"\ba [aeiou]", text)
    assert not re.search(r"\ban [^aeiou]", text)


def test_the_rule_holds_out_one_pair_in_six_of_every_word():
    assert len(set(KNOWN.people)) == len(GIRLS) + len(BOYS) == 72
    for words in (GIRLS, BOYS, THINGS, PLACES, COLOURS):
        assert len(set(words)) == len(words)
        assert len(words) % CLASSES == 0
    for name in GIRLS + BOYS:
        held = [thing for thing in THINGS if is_held_out("owner", name, thing)]
        assert len(held) == len(THINGS) // CLASSES
        held = [place for place in PLACES if is_held_out("place", name, place)]
        assert len(held) == len(PLACES) // CLASSES
    for thing in THINGS:
        held = [c for c in COLOURS if is_held_out("colour", thing, c)]
        assert len(held) == len(COLOURS) // CLASSES


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_no_training_story_joins_a_held_out_pair_and_held_out_stories_only_those(split):
    for story in stories(split):
        for kind, subject, value in story.facts:
            if kind in HELD_KINDS:
                held = is_held_out(HELD_KINDS[kind], subject, value)
                assert held == (split == "held_out"), (kind, subject, value)


def test_a_training_story_never_even_mentions_a_person_beside_a_held_out_thing():
    for story in stories("train", 500):
        words = set(re.findall(r"\w+", story.text))
        people = words & {person.name for person in KNOWN.people}
        for name in people:
            for thing in words & set(THINGS):
                assert not is_held_out("owner", name, thing)
            for place in words & set(PLACES):
                assert not is_held_out("place", name, place)


def test_only_words_that_a_tokenizer_keeps_whole_have_a_token_of_their_kind():
    tokenizer = WordTokenizer()
    tokenizer.build_vocab("Mia lost her red kite near the mill.")
    kinds = kinds_of_tokens(tokenizer)
    found = {tokenizer.piece(token).strip(): kind for token, kind in kinds.items()}
    assert found == {"Mia": "name", "red": "colour", "kite": "thing", "mill": "place"}


def test_new_words_never_occur_in_training_text():
    words = set(re.findall(r"\w+", generate_tales(1_000_000)))
    new = {*(person.name for person in NEW.people), *NEW.things, *NEW.places}
    assert not words & new
    for story in stories("new", 200):
        assert set(re.findall(r"\w+", story.text)) & new


@pytest.mark.parametrize("split", SPLITS)
def test_every_question_has_its_answer_and_a_rival_in_the_story(split):
    kinds = set()
    for story in stories(split, 500):
        assert len(story.questions) >= 4
        for question in story.questions:
            kinds.add(question.kind)
            assert question.answer in question.candidates
            assert len(set(question.candidates)) >= 2
            assert question.lead + " " + question.answer + "." == question.sentence
            for candidate in question.candidates:
                bare = candidate.removeprefix("because ")
                assert bare.lower() in story.text.lower()
    assert kinds == {"colour", "owner", "place", "wish", "cause"}


def test_questions_agree_with_the_facts():
    for story in stories("train", 500):
        facts = set(story.facts)
        for question in story.questions:
            value = re.sub(r"^(to|the|because) ", "", question.answer)
            if question.kind in ("colour", "owner"):
                thing = re.search(r"(\w+)\?$", question.text)[1]
                pair = (thing, value) if question.kind == "colour" else (value, thing)
                assert (question.kind, *pair) in facts
            else:
                name = re.search(r"(?:did|was) (\w+)", question.text, re.IGNORECASE)
                assert (question.kind, name[1], value) in facts


def _owner_by_reading(text, thing):
    """Follow a thing through the sentences that say who has it."""
    owner = None
    for sentence in sentences(text):
        gave = re.search(rf"gave the {thing} (?:back )?to (\w+)", sentence)
        brought = re.search(rf"brought the {thing} back to (\w+)", sentence)
        belonged = re.search(rf"[Tt]he {thing} belonged to (\w+)", sentence)
        found = gave or brought or belonged
        owner = found[1] if found else owner
    return owner


def test_who_reads_what_became_of_a_gift_knows_its_owner():
    checked = 0
    for story in stories("train"):
        for question in story.questions:
            if question.kind == "owner" and question.moved:
                thing = re.search(r"(\w+)\?", question.text)[1]
                assert _owner_by_reading(story.text, thing) == question.answer
                checked += 1
    assert checked > 300


@pytest.mark.parametrize("split", SPLITS)
def test_who_follows_a_person_from_place_to_place_knows_the_last_one(split):
    way = r"(?:went|walked|ran|took)\b.* to (the \w+)\.$"
    moved = 0
    for story in stories(split, 600):
        for question in story.questions:
            if question.kind != "place":
                continue
            name = re.search(r"did (\w+) go", question.text)[1]
            went = [
                found[1]
                for sentence in sentences(story.text)
                if (found := re.search(rf"\b{name} .*{way}", sentence))
            ]
            assert went[-1] == question.answer
            assert question.moved == (len(set(went)) > 1)
            assert question.text.endswith("last?") or not question.moved
            moved += question.moved
    assert moved > 50


def test_a_question_has_two_three_or_four_candidates_and_more_on_a_journey():
    found = {}
    for story in stories("held_out"):
        for question in story.questions:
            number = len(set(question.candidates))
            found.setdefault(question.kind, set()).add(number)
    assert found["owner"] == found["wish"] == found["cause"] == {2, 3, 4}
    assert found["colour"] >= {2, 3, 4}
    assert found["place"] >= {2, 3, 4}


@pytest.mark.parametrize("split", SPLITS)
def test_answering_without_binding_is_near_chance_for_every_kind(split):
    asked = [
        (story.text, question)
        for story in stories(split, 1000)
        for question in story.questions
    ]
    two = [(s, q) for s, q in asked if len(set(q.candidates)) == 2]
    moved = [(s, q) for s, q in asked if q.moved]
    for sample in (asked, two, moved):
        scores = baseline_scores(sample)
        assert scores
        for kind in scores:
            for strategy in STRATEGIES:
                assert scores[kind][strategy] <= 0.6, (kind, strategy)
    assert len(baseline_scores(two)) == 5


def test_a_guess_takes_the_word_of_the_kind_named_last_first_or_most():
    story, question = next(
        (story, question)
        for story in stories("train")
        for question in story.questions
        if question.kind == "place"
    )
    recent = guess_without_binding(story.text, question, "recent")
    first = guess_without_binding(story.text, question, "first")
    assert story.text.rindex(recent) > story.text.rindex(first)
    text = "the mill. the mill. the inn."
    mill = question._replace(candidates=("the mill", "the inn"))
    assert guess_without_binding(text, mill, "frequent") == "the mill"
    assert guess_without_binding(text, mill, "recent") == "the inn"


def test_a_share_of_stories_ends_with_a_conversation_of_questions():
    count = generate_tales(300_000, conversation_share=0.0).count("?")
    plain = generate_tales(300_000, conversation_share=0.0)
    asked = generate_tales(300_000, conversation_share=0.3)
    assert plain.count("What colour was") == 0
    told = asked.split(STORY_END)
    share = sum(bool(re.search(r"\b(Who|What|Where|Why) \w+ .*\?", s)) for s in told)
    assert 0.25 < share / len(told) < 0.35
    assert count < asked.count("?")


def test_nearly_everyone_and_everything_is_introduced_at_the_start():
    known = unknown = 0
    for split in SPLITS:
        rng = Random(5)
        for _ in range(1000):
            mentions = introduced(write_story(rng, split, 0.2).text)
            known += len(mentions.introduced)
            unknown += len(mentions.from_nowhere)
    assert known > 3000
    assert known / (known + unknown) >= 0.99


OPENING = "Mia and Tom were friends. Mia had a red kite. Tom had a blue drum. "


@pytest.mark.parametrize(
    ("later", "known", "unknown"),
    [
        ("Mia gave the kite to Tom.", ["Mia", "kite", "Tom"], []),
        ("Mia took the lamp. The lamp was red.", ["Mia"], ["lamp"]),
        ("Mia found an old lamp. The lamp was red.", ["Mia", "lamp"], []),
        ("Zoe went home.", [], ["Zoe"]),
        ("Florbert went home.", [], ["Florbert"]),
        ("Then they met a girl called Zoe. Zoe sang.", ["Zoe"], []),
        ('"I am glad," said Tom. They laughed.', ["Tom"], []),
        ("Everyone could see the moon.", [], []),
    ],
)
def test_a_lamp_from_nowhere_is_told_from_one_that_is_introduced(later, known, unknown):
    mentions = introduced(OPENING + later)
    assert list(mentions.introduced) == known
    assert list(mentions.from_nowhere) == unknown


def test_shuffled_sentences_from_other_stories_score_low():
    told = stories("train", 400)
    parts = [sentences(story.text) for story in told]
    mixed = [" ".join(parts[i][:3] + parts[i - 1][3:]) for i in range(1, len(parts))]
    shares = [introduced(story).share for story in mixed]
    assert sum(shares) / len(shares) < 0.3


def test_an_unknown_split_is_answered_with_the_ones_there_are():
    with pytest.raises(DataError, match="held_out"):
        write_story(Random(0), "heldout")
