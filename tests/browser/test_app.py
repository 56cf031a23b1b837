"""What only a real browser shows: cold deep links, real uploads, links across languages, what leaves the machine."""

import base64
import re
from urllib.parse import urlparse

import pytest
from PIL import Image
from playwright.sync_api import expect

from pages.ui.frame.tour import STOPS
from tools.catalogue import ROOT
from tools.server import wait_for_run

SAMPLES = ROOT / "assets" / "samples"


def headline(page):
    return page.locator("h3").first


def test_a_deep_link_as_the_first_request_to_a_fresh_server_shows_frame_and_page(visit, fresh_server):
    page = visit(f"{fresh_server}/classify")
    expect(page.get_by_role("heading", name="What does AlexNet see?")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav").get_by_text("Look inside")).to_be_visible()
    expect(page).to_have_title("Classify · AlexNet Explorer")
    expect(headline(page)).to_contain_text("tabby", timeout=60_000)


def test_home_leads_to_the_answer(visit):
    page = visit("/")
    page.get_by_role("button", name="Let it look at a photo").click()
    expect(headline(page)).to_contain_text("tabby")


def test_the_small_charts_of_home_are_drawn(visit):
    lines = visit("/").get_by_test_id("stMetricChart").locator("path[role=graphics-symbol]")
    expect(lines.first).to_be_visible()


def test_own_photo_in_answer_out(visit):
    page = visit("/classify")
    page.locator("input[type=file]").first.set_input_files(SAMPLES / "penguin.jpg")
    expect(headline(page)).to_contain_text("king penguin")
    expect(page.get_by_role("radio", name="penguin.jpg")).to_have_attribute("aria-checked", "true")


def test_a_renamed_text_file_gets_a_sentence(visit, tmp_path):
    fake = tmp_path / "fake.jpg"
    fake.write_text("not a picture")
    page = visit("/classify")
    page.locator("input[type=file]").first.set_input_files(fake)
    expect(page.get_by_test_id("stAlert")).to_contain_text("is not a picture of a known kind")
    expect(headline(page)).to_contain_text("tabby")


def test_a_link_made_in_english_opens_the_same_view_in_korean(visit, browser, base_url):
    page = visit("/classify")
    page.get_by_role("radio", name="Penguin", exact=True).click()
    expect(headline(page)).to_contain_text("king penguin")
    link = page.url
    assert "image=penguin" in link
    korean = browser.new_context(locale="ko-KR").new_page()
    korean.goto(link)
    wait_for_run(korean)
    expect(headline(korean)).to_contain_text("임금펭귄")
    korean.context.close()


def test_switching_the_language_and_reloading_keeps_language_and_view(visit):
    page = visit("/classify?image=elephant&tab=pictures")
    page.get_by_test_id("stSidebar").get_by_text("한국어").click()
    expect(headline(page)).to_contain_text("코끼리")
    expect(page).to_have_url(re.compile("lang=ko"))
    page.reload()
    wait_for_run(page)
    expect(headline(page)).to_contain_text("코끼리")
    expect(page.get_by_role("tab", selected=True)).to_have_text("모든 사진")


@pytest.mark.parametrize("path", ["/classify", "/runs", "/techniques?tab=lrn"])
def test_every_click_on_a_tab_opens_it(visit, path):
    page = visit(path)
    titles = page.get_by_role("tab").all_inner_texts()
    assert len(titles) > 3
    for title in (*titles[1:4], titles[0]):
        page.get_by_role("tab", name=title, exact=True).click()
        page.wait_for_timeout(1500)  # a click that is lost looks right at first
        expect(page.get_by_role("tab", selected=True)).to_have_text(title)


def test_a_picture_is_chosen_by_keyboard_alone(visit):
    page = visit("/classify")
    chosen = page.get_by_role("radio", name="Cat", exact=True)
    chosen.focus()
    page.keyboard.press("ArrowRight")
    expect(headline(page)).to_contain_text("espresso")
    expect(page.get_by_role("radio", name="Coffee", exact=True)).to_be_focused()


def test_no_request_leaves_the_machine(visit, page):
    hosts = set()
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    visit("/")
    visit("/classify")
    expect(headline(page)).to_contain_text("tabby")
    assert {host for host in hosts if host} == {"127.0.0.1"}


PASTE = """
async (box, data) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const clipboard = new DataTransfer();
  clipboard.items.add(new File([bytes], "clip.jpg", { type: "image/jpeg" }));
  box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true }));
}
"""


def test_a_picture_is_pasted_from_the_clipboard(visit):
    page = visit("/classify")
    page.get_by_role("button", name="Paste or camera").click()
    box = page.get_by_role("textbox", name="Click here, then paste a picture with Ctrl+V")
    box.evaluate(PASTE, base64.b64encode((SAMPLES / "elephant.jpg").read_bytes()).decode())
    expect(headline(page)).to_contain_text("African elephant")
    expect(page.get_by_role("radio", name="Pasted picture")).to_have_attribute("aria-checked", "true")


def test_the_camera_waits_until_it_is_asked_for(visit):
    page = visit("/classify")
    page.get_by_role("button", name="Paste or camera").click()
    expect(page.get_by_text("Browsers allow the camera on HTTPS addresses")).to_be_visible()
    expect(page.get_by_test_id("stCameraInput")).to_have_count(0)
    page.get_by_text("Use the camera").click()
    expect(page.get_by_test_id("stCameraInput")).to_be_visible()


def test_a_pixel_is_chosen_by_mouse_and_by_keyboard(visit):
    page = visit("/classify?tab=input")
    grid = page.get_by_role("application")
    numbers = page.get_by_test_id("stMarkdown").filter(has_text="/ 255").first
    expect(numbers).to_be_visible()
    before = numbers.inner_text()
    grid.click(position={"x": 20, "y": 30})
    expect(page.get_by_text(re.compile(r"row \d+, column \d+"))).to_be_visible()
    expect(numbers).not_to_have_text(before)
    clicked = numbers.inner_text()
    grid.focus()
    for _ in range(5):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect(numbers).not_to_have_text(clicked)


def test_own_weights_are_opened_and_answer(visit, tmp_path):
    import torch

    from alexnet_viz.network.build import random_state
    from alexnet_viz.network.zoo import MODELS

    torch.save(random_state(MODELS["alexnet_cifar"].spec), tmp_path / "alexnet_cifar10_best.pth")
    page = visit("/classify?tab=about")
    box = page.get_by_role("region", name="Open a weights file of your own")
    box.locator("input[type=file]").set_input_files(tmp_path / "alexnet_cifar10_best.pth")
    expect(page.get_by_text("They come from your own file")).to_be_visible()
    expect(page.get_by_text("32 x 32 pixels")).to_be_visible()


def test_by_keyboard_alone_a_layer_is_selected_its_kernel_changed_and_the_new_shape_read(visit):
    page = visit("/architecture")
    layer = page.locator("[data-layer=conv2]").first
    layer.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("layer=conv2"))
    wait_for_run(page)
    kernel = page.get_by_label("Kernel", exact=True)
    expect(kernel).to_have_value("5")
    kernel.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("net="))
    wait_for_run(page)
    expect(page.locator("[data-layer=conv2]").first).to_have_attribute(
        "aria-label", re.compile("256 × 29 × 29|29 × 29 × 256")
    )
    expect(page).to_have_url(re.compile("net="))
    page.reload()
    wait_for_run(page)
    expect(page.get_by_label("Kernel", exact=True)).to_have_count(1)
    expect(page.get_by_label("Kernel", exact=True)).to_have_value("3")


