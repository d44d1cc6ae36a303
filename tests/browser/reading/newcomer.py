"""A newcomer who can only read the screen: where does each Check's evidence stand?

For every lesson: open it, guess, and read each question of its Check; go where the
question leads; read the page; answer; and find on what was read the numbers or words
that decide it, as the verdict names them. Prints lesson × question × place:

    python tests/browser/reading/newcomer.py [lesson …]
"""

import re
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # the tests' own modules, as pytest finds them
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[3])]

import navigation

HERE = Path(__file__).parent
SCREEN = (HERE / "screen.js").read_text(encoding="utf-8")
ROOT = HERE.parents[2]
NUMBER = re.compile(r"(?<![\w.])[+−-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?!\w)")
BOX = "[class*='st-key-check_']"

SAID = {
    "home-who_predicts": "every row guesses the token after it",
    "tokenizer-digits": r"\b{n} tokens?\b",
    "tokenizer-eos": r"\b{n} tokens?\b",
    "tokenizer-whole": "^·?{right}$",
    "attention-mask": "may not be read",
    "beam_search-drop_out": "greedy’s path",
    "block-fired": r"^{n} of \d+$",
}
"""What answers a question in words or as a count; `{n}` is the answer's number."""
WORKED_OUT = {
    "tokenizer-by_hand",
    "embeddings-table",
    "embeddings-alibi",
    "learning-new_weight",
    "learning-farther",
    "head_explorer-reads",
    "logit_lens-total",
    "intervene-share",
    "compare-factor",
    "compare-removed",
    "generation-surprise",
    "generation-cache_bytes",
    "generation-cache_work",
    "generation-cache_new",
    "generation-cache_kept",
    "beam_search-sum",
    "beam_search-candidates",
    "chat-room",
    "chat-counted",
    "library-bytes",
    "library-tokens_per_step",
}
"""Answered by reckoning or thinking with what the question itself tells."""
TRIED = {"attention-collapse": "leave_out_root", "head_explorer-cost": "each_head"}
"""What a question asks to try: the method that does it, reads, and puts it back."""


class Found(NamedTuple):
    """One question, and where on the page its evidence stands."""

    lesson: str
    question: str
    clue: str
    """The numbers or words that decide it."""
    where: str
    """The regions that show them; empty where one is missing."""
    asked: str

    def __str__(self) -> str:
        place = self.where or "NOWHERE"
        return f"{self.lesson:14} {self.question:28} {self.clue:34} {place}"


class Newcomer:
    """A tab in which somebody reads and clicks."""

    def __init__(self, page, url: str):
        self.page, self.url = page, url

    def lesson(self, lesson, **place: str) -> Iterator[Found]:
        """Work through one page's Check, and tell where the evidence stands."""
        navigation.visit(self.page, self.url, lesson, **place)
        self._guess()
        for box in self._boxes():
            yield self._question(lesson.name, box)

    def _guess(self) -> None:
        guess = self.page.locator("[class*=st-key-predict_] [role=radiogroup] label")
        if guess.count():
            guess.first.click()
            self._settle()

    def _boxes(self) -> list[int]:
        if self.page.locator(".st-key-check").count() == 0:
            return []
        return list(range(self.page.locator(f".st-key-check {BOX}").count()))

    def _question(self, lesson: str, number: int) -> Found:
        box = self.page.locator(f".st-key-check {BOX}").nth(number)
        go = box.get_by_role("button", name="Go there")
        if go.count():
            go.click()
            self._settle()
        asked = box.locator("[data-testid=stMarkdown]").first.inner_text()
        id_ = box.locator("[class*='st-key-_answer_']").first.get_attribute("class")
        name = re.search(r"st-key-_answer_(.*)_[0-9a-f]+", id_)[1]
        read = self.page.evaluate(SCREEN)
        if name in TRIED:
            read += getattr(self, TRIED[name])(box)
            box = self.page.locator(f".st-key-check {BOX}").nth(number)
        box.locator("[role=radiogroup] label").first.click()
        self._settle()
        box = self.page.locator(f".st-key-check {BOX}").nth(number)
        box.get_by_text("You said").wait_for()
        verdict = box.get_by_text("You said").inner_text()
        return judge(lesson, name, asked, verdict, read)

    def leave_out_root(self, _) -> list:
        step = self.page.get_by_role("button", name="÷ √d", exact=True)
        step.click()
        self._settle()
        read = self.page.evaluate(SCREEN)
        step.click()
        self._settle()
        return read

    def each_head(self, box) -> list:
        field = self.page.get_by_label("Head", exact=True)
        before, read = field.input_value(), []
        heads = re.findall(r"L\d+H(\d+)", box.locator("[role=radiogroup]").inner_text())
        for head in (*heads, before):
            field.fill(head)
            field.press("Enter")
            self._settle()
            read += self.page.evaluate(SCREEN)
        return read

    def _settle(self) -> None:
        navigation.settle(self.page)


