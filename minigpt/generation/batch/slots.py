"""Slots: one cache for texts of unequal length, a row each.

A step reads the newest token of every text in one pass of the fast decoder, whatever
the texts' lengths. A text that joins is read up to its newest token by the model's own
modules; where one leaves, the last row moves into its place.
"""

from contextlib import AbstractContextManager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from minigpt.generation.batch.draft import Draft
from minigpt.generation.fast_decoding import Decoder
from minigpt.generation.place import Place
from minigpt.model import TransformerLM


class Slots:
    """The keys and values of several drafts, each but for its newest token.

    Args:
        model: One that the decoder knows.
        max_texts: Rows there are; memory is taken only by those in use.
    """

    def __init__(self, model: TransformerLM, max_texts: int) -> None:
        self.drafts: list[Draft] = []
        """Whose the rows are, in order."""
        self._model, self._limit = model, model.config.max_seq_len
        self._decoder = Decoder(model, max_texts, copies=True)
        # NumPy's zeros come from the system when they are first written to.
        self._buffers = [
            np.zeros((max_texts, *each.shape[1:]), np.float32)
            for each in model.new_cache(1).buffers
        ]
        self._lengths = np.zeros(max_texts, np.int64)

    def threads(self) -> AbstractContextManager[object]:
        """Limit the threads while it reads: see `Decoder.threads`."""
        return self._decoder.threads()

    def join(self, draft: Draft) -> None:
        """Give a draft the next row, and read all but its newest token."""
        self._read(len(self.drafts), draft.tokens)
        self.drafts.append(draft)

    def leave(self, draft: Draft) -> None:
        """Free a draft's row; the last one takes its place."""
        row, last = self.drafts.index(draft), len(self.drafts) - 1
        length = self._lengths[row] = self._lengths[last]
        for buffer in self._buffers:
            buffer[row, :, :length] = buffer[last, :, :length]
        self.drafts[row] = self.drafts[last]
        self.drafts.pop()

    def next_logits(self) -> Float[Tensor, "text vocab"]:
        """Read every draft's newest token, and score what follows it.

        A row that is full is read anew, as `Window` does it: from the last half on.
        """
        for row, draft in enumerate(self.drafts):
            if self._lengths[row] >= self._limit:
                kept = max(1, self._limit // 2)
                draft.forgot = len(draft.tokens) - kept
                self._read(row, draft.tokens[-kept:])
        count = len(self.drafts)
        newest = np.array([draft.newest for draft in self.drafts])
        views = [buffer[:count] for buffer in self._buffers]
        place = Place.of_each(self._lengths[:count])
        logits = torch.from_numpy(self._decoder.read(newest, views, place))
        self._lengths[:count] += 1
        return logits

    def _read(self, row: int, tokens: list[int]) -> None:
        length = self._lengths[row] = len(tokens) - 1
        if length == 0:
            return
        cache = self._model.new_cache(1, int(length))
        self._model(torch.tensor([tokens[:-1]]), cache)
        for buffer, own in zip(self._buffers, cache.buffers, strict=True):
            buffer[row, :, :length] = own[0].numpy()