def test_the_drawing_is_clicked_and_saved_as_png(visit):
    page = visit("/architecture")
    page.locator("[data-layer=conv4]").first.click()
    expect(page).to_have_url(re.compile("layer=conv4"))
    wait_for_run(page)
    expect(page.get_by_label("Channels", exact=True)).to_have_value("384")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as PNG").first.click()
    assert download.value.suggested_filename == "alexnet.png"
    with Image.open(download.value.path()) as picture:
        assert picture.width == 2400
        assert len(set(picture.convert("L").resize((60, 30)).get_flattened_data())) > 5, "it is not blank"


def test_every_stop_of_the_tour_shows_what_it_says(visit):
    """Forth through all ten, and back and forth between the two stops that are the same page."""
    page = visit("/")
    page.get_by_role("button", name="Take the tour").click()
    main = page.get_by_test_id("stMain")

    def layer(name: str) -> None:
        expect(main.get_by_test_id("stSlider").filter(has_text="Layer")).to_contain_text(name)

    claims = [
        lambda: expect(headline(page)).to_contain_text("tabby"),
        lambda: expect(main.get_by_text("The shorter side to 224")).to_be_visible(),
        lambda: expect(main.get_by_test_id("stMetric").filter(has_text="Layers with weights")).to_contain_text("8"),
        lambda: layer("conv1"),
        lambda: layer("conv1"),
        lambda: layer("relu5"),
        lambda: expect(main.get_by_text("What speaks for it")).to_be_visible(),
        lambda: expect(main.get_by_role("heading", name="behind many layers")).to_be_visible(),
        lambda: expect(main.get_by_test_id("stDataFrame")).to_have_count(1),
        lambda: expect(main.get_by_label("Data", exact=False).first).to_have_value(re.compile("Shapes-10")),
    ]
    assert len(claims) == len(STOPS)

    def at(number: int) -> None:
        expect(main.get_by_text(f"Stop {number} of {len(STOPS)}")).to_be_visible(timeout=60_000)
        wait_for_run(page)
        claims[number - 1]()

    at(1)
    for number in range(2, len(STOPS) + 1):
        main.get_by_role("button", name="Next", exact=True).click()
        at(number)
        if number == 6:
            for _ in range(2):
                main.get_by_role("button", name="Back", exact=True).click()
                at(5)
                main.get_by_role("button", name="Next", exact=True).click()
                at(6)
            zeros = main.get_by_text("of all values are not above zero").inner_text()
            assert int(re.search(r"(\d+)% of all values", zeros)[1]) > 50
