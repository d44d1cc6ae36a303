"""What a forward pass recorded: every activation, by its full or short name.

Before: `minigpt.hooks`, which records. Next: `minigpt.interpret`, which reads.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor

from minigpt.errors import HookError, near_names


class ActivationCache(Mapping[str, Tensor]):
    """What one forward pass recorded: name → activation, in the order of computation.

    `cache["blocks.0.attn.hook_pattern"]`, or `cache["pattern", 0]` for short. Where a
    block has a short name twice, a third part says which:
    `cache["normalized", 0, "ln1"]`.
    """

    def __init__(self, activations: dict[str, Tensor]) -> None:
        self._activations = activations

    def __getitem__(self, key: str | tuple[str | int, ...]) -> Tensor:
        if isinstance(key, str) and key in self._activations:
            return self._activations[key]
        return self._activations[self._full_name(key)]

    def __contains__(self, key: object) -> bool:
        return key in self._activations

    def __iter__(self) -> Iterator[str]:
        return iter(self._activations)

    def __len__(self) -> int:
        return len(self._activations)

    def _full_name(self, key: str | tuple[str | int, ...]) -> str:
        short, *place = (key,) if isinstance(key, str) else key
        layer = next((f"blocks.{part}." for part in place if isinstance(part, int)), "")
        parts = [f".{part}." for part in place if isinstance(part, str)]
        found = [
            name
            for name in self._activations
            if name.startswith(layer)
            and (layer or not name.startswith("blocks."))
            and name.rpartition(".")[2] in (short, f"hook_{short}")
            and all(part in f".{name}" for part in parts)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise HookError(f"{key!r} may mean {', '.join(found)}: say which.")
        raise HookError(
            f"{key!r} was not recorded.{near_names(str(key), self._activations)}"
        )

    def __repr__(self) -> str:
        shapes = [
            f"  {name}: {list(value.shape)}"
            for name, value in self._activations.items()
        ]
        return "ActivationCache(\n" + "\n".join(shapes) + "\n)"
