"""Results that are handed in: signed in JavaScript, checked in Python."""

import base64
import csv
import hashlib
import hmac
import io
import json
import random

import pytest

from minigpt.cli import main
from minigpt.errors import DataError
from minigpt.lesson_file.handed_in import (
    Result,
    check,
    key_of,
    signed,
    to_csv,
    verified,
)

WORD = "hérisson"
ITEMS = [
    {"answer": "=1+1", "lesson": "home", "right": True},
    {"answer": "L0H1 · ▁the", "lesson": "tokenizer", "right": False},
]
RESULT = {
    "items": ITEMS,
    "lesson": "head_explorer",
    "model": "0123456789abcdef",
    "name": "Ánn",
    "score": {"asked": 6, "right": 1},
    "time": "2026-11-28T11:50:00Z",
}


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def code_of(result: object = RESULT, word: str = WORD) -> str:
    """Make a code with Python's own parts alone."""
    salt = b"minigpt lesson result"
    key = hashlib.pbkdf2_hmac("sha256", word.encode(), salt, 10_000)
    text = json.dumps(
        result, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    signed = hmac.new(key, text, hashlib.sha256).digest()
    told = hmac.new(key, b"word", hashlib.sha256).digest()[:4]
    return ".".join(["minigpt1", encoded(text), encoded(told), encoded(signed)])


def test_digests_codes_and_keys_are_those_of_hashlib_and_hmac(node):
    random.seed(0)
    lengths = [*range(131), 1000, 4096]
    pairs = [(random.randbytes(length), random.randbytes(length)) for length in lengths]
    asked = [[key.hex(), message.hex()] for key, message in pairs]
    (answers,) = node([{"ask": "digests", "pairs": asked, "rounds": 3}])
    for (key, message), answer in zip(pairs, answers, strict=True):
        assert answer == [
            hashlib.sha256(message).hexdigest(),
            hmac.new(key, message, hashlib.sha256).hexdigest(),
            hashlib.pbkdf2_hmac("sha256", key, message, 3).hex(),
        ]


def test_a_code_of_the_file_is_that_of_python_and_says_what_was_signed(node):
    names = ["Ánn", "日本 🦔", 'a"\\b', "</script>", "\0\x1f\x7f\n\u2028\t/"]
    results = [RESULT | {"name": name} for name in names]
    asked = [{"ask": "code", "result": result, "word": WORD} for result in results]
    # The same word, typed on another keyboard: e, and an accent that joins it.
    asked.append(asked[0] | {"word": "he\u0301risson"})
    codes = node(asked)
    assert codes == [code_of(result) for result in [*results, results[0]]]
    made = [signed(Result.model_validate(result), WORD) for result in results]
    assert [*made, made[0]] == codes
    found = [verified(code, key_of(WORD)).model_dump() for code in codes]
    assert found == [*results, results[0]]


def test_whatever_is_changed_in_a_code_it_does_not_hold():
    code, key = code_of(), key_of(WORD)
    verified(code, key)
    for place in range(len(code)):
        other = "A" if code[place] != "A" else "B"
        with pytest.raises(DataError, match=r"^This code (is damaged|was )"):
            verified(code[:place] + other + code[place + 1 :], key)
        with pytest.raises(DataError, match=r"^This code (is damaged|was )"):
            verified(code[:place], key)


def test_a_wrong_word_an_altered_answer_and_a_damaged_code_are_told_apart():
    code, key = code_of(), key_of(WORD)
    better = json.dumps(RESULT | {"items": [{**ITEMS[1], "right": True}]}).encode()
    beginning, _, told, signed = code.split(".")
    altered = ".".join([beginning, encoded(better), told, signed])
    for handed_in, used, problem in [
        (code, key_of("hedgehog"), "made with another word"),
        (altered, key, "altered after it was made"),
        (code[:-1], key, "is damaged"),
        (code.replace("minigpt1.", "minigpt1.*"), key, "is damaged"),
        (code_of("no result"), key, "is damaged"),
        (code_of(RESULT | {"score": {"asked": 6, "right": "6"}}), key, "is damaged"),
        (code_of(RESULT | {"more": 1}), key, "is damaged"),
    ]:
        with pytest.raises(DataError, match=problem):
            verified(handed_in, used)


def test_codes_are_found_in_letters_however_they_are_wrapped():
    ann, bob = code_of(), code_of(RESULT | {"name": "Bob"})
    wrapped = "\r\n".join(ann[i : i + 60] for i in range(0, len(ann), 60))
    letter = f"Dear teacher,\n\n{wrapped}\n\nAnn\n> {bob} Bob"
    found = check([("letter", letter), ("none", "Hello")], f" {WORD} ")
    assert [each.result and each.result.name for each in found] == ["Ánn", "Bob", None]
    sources = [each.source for each in found]
    assert sources == ["letter, 1", "letter, 2", "none"]
    assert "There is no code here" in found[2].problem


def test_a_table_has_each_answer_and_no_formula():
    table = to_csv(check([("a", code_of()), ("b", "minigpt1.x")], WORD))
    ann, none = csv.DictReader(io.StringIO(table))
    assert (ann["name"], ann["right"], ann["asked"]) == ("Ánn", "1", "6")
    assert (ann["home answer"], ann["home right"]) == ("'=1+1", "1")
    assert (ann["tokenizer answer"], ann["tokenizer right"]) == ("L0H1 · ▁the", "0")
    assert (none["name"], none["home right"]) == ("", "")
    assert "damaged" in none["problem"]


def test_the_command_prints_what_holds_and_says_what_does_not(
    tmp_path, capsys, monkeypatch
):
    file = tmp_path / "ann.txt"
    file.write_text(code_of(), encoding="utf-8")
    monkeypatch.setenv("MINIGPT_WORD", WORD)
    assert main(["verify-result", str(file)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "lesson", "score", "made", "model"]
    assert row.split()[:5] == ["Ánn", "head_explorer", "1", "of", "6"]

    damaged = code_of()[:-9]
    assert main(["verify-result", str(file), damaged, "--csv", "--word", WORD]) == 2
    said = capsys.readouterr()
    assert [row["name"] for row in csv.DictReader(io.StringIO(said.out))] == ["Ánn", ""]
    assert "This code is damaged" in said.err

    assert main(["verify-result", str(file), "--word", "hedgehog"]) == 2
    assert "made with another word" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["absent.txt", ".", "noise.bin", "a\0b"])
def test_what_cannot_be_read_is_one_sentence(tmp_path, monkeypatch, capsys, given):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe\x00")
    assert main(["verify-result", given, "--word", WORD]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"minigpt: {given}"[:10])
    assert said.err.count("\n") == 1


def test_without_a_word_the_ways_to_give_it_are_named(monkeypatch, capsys):
    monkeypatch.delenv("MINIGPT_WORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["verify-result", code_of()]) == 2
    assert "--word or in MINIGPT_WORD" in capsys.readouterr().err
