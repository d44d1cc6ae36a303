"""A lesson file on a phone: opened from the disk, offline, by touch and by keys."""

from types import SimpleNamespace

import pytest
import torch
from lesson_file.test_file import checkpoint_of, small

from minigpt.checkpoint import load_checkpoint, save_checkpoint
from minigpt.lesson_file.document import lesson_file
from minigpt.runs.checkpoints import SavedStep

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

AXE = ".cache/axe-core/axe.min.js"
SERIOUS = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}"""
PROMPT = "the cat sat on the ma"


@pytest.fixture(scope="module")
def checkpoint():
    made = checkpoint_of(positional_encoding="rope", num_kv_heads=2)
    return made._replace(metadata=SimpleNamespace(step=5))


@pytest.fixture(scope="module")
def earlier(checkpoint, tmp_path_factory):
    """Return step 3 of the training whose step 5 is `checkpoint`."""
    model = small(7, positional_encoding="rope", num_kv_heads=2)
    place = tmp_path_factory.mktemp("earlier")
    save_checkpoint(place, model, checkpoint.tokenizer, step=3)
    return SavedStep(3, place)


@pytest.fixture
def phone(chromium, checkpoint, earlier, tmp_path):
    """Open the file as a phone would, and in the end see that it asked for nothing."""
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    file = tmp_path / "lesson.html"
    content = lesson_file(checkpoint, name="<mine>", steps=[earlier])
    file.write_text(content, encoding="utf-8")
    context = chromium.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text))
    page.goto(file.as_uri())
    page.locator("main[data-ready]").wait_for()
    yield page
    context.close()
    assert asked == [file.as_uri()]
    assert errors == []


def probability(checkpoint, ablated: tuple[int, int] | None = None) -> tuple[str, str]:
    """Return the likeliest next character's probability, whole and without a head."""
    model, tokens = checkpoint.model, checkpoint.tokenizer.encode(PROMPT)

    def without(z, hook):
        return z.index_fill(2, torch.tensor([ablated[1]]), 0.0)

    hooks = [(f"blocks.{ablated[0]}.attn.hook_z", without)] if ablated else []
    with torch.inference_mode():
        whole = model(torch.tensor([tokens]))[0, -1].softmax(-1)
        left = model.run_with_hooks(torch.tensor([tokens]), hooks)[0, -1].softmax(-1)
    return f"{whole.max():.3f}", f"{left[whole.argmax()]:.3f}"


def test_a_typed_prompt_a_chosen_head_and_its_ablation(phone, checkpoint):
    from playwright.sync_api import expect

    expect(phone).to_have_title("<mine> · Head explorer")
    phone.get_by_label("Prompt").fill(PROMPT)
    expect(phone.get_by_text(f"{len(PROMPT)} tokens.", exact=True)).to_be_visible()
    expect(phone.locator(".next")).to_have_count(0)  # covered until a guess
    phone.locator(".prediction:visible .options button").nth(1).click()
    expect(phone.locator(".verdict:visible")).to_contain_text("Without")
    whole, _ = probability(checkpoint)
    expect(phone.locator(".next .number").first).to_have_text(whole)

    grid = phone.locator(".head_grid [role=application]")
    grid.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        grid.press(key)
    grid.press("ArrowRight")
    grid.press("Enter")
    expect(phone.get_by_role("heading", name="L0H1 close")).to_be_visible()
    phone.get_by_role("button", name="Ablate L0H1").press("Enter")
    before, after = probability(checkpoint, (0, 1))
    assert before != after
    rows = phone.locator(".next .number")
    expect(rows.filter(has_text=f"{before} →")).to_have_text(f"{before} → {after}")
    phone.get_by_role("button", name="Restore all").press("Enter")
    expect(rows.first).to_have_text(whole)


