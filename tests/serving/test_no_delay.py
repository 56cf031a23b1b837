"""Sockets that listen get TCP_NODELAY, whatever happens to the objects that hold them."""

import gc
import socket
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from alexnet_viz.serving.no_delay import set_no_delay
from pages.ui.store import rules
from tools.catalogue import ROOT
from tools.server import running
from tools.websocket import visit

SERVER = """
import socket
from alexnet_viz.serving.no_delay import set_no_delay
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
first = socket.create_connection(listening.getsockname())
before, _ = listening.accept()
{meanwhile}
print(set_no_delay())
second = socket.create_connection(listening.getsockname())
after, _ = listening.accept()
option = socket.IPPROTO_TCP, socket.TCP_NODELAY
print(*(bool(one.getsockopt(*option)) for one in (before, after, first)), set_no_delay())
for one in (first, before, second, after, listening):
    one.close()
"""


@pytest.mark.parametrize("meanwhile", ["", "import gc; gc.freeze()"])
def test_connections_get_the_option_those_that_are_there_already_too(meanwhile):
    """In a process of its own, whose only socket this is."""
    if meanwhile and not sys.platform.startswith("linux"):
        pytest.skip("frozen objects are found on Linux only")
    code = SERVER.format(meanwhile=meanwhile)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "True", "True", "False", "0"]
    assert not done.stderr


def test_other_sockets_are_left_alone():
    with socket.socket() as idle, socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        gc.collect()
        set_no_delay()
        assert not idle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        idle.fileno()  # and still open


APP = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from alexnet_viz.serving.no_delay import set_no_delay
with Path({out!r}).open("a") as file:
    print(set_no_delay(), file=file)
"""


def test_streamlit_does_not_do_it_itself(tmp_path):
    """If this fails, the option is set without us: serving/no_delay.py and its call can go."""
    app, out = tmp_path / "app.py", tmp_path / "lacking.txt"
    app.write_text(APP.format(root=str(ROOT), out=str(out)))
    with running(app) as server, visit(server.url) as tab:
        tab.rerun()
        tab.rerun()
    assert out.read_text().split()[:2] == ["1", "0"]


def test_the_app_does_it_before_its_first_page(monkeypatch):
    asked = []
    monkeypatch.setattr(rules, "set_no_delay", lambda: asked.append(True))
    rules.answer_at_once.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.run()
    assert asked == [True], "once for the server"
