"""Looking inside with mouse and keyboard: choosing a channel, switching it off, covering a part of the picture."""

import re

from playwright.sync_api import expect

from tools.server import wait_for_run


def grid(page, label: str):
    """The picture of cells whose label starts so."""
    return page.locator(f".board[aria-label^='{label}']")


def test_a_click_and_the_arrow_keys_choose_a_channel(visit):
    page = visit("/feature_maps?layer=conv2&model=alexnet_cifar")
    maps = grid(page, "All 192 channels")
    expect(maps).to_be_visible()
    area = maps.bounding_box()
    maps.click(position={"x": area["width"] - 6, "y": 6})
    page.wait_for_url(re.compile(r"channel=\d+"))
    wait_for_run(page)
    last_of_the_row = int(re.search(r"channel=(\d+)", page.url)[1])
    expect(page.get_by_text(f"Here channel {last_of_the_row} of conv2 answers most.")).to_be_visible()
    maps.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"channel={last_of_the_row - 1}"))


def test_a_switched_off_channel_is_counted_and_comes_back(visit):
    page = visit("/feature_maps?layer=conv2&model=alexnet_cifar&tab=off")
    board = grid(page, "conv2: choose a channel")
    board.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("conv2: 1 off")).to_be_visible()
    wait_for_run(page)
    board.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is switched off.")).to_be_visible()


def test_a_box_drawn_with_the_mouse_covers_that_part(visit):
    page = visit("/attribution?tab=cover")
    board = page.locator(".board")
    expect(board).to_be_visible()
    board.scroll_into_view_if_needed()
    area = board.bounding_box()
    page.mouse.move(area["x"] + 10, area["y"] + 10)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.5 * area["width"], area["y"] + 0.5 * area["height"], steps=5)
    page.mouse.up()
    wait_for_run(page)
    said = page.get_by_text(re.compile(r"\d+ x \d+ pixels at row \d+, column \d+")).inner_text()
    width, height, top, left = map(int, re.findall(r"\d+", said))
    scale = 224 / area["width"]
    assert (top, left) == (round(10 * scale), round(10 * scale))
    assert abs(width - (112 - left)) <= 1
    assert abs(height - (112 - top)) <= 1


def test_a_long_job_can_be_stopped_and_shows_how_far_it_came(visit):
    page = visit("/filters?tab=wants&layer=conv5")
    page.get_by_text("Start from noise number").wait_for()  # the last control of the tab
    steps = page.locator("[data-testid='stSlider'] input[type=range]").last
    steps.focus()
    page.keyboard.press("End")  # 512 steps: long enough to be stopped on any machine
    expect(page.get_by_text("512", exact=True).first).to_be_visible()
    wait_for_run(page)
    page.get_by_role("button", name="Make the picture").click()
    stop = page.get_by_test_id("stButton").get_by_text("Stop", exact=True)
    page.get_by_text(re.compile("its answer is")).first.wait_for()
    stop.last.click()
    expect(page.get_by_text(re.compile(r"Stopped after step \d+ of 512"))).to_be_visible()
    expect(page.get_by_role("button", name="Make the picture")).to_be_visible()


def test_an_english_link_opens_the_same_attribution_in_korean(visit):
    page = visit("/attribution?image=coffee_and_orange&class=espresso&method=layercam&tab=classes&lang=ko")
    expect(page.get_by_role("heading", name="신경망은 어디를 보았을까요?")).to_be_visible()
    expect(page.get_by_text("견줄 클래스")).to_be_visible()
    assert "class=espresso" in page.url
    assert "method=layercam" in page.url
