"""A row of tokens in a file gives what it holds, and holds little in memory."""

import numpy as np
import psutil
import pytest
import torch

from minigpt.datasets.files import token_rows
from minigpt.datasets.files.token_rows import TokenRow, smallest_type
from minigpt.errors import DataError


def row_of(tmp_path, tokens, kind):
    path = tmp_path / "row.bin"
    tokens.astype(kind).tofile(path)
    return TokenRow(path, np.dtype(kind), len(tokens))


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32"])
def test_it_is_read_as_it_was_written(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(token_rows, "RESIDENT", 1000)  # let go after every look
    tokens = np.random.default_rng(0).integers(np.iinfo(kind).max + 1, size=5000)
    row = row_of(tmp_path, tokens, kind)
    assert len(row) == 5000
    assert row[10:20].tolist() == tokens[10:20].tolist()
    assert row[4990:6000].tolist() == tokens[4990:].tolist()
    places = torch.tensor([[0, 1, 2], [4997, 4998, 4999]])
    assert row[places].tolist() == tokens[places.numpy()].tolist()
    assert row[places].dtype == torch.long
    row.path.unlink()
    assert row[:].tolist() == row[:].tolist() == tokens.tolist()


def test_an_empty_row_is_a_row(tmp_path):
    row = row_of(tmp_path, np.zeros(0), "uint16")
    assert len(row) == 0
    assert row[:5].tolist() == []


def test_what_was_looked_at_does_not_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(token_rows, "RESIDENT", 1 << 23)
    tokens = np.zeros(100_000_000, np.uint8)
    row = row_of(tmp_path, tokens, "uint8")
    del tokens
    process = psutil.Process()
    before = peak = process.memory_info().rss
    for start in range(0, len(row), 1 << 18):
        row[start : start + 1000]
        row[torch.arange(start, min(start + 50_000, len(row)), 5000)]
        peak = max(peak, process.memory_info().rss)
    assert peak - before < 50_000_000


def test_a_file_of_another_length_is_refused(tmp_path):
    path = tmp_path / "row.bin"
    path.write_bytes(b"12345")
    with pytest.raises(DataError, match=r"row.bin has 5 bytes instead of 8"):
        TokenRow(path, np.dtype("uint16"), 4)
    with pytest.raises(DataError, match="cannot be read"):
        TokenRow(tmp_path / "none.bin", np.dtype("uint16"), 4)


def test_a_token_takes_as_few_bytes_as_hold_every_id():
    names = [smallest_type(size).name for size in (256, 257, 65_536, 65_537)]
    assert names == ["uint8", "uint16", "uint16", "uint32"]