def test_a_locked_cell_shows_the_weight_that_the_model_computes(phone, checkpoint):
    from playwright.sync_api import expect

    phone.get_by_label("Prompt").fill(PROMPT)
    heatmap = phone.locator(".attention_heatmap [role=application]")
    heatmap.focus()
    heatmap.press("ArrowUp")  # the last row, first column; from there by two keys
    for key in ("ArrowUp", "ArrowRight", "Enter"):
        heatmap.press(key)
    tokens = torch.tensor([checkpoint.tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        _, cache = checkpoint.model.run_with_cache(tokens)
    weight = cache["pattern", 0][0, 0, len(PROMPT) - 2, 1]
    expect(phone.locator(".arithmetic .caption")).to_contain_text(f"{weight:.3f}")


def test_on_the_journey_the_predicted_token_is_appended(phone, checkpoint):
    from playwright.sync_api import expect

    phone.get_by_label("Prompt").fill(PROMPT)
    phone.get_by_role("tab", name="Journey").click()
    phone.get_by_role("button", name="Just show me").locator("visible=true").click()
    tokens = torch.tensor([checkpoint.tokenizer.encode(PROMPT)])
    with torch.inference_mode():
        best = checkpoint.model(tokens)[0, -1].argmax()
    phone.locator(".journey .choice").first.click()
    text = checkpoint.tokenizer.decode([best])
    expect(phone.get_by_label("Prompt")).to_have_value(PROMPT + text)


def test_the_time_machine_shows_an_earlier_step(phone, checkpoint, earlier):
    from playwright.sync_api import expect

    phone.get_by_label("Prompt").fill(PROMPT)
    phone.get_by_role("tab", name="Attention").click()
    first = phone.locator(".next .number").first
    whole, _ = probability(checkpoint)
    expect(first).to_have_text(whole)
    phone.get_by_role("slider", name="Training step").press("ArrowLeft")
    before, _ = probability(load_checkpoint(earlier.path))
    assert before != whole
    expect(first).to_have_text(before)
    phone.get_by_role("slider", name="Training step").press("ArrowRight")
    expect(first).to_have_text(whole)


def likeliest_with(checkpoint, change) -> str:
    """Return the probability before and after a change of L0H0's last row."""
    tokens = torch.tensor([checkpoint.tokenizer.encode(PROMPT)])

    def edit(pattern, hook):
        pattern = pattern.clone()
        pattern[0, 0, -1] = change(pattern[0, 0, -1])
        return pattern

    hooks = [("blocks.0.attn.hook_pattern", edit)]
    with torch.inference_mode():
        whole = checkpoint.model(tokens)[0, -1].softmax(-1)
        changed = checkpoint.model.run_with_hooks(tokens, hooks)[0, -1].softmax(-1)
    before, after = f"{whole.max():.3f}", f"{changed[whole.argmax()]:.3f}"
    assert before != after
    return f"{before} → {after}"


def test_a_weight_that_is_set_and_a_divisor_move_the_prediction(phone, checkpoint):
    from playwright.sync_api import expect

    def set_weight(row):
        key = row.argmax()
        others = row.index_fill(0, key, 0.0)
        return (others / others.sum() * 0.1).index_fill(0, key, 0.9)

    def undivided(row):  # the softmax of scores that were not divided by √d
        return (row.log() * checkpoint.model.config.d_head**0.5).softmax(-1)

    phone.get_by_label("Prompt").fill(PROMPT)
    phone.get_by_role("tab", name="Attention").click()
    rows = phone.locator(".next .number")
    for step, slider, value, change in [
        ("softmax", "Weight of", "0.9", set_weight),
        ("÷ √8", "Divide q · k by", "1", undivided),
    ]:
        phone.get_by_role("button", name=step).click()
        phone.get_by_role("slider", name=slider).fill(value)
        expect(rows.first).to_have_text(likeliest_with(checkpoint, change))


def test_every_lesson_by_keyboard_fits_the_screen_and_is_accessible(
    phone, pytestconfig
):
    axe = pytestconfig.rootpath / AXE
    if axe.is_file():
        phone.evaluate(axe.read_text(encoding="utf-8"))
    phone.get_by_role("tab", name="Heads").focus()
    names = ["Attention", "Generation", "Beam search", "Tokenizer", "Logit lens"]
    names += ["Journey", "Heads"]
    for turn, name in enumerate(names):
        phone.keyboard.press("ArrowRight")
        chosen = phone.get_by_role("tab", selected=True)
        assert chosen.inner_text() == name
        if name != "Attention":  # it asks nothing
            phone.get_by_role("button", name="Just show me").press("Enter")
            chosen.focus()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        if axe.is_file():  # both schemes, in turn: a look takes seconds
            phone.emulate_media(color_scheme=("light", "dark")[turn % 2])
            assert phone.evaluate(SERIOUS) == [], name
