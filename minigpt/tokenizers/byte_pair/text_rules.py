"""What else a byte pair tokenizer may do to a text: the settings, as files hold them.

GPT-2 cuts a text by one pattern and merges bytes. Its successors put a step before or
beside it: Qwen normalises, Llama 3 cuts numbers into threes and looks whole words up,
StarCoder cuts digits apart. `TextReader` follows these rules.
"""

from typing import Any, Literal

from pydantic import Field

from minigpt.config.base import Config
from minigpt.errors import CheckpointError, ConfigError
from minigpt.tokenizers.byte_pair.patterns import GPT2, compiled


class Cut(Config):
    """One pattern by which a text is cut."""

    pattern: str = Field(..., description="Its matches are pieces of their own.")
    keeps_rest: bool = Field(True, description="So is what stands between matches.")


class TypedToken(Config):
    """A token that is read wherever its name stands in a text.

    Not a special token: those come from an option, and never from what somebody types.
    """

    name: str = Field(..., min_length=1, description="Its text.")
    token: int = Field(..., ge=0, description="Its id.")
    lstrip: bool = Field(False, description="It takes the spaces before it.")
    rstrip: bool = Field(False, description="It takes the spaces behind it.")
    single_word: bool = Field(False, description="Not inside a word.")
    normalized: bool = Field(False, description="Looked for after normalisation.")


class TextRules(Config):
    """How a text is read before bytes are merged."""

    normal_form: Literal["NFC", "NFD", "NFKC", "NFKD"] | None = Field(
        None, description="Unicode's form that a text is brought into."
    )
    prefix_space: bool = Field(False, description="A text gets a space before it.")
    cuts: list[Cut] = Field(
        [Cut(pattern=GPT2)], description="Patterns, each cuts what the last one left."
    )
    typed_tokens: list[TypedToken] = Field([], description="Names read as one token.")
    whole_words: bool = Field(
        False, description="A word with a token of its own needs no merges."
    )
    all_bytes: bool = Field(
        True, description="Whether every byte has a token; if not, some are left out."
    )
    unknown: int | None = Field(
        None, ge=0, description="The token for a byte without one; none: left out."
    )
    fuse_unknown: bool = Field(False, description="One such token for several bytes.")
    roles: dict[Literal["bos_id", "eos_id", "pad_id"], int] = Field(
        {}, description="Tokens for the ends of a text, where names do not tell."
    )

    @property
    def is_gpt2s(self) -> bool:
        """Whether a text is cut by GPT-2's pattern and nothing else is done to it."""
        others = self.normal_form or self.prefix_space or self.typed_tokens
        return not others and self.cuts == [Cut(pattern=GPT2)]


GPT2_RULES = TextRules()


def read_own_rules(fields: Any) -> TextRules:
    """Read the rules of a file of ours; most have none.

    Raises:
        CheckpointError: If they are not rules, or have a pattern that is not read.
    """
    if not isinstance(fields, dict):
        raise CheckpointError(f"The tokenizer's rules are {fields!r:.80}, no object.")
    try:
        rules = TextRules(**fields)
    except ConfigError as error:
        raise CheckpointError(f"The tokenizer's rules: {error}") from None
    for each in rules.cuts:
        compiled(each.pattern)
    return rules
