"""A Streamlit server of one's own, and what a browser that visits it waits for: for tests and tools."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tools.waiting import until

PATIENCE = 60  # seconds; torch takes its time on a busy machine

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [  # no sandbox as root; no traffic of the browser's own, which a test would mistake for ours
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@dataclass(frozen=True)
class Server:
    """A running server: its address and its process."""

    url: str
    process: subprocess.Popen


def wait_for_run(page: Any, timeout: int = 60_000) -> None:
    """Until the script has run and the browser has drawn it."""
    page.wait_for_timeout(250)  # widgets wait about 200 ms before they send anything
    for state in ("[data-test-connection-state='CONNECTED']", "[data-test-script-state='notRunning']"):
        page.locator(f"[data-testid='stApp']{state}").wait_for(state="attached", timeout=timeout)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(app: Path, home: Path | None = None, module: str = "streamlit") -> Iterator[Server]:
    """The app on a free port of 127.0.0.1, as `make run` starts it, with a home folder of its own or this one."""
    port = free_port()
    command = [sys.executable, "-m", module, "run", app.name, "--server.headless", "true"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "ALEXNET_VIZ_HOME": str(home or f"{folder}/home")}
        log = Path(folder) / "server.log"
        with log.open("wb") as out:
            process = subprocess.Popen([*command, *options], cwd=app.parent, stdout=out, stderr=out, env=env)
        server = Server(f"http://127.0.0.1:{port}", process)
        try:
            until(
                lambda: process.poll() is not None or _answers(server), PATIENCE, problem="the server does not answer"
            )
            assert process.poll() is None, f"the server died: {log.read_text()}"
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE)  # it may be in the middle of importing torch


def _answers(server: Server) -> bool:
    try:
        return requests.get(f"{server.url}/_stcore/health", timeout=1).ok
    except requests.RequestException:
        return False
