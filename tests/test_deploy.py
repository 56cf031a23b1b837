"""What is shipped for hosting: nginx in front of two processes of the app, and what the container's file says.

One of the two runs from a copy of exactly the files that the Dockerfile copies, with a secret. Docker itself is not
tested: the machines of the tests have no daemon.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tools.catalogue import ROOT
from tools.server import free_port, running
from tools.waiting import until
from tools.websocket import connected, visit

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
SITE = ROOT / "deploy" / "nginx.conf"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UPLOAD_MB = 1  # of the processes in these tests; the shipped 300 are too many to send
SEATS = 24

MAIN = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    types {{ text/html html; application/javascript js; text/css css; }}
    log_format seats '$alexnet_seat $upstream_addr';
    access_log {folder}/seats.log seats;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True)
class Site:
    """nginx's address, the addresses of the two processes behind it, and who was sent where."""

    url: str
    backends: tuple[str, str]
    log: Path

    def seats(self) -> dict[str, set[str]]:
        """The processes that answered each seat so far."""
        found: dict[str, set[str]] = {}
        for line in self.log.read_text().splitlines():
            seat, address = line.split(maxsplit=1)
            found.setdefault(seat, set()).add(address)
        return found


def ask(url: str, path: str, method: str = "GET", seat: dict[str, str] | None = None, **sent: Any) -> requests.Response:
    """Over a connection of its own, packed only where that is asked for."""
    headers = {"Accept-Encoding": "identity", **sent.pop("headers", {})}
    return requests.request(method, url + path, cookies=seat, headers=headers, timeout=60, **sent)


