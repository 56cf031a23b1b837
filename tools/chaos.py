"""`make chaos`: training processes killed twenty times, servers ten times, and nothing is lost. Minutes.

Kills fall at random moments: while torch and the data are being loaded, between steps, while a checkpoint is being
written. Runs are resumed until they are through, and must have taken the course of a run that nobody disturbed.
"""

import os
import random
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from alexnet_viz.training.processes import Processes
from alexnet_viz.training.runs import Run, new_run, runs, write_status
from tools.catalogue import ROOT
from tools.disturbed_runs import (
    PATIENCE,
    at_home,
    chance_decides_much,
    check_interrupted,
    check_same,
    draw_pictures,
    finish,
    flags,
    kill_all,
    moment,
    never_disturbed,
    plain,
    processes_of,
    resumed_at,
    size_told,
    torchrun,
    until,
)
from tools.machine import processes
from tools.server import running
from tools.websocket import visit

PHASES = ("born", "starting", "stepping", "stepping", "saving")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with at_home(tmp_path_factory.mktemp("home")) as folder:
        draw_pictures(folder / "pictures")
        yield folder


@pytest.fixture(scope="module")
def chosen(home):
    return chance_decides_much(home / "pictures", epochs=60)


@pytest.fixture(scope="module")
def undisturbed(chosen):
    return never_disturbed(chosen)


# ---- The process ----------------------------------------------------------------------------------------------------


def test_twenty_kills_of_the_process(chosen, undisturbed):
    chance, kills, jobs = random.Random(1), 0, Processes()
    try:
        while kills < 20:
            run = new_run(chosen)
            jobs.start(run)
            kills += killed_until_through(jobs, run, chance, 20 - kills)
            check_same(run, undisturbed)
    finally:
        kill_all(jobs)


def killed_until_through(jobs: Processes, run: Run, chance: random.Random, most: int) -> int:
    """Kill the run's process and resume it, until one gets through. How many kills that were."""
    resumed: list[int] = []
    while len(resumed) < most:
        moment(run, chance.choice(PHASES), chance, size_told(run))
        if not processes_of(run):
            break  # it was quicker
        jobs.handles[run.id].kill()
        jobs.handles[run.id].wait(PATIENCE)
        if jobs.state(run) == "finished":
            break  # killed after its last word
        resumed.append(check_interrupted(run, jobs))
        jobs.resume(run)
    finish(jobs, run)
    assert set(resumed_at(run)) <= set(resumed)
    return len(resumed)


# ---- The server -----------------------------------------------------------------------------------------------------


def test_ten_kills_of_the_server(home, chosen, undisturbed):
    """The process notices, saves where it is, and goes too; the next server's page offers to resume."""
    chance, kills = random.Random(2), 0
    while kills < 10:
        run = new_run(chosen)
        write_status(run, replace(run.status(), heartbeat=0.0))  # as if it had been left long ago
        while Processes().state(run) != "finished":
            kills += server_killed(home, run, chance, spared=kills >= 10)
        check_same(run, undisturbed)


def server_killed(home: Path, run: Run, chance: random.Random, spared: bool) -> bool:
    """Start a server, press Resume on its page, and kill it at a random moment of the run, if it is not over then."""
    with running(ROOT / "app.py", home) as server, visit(server.url, "train", f"run={run.id}") as tab:
        told = size_told(run)
        tab.click("Resume")
        assert Processes().state(run) in ("queued", "running", "finished")
        moment(run, chance.choice(PHASES), chance, told)
        if spared or not processes_of(run):
            until(lambda: not processes_of(run))
            return False
        server.process.kill()
        server.process.wait(PATIENCE)
    until(lambda: not processes_of(run))
    if Processes().state(run) != "finished":
        check_interrupted(run)
    return True


# ---- One of two processes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [0, 1])
def test_a_kill_of_one_of_two_processes(home, rank):
    """Under torchrun the other one ends too, and both go on together."""
    command = [*torchrun(2), "train", *flags(plain(home / "pictures", epochs=60)), "--json"]
    to_the_end(command)
    whole = runs()[0]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: runs()[0] != whole and size_told(runs()[0]) > 3000)
        run = runs()[0]
        until(lambda: Processes().state(run) == "running")
        os.kill(process_of(rank, home), signal.SIGKILL)
        assert process.wait(PATIENCE) != 0
    assert Processes().state(run) in ("interrupted", "failed")
    assert not any(process_of(rank, home) for rank in (0, 1))
    to_the_end([*torchrun(2), "resume", run.id, "--json"])
    check_same(run, whole)


def to_the_end(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-1000:]}\n{done.stderr}"


def process_of(rank: int, home: Path) -> int:
    """The process that torchrun gave this rank; 0 if there is none."""
    found = processes(f"RANK={rank}", "environ") & processes(f"ALEXNET_VIZ_HOME={home}", "environ")
    return next(iter(found), 0)
