"""A button that prints the page."""

from viz.components.shared.mounting import register

_mount = register("print_button")


def print_button(label: str, *, key: str) -> None:
    """Show a button that opens the browser's print dialog.

    However the page comes to be printed, the component tells the document first whether
    it is dark, in `data-printed-from`; a style sheet can then turn it light.

    Args:
        label: What the button says.
        key: The view's name on this page.
    """
    _mount(key=key, data={"label": label})
