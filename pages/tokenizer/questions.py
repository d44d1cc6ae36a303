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
        "Here a token is a whole "
        f"{'word' if tokenizer.kind == 'word' else 'character'} of the training "
        f"text. What happens to {EMOJI}?",
        [
            "one token for each of its 4 bytes",
            "a token of its own",
            "<unk>: it is lost",
        ],
        2 if lost else 1,
        "What did not occur in the training text has no token."
        if lost
        else "It occurs in the training text.",
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
        f"The text has {plural(now, 'token')} and {plural(num_bytes, 'byte')}. "
        f"Take only the first {merges:,} of the {len(tokenizer.merges):,} "
        "*merges* that this tokenizer learned (a merge joins two neighbouring "
        "tokens into one). How many tokens would the text have?",
        [f"{count:,}" for count in options],
        options.index(then),
        f"It would have {then:,}. The first merges are the most frequent ones, so "
        "they save the most tokens. Move the slider and see.",
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
        "Which of these words, with a space before it, is a single token?",
        options,
        options.index(whole[0]),
        "It is frequent enough in the training text. The others are split into "
        + ", ".join(str(lengths[word]) for word in options if word != whole[0])
        + " tokens.",
    )


def _digits(tokenizer: Tokenizer) -> Question:
    count = len(tokenizer.encode("1234"))
    options = sorted({1, 2, 4, count})
    return Question(
        "tokenizer.digits",
        "Into how many tokens is 1234 split?",
        [f"{each}" for each in options],
        options.index(count),
        "Only numbers that are frequent in the training text have tokens of "
        "their own: "
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
            "nothing: the letters are left out",
        ],
        1,
        "Special tokens are added by an option only; typed letters are just text.",
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
        "One text begins with “the”; another has “ the” in the middle. Is it the "
        "same token in both?",
        ["yes", "no"],
        0 if same else 1,
        "Here a space is a token of its own, or is dropped."
        if same
        else "A space belongs to the word that follows it.",
    )
