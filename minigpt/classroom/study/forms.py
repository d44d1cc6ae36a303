"""Parallel forms of a test: place by place items of one kind, and no item twice.

Kinds come from a lesson's questions, which draw any number of items from the model at
hand. Were they taken as they come, some tests could be passed without reading: in many
kinds the right option always stands at the same place. Here it stands at each place
about equally often, and right answers vary as much as the kind allows.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest
from random import Random
from typing import NamedTuple

from minigpt.classroom.study.design import FORMS, LENGTH
from minigpt.errors import DataError

SEEN = 3
"""Items that the lesson itself asks first; a test has others where there are enough."""
_ENOUGH = FORMS * LENGTH
_TRIES = 1500


class Item(NamedTuple):
    """One item of a test."""

    kind: str
    """Items of one kind are answered by the same thought: `attention.scale`."""
    text: str
    """Markdown; what a model wrote in it is escaped."""
    plain: str
    """The same without the marks of Markdown."""
    options: tuple[str, ...]
    """Plain texts, none twice."""
    answer: int
    """Which option is right."""

    @property
    def right(self) -> str:
        """The right option."""
        return self.options[self.answer]


def compose(kinds: Iterable[Iterable[Item]], seed: int) -> list[list[Item]]:
    """Compose the forms of a test.

    Args:
        kinds: Items of each kind, as many as there are.
        seed: The same one composes the same forms of the same items.

    Returns:
        Items, [form place]; a place has the same kind in every form.

    Raises:
        DataError: If there are too few items.
    """
    random = Random(seed)
    pools = [pool for kind in kinds if (pool := _pool(kind))]
    sizes = _sizes(pools)
    if sum(sizes) < LENGTH:
        raise DataError(
            f"With this model, the lesson has {sum(map(len, pools))} items that can be "
            f"asked without its figures, and three tests of {LENGTH} need more of "
            "them. Choose another lesson or model."
        )
    dealt = [
        _deal(pool, size, random)
        for pool, size in zip(pools, sizes, strict=True)
        if size
    ]
    # Kinds take turns, so that no test ends with one of them only.
    return [
        _placed(_in_turn([kind[form] for kind in dealt]), random)
        for form in range(FORMS)
    ]


def _pool(kind: Iterable[Item]) -> list[Item]:
    """Return items of a kind that differ; none, if all have the same right answer."""
    found: dict[tuple[str, str], Item] = {}
    for item in islice(kind, _TRIES):
        is_fair = len(set(item.options)) == len(item.options)
        if is_fair:
            found.setdefault((item.text, item.right), item)
        if len(found) >= _ENOUGH + SEEN:
            break
    items = list(found.values())
    items = items[SEEN:] if len(items) >= 4 * FORMS + SEEN else items
    return items if len({item.right for item in items}) > 1 else []


def _sizes(pools: Sequence[Sequence[Item]]) -> list[int]:
    """Return how many items of each kind a form takes: as equal as there are items."""
    sizes = [0] * len(pools)
    room = [len(pool) // FORMS for pool in pools]
    while sum(sizes) < LENGTH and any(room):
        for kind, left in enumerate(room):
            if left and sum(sizes) < LENGTH:
                sizes[kind] += 1
                room[kind] -= 1
    return sizes


def _deal(pool: Sequence[Item], size: int, random: Random) -> list[list[Item]]:
    """Deal items of one kind, [form item], each right answer to all forms in turn."""
    by_answer: dict[str, list[Item]] = {}
    for item in random.sample(pool, len(pool)):
        by_answer.setdefault(item.right, []).append(item)
    chosen = _in_turn(list(by_answer.values()))[: FORMS * size]
    chosen.sort(key=lambda item: item.right)  # equal ones go to different forms
    forms = [chosen[form::FORMS] for form in range(FORMS)]
    return [random.sample(form, len(form)) for form in forms]


def _placed(items: Sequence[Item], random: Random) -> list[Item]:
    """Order each item's options anew: the right ones stand at each place in turn."""
    used: dict[int, list[int]] = {}
    found = []
    for item in items:
        count = len(item.options)
        if not used.get(count):
            used[count] = random.sample(range(count), count)
        at = used[count].pop()
        others = [text for text in item.options if text != item.right]
        options = random.sample(others, count - 1)
        options.insert(at, item.right)
        found.append(item._replace(options=tuple(options), answer=at))
    return found


def _in_turn(rows: Sequence[Sequence[Item]]) -> list[Item]:
    """Return the first of each row, then the second of each, and so on.

    >>> _in_turn(["ad", "b", "ce"])
    ['a', 'b', 'c', 'd', 'e']
    """
    turns = zip_longest(*rows)
    return [item for item in chain.from_iterable(turns) if item is not None]
