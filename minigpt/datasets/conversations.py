"""Examples of how to answer: conversations to learn from, and pairs of answers.

Before: a file (`conversation_files`) or the built-in world (`tales.instructions`).
Next: `minigpt.finetuning.supervised` turns conversations into tokens, and leaves the
prompt out of the loss.
"""

from typing import NamedTuple

from minigpt.tokenizers.chat import Message


class Conversation(NamedTuple):
    """Turns of a user and an assistant; the last is the assistant's."""

    messages: tuple[Message, ...]
    where: str = ""
    """Where it comes from, for errors: `line 3`."""

    @property
    def prompt(self) -> tuple[Message, ...]:
        """All but the last answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The last answer."""
        return self.messages[-1].content


class Preference(NamedTuple):
    """A prompt with two answers, of which the first is the better."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    where: str = ""

    @property
    def answers(self) -> tuple[Conversation, Conversation]:
        """The two conversations, the better one first."""
        first, second = (
            Conversation((*self.prompt, Message("assistant", answer)), self.where)
            for answer in (self.chosen, self.rejected)
        )
        return first, second


def instruction_prompt(instruction: str, given: str = "") -> tuple[Message, ...]:
    r"""Put an instruction and what it is about into one message.

    What is given comes first: then the question stands next to its answer, where a
    small model has less far to look.

    >>> instruction_prompt("Who sang?", "A bird sang.")[0].content
    'A bird sang.\n\nWho sang?'
    """
    content = f"{given}\n\n{instruction}" if given else instruction
    return (Message("user", content),)
