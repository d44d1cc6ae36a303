"""Files of examples of this project's own forms: every mistake told with its line."""

import json

import pytest

from minigpt.datasets.conversation_files import (
    read_conversations,
    read_preferences,
    recognise_conversations,
)
from minigpt.errors import DataError

PLAIN = {"instruction": "Summarize this text:", "input": "A kite.", "output": "Kite."}
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Who?"},
    {"role": "assistant", "content": "Mia."},
]
PAIR = {"instruction": "Who?", "chosen": "Mia.", "rejected": "Tom."}


@pytest.fixture
def write(tmp_path):
    def write(*lines, name="data.jsonl"):
        path = tmp_path / name
        texts = [x if isinstance(x, str) else json.dumps(x) for x in lines]
        path.write_text("\n".join(texts), encoding="utf-8")
        return path

    return write


def test_instructions_and_messages_are_conversations(write):
    plain, turns = read_conversations(write(PLAIN, "", {"messages": TURNS}))
    assert [message.role for message in plain.messages] == ["user", "assistant"]
    assert plain.messages[0].content == "A kite.\n\nSummarize this text:"
    assert plain.answer == "Kite."
    assert [message.role for message in turns.prompt] == ["system", "user"]
    assert (plain.where, turns.where) == ("line 1", "line 3")


def test_a_list_is_read_like_lines_and_knows_its_lines(write):
    path = write(json.dumps([PLAIN, PLAIN], indent=1), name="data.json")
    assert [one.where for one in read_conversations(path)] == ["line 2", "line 7"]
    assert [c._replace(where="") for c in read_conversations(path)] == [
        c._replace(where="") for c in read_conversations(write(PLAIN, PLAIN))
    ]


def test_preferences_are_a_prompt_with_two_answers(write):
    path = write(PAIR, {"messages": TURNS[:2], "chosen": "a", "rejected": "b"})
    first, second = read_preferences(path)
    assert (first.chosen, first.rejected) == ("Mia.", "Tom.")
    better, worse = second.answers
    assert (better.answer, worse.answer) == ("a", "b")
    assert better.prompt == worse.prompt == second.prompt


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (PLAIN | {"output": 7}, "line 2: output is 7: it must be text"),
        (PLAIN | {"ouput": "x"}, r"line 2: unknown key 'ouput'.*'output'"),
        ({"instruction": "Who?"}, "line 2: .*the key 'output' is missing"),
        ({"messages": []}, "line 2: messages must be a list"),
        ({"messages": TURNS[:2]}, "the assistant last"),
        ({"messages": TURNS[::-1]}, "line 2: the roles are assistant, user, system"),
        ({"messages": [TURNS[1], TURNS[1], TURNS[2]]}, "take turns"),
        ({"messages": [TURNS[0]]}, "take turns"),
        (
            {"messages": [{"role": "usr", "content": "x"}]},
            r"message 1: role is 'usr'.*'user'",
        ),
        ({"messages": [TURNS[1], "Mia"]}, "line 2, message 2: .*not an object"),
        ({"messages": [{"role": "user"}]}, "message 1: the key 'content' is missing"),
        ("[1, 2]", "line 2, message 1: 1 is not an object"),
        ('{"instruction": ', "line 2: .*one JSON object per line"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write, line, complaint):
    path = write(PLAIN, line)
    with pytest.raises(DataError, match=complaint) as caught:
        read_conversations(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[{}, ", "line 1: Expecting value"),
        ("[{}]", "line 1: the columns are none: expected instruction"),
        (json.dumps([PLAIN])[:-1], "line 1: expecting"),
        (json.dumps([PLAIN]) + "x", "more after the list"),
        ("[]", "holds no example"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_damaged_list_is_told(write, text, complaint):
    with pytest.raises(DataError, match=complaint):
        read_conversations(write(text))


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(json.dumps(PLAIN).encode() + b"\n\x81\n")
    with pytest.raises(DataError, match=r"not UTF-8 text: byte 79 is 0x81 \(line 2\)"):
        read_conversations(path)


def test_equal_answers_prefer_nothing(write):
    with pytest.raises(DataError, match="line 1: chosen and rejected are equal"):
        read_preferences(write(PAIR | {"rejected": "Mia."}))


def test_rows_that_teach_nothing_are_left_out_and_counted(write):
    empty = [PLAIN | {"output": " \n"}, PLAIN | {"instruction": ""}]
    found = recognise_conversations(write(*empty, PLAIN, {**PLAIN, "id": 7}))
    assert [one.where for one in found.examples] == ["line 3", "line 4"]
    assert found.remark == (
        "Read as JSON lines: 2 rows of instruction + input → output. The column id is "
        "not used. 2 rows are left out, the first: line 1: output is empty."
    )
    with pytest.raises(DataError, match="no example to learn from: line 1: output is"):
        read_conversations(write(*empty))