def judge(lesson: str, name: str, asked: str, verdict: str, read) -> Found:
    """Look for what decides a question in what was read before it was answered."""
    said = re.match(r"You said “(.*?)”\. (.*)", verdict, re.DOTALL)
    right, why = said[1], said[2].removeprefix("✓ Right.").strip()
    wrong = re.match(r".*?the answer is “(.*?)”\.\s*(.*)", why, re.DOTALL)
    if wrong:
        right, why = wrong[1], wrong[2]
    for clue, where in proofs(name, right, why, asked, read):
        if where:
            return Found(lesson, name, clue[:34], where, asked)
    return Found(lesson, name, f"{right} · {why}"[:120], "", asked)


def proofs(
    name: str, right: str, why: str, asked: str, read
) -> Iterator[tuple[str, str]]:
    """Yield what would decide a question, and where all of it stands."""
    pattern = SAID.get(name)
    if pattern is not None:
        number = (NUMBER.findall(right) or [""])[0]
        wanted = pattern.format(right=re.escape(right), n=re.escape(number))
        yield wanted, where_said(wanted, read)
        return
    values = [number for number in NUMBER.findall(why) if "." in number]
    if values:
        yield " ".join(values), where_all(values, read)
    first = NUMBER.match(right)
    if first and "." in first[0]:
        yield first[0], where_all([first[0]], read)
    quoted = [text.rstrip("…. ") for text in re.findall("“(.+?)”", why)]
    if quoted:
        places = [where_said(re.escape(text), read) for text in quoted]
        yield " ".join(quoted), ", ".join(places) if all(places) else ""
    if name in WORKED_OUT:
        given = [number for number in NUMBER.findall(asked) if "." in number]
        where = where_all(given, read) if given else ""
        yield "reckoned: " + " ".join(given), where or "the question itself"
    if (
        not first
        and not values
        and not re.match(r"(yes|no|it |the same|less|more|about)\b", right, re.I)
    ):
        figures = [each for each in read if each[1] in ("figure", "chart", "table")]
        yield right, where_said(rf"(?<!\w){re.escape(right)}(?!\w)", figures)


def where_all(numbers: list[str], read) -> str:
    """Return the regions that show all the numbers; nothing where one is missing."""
    places = [
        next((place(key, kind) for key, kind, text in read if shows(text, each)), "")
        for each in numbers
    ]
    return ", ".join(dict.fromkeys(places)) if all(places) else ""


def where_said(pattern: str, read) -> str:
    """Return the first region in which a pattern is found."""
    wanted = re.compile(pattern, re.IGNORECASE)
    for key, kind, text in read:
        if wanted.search(text):
            return place(key, kind)
    return ""


def place(key: str, kind: str) -> str:
    return f"{key} ({kind})"


def shows(text: str, wanted: str) -> bool:
    """Whether a text has a number, as far as both are printed."""
    return any(agree(each, wanted) for each in NUMBER.findall(text))


def agree(one: str, other: str) -> bool:
    """Whether two printed numbers may be the same: to the coarser one's digits."""
    digits = [len(each.partition(".")[2]) for each in (one, other)]
    if min(digits) < min(2, max(digits)):
        return False
    values = [float(each.replace(",", "").replace("−", "-")) for each in (one, other)]
    return abs(values[0] - values[1]) <= 0.501 * 10.0 ** -min(digits) + (
        0 if digits[0] != digits[1] else -0.4 * 10.0 ** -min(digits)
    )


def main(names: list[str]) -> int:
    """Print the table; return how many questions have no evidence on the page."""
    from one_browser import installed_chromium
    from playwright.sync_api import sync_playwright
    from streamlit_server import serve_script

    missing = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        data = Path(folder)
        make = runpy.run_path(str(ROOT / "tests/pages/make_models.py"))["make_models"]
        make(data)
        browser = driver.chromium.launch(
            executable_path=installed_chromium(), args=["--no-sandbox"]
        )
        served = serve_script(
            ROOT / "app.py", data / "log", MINIGPT_DATA=folder, MINIGPT_COVER="on"
        )
        with served as port:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(240_000)
            newcomer = Newcomer(page, f"http://127.0.0.1:{port}")
            for lesson in navigation.PAGES:
                if names and lesson.name not in names:
                    continue
                for found in newcomer.lesson(lesson, prompt="the red kite"):
                    print(found, flush=True)  # noqa: T201
                    missing += not found.where
        browser.close()
    return missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
