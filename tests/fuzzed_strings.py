"""Strings that break tokenizers, the same ones every time."""

import random

PARTS = [
    *"abcdefghijklmnopqrstuvwxyzABCXYZ0123456789",
    *" \t\n\r\v\f\0\x1c\x1f\x7f\x85\xa0\u1680\u2003\u2028\u3000\u200b\ufeff",
    *"'’\"`.,;:!?-_()[]{}<>/\\|@#$%^&*+=~",
    *"éßñøåΩжшاלםहিไทय中文字日本語한국",
    *"\u0301\u0327\u200d\ufe0f\u202e",
    *"🙂🚀👩🏽🇩🇪\U0010ffff",
    "\r\n", "\n\n\n", "        ", "\t\t", "   \n  ", " the", " The", "ing", "'ll", "'S",
    "👩‍👩‍👧", "e\u0301", "שלום", "مرحبا", "你好，世界！", "def f(x):\n    return x\n",
    "1234567", "<eos>", "Ġ", "Ċ", "½²Ⅷ", "don't", " " * 40, "a" * 30,
]  # fmt: skip


def fuzzed_strings(count: int, seed: int = 0) -> list[str]:
    """Return strings of 0 to 30 parts."""
    rng = random.Random(seed)
    return ["".join(rng.choices(PARTS, k=rng.randrange(31))) for _ in range(count)]
