"""A reader learns merges with the mouse, and links pieces with their numbers."""

import pytest
from navigation import open_link

from minigpt.datasets import generate_tales
from minigpt.tokenizers.inspection.merge_history import MergeHistory
from minigpt.tokenizers.inspection.merge_tree import merge_tree
from minigpt.tokenizers.inspection.own_source import own_source
from minigpt.tokenizers.inspection.replay import replay

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

TEXT = "the red kite is a number"
STORIES = "BPE, 1,000 merges · tales"


@pytest.fixture(scope="module")
def stories():
    return MergeHistory.learn(generate_tales(1_000_000), 1260)


def open_page(page, server):
    open_link(page, f"{server.url}/tokenizer?prompt={TEXT}")
    page.get_by_role("heading", name="Tokenizer", level=1).wait_for()
    page.locator(".piece_links .piece").first.wait_for()


def choose(page, name):
    page.get_by_role("combobox", name="Tokenizer").click()
    page.get_by_role("option", name=name, exact=True).click()


def go_to(page, view):
    page.get_by_role("radio", name=view, exact=True).click()


def shown_ids(page, place=0):
    view = page.locator(".piece_links").nth(place)
    return [int(text) for text in view.locator(".id").all_inner_texts()]


def test_a_piece_leads_to_its_id_and_an_id_to_its_piece(page, server, stories):
    open_page(page, server)
    choose(page, STORIES)
    ids = stories.tokenizer.encode(TEXT)
    expect(page.locator(".piece_links .id")).to_have_count(len(ids))
    assert shown_ids(page) == ids
    pieces, numbers = page.locator(".piece"), page.locator(".id")
    last = len(ids) - 1
    pieces.nth(1).hover()
    expect(numbers.nth(1)).to_have_class("id linked twin")
    numbers.nth(last).hover()
    expect(pieces.nth(last)).to_have_class("piece linked twin")
    caption = page.locator(".piece_links .caption")
    expect(caption).to_contain_text(f"is id {ids[last]}")
    numbers.nth(last).click()
    page.mouse.move(5, 5)
    expect(pieces.nth(last)).to_have_attribute("aria-selected", "true")
    expect(caption).to_contain_text(f"is id {ids[last]}")
    page.keyboard.press("Escape")
    expect(caption).to_contain_text(f"{len(ids)} tokens")


def test_merges_are_guessed_made_and_undone(page, server, stories):
    open_page(page, server)
    choose(page, STORIES)
    go_to(page, "Merges")
    counts, best = stories.token_counts, stories.pairs(0).top[0]
    page.get_by_text(f"{counts[0]:,} tokens").wait_for()
    page.get_by_role("radio", name="· + t", exact=True).click()
    expect(page.get_by_text("✓ Right.")).to_contain_text(f"{best.count:,} times")
    page.get_by_role("button", name="Next merge").click()
    page.get_by_text(f"{counts[1]:,} tokens").wait_for()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    page.get_by_text(f"{counts[2]:,} tokens").wait_for()
    page.get_by_role("button", name="Back").click()
    page.get_by_text(f"{counts[1]:,} tokens").wait_for()
    page.get_by_role("slider", name="Merges made").focus()
    page.keyboard.press("End")
    page.get_by_text(f"{counts[-1]:,} tokens").wait_for()
    tokens = page.locator(".merge_blocks .block.token")
    word = " number"
    expect(tokens).to_have_count(len(stories.tokenizer.encode(word)))
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Play", exact=True).click()
    page.get_by_text(f"{counts[-1]:,} tokens").wait_for()


def test_the_same_word_splits_differently_after_different_training(
    page, server, stories
):
    open_page(page, server)
    choose(page, STORIES)
    go_to(page, "Compare")
    page.locator(".piece_links").nth(1).locator(".id").first.wait_for()
    programs = MergeHistory.learn(own_source(), 1260).tokenizer
    assert shown_ids(page, 0) == stories.tokenizer.encode(TEXT)
    assert shown_ids(page, 1) == programs.encode(TEXT)
    one, other = page.locator(".piece_links").all()
    expect(one.get_by_role("option", name="·kite", exact=True)).to_have_count(1)
    expect(other.get_by_role("option", name="·kite", exact=True)).to_have_count(0)
    expect(other.get_by_role("option", name="·number", exact=True)).to_have_count(1)


def test_a_pasted_text_is_trained_on_and_its_file_taken_along(page, server, tmp_path):
    rust = pytest.importorskip("tokenizers")
    text = "שלום <b>kite</b> e\u0301 🙂🙂 " * 60
    open_page(page, server)
    page.get_by_role("button", name="New tokenizer").click()
    page.get_by_role("radio", name="paste").click()
    page.get_by_label("Your text").fill(text)
    page.get_by_label("Your text").press("Control+Enter")
    page.get_by_role("button", name="Train", exact=True).click()
    trained = MergeHistory.learn(text.strip(), 1260).tokenizer
    expect(page.locator(".piece_links .id")).to_have_count(len(trained.encode(TEXT)))
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="tokenizer.json").click()
    download.value.save_as(tmp_path / "tokenizer.json")
    theirs = rust.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.encode(TEXT).ids == shown_ids(page)


def pieces_of(page):
    return page.locator(".merge_motion .piece").all_text_contents()


def test_a_sentence_is_merged_in_slow_motion_with_the_models_merges(
    page, server, stories
):
    open_link(page, f"{server.url}/tokenizer?prompt={TEXT}&tokenizer_view=Slow motion")
    choose(page, STORIES)
    expect(page.locator(".merge_motion .piece")).to_have_count(len(TEXT))
    page.get_by_role("button", name="Next ▶").click()
    caption = page.locator(".merge_motion .caption")
    first = replay(merge_tree(stories.tokenizer, TEXT))[0]
    expect(caption).to_contain_text(f"Merge {first.rank + 1}: h + e = he")
    early = stories.tokenizer.limited_to(first.needed)
    expected = early.pieces(early.encode(TEXT))
    expect(page.locator(".merge_motion .piece")).to_have_count(len(expected))
    assert [text.replace("·", " ") for text in pieces_of(page)] == expected
    page.wait_for_function("() => location.search.includes('joins=1')")
    page.get_by_role("button", name="▶▶ Play").click()
    expect(caption).to_contain_text("are the tokens.", timeout=120_000)
    whole = stories.tokenizer.pieces(stories.tokenizer.encode(TEXT))
    assert [text.replace("·", " ") for text in pieces_of(page)] == whole
    page.get_by_role("button", name="◀ Back").click()
    expect(caption).not_to_contain_text("are the tokens.")


def test_readers_who_asked_for_less_motion_see_none(page, server):
    open_link(page, f"{server.url}/tokenizer?prompt={TEXT}&tokenizer_view=Slow motion")
    choose(page, STORIES)
    page.locator(".merge_motion .piece").first.wait_for()
    page.evaluate(
        """() => {
            window.glides = 0;
            const animate = Element.prototype.animate;
            Element.prototype.animate = function (...given) {
                if (this.closest?.(".merge_motion")) window.glides += 1;
                return animate.apply(this, given);
            };
        }"""
    )
    page.get_by_role("button", name="Next ▶").click()
    caption = page.locator(".merge_motion .caption")
    expect(caption).to_contain_text("Merge 2:")
    assert page.evaluate("window.glides") == 0
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="Next ▶").click()
    expect(caption).not_to_contain_text("Merge 2:")
    assert page.evaluate("window.glides") > 0
