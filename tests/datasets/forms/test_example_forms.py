"""Examples in the forms of others: the same conversations, or one true sentence.

Each row of a table below is one small file, made here. The outside oracles are the
writers: `csv`, `json`, pandas and pyarrow wrote the files.
"""

import csv
import io
import json

import pandas
import pytest

from minigpt.datasets.conversation_files import (
    recognise_conversations,
    recognise_preferences,
)
from minigpt.errors import DataError

Q, A, B = "Who sang?", "A bird, “Mia”.", "No one; é."
ASKED, BETTER, WORSE = (
    {"role": "user", "content": Q},
    {"role": "assistant", "content": A},
    {"role": "assistant", "content": B},
)
HUMAN, GPT = {"from": "human", "value": Q}, {"from": "gpt", "value": A}


def lines(*rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


def table(*rows, separator=",", encoding="utf-8"):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerows(rows)
    return buffer.getvalue().encode(encoding)


def parquet(row):
    return pandas.DataFrame([row, row]).to_parquet(None)


def pandas_csv(row):
    return pandas.DataFrame([row]).to_csv(index=False).encode()


TAGGED = {
    "guanaco": f"### Human: {Q}### Assistant: {A}",
    "hh": f"\n\nHuman: {Q}\n\nAssistant: {A}",
    "chatml": f"<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>assistant\n{A}<|im_end|>",
    "llama": f"<s>[INST] {Q} [/INST] {A} </s>",
    "alpaca": f"Below is a task.\n\n### Instruction:\n{Q}\n\n### Response:\n{A}",
}
ROW = {"instruction": Q, "output": A}
SFT = {
    "own": lines(ROW),
    "null input, an id": lines({"id": 3, "instruction": Q, "input": None, "output": A}),
    "prompt, completion": lines({"prompt": Q, "completion": A}),
    "question, answer": lines({"question": Q, "answer": A}),
    "input, output": lines({"input": Q, "output": A}),
    "Dolly": lines(
        {"instruction": Q, "context": "", "response": A, "category": "open_qa"}
    ),
    "SQuAD": lines({"question": Q, "answers": {"text": [A], "answer_start": [0]}}),
    "messages": lines({"messages": [ASKED, BETTER], "source": "x"}),
    "ShareGPT": lines({"id": "x_0", "conversations": [HUMAN, GPT]}),
    "ShareGPT, cut out": lines({"conversations": [GPT, HUMAN, GPT, HUMAN]}),
    "parts": lines(
        {"messages": [ASKED | {"content": [{"type": "text", "text": Q}]}, BETTER]}
    ),
    "texts by turns": lines({"dialog": [Q, A]}),
    "bare lists, a line each": lines([ASKED, BETTER], [ASKED, BETTER]),
    "a list of lists": json.dumps([[ASKED, BETTER]], indent=1).encode(),
    "messages of TRL": lines({"prompt": [ASKED], "completion": [BETTER]}),
    "rows in an object": json.dumps({"version": 1, "data": [ROW]}, indent=1).encode(),
    "one object, indented": json.dumps(ROW, indent=2).encode(),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + lines(ROW),
    "UTF-16 of PowerShell": json.dumps(ROW, ensure_ascii=False).encode("utf-16"),
    "Windows line ends": lines(ROW, ROW).replace(b"\n", b"\r\n"),
    "CSV": table(["question", "answer"], [Q, A]),
    "CSV of Excel": table(["Question", "Answer"], [Q, A], separator=";"),
    "CSV in Windows-1252": table(["Question", "Answer"], [Q, A], encoding="cp1252"),
    "TSV": table(["prompt", "completion"], [Q, A], separator="\t"),
    "TSV in UTF-16": table(
        ["a prompt", "prompt", "response"], [1, Q, A], separator="\t"
    ),
    "CSV of pandas, messages": pandas_csv({"messages": [ASKED, BETTER]}),
    "CSV, messages as JSON": table(["messages"], [json.dumps([ASKED, BETTER])]),
    "CSV, a text with tags": table(
        ["text"], ["### Human: " + Q + "### Assistant: " + A]
    ),
    "parquet": parquet({"instruction": Q, "input": None, "output": A}),
    "parquet, messages": parquet({"messages": [ASKED, BETTER], "n": 1}),
    **{f"text, {name}": lines({"text": text}) for name, text in TAGGED.items()},
}
SFT["TSV in UTF-16"] = SFT["TSV in UTF-16"].decode().encode("utf-16")

WHOLE = {"chosen": [ASKED, BETTER], "rejected": [ASKED, WORSE]}
DPO = {
    "own": lines({"instruction": Q, "chosen": A, "rejected": B}),
    "prompt": lines({"prompt": Q, "chosen": A, "rejected": B, "id": 7}),
    "Orca": lines({"system": "", "question": Q, "chosen": A, "rejected": B}),
    "whole conversations": lines(WHOLE),
    "UltraFeedback": lines({"prompt": Q, "prompt_id": "x", "messages": [], **WHOLE}),
    "TRL": lines({"prompt": [ASKED], "chosen": [BETTER], "rejected": [WORSE]}),
    "HH-RLHF": lines({"chosen": TAGGED["hh"], "rejected": TAGGED["hh"].replace(A, B)}),
    "LLaMA-Factory": lines(
        {"conversations": [HUMAN], "chosen": GPT, "rejected": GPT | {"value": B}}
    ),
    "StackExchange": lines({"question": Q, "response_j": A, "response_k": B}),
    "messages": lines({"messages": [ASKED], "chosen": A, "rejected": B}),
    "CSV": table(["prompt", "chosen", "rejected"], [Q, A, B]),
    "parquet": parquet(WHOLE),
}


def write(tmp_path, content):
    path = tmp_path / "brought"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", SFT)
def test_answers_are_the_same_in_every_form(tmp_path, name):
    found = recognise_conversations(write(tmp_path, SFT[name]))
    for example in found.examples:
        assert [turn.role for turn in example.prompt][-1] == "user"
        assert (example.prompt[-1].content, example.answer) == (Q, A)
    assert found.remark.startswith("Read as ")
    assert f"{len(found.examples)} row" in found.remark


@pytest.mark.parametrize("name", DPO)
def test_preferences_are_the_same_in_every_form(tmp_path, name):
    found = recognise_preferences(write(tmp_path, DPO[name]))
    for pair in found.examples:
        assert [(turn.role, turn.content) for turn in pair.prompt] == [("user", Q)]
        assert (pair.chosen, pair.rejected) == (A, B)
    assert found.remark.startswith("Read as ")


SAID = {
    "null input, an id": "The column id is not used.",
    "CSV of Excel": "Read as a table with semicolons: 1 row of Question → Answer.",
    "CSV in Windows-1252": "not UTF-8, so read as Windows-1252",
    "UTF-16 of PowerShell": "Read as JSON lines, read as UTF-16: 1 row",
    "rows in an object": "Read as the list 'data' of a JSON object",
    "text, chatml": "1 row of text with tags",
}


@pytest.mark.parametrize("name", SAID)
def test_what_was_assumed_is_said(tmp_path, name):
    assert SAID[name] in recognise_conversations(write(tmp_path, SFT[name])).remark


DEEP = b'{"messages": ' + b"[" * 50_000
REFUSED = {
    "no form": (
        lines({"alpha": 1, "beta": 2}),
        "'alpha', 'beta': expected",
    ),
    "a typing error": (lines(ROW | {"ouput": "x"}), "unknown key 'ouput'.*'output'"),
    "two letters exchanged": (lines(ROW | {"inptu": "x"}), "unknown key 'inptu'"),
    "no answer": (lines({"prompt": Q, "ouput": A}), "'output' is missing.*'output'"),
    "preferences": (DPO["own"], "these are preferences, which DPO learns from"),
    "single turns": (lines(ASKED, BETTER), "put the turns of each conversation into"),
    "a text": (b"Once there was a bird.\nIt sang.", "line 1: 'Once there was"),
    "text without tags": (lines({"text": "Once."}), "line 1: the text has no turns"),
    "a tool": (
        lines({"messages": [{"role": "tool", "content": "x"}]}),
        "is 'tool'",
    ),
    "an image": (
        lines({"messages": [ASKED | {"content": [{"type": "image"}]}]}),
        "message 1: a part is 'image': only text",
    ),
    "no number": (lines(ROW | {"output": 7}), "output is 7: it must be text"),
    "half a character": (b'{"prompt": "a", "answer": "\\ud800"}', "half a character"),
    "a long number": (b'{"prompt": ' + b"9" * 5000 + b"}", "line 1: a number is too"),
    "cut off": (lines(ROW, ROW)[:-9], "line 2: .*one JSON object per line"),
    "cut off, in a list": (json.dumps([ROW]).encode()[:-1], "line 1: expecting"),
    "deep": (DEEP, "nested too deeply"),
    "deep, in a cell": (table(["messages", "n"], ["[[" * 9999, 1]), "neither JSON nor"),
    "code in a cell": (
        table(["messages", "n"], ["[[__import__('os').getcwd()]]", 1]),
        "neither JSON nor a list",
    ),
    "too few fields": (b"question,answer\nWho?\n", "line 2: 1 fields where"),
    "too many fields": (b"question,answer\nWho?,A,bird\n", "line 2: 3 fields where"),
    "a column twice": (b"answer,Answer,question\n1,2,3\n", "two columns have"),
    "a long field": (table(["prompt", "answer"], ["x" * 200_000, A]), "field larger"),
    "one column": (
        table(["story"], ["Once."]),
        "begins no form that is",
    ),
    "a head only": (b"question,answer\n", "holds no example"),
    "parquet, cut off": (parquet(ROW)[:-20], "is a damaged parquet file"),
    "parquet, four bytes": (b"PAR1", "is a damaged parquet file"),
    "parquet of others": (parquet({"alpha": 1}), "row 1: the columns are 'alpha'"),
    "binary": (bytes(range(256)), "not text: byte 0 is zero"),
    "Shift-JIS": (
        "鳥が歌った。".encode("shift-jis") * 9,
        "encoding cannot be told",
    ),
    "damaged UTF-8": ("é“ü” é".encode() + b"\xff", "byte 13 is 0xff"),
    "nothing": (b"\n \n", "is empty"),
    "all empty": (
        lines(ROW | {"output": ""}),
        "no example to learn from",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path, name):
    content, complaint = REFUSED[name]
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=complaint) as caught:
        recognise_conversations(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


REFUSED_PAIRS = {
    "one answer": (lines({"prompt": Q, "chosen": A}), "'rejected' is missing"),
    "answers": (lines(ROW), "expected chosen and rejected"),
    "a label": (
        lines({"prompt": Q, "completion": A, "label": True}),
        "one answer",
    ),
    "two prompts": (
        lines(WHOLE | {"rejected": [{"role": "user", "content": "?"}, WORSE]}),
        "line 1: chosen and rejected answer different prompts",
    ),
    "no end": (
        lines(WHOLE | {"chosen": [ASKED]}),
        "does not end with an answer",
    ),
}


@pytest.mark.parametrize("name", REFUSED_PAIRS)
def test_what_is_no_pair_is_told(tmp_path, name):
    content, complaint = REFUSED_PAIRS[name]
    with pytest.raises(DataError, match=complaint):
        recognise_preferences(write(tmp_path, content))


def test_a_parquet_file_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("minigpt.datasets.forms.parquet.MOST", 10_000)
    path = write(tmp_path, parquet({"prompt": Q, "answer": "x" * 20_000}))
    with pytest.raises(DataError, match="unpacks to more than"):
        recognise_conversations(path)


def test_rows_that_share_a_line_are_told_by_their_number(tmp_path):
    rows = [ROW, ROW | {"output": ""}, ROW]
    found = recognise_conversations(write(tmp_path, json.dumps(rows).encode()))
    assert [one.where for one in found.examples] == ["row 1", "row 3"]
    assert "1 row is left out: row 2: output is empty." in found.remark
