r"""Conversations that are written as one text, each turn behind a tag.

    ### Human: Who sang?### Assistant: A bird.            (OpenAssistant Guanaco)
    \n\nHuman: Who sang?\n\nAssistant: A bird.             (Anthropic's HH-RLHF)
    <|im_start|>user\nWho sang?<|im_end|>\n…              (ChatML)
    <s>[INST] Who sang? [/INST] A bird. </s>              (Llama 2)
    ### Instruction:\nWho sang?\n\n### Response:\nA bird. (Alpaca's `text`)

The tags are dropped: this project's own chat tokens take their place.
"""

import re

_CHATML = re.compile(r"<\|im_start\|>\s*(\w+)[^\S\n]*\n(.*?)(?:<\|im_end\|>|\Z)", re.S)
_LLAMA = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=\[INST\]|</s>|\Z)", re.S)
_LLAMA_SYSTEM = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>(.*)", re.S)
_NAMES = "Human|User|Assistant|System|Instruction|Input|Response"
_TAG = re.compile(rf"(?:\#\#\#[^\S\n]*({_NAMES})[^\S\n]*:|^({_NAMES})[^\S\n]*:)", re.M)

Turns = list[tuple[str, str]]
"""Who speaks, as the text says it, and what."""


def tagged_turns(text: str) -> Turns:
    r"""Divide a text at its tags; an empty list if it has none.

    >>> tagged_turns("\n\nHuman: Who sang?\n\nAssistant: A bird.")
    [('human', 'Who sang?'), ('assistant', 'A bird.')]

    Args:
        text: The whole conversation.
    """
    if "<|im_start|>" in text:
        return [(who, said.strip()) for who, said in _CHATML.findall(text)]
    if "[INST]" in text:
        return _llama_turns(text)
    style = [found for found in _TAG.finditer(text) if found[1]]
    # Where the tags have ###, a line that begins with "Input:" is text.
    found = style or list(_TAG.finditer(text))
    places = [*(tag.start() for tag in found), len(text)]
    turns = [
        ((tag[1] or tag[2]).lower(), text[tag.end() : end].strip())
        for tag, end in zip(found, places[1:], strict=True)
    ]
    return _joined_input(turns)


def _joined_input(turns: Turns) -> Turns:
    """Put Alpaca's input before its instruction, as `instruction_prompt` does."""
    joined: Turns = []
    for who, said in turns:
        if who == "input" and joined and joined[-1][0] == "instruction":
            before = joined[-1][1]
            joined[-1] = ("instruction", f"{said}\n\n{before}" if said else before)
        else:
            joined.append((who, said))
    return joined


def _llama_turns(text: str) -> Turns:
    turns: Turns = []
    for asked, answered in _LLAMA.findall(text):
        if not turns and (system := _LLAMA_SYSTEM.match(asked)):
            turns.append(("system", system[1].strip()))
            asked = system[2]
        turns += [("user", asked.strip()), ("assistant", answered.strip())]
    return turns
