"""The Tokenizer page's questions, answered by the tokenizer in view."""

from minigpt.tokenizers import BPETokenizer, Tokenizer
from minigpt.tokenizers.inspection.scripts import script_costs
from minigpt.tokenizers.inspection.splits import split_word
from pages.frame.questions import Question
from pages.frame.words import plain
from pages.tokenizer.pieces import plural

EMOJI = "🙂"
WORDS = (
    "kite", "garden", "return", "import", "morning", "tensor", "xylophone",
    "friend", "function", "princess",
)  # fmt: skip


def beforehand(tokenizer: Tokenizer, text: str) -> Question | None:
    """Ask how the text would fall into fewer merges, or what becomes of an emoji."""
    if isinstance(tokenizer, BPETokenizer):
        return _half(tokenizer, text)
    lost = bool(tokenizer.unknown(EMOJI))
    return Question(
        "tokenizer.emoji",
        f"Here a token is a whole {'word' if tokenizer.kind == 'word' else 'character'}"
        f" of the training text. What becomes of {EMOJI}?",
        ["its 4 bytes, a token each", "a token of its own", "<unk>: it is lost"],
        2 if lost else 1,
        "What the training text did not have has no token."
        if lost
        else "The training text had it.",
    )


def _half(tokenizer: BPETokenizer, text: str) -> Question | None:
    merges = len(tokenizer.merges) // 2
    now = len(tokenizer.encode(text))
    then = len(tokenizer.limited_to(merges).encode(text))
    num_bytes = len(text.encode("utf-8"))
    options = sorted({now, then, num_bytes, now // 2, 2 * now})
    if merges == 0 or not text.strip() or options.count(then) != 1:
        return None
    return Question(
        "tokenizer.half",
        f"The text has {plural(now, 'token')} and {plural(num_bytes, 'byte')}. With "
        f"only the first {merges:,} of {len(tokenizer.merges):,} merges, how many "
        "tokens?",
        [f"{count:,}" for count in options],
        options.index(then),
        f"{then:,}: the first merges are the most frequent, and save the most. "
        "Move the slider and see.",
    )


def checks(tokenizer: Tokenizer) -> list[Question]:
    """Ask three questions that this tokenizer has a clear answer to."""
    asked = [
        _one_token(tokenizer) or _digits(tokenizer),
        _end_of_text(tokenizer),
        _scripts(tokenizer) or _space(tokenizer),
    ]
    return [question for question in asked if question is not None]


def _one_token(tokenizer: Tokenizer) -> Question | None:
    lengths = {word: len(split_word(tokenizer, word)) for word in WORDS}
    whole = [word for word, length in lengths.items() if length == 1]
    parts = [word for word, length in lengths.items() if length > 1]
    if not whole or len(parts) < 3:
        return None
    options = sorted([whole[0], *parts[:3]])
    return Question(
        "tokenizer.whole",
        "Which of these words, behind a space, is a single token?",
        options,
        options.index(whole[0]),
        "Its training text has it often enough. The others fall into "
        + ", ".join(str(lengths[word]) for word in options if word != whole[0])
        + " tokens.",
    )


def _digits(tokenizer: Tokenizer) -> Question:
    count = len(tokenizer.encode("1234"))
    options = sorted({1, 2, 4, count})
    return Question(
        "tokenizer.digits",
        "How many tokens is 1234?",
        [f"{each}" for each in options],
        options.index(count),
        "Numbers have no tokens of their own, but for those that were learned: "
        f"{plain(' | '.join(tokenizer.pieces(tokenizer.encode('1234'))))}.",
    )


def _end_of_text(tokenizer: Tokenizer) -> Question | None:
    typed = tokenizer.encode("<eos>")
    if tokenizer.eos_id in typed:
        return None
    return Question(
        "tokenizer.eos",
        "Somebody types the letters `<eos>` at the end of a prompt. What does the "
        "model get?",
        [
            "the end-of-text token",
            f"{plural(len(typed), 'ordinary token')}",
            "nothing: they are left out",
        ],
        1,
        "Special tokens come from flags alone: typed letters are only text.",
    )


def _scripts(tokenizer: Tokenizer) -> Question | None:
    costs = sorted(script_costs(tokenizer), key=lambda cost: -cost.tokens)
    if costs[0].tokens == costs[1].tokens:
        return None
    options = sorted([costs[0], *costs[3:9:2]], key=lambda c: c.sentence.language)
    return Question(
        "tokenizer.scripts",
        "*The child has a red ball*, in four languages. Which needs the most tokens?",
        [cost.sentence.language for cost in options],
        options.index(costs[0]),
        f"{costs[0].tokens} tokens for {costs[0].characters} characters; English has "
        f"{next(c.tokens for c in costs if c.sentence.language == 'English')}.",
    )


def _space(tokenizer: Tokenizer) -> Question:
    first = tokenizer.encode("the")
    same = tokenizer.encode("a the")[-len(first) :] == first
    return Question(
        "tokenizer.space",
        "A text that begins with “the”, and one that has “ the” inside: are they "
        "the same tokens?",
        ["yes", "no"],
        0 if same else 1,
        "Spaces are tokens of their own, or not written at all."
        if same
        else "A space belongs to the word behind it.",
    )
