"""What a reader answers in a lesson file."""


def answer(frame, tab: str) -> tuple[str, bool]:
    """Give the first answer of a lesson's question.

    Returns:
        The answer, and whether it was right.
    """
    frame.get_by_role("tab", name=tab).click()
    first = frame.locator(".prediction:visible .options button").first
    first.click()
    return first.inner_text(), "right" in first.get_attribute("class")
