"""Downloading a file: from a server that this test starts, which stops half-way, lies, or is not there."""

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.files.download import DownloadProgress, alone, fetch
from tests.files.site import CONTENT, GOOD, dead_url, serving


@pytest.fixture
def site():
    with serving(CONTENT) as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "file.bin"


def part(target):
    return target.with_name("file.bin.part")


def test_a_download_arrives_whole_and_tells_its_progress(site, tmp_path):
    target = tmp_path / "new" / "folder" / "file.bin"
    progress = list(fetch(site.url, target, GOOD))
    assert target.read_bytes() == CONTENT
    assert [p.done for p in progress] == sorted(p.done for p in progress)
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, len(CONTENT), len(CONTENT))
    assert not part(target).exists()


@pytest.mark.parametrize(
    ("progress", "share", "mebibytes"),
    [
        (DownloadProgress(0, 100), 0.0, (0, 1)),
        (DownloadProgress(2**20, 4 * 2**20), 0.25, (1, 4)),
        (DownloadProgress(2**20 + 1, 3 * 2**20 + 3), pytest.approx(1 / 3), (2, 4)),
        (DownloadProgress(170_052_171, 170_052_171), 1.0, (163, 163)),
        (DownloadProgress(5, None), 0.0, (1, None)),
    ],
)
def test_progress_as_people_read_it(progress, share, mebibytes):
    assert progress.share == share
    assert progress.mebibytes == mebibytes


def test_one_that_stops_half_way_is_resumed(site, target):
    site.stop_after = 400_000
    with pytest.raises(UserError, match="it goes on where it stopped"):
        list(fetch(site.url, target, GOOD))
    assert part(target).stat().st_size == 400_000
    site.stop_after = None
    list(fetch(site.url, target, GOOD))
    assert site.ranges == [None, "bytes=400000-"]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(("arrived", "can_resume"), [(b"x" * 1000, False), (CONTENT, True)])
def test_a_server_that_cannot_resume_sends_it_all_again_and_a_finished_part_is_only_checked(
    site, target, arrived, can_resume
):
    part(target).write_bytes(arrived)
    site.can_resume = can_resume
    list(fetch(site.url, target, GOOD))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("digits", [8, 64])
def test_a_wrong_checksum_is_refused_and_nothing_but_our_own_part_removed(site, target, digits):
    target.write_bytes(b"the user's own file")
    with pytest.raises(UserError, match=f"begins with {GOOD[:8]} instead of 00000000"):
        list(fetch(site.url, target, "0" * digits))
    assert not part(target).exists()
    assert target.read_bytes() == b"the user's own file"


def test_stopping_keeps_what_has_arrived(site, target):
    going = fetch(site.url, target, GOOD)
    next(going)
    next(going)
    going.close()
    assert part(target).stat().st_size > 0
    list(fetch(site.url, target, GOOD))
    assert target.read_bytes() == CONTENT


def test_two_at_once_do_not_write_the_same_file(site, target):
    first = fetch(site.url, target, GOOD)
    next(first)
    with pytest.raises(UserError, match="is being downloaded already"):
        list(fetch(site.url, target, GOOD))
    list(first)
    assert target.read_bytes() == CONTENT


def test_the_lock_is_given_back_after_a_failure(target):
    with pytest.raises(ZeroDivisionError), alone(target):
        _ = 1 / 0
    with alone(target), pytest.raises(UserError, match="is being downloaded already"), alone(target):
        pass


def test_without_a_network_it_says_which_file_goes_where(target):
    url = dead_url()
    with pytest.raises(UserError) as raised:
        list(fetch(url, target, GOOD))
    said = str(raised.value)
    assert target.name in said
    assert str(target.parent) in said
    assert url in said


def test_a_page_that_is_not_there_is_said(site, target):
    site.content = b""  # answered with an error
    with pytest.raises(UserError, match="could not be downloaded"):
        list(fetch(site.url, target, GOOD))


def test_a_folder_that_cannot_be_written_is_said(site, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written into"):
        list(fetch(site.url, blocked / "file.bin", GOOD))


def test_a_full_disk_is_said(site, target):
    part(target).symlink_to("/dev/full")  # refuses every byte as a full disk does
    with pytest.raises(UserError, match="disk full"):
        list(fetch(site.url, target, GOOD))