def copied() -> list[str]:
    """The sources of the Dockerfile's COPY lines."""
    return re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """The files of the container."""
    folder = tmp_path_factory.mktemp("image")
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
        else:
            shutil.copy(ROOT / name, folder)
    # Streamlit Community Cloud has no other place for variables.
    (folder / ".streamlit" / "secrets.toml").write_text('ALEXNET_VIZ_TRAINING = "capped"\n', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hosted(image, tmp_path_factory) -> Iterator[Site]:
    if not NGINX:
        pytest.skip("nginx is not here; Debian: apt-get install --no-install-recommends nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("STREAMLIT_SERVER_MAX_UPLOAD_SIZE", str(UPLOAD_MB))
        home = folder / "home"
        first = stack.enter_context(running(ROOT / "app.py", home)).url
        second = stack.enter_context(running(image / "app.py", home)).url
        url = stack.enter_context(nginx(folder, first, second))
        yield Site(url, (first, second), folder / "seats.log")


@contextmanager
def nginx(folder: Path, first: str, second: str) -> Iterator[str]:
    """The shipped configuration on a free port, in front of these two."""
    port = free_port()
    text = SITE.read_text(encoding="utf-8")
    addresses = {"127.0.0.1:8501": urlsplit(first).netloc, "127.0.0.1:8502": urlsplit(second).netloc}
    for shipped, here in {**addresses, "listen 80;": f"listen 127.0.0.1:{port};"}.items():
        assert text.count(shipped) == 1
        text = text.replace(shipped, here)
    (folder / "site.conf").write_text(text, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "main.conf").write_text(MAIN.format(folder=folder, user=user), encoding="utf-8")
    process = subprocess.Popen(
        [NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "main.conf"], stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: process.poll() is not None or answers(port), patience=10)
        assert process.poll() is None, process.stderr.read()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def answers(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def session(url: str, cookies: dict[str, str]) -> Iterator[str]:
    """A visitor's websocket; yields the id of the session, which only the process that has it knows."""
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    with connected(url, additional_headers=header) as opened:
        message = BackMsg()
        message.rerun_script.SetInParent()
        opened.send(message.SerializeToString())
        while (told := ForwardMsg.FromString(opened.recv(60))).WhichOneof("type") != "new_session":
            pass
        yield told.new_session.initialize.session_id


# ---- nginx ----------------------------------------------------------------------------------------------------------


def test_a_page_is_served_and_its_scripts_shrink(hosted):
    page = ask(hosted.url, "/classify")
    assert page.status_code == 200
    script = re.search(r'src="\.?(/static/[^"]+\.js)"', page.text).group(1)
    plain, packed = ask(hosted.url, script), ask(hosted.url, script, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content == ask(hosted.backends[0], script).content
    assert packed.raw.tell() < len(plain.content) / 2  # bytes on the wire


def test_a_first_visit_gives_a_seat_and_the_next_keeps_it(hosted):
    seat = dict(ask(hosted.url, "/").cookies)
    assert len(seat["alexnet_seat"]) == 32
    assert "alexnet_seat" not in ask(hosted.url, "/", seat=seat).cookies
    assert ask(hosted.url, "/").cookies["alexnet_seat"] != seat["alexnet_seat"]


def test_a_seat_stays_with_its_process_and_both_processes_have_some(hosted):
    seats = [f"visitor-{number}" for number in range(SEATS)]
    for seat in seats * 3:
        assert ask(hosted.url, "/_stcore/health", seat={"alexnet_seat": seat}).text == "ok"
    found = hosted.seats()
    assert all(len(found[seat]) == 1 for seat in seats)
    both = {urlsplit(backend).netloc for backend in hosted.backends}
    assert set().union(*(found[seat] for seat in seats)) == both


def test_an_upload_reaches_the_process_that_has_the_session_and_its_limit_comes_back(hosted):
    """Streamlit refuses an upload of a session that it does not know (400), so this is stickiness seen from the app."""
    for _ in range(4):
        cookies = dict(ask(hosted.url, "/_stcore/health").cookies)  # as a browser's first requests get them
        assert set(cookies) == {"alexnet_seat", "_streamlit_xsrf"}
        with session(hosted.url, cookies) as session_id:
            path = f"/_stcore/upload_file/{session_id}/{uuid4()}"
            assert upload(hosted.url, path, cookies, 1000) == 204
            assert upload(hosted.url, path, cookies, (UPLOAD_MB * 2**20) + 100_000) == 413
            assert sorted(upload(backend, path, cookies, 1000) for backend in hosted.backends) == [204, 400]


def upload(url: str, path: str, cookies: dict[str, str], size: int) -> int:
    """The status of uploading so many bytes."""
    headers, files = {"X-Xsrftoken": cookies["_streamlit_xsrf"]}, {"file": ("a.txt", bytes(size))}
    return ask(url, path, "PUT", seat=cookies, headers=headers, files=files).status_code


def test_nginx_takes_what_the_app_takes_and_no_more(hosted):
    shipped = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    most = int(re.search(r"client_max_body_size (\d+)m;", SITE.read_text(encoding="utf-8")).group(1))
    assert most == shipped["server"]["maxUploadSize"]
    with socket.create_connection(("127.0.0.1", urlsplit(hosted.url).port), timeout=10) as door:
        head = f"PUT /_stcore/upload_file/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: {most * 2**20 + 1}\r\n\r\n"
        door.sendall(head.encode())
        assert door.recv(100).startswith(b"HTTP/1.1 413")  # before a byte of the file was sent


def test_the_websocket_carries_a_page_and_its_visitor_is_not_local(hosted):
    """Both listen on 127.0.0.1, where a visitor may name folders of the server; not one who comes through nginx."""
    offered = "A folder or zip on this computer"
    with visit(hosted.url, "train", "lang=en") as through, visit(hosted.backends[1], "train", "lang=en") as direct:
        assert not any(offered in box.options for box in through.widgets("selectbox"))
        assert any(offered in box.options for box in direct.widgets("selectbox"))


def test_a_secret_of_streamlit_is_a_variable_of_the_app(hosted):
    limit = "This server trains at most 111 epochs of this data in one run."
    with visit(hosted.backends[0], "train", "lang=en") as free, visit(hosted.backends[1], "train", "lang=en") as capped:
        assert limit not in {one.body for one in free.widgets("markdown")}
        assert limit in {one.body for one in capped.widgets("markdown")}


def test_figures_of_the_server_stay_inside(hosted):
    assert ask(hosted.backends[0], "/_stcore/metrics").status_code == 200
    assert ask(hosted.url, "/_stcore/metrics").status_code == 404


# ---- The container --------------------------------------------------------------------------------------------------


def exec_form(instruction: str) -> list[str]:
    """The command of CMD, or of the CMD in HEALTHCHECK."""
    text = DOCKERFILE.replace("\\\n", " ")
    return json.loads(re.search(rf"^{instruction} .*?(\[.*\])$", text, re.MULTILINE).group(1))


def test_the_health_check_tells_a_running_app_from_none(hosted):
    program, *arguments = exec_form("HEALTHCHECK")
    assert program == "python"
    patient = [text.replace("timeout=4", "timeout=60") for text in arguments]
    here = [text.replace("127.0.0.1:8501", urlsplit(hosted.backends[1]).netloc) for text in patient]
    gone = [text.replace("127.0.0.1:8501", "127.0.0.1:1") for text in arguments]
    assert here != patient != arguments
    assert subprocess.run([sys.executable, *here], check=False).returncode == 0
    assert subprocess.run([sys.executable, *gone], check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_the_container_has_every_module_and_asset_and_nothing_else(image):
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == set(copied())
    listed = subprocess.run(["git", "ls-files", "-z", *copied()], cwd=ROOT, capture_output=True, check=False).stdout
    here = [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
    assert not [name for name in here if not (image / name).is_file()]


def test_the_container_runs_the_app_for_everybody_but_not_as_root():
    lines = DOCKERFILE.splitlines()
    assert lines.index("USER explorer") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
    assert "USER root" not in lines
    program, *arguments = exec_form("CMD")
    assert (program, arguments[:4]) == ("python", ["-m", "streamlit", "run", "app.py"])
    assert dict(zip(arguments[4::2], arguments[5::2], strict=True)) == {
        "--server.address": "0.0.0.0",
        "--server.port": "8501",
    }
    assert re.search(r"^EXPOSE 8501$", DOCKERFILE, re.MULTILINE)
