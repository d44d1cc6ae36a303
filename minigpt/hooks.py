"""Hooks: a name on every value of the model, to read it or to change it.

A `HookPoint` is an identity module that stands wherever a value is worth looking at.
Its name is its module path, spelled as in TransformerLens:
`blocks.0.attn.hook_pattern`. A model gets its methods from `Hooked`:

    logits, cache = model.run_with_cache(tokens)
    logits = model.run_with_hooks(tokens, fwd_hooks=[(name, edit)])
    with model.hooks(fwd_hooks=[(name, edit)]):
        logits = model(tokens)

Design decisions:

- Hooks live in a `ContextVar`, not on the modules. Two browser sessions, in two
  threads, share one model object and never see each other's hooks.
- There is one mechanism. Recording is a hook function that stores its argument.
- A point without hooks costs almost nothing: it returns its input at once.
- A point knows whether a hook watches it (`is_watched`). So a value that exists only in
  the slow, explicit form of a computation is computed only when needed.

Source: Nanda & Bloom, TransformerLens (2022), for the vocabulary.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling

from minigpt.activation_cache import ActivationCache
from minigpt.errors import HookError, near_names

HookFunction = Callable[..., Tensor | None]
"""`fn(activation, hook)`: return a tensor to replace the activation, or None."""

NamesFilter = str | Sequence[str] | Callable[[str], bool] | None
"""A name or glob, several of them, a predicate, or None for every point."""

_active: ContextVar["dict[HookPoint, tuple[HookFunction, ...]] | None"] = ContextVar(
    "active_hooks", default=None
)


def is_anything_watched() -> bool:
    """Whether any hook is active in this thread and call, on any model."""
    return bool(_active.get())


class HookPoint(nn.Module):
    """An identity with a name, where a value can be read or replaced."""

    name: str = ""

    def is_watched(self) -> bool:
        """Whether a hook in this thread and call reads or replaces this value."""
        if is_compiling():
            return False
        return self in (_active.get() or ())

    def forward(self, value: Tensor) -> Tensor:
        """Return `value`, or what the hooks of this call make of it.

        Raises:
            HookError: If a hook returns another shape.
        """
        if is_compiling():
            return value
        active = _active.get()
        if active is None:
            return value
        for function in active.get(self, ()):
            edited = function(value, hook=self)
            if edited is not None:
                if edited.shape != value.shape:
                    raise HookError(
                        f"A hook on {self.name} returned shape {tuple(edited.shape)}; "
                        f"the activation has {tuple(value.shape)}."
                    )
                value = edited
        return value

    # nn.Module.__call__ looks for registered hooks, which this project never uses.
    # Going straight to forward makes an idle point several times cheaper.
    __call__ = forward


@runtime_checkable
class LossFunction(Protocol):
    """Turns logits into one number, for gradients at the hooks."""

    def __call__(self, logits: Tensor) -> Tensor:
        """Map logits [batch pos vocab] to a scalar."""


class Hooked(nn.Module):
    """A module whose values have names. Subclasses call `name_hook_points` when built.

    Everything here is scoped to one call or one `with`, in one thread.
    """

    def name_hook_points(self) -> None:
        """Give every hook point its module path as its name, and keep a list of them.

        The list is made once: a walk over all modules takes as long as a small block.
        A point is a plain attribute too: to find a submodule takes longer than to idle.
        """
        self._hook_points: dict[str, HookPoint] = {}
        for name, module in self.named_modules():
            if isinstance(module, HookPoint):
                module.name = name
                self._hook_points[name] = module
                owner, _, own_name = name.rpartition(".")
                vars(self.get_submodule(owner))[own_name] = module

    @property
    def hook_points(self) -> dict[str, HookPoint]:
        """Every hook point by name, in the order of the computation."""
        return dict(self._hook_points)

    @contextmanager
    def hooks(
        self, fwd_hooks: Sequence[tuple[NamesFilter, HookFunction]]
    ) -> Iterator[None]:
        """Let functions read or replace activations inside the `with`.

        Hooks of one point run in the order given; those of an outer `with` run first.

        Args:
            fwd_hooks: Pairs of a name (a glob or predicate may match several) and a
                function `fn(activation, hook) -> tensor | None`.

        Raises:
            HookError: If a name matches no hook point, or a point is never reached.
        """
        wanted: dict[HookPoint, tuple[HookFunction, ...]] = {}
        for names, function in fwd_hooks:
            for point in self._matching_points(names):
                wanted[point] = (*wanted.get(point, ()), function)
        with self._watched(wanted):
            yield

    @contextmanager
    def _watched(
        self, wanted: dict[HookPoint, tuple[HookFunction, ...]]
    ) -> Iterator[None]:
        """Add functions to some points inside the `with`. Errors: see `hooks`."""
        unreached = {point.name for point in wanted}

        def mark_reached(_: Tensor, hook: HookPoint) -> None:
            unreached.discard(hook.name)

        outer = _active.get() or {}
        inner = {
            point: (*outer.get(point, ()), mark_reached, *functions)
            for point, functions in wanted.items()
        }
        token = _active.set({**outer, **inner})
        try:
            yield
        finally:
            _active.reset(token)
        if unreached:
            raise HookError(
                f"Never reached: {', '.join(sorted(unreached))}. The model ran without "
                "computing it, or did not run at all."
            )

    def run_with_hooks(
        self,
        tokens: Tensor,
        fwd_hooks: Sequence[tuple[NamesFilter, HookFunction]],
        **forward_arguments: object,
    ) -> Tensor:
        """Run the model once with some activations replaced.

        Args:
            tokens: Ids, [batch pos].
            fwd_hooks: See `hooks`.
            forward_arguments: Passed on to `forward`.

        Returns:
            Logits, [batch pos vocab].

        Raises:
            HookError: See `hooks`.
        """
        with self.hooks(fwd_hooks):
            logits: Tensor = self(tokens, **forward_arguments)
        return logits

    def run_with_cache(
        self,
        tokens: Tensor,
        names_filter: NamesFilter = None,
        *,
        incl_bwd: bool = False,
        loss: LossFunction | None = None,
        **forward_arguments: object,
    ) -> tuple[Tensor, ActivationCache]:
        """Run the model once and keep its activations, by reference.

        Args:
            tokens: Ids, [batch pos].
            names_filter: Which points to record; None records all but `hook_result`,
                which is large and computed only when asked for by name.
            incl_bwd: Also keep the gradient of `loss` at each recorded point, under
                its name + "_grad". The parameters' own `.grad` stay untouched.
            loss: Logits [batch pos vocab] → a scalar. Needed with `incl_bwd`.
            forward_arguments: Passed on to `forward`.

        Returns:
            Logits [batch pos vocab] and the recorded activations.

        Raises:
            HookError: If the filter matches nothing, if what it matches would not fit
                in memory, or if `incl_bwd` lacks a loss.
        """
        points = self._matching_points(
            _all_but_result if names_filter is None else names_filter
        )
        self.before_recording(
            [point.name for point in points],
            tokens,
            seen_before=getattr(forward_arguments.get("cache"), "length", 0),
            copies=1 + incl_bwd,
        )
        if incl_bwd:
            if loss is None:
                raise HookError("incl_bwd needs a loss: pass loss=lambda logits: …")
            return self._run_with_gradients(points, tokens, loss, forward_arguments)
        recorded: dict[str, Tensor] = {}

        def record(value: Tensor, hook: HookPoint) -> None:
            recorded[hook.name] = value

        with self._watched(dict.fromkeys(points, (record,))):
            logits: Tensor = self(tokens, **forward_arguments)
        return logits, ActivationCache(recorded)

    def _run_with_gradients(
        self,
        points: Sequence[HookPoint],
        tokens: Tensor,
        loss: LossFunction,
        forward_arguments: dict[str, object],
    ) -> tuple[Tensor, ActivationCache]:
        """Record some points, and the gradient of a loss at each of them."""
        recorded: dict[str, Tensor] = {}

        def record(value: Tensor, hook: HookPoint) -> Tensor:
            # With frozen weights nothing upstream asks for gradients: start here.
            if not value.requires_grad:
                value = value.detach().requires_grad_()
            recorded[hook.name] = value
            return value

        with torch.inference_mode(mode=False), torch.enable_grad():
            with self._watched(dict.fromkeys(points, (record,))):
                logits: Tensor = self(tokens, **forward_arguments)
            gradients = torch.autograd.grad(
                loss(logits), list(recorded.values()), materialize_grads=True
            )
        values = {name: value.detach() for name, value in recorded.items()}
        named = {f"{name}_grad": g for name, g in zip(recorded, gradients, strict=True)}
        return logits.detach(), ActivationCache(values | named)

    def before_recording(
        self, names: Sequence[str], tokens: Tensor, *, seen_before: int, copies: int
    ) -> None:
        """Raise a `HookError` if the recording is too large; subclasses check that."""

    def _matching_points(self, names: NamesFilter) -> list[HookPoint]:
        points = self.hook_points
        if names is None:
            return list(points.values())
        if callable(names):
            found = [point for name, point in points.items() if names(name)]
            if not found:
                raise HookError("The predicate matches no hook name of this model.")
            return found
        found = []
        for pattern in [names] if isinstance(names, str) else names:
            matches = [
                point for name, point in points.items() if fnmatchcase(name, pattern)
            ]
            if not matches:
                raise HookError(
                    f"There is no hook {pattern!r} in this model."
                    f"{near_names(pattern, points)}"
                )
            found += [point for point in matches if point not in found]
        return found


def _all_but_result(name: str) -> bool:
    return not name.endswith("hook_result")
