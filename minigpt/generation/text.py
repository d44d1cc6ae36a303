"""Tokens back to text, while they are being written."""

from collections.abc import Sequence

from minigpt.tokenizers import Tokenizer

HALF = "\ufffd"
"""What decoding shows in place of bytes that are no character, or not yet one."""

CONTEXT = 4
"""Tokens of the prompt that are decoded too, since a piece's text may depend on what
stands before it: a word brings a space, punctuation does not."""


class TextWriter:
    """Decodes a growing list of tokens, a few at a time.

    The text only ever grows: a character that takes several tokens appears with its
    last one.

    Args:
        tokenizer: The model's.
        prompt_tokens: What the tokens continue; not part of the text.
    """

    def __init__(self, tokenizer: Tokenizer, prompt_tokens: Sequence[int]) -> None:
        self.tokens: list[int] = []
        self._tokenizer = tokenizer
        self._recent = list(prompt_tokens[-CONTEXT:])
        self._settled = len(self._recent)  # this many of `_recent` are in the text
        self._text = ""

    def keep(self, token: int) -> str:
        """Take a token without decoding it; return the text of earlier calls."""
        self.tokens.append(token)
        self._recent.append(token)
        return self._text

    def add(self, token: int) -> str:
        """Take a token and return the text so far."""
        self.keep(token)
        new = self._new_text()
        if new and not new.endswith(HALF):
            self._text += new
            self._recent = self._recent[self._settled :]
            self._settled = len(self._recent)
        return self._text

    def finish(self) -> str:
        """Return the whole text; bytes that never became a character show as �."""
        return self._text + self._new_text()

    def _new_text(self) -> str:
        before = self._tokenizer.decode(self._recent[: self._settled])
        return self._tokenizer.decode(self._recent)[len(before) :]
