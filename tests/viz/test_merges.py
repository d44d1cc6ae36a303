"""Merges in pictures, tested on their data; what a view is handed is checked."""

import json
from dataclasses import dataclass

import pytest
from streamlit.testing.v1 import AppTest

from viz.components.merge_blocks.view import levels
from viz.components.piece_links.view import piece_links
from viz.merges import (
    compression_curve,
    compression_table,
    pair_bars,
    pair_table,
    script_bars,
    script_table,
)
from viz.spelling import pair_name, spelled, standing_alone

NAMES, COUNTS = ["t + h", "h + e", "a + n"], [30, 20, 20]


@dataclass
class Node:
    start: int
    end: int
    piece: bytes
    rank: int | None = None
    needed: int = 0
    parts: tuple[int, int] | None = None


LOW = [
    Node(0, 1, b"l"),
    Node(1, 2, b"o"),
    Node(2, 3, b"w"),
    Node(0, 2, b"lo", 4, 5, (0, 1)),
    Node(0, 3, b"low", 9, 10, (3, 2)),
]


def test_the_first_pair_stands_out_and_so_does_a_wrong_guess():
    table = pair_table(NAMES, COUNTS, hidden=False, guess=2)
    assert list(table["what"]) == ["merged next", "later", "your guess"]
    assert list(table["count"]) == COUNTS
    right = pair_table(NAMES, COUNTS, hidden=False, guess=0)
    assert list(right["what"]) == ["merged next", "later", "later"]


def test_what_is_to_be_guessed_is_not_in_the_figure():
    chart = pair_bars(NAMES, COUNTS, hidden=True).to_dict()
    table = pair_table(NAMES, COUNTS, hidden=True, guess=None)
    assert list(table["pair"]) == sorted(NAMES)
    assert set(table["count"]) == {1}
    assert "30" not in json.dumps(chart["datasets"])


def test_pairs_and_counts_belong_together():
    with pytest.raises(ValueError, match="3 pairs but 1 counts"):
        pair_table(NAMES, [1], hidden=False, guess=None)


def test_the_curve_goes_from_one_byte_to_the_last_merge():
    table = compression_table([100, 80, 50])
    assert list(table["bytes_per_token"]) == [1.0, 1.25, 2.0]
    assert list(table["tokens"]) == [100, 80, 50]
    long = compression_table(list(range(5000, 1000, -1)))
    assert len(long) <= 400
    assert (long["merges"].iloc[0], long["merges"].iloc[-1]) == (0, 3999)
    with pytest.raises(ValueError, match="one token at least"):
        compression_table([])


def test_the_curve_marks_where_the_reader_stands():
    chart = compression_curve([100, 80, 50], 1).to_dict()
    points = [row for rows in chart["datasets"].values() for row in rows]
    assert points.count({"merges": 1, "tokens": 80, "bytes_per_token": 1.25}) == 2


def test_a_sentence_says_how_much_of_it_is_lost():
    table = script_table(["a", "b"], [10, 20], {"one": [5, 5]}, {"one": [0, 2]})
    assert list(table["bytes_per_token"]) == [2.0, 4.0]
    assert list(table["text"]) == ["5 tokens", "5 tokens, 2 <unk>"]
    assert script_bars(table).to_dict()["height"] == {"step": 15}


def test_bytes_that_are_half_a_character_are_numbers():
    assert spelled("早".encode()[:2]) == "E6 97"
    assert pair_name((b" ", b"\xff")) == "· + FF"
    assert standing_alone("\u093e") == "◌\u093e"


def test_a_join_stands_above_its_higher_part():
    assert levels(LOW) == [0, 0, 0, 1, 2]


def test_pieces_want_an_id_and_a_detail_each():
    with pytest.raises(ValueError, match="1 pieces but 2 ids"):
        piece_links(["a"], [1, 2], [""], "", key="links")
    with pytest.raises(ValueError, match="1 pieces but 0 details"):
        piece_links(["a"], [1], [], "", key="links")


def sent(script, name):
    app = AppTest.from_function(script).run()
    assert not app.exception
    return [
        json.loads(node.proto.json)
        for node in app.get("bidi_component")
        if node.proto.component_name == f"minigpt.{name}"
    ]


def test_of_a_long_text_the_beginning_is_sent_and_the_rest_is_counted():
    def script():
        from viz.components.piece_links.view import piece_links

        piece_links(["a"] * 900, [7] * 900, [""] * 900, "", key="links", special=[0])

    (shown,) = sent(script, "piece_links")
    assert (len(shown["ids"]), shown["hidden"]) == (600, 300)
    assert shown["special"] == [0]


def test_blocks_reach_up_to_the_join_that_they_are_part_of():
    def script():
        from types import SimpleNamespace

        from viz.components.merge_blocks.view import merge_blocks

        def node(start, end, piece, rank, needed, parts):
            return SimpleNamespace(
                start=start, end=end, piece=piece, rank=rank, needed=needed, parts=parts
            )

        nodes = [node(n, n + 1, b"low"[n : n + 1], None, 0, None) for n in range(3)]
        nodes.append(node(0, 2, b"lo", 4, 5, (0, 1)))
        nodes.append(node(0, 3, b"low", 9, 10, (3, 2)))
        merge_blocks(nodes, [3, 2], 5, key="blocks")

    (shown,) = sent(script, "merge_blocks")
    assert [block["above"] for block in shown["blocks"]] == [1, 1, 2, 2, 3]
    assert [block["known"] for block in shown["blocks"]] == [True] * 4 + [False]
    assert [b["label"] for b in shown["blocks"] if b["token"]] == ["w", "lo"]
    assert (shown["width"], shown["levels"]) == (3, 3)
