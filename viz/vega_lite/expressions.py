"""Expressions over a row of the table: `when(datum.share > 0).then(value("blue"))`."""

from typing import Any, Final


class Expression:
    """A part of a Vega expression, written as Python."""

    def __init__(self, code: str) -> None:
        """Hold an expression's code."""
        self.code = code

    def __str__(self) -> str:
        """Return the code."""
        return self.code

    def __eq__(self, other: object) -> "Expression":  # type: ignore[override]
        """Compare, in the browser."""
        return Expression(f"({self.code} === {_written(other)})")

    __hash__ = None  # type: ignore[assignment]

    def __gt__(self, other: object) -> "Expression":
        """Compare, in the browser."""
        return Expression(f"({self.code} > {_written(other)})")

    def __ge__(self, other: object) -> "Expression":
        """Compare, in the browser."""
        return Expression(f"({self.code} >= {_written(other)})")


def _written(operand: object) -> str:
    return str(operand).lower() if isinstance(operand, bool) else repr(operand)


class _Row:
    def __getattr__(self, column: str) -> Expression:
        return Expression(f"datum.{column}")

    def __call__(self, constant: str) -> dict[str, Any]:
        """Return a channel with one value for all rows, in the scale's own terms."""
        return {"datum": constant}


datum: Final = _Row()
"""The row that is drawn: `datum.loss` is its column."""


def value(constant: Any) -> dict[str, Any]:
    """Return a channel with one value for all rows, in the terms of the screen."""
    return {"value": constant}


class when:
    """What a channel is where an expression holds, and otherwise."""

    def __init__(self, test: Expression, *earlier: dict[str, Any]) -> None:
        """Begin with a test; `then` says what is so where it holds."""
        self._test, self._earlier = test, earlier

    def then(self, constant: dict[str, Any]) -> "_Then":
        """Say what the channel is where the test holds."""
        return _Then(*self._earlier, {"test": str(self._test), **constant})


class _Then:
    def __init__(self, *conditions: dict[str, Any]) -> None:
        self._conditions = conditions

    def when(self, test: Expression) -> when:
        """Go on with another test, where those before it failed."""
        return when(test, *self._conditions)

    def otherwise(self, constant: dict[str, Any]) -> dict[str, Any]:
        """Say what the channel is where no test holds; return the channel."""
        return {"condition": list(self._conditions), **constant}
