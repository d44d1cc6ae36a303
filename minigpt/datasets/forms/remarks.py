"""One line on what a file was taken for, and what of it is not used."""

from collections import Counter

from minigpt.datasets.forms.columns import Form


class Tally:
    """Counts a file's rows by their form, and those that are left out.

    Args:
        container: What the file is: `JSON lines`.
    """

    def __init__(self, container: str) -> None:
        self.container = container
        self.first = ""
        """The first row that was left out, and why."""
        self._forms: Counter[str] = Counter()
        self._columns: dict[str, None] = {}  # a set that keeps its order
        self._num_left_out = 0

    def count(self, form: Form) -> None:
        """Count a row that is used."""
        self._forms[_told(form)] += 1
        self._columns |= dict.fromkeys(form.left_out)

    def leave_out(self, reason: str) -> None:
        """Count a row that is not, with the line where it stands."""
        self._num_left_out += 1
        self.first = self.first or reason

    def line(self) -> str:
        """Say what the file was taken for."""
        forms = " and ".join(
            f"{number:,} {'row' if number == 1 else 'rows'} of {form}"
            for form, number in self._forms.most_common(3)
        )
        line = f"Read as {self.container}: {forms}."
        if self._columns:
            names = list(self._columns)
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            told = ", ".join(name[:30] for name in names[:8]) + more
            what = "The column" if len(names) == 1 else "The columns"
            line += f" {what} {told} {'is' if len(names) == 1 else 'are'} not used."
        if self._num_left_out == 1:
            line += f" 1 row is left out: {self.first}."
        elif self._num_left_out:
            line += (
                f" {self._num_left_out:,} rows are left out, the first: {self.first}."
            )
        return line


def _told(form: Form) -> str:
    """Name a form by its columns: `question → answer`."""
    asked = [form.system, form.history, form.turns, form.prompt, form.given]
    before = " + ".join(name for name in asked if name)
    if form.chosen:
        pair = f"{form.chosen} or {form.rejected}"
        return f"{before} → {pair}" if before else pair
    if form.answer:
        return f"{before} → {form.answer}"
    return before or f"{form.tagged} with tags"
