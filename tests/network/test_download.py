"""Downloading weights: from a server that this test starts, which stops half-way, lies, or is not there."""

import hashlib
import http.server
import threading
from dataclasses import replace

import pytest

from alexnet_viz.errors import UserError
from alexnet_viz.network.download import download
from alexnet_viz.network.zoo import MODELS

CONTENT = bytes(range(256)) * 5000  # 1.28 MB, several chunks
GOOD = hashlib.sha256(CONTENT).hexdigest()[:8]


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, with ranges where the server says so; `stop_after` bytes it hangs up."""

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.can_resume else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if wanted and server.can_resume else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        self.wfile.write(server.content[start:][: server.stop_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.can_resume, server.stop_after, server.ranges = CONTENT, True, None, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(site, folder, checksum=GOOD):
    entry = replace(MODELS["alexnet_torchvision"], hub=f"net-{checksum}.pth")
    return list(download(entry, url=f"http://127.0.0.1:{site.server_port}/net.pth", folder=folder))


def test_a_download_arrives_whole_and_tells_its_progress(site, tmp_path):
    progress = fetch(site, tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder" / f"net-{GOOD}.pth").read_bytes() == CONTENT
    assert [p.done for p in progress] == sorted(p.done for p in progress)
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, len(CONTENT), len(CONTENT))
    assert not list(tmp_path.rglob("*.part"))


def test_one_that_stops_half_way_is_resumed(site, tmp_path):
    site.stop_after = 400_000
    with pytest.raises(UserError, match="it goes on where it stopped"):
        fetch(site, tmp_path)
    assert (tmp_path / f"net-{GOOD}.pth.part").stat().st_size == 400_000
    site.stop_after = None
    fetch(site, tmp_path)
    assert site.ranges == [None, "bytes=400000-"]
    assert (tmp_path / f"net-{GOOD}.pth").read_bytes() == CONTENT


def test_a_server_that_cannot_resume_sends_it_all_again(site, tmp_path):
    (tmp_path / f"net-{GOOD}.pth.part").write_bytes(b"x" * 1000)
    site.can_resume = False
    fetch(site, tmp_path)
    assert (tmp_path / f"net-{GOOD}.pth").read_bytes() == CONTENT


def test_a_finished_part_is_only_checked(site, tmp_path):
    (tmp_path / f"net-{GOOD}.pth.part").write_bytes(CONTENT)
    fetch(site, tmp_path)
    assert (tmp_path / f"net-{GOOD}.pth").read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_removed(site, tmp_path):
    with pytest.raises(UserError, match=f"begins with {GOOD} instead of 00000000"):
        fetch(site, tmp_path, checksum="00000000")
    assert not list(tmp_path.glob("*.pth*.part"))
    assert not list(tmp_path.glob("*.pth"))


def test_nothing_but_our_own_part_is_ever_removed(site, tmp_path):
    mine = tmp_path / "net-00000000.pth"
    mine.write_bytes(b"the user's own file")
    with pytest.raises(UserError):
        fetch(site, tmp_path, checksum="00000000")
    assert mine.read_bytes() == b"the user's own file"


def test_stopping_keeps_what_has_arrived(site, tmp_path):
    entry = replace(MODELS["alexnet_torchvision"], hub=f"net-{GOOD}.pth")
    going = download(entry, url=f"http://127.0.0.1:{site.server_port}/net.pth", folder=tmp_path)
    next(going)
    next(going)
    going.close()
    assert (tmp_path / f"net-{GOOD}.pth.part").stat().st_size > 0
    fetch(site, tmp_path)
    assert (tmp_path / f"net-{GOOD}.pth").read_bytes() == CONTENT


def test_two_at_once_do_not_write_the_same_file(site, tmp_path):
    entry = replace(MODELS["alexnet_torchvision"], hub=f"net-{GOOD}.pth")
    first = download(entry, url=f"http://127.0.0.1:{site.server_port}/net.pth", folder=tmp_path)
    next(first)
    with pytest.raises(UserError, match="is being downloaded already"):
        fetch(site, tmp_path)
    list(first)
    assert (tmp_path / f"net-{GOOD}.pth").read_bytes() == CONTENT


def test_without_a_network_it_says_which_file_goes_where(site, tmp_path):
    port = site.server_port
    site.shutdown()
    site.server_close()
    entry = replace(MODELS["alexnet_torchvision"], hub=f"net-{GOOD}.pth")
    with pytest.raises(UserError) as raised:
        list(download(entry, url=f"http://127.0.0.1:{port}/net.pth", folder=tmp_path))
    said = str(raised.value)
    assert f"net-{GOOD}.pth" in said
    assert str(tmp_path) in said
    assert f"http://127.0.0.1:{port}/net.pth" in said


def test_a_page_that_is_not_there_is_said(site, tmp_path):
    site.content = b""  # answered with an error
    with pytest.raises(UserError, match="could not be downloaded"):
        fetch(site, tmp_path)


def test_a_folder_that_cannot_be_written_is_said(site, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written into"):
        fetch(site, blocked)


def test_the_published_file_and_its_checksum_are_torchvisions():
    from torchvision.models import AlexNet_Weights

    entry = MODELS["alexnet_torchvision"]
    assert entry.url == AlexNet_Weights.IMAGENET1K_V1.url
    assert entry.url.endswith(entry.hub)
