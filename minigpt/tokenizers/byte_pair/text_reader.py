"""A text, read by a tokenizer's rules: names, normal form and words, in that order.

    "naïve <tool>x"  →  "naïve "│<tool>│"x"  →  NFC  →  naïve│␣│<tool>│x

Next: the bytes of each word are merged.
"""

import unicodedata
from collections.abc import Iterable, Iterator

import regex  # type: ignore[import-untyped]

from minigpt.tokenizers.byte_pair.patterns import compiled, cut
from minigpt.tokenizers.byte_pair.pretokens import chunks
from minigpt.tokenizers.byte_pair.pretokens import pretokens as gpt2_pretokens
from minigpt.tokenizers.byte_pair.text_rules import TextRules, TypedToken

# What Rust, in which `tokenizers` is written, calls a letter of a word.
_WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]"
_WORD_BEHIND = regex.compile(rf"(?r){_WORD}")
_WORD_AHEAD = regex.compile(_WORD)
_SPACES_BEHIND = regex.compile(r"(?r)\p{White_Space}*")
_SPACES_AHEAD = regex.compile(r"\p{White_Space}*")


class TextReader:
    """Cuts texts by rules.

    Args:
        rules: What to do.

    Raises:
        CheckpointError: If a pattern is not one that is read here.
    """

    def __init__(self, rules: TextRules) -> None:
        self._rules = rules
        self._cuts = [(compiled(each.pattern), each.keeps_rest) for each in rules.cuts]
        typed = rules.typed_tokens
        self._raw = _Names({t.name: t for t in typed if not t.normalized})
        self._normal = _Names({self._form(t.name): t for t in typed if t.normalized})

    def parts(self, text: str) -> Iterator[str | TypedToken]:
        """Split a text at the names that it has, and normalise what is between."""
        for part in self._raw.split(text):
            if isinstance(part, str):
                yield from self._normal.split(self._form(part))
            else:
                yield part

    def chunks(self, part: str) -> Iterator[list[str]]:
        """Cut a part into chunks; `words_of` cuts a chunk into words.

        GPT-2's chunks are some words each, which is quicker; all others are one word.
        """
        if self._rules.is_gpt2s:
            yield from chunks(part)
        else:
            yield self._words(part)

    def words(self, text: str) -> Iterator[str]:
        """Cut a text into the words in which merges happen, and names."""
        for part in self.parts(text):
            if not isinstance(part, str):
                yield part.name
            elif self._rules.is_gpt2s:
                for words in gpt2_pretokens(part):
                    yield from words
            else:
                yield from self._words(part)

    def _words(self, part: str) -> list[str]:
        if self._rules.prefix_space and part and not part.startswith(" "):
            part = f" {part}"
        words = [part] if part else []
        for pattern, keeps_rest in self._cuts:
            words = [
                piece for word in words for piece in cut(word, pattern, keeps_rest)
            ]
        return words

    def _form(self, text: str) -> str:
        form = self._rules.normal_form
        return unicodedata.normalize(form, text) if form else text


class _Names:
    """Finds names of tokens in a text: the leftmost first, of equals the longest."""

    def __init__(self, tokens: dict[str, TypedToken]) -> None:
        self._tokens = tokens
        longest_first = sorted(tokens, key=len, reverse=True)
        self._pattern = regex.compile("|".join(map(regex.escape, longest_first)))

    def split(self, text: str) -> Iterable[str | TypedToken]:
        """Split a text into names and what is between them."""
        if not self._tokens:
            return [text] if text else []
        parts: list[str | TypedToken] = []
        end = 0
        for match in self._pattern.finditer(text):
            start, stop = match.span()
            token = self._tokens[match.group()]
            if token.single_word and (
                _WORD_BEHIND.match(text, 0, start) or _WORD_AHEAD.match(text, stop)
            ):
                continue
            if token.lstrip:
                start = max(_SPACES_BEHIND.match(text, 0, start).start(), end)
            if token.rstrip:
                stop = _SPACES_AHEAD.match(text, stop).end()
            if end < start:
                parts.append(text[end:start])
            parts.append(token)
            end = stop
        if end < len(text):
            parts.append(text[end:])
        return parts
