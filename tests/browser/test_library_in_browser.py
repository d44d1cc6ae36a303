"""The Library, as a person uses it: a model out, in, renamed, deleted and back."""

import io
import zipfile

import navigation
import pytest
import torch

from minigpt.checkpoint import load_checkpoint

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

FILES = ("config.json", "tokenizer.json", "model.safetensors")


def open_library(page, server, query=""):
    navigation.open_link(page, f"{server.url}/library{query}")
    page.get_by_role("heading", name="Library", exact=True).wait_for()
    page.get_by_role("button", name="Download", exact=True).wait_for()


def bring(page, what, file):
    page.get_by_text(what, exact=True).click()
    page.get_by_role("button", name="Upload", exact=True).wait_for()
    page.locator("input[type=file]").first.set_input_files(file)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def chosen(page, name):
    page.get_by_role("heading", name=name, exact=True).wait_for()


def logits(path):
    model, tokenizer, _ = load_checkpoint(path)
    with torch.inference_mode():
        return model(torch.tensor([tokenizer.encode("the cat")]))


def test_a_model_goes_out_comes_in_is_renamed_deleted_and_taken_back(
    page, server, data, tmp_path
):
    open_library(page, server)
    chosen(page, "glass")
    with page.expect_download() as download:
        press(page, "Download")
    assert download.value.suggested_filename == "glass.zip"
    download.value.save_as(tmp_path / "glass.zip")

    page.get_by_text("Bring a model", exact=True).click()
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_disabled()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "glass.zip")
    page.get_by_text("glass.zip").wait_for()
    page.get_by_role("textbox", name="Name here").first.fill("mine")
    press(page, "Add")
    chosen(page, "mine")
    models = data / "models"
    original = models / "glass/checkpoints/checkpoint_step_100"
    torch.testing.assert_close(
        logits(models / "mine"), logits(original), rtol=0, atol=0
    )

    press(page, "Rename")
    page.get_by_role("textbox", name="New name").fill("yours")
    press(page, "Rename it")
    chosen(page, "yours")
    expect(page.get_by_role("textbox", name="New name")).to_have_count(0)
    before = {name: (models / "yours" / name).read_bytes() for name in FILES}
    press(page, "Delete")
    chosen(page, "glass")
    assert not (models / "yours").exists()
    press(page, "Undo: delete yours")
    chosen(page, "yours")
    for name in FILES:
        assert (models / "yours" / name).read_bytes() == before[name]
    press(page, "Look inside")
    page.get_by_role("heading", name="Head explorer").wait_for()
    page.wait_for_function("() => location.search.includes('model=yours')")


def click_row(page, row):
    """Click where a reader sees the row: the table is painted, and stands still."""
    page.get_by_test_id("data-grid-canvas").first.wait_for()
    navigation.settle(page)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 + 35 * row + 18)


def test_of_rows_clicked_while_the_table_is_drawn_anew_the_last_one_counts(
    page, server
):
    open_library(page, server)
    click_row(page, 1)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    for last in (0, 1):
        for row in (0, 1, 0, 1, last):
            place = box["x"] + 18, box["y"] + 35 + 35 * row + 18
            page.mouse.click(*place, delay=60)
        chosen(page, ("glass", "mlp")[last])


def test_a_row_is_chosen_with_the_mouse_and_its_model_exported(page, server, tmp_path):
    open_library(page, server)
    click_row(page, 1)
    chosen(page, "mlp")
    expect(page.get_by_role("button", name="Hugging Face")).to_be_disabled()
    click_row(page, 0)
    chosen(page, "glass")
    with page.expect_download() as download:
        press(page, "Hugging Face")
    download.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as opened:
        assert "glass/config.json" in opened.namelist()


def test_a_hostile_zip_is_one_clear_line_and_leaves_nothing(page, server, data):
    open_library(page, server)
    parcel = io.BytesIO()
    with zipfile.ZipFile(parcel, "w") as opened:
        opened.writestr("../../evil.json", "{}")
    before = sorted(path.name for path in (data / "models").iterdir())
    hostile = {"name": "x.zip", "mimeType": "application/zip"}
    bring(page, "Bring a model", {**hostile, "buffer": parcel.getvalue()})
    page.get_by_text("x.zip").wait_for()
    press(page, "Add")
    page.get_by_text("would lie outside of the model's folder").wait_for()
    assert sorted(path.name for path in (data / "models").iterdir()) == before
    assert not list(data.rglob("evil.json"))


def test_a_text_is_uploaded_and_leads_to_the_training_page(page, own_server):
    server, data = own_server, own_server.data
    navigation.open_link(page, f"{server.url}/library?shelf=Texts")
    page.get_by_text("No text of your own yet").wait_for()
    content = ("The cat sat on the mat. " * 400).encode()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "My Cat!.txt", "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("button", name="Train on it").wait_for()
    (kept,) = (data / "texts").iterdir()
    assert kept.name.startswith("my-cat-")
    assert kept.read_bytes() == content
    press(page, "Train on it")
    page.get_by_role("heading", name="Training", exact=True).wait_for()
    expect(page.get_by_label("Path on the machine")).to_have_value(str(kept))
