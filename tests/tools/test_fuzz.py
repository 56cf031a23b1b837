"""A sample of `make fuzz` at every door; that its bars can be missed; and that SECURITY.md says what the code does."""

import os
import random
import re
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from alexnet_viz.pictures.images import decode
from tools.catalogue import ROOT
from tools.fuzz import __main__ as table
from tools.fuzz import images
from tools.fuzz.watch import BAIT, Attack, Report, Sandbox, meet_all

# Like chance would have it: none of these is the sample of another, or of `make fuzz`.
SEED = 20121203
SAMPLES = {"images": 2000, "checkpoints": 52, "archives": 28, "links": 240, "names": 90}


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    made = Sandbox(tmp_path.resolve())
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(made.root / "here")
    return made


@pytest.mark.parametrize("name", table.DOORS)
def test_a_sample_of_every_kind_is_accepted_or_refused_in_words(name, sandbox):
    for attack in table.door(name).sound(sandbox.given):
        attack.meet()
    before = sandbox.listing()
    report = meet_all(table.door(name).attack, SEED, range(SAMPLES[name]), sandbox)
    assert report.escaped == []
    assert report.outside == []
    assert report.met == report.accepted + report.refused == SAMPLES[name]
    assert report.refused > SAMPLES[name] // 4
    assert report.accepted > SAMPLES[name] // 20, "both ways out are taken"
    assert sandbox.listing() == before


def test_attacks_are_the_same_for_the_same_seed_and_number(sandbox):
    one, again, other = (images.mutant(random.Random(seed), 7) for seed in ("0/7", "0/7", "1/7"))
    assert one == again != other


# ---- The bars can be missed -----------------------------------------------------------------------------------------


def met(act, sandbox):
    return meet_all(lambda chance, number, given: Attack("act", act), 0, range(1), sandbox)


@pytest.mark.parametrize("act", [lambda: 1 / 0, sys.exit, lambda: warnings.warn("odd", stacklevel=1)])
def test_what_is_no_user_error_escapes(act, sandbox):
    assert met(act, sandbox).escaped


def test_a_refusal_does_not_escape(sandbox):
    report = met(lambda: decode(b"no picture"), sandbox)
    assert (report.refused, report.escaped) == (1, [])


@pytest.mark.parametrize(
    "act",
    [
        lambda root: (root / "user" / "x").write_text("x"),
        lambda root: (root / "tmp" / "x").mkdir(),
        lambda root: (root / "here" / "x").symlink_to("y"),
        lambda root: (root / BAIT / "secret.txt").rename(root / "home" / "x"),
        lambda root: (root / BAIT / "secret.txt").read_text(),
        lambda root: os.system("true"),
        lambda root: subprocess.run(["true"], check=True),
        lambda root: socket.socket().close() or socket.getaddrinfo("127.0.0.1", 80),
    ],
    ids=["write", "folder", "link", "move", "read", "shell", "process", "network"],
)
def test_what_is_done_outside_of_the_home_is_seen(act, sandbox):
    assert met(lambda: act(sandbox.root), sandbox).outside


def test_the_home_is_free_to_write(sandbox):
    assert met(lambda: (sandbox.home / "x").write_text("x"), sandbox).outside == []


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (Report(met=10, peak=299.0), "met"),
        (Report(met=9), "9 of 10 met"),
        (Report(met=10, escaped=["x"]), "1 problems"),
        (Report(met=10, outside=["x"]), "1 problems"),
        (Report(met=10, peak=300.0), "more than 300 MB"),
        (Report(escaped=["exit -11"]), "0 of 10 met"),
    ],
)
def test_verdicts(report, words):
    verdict = table.Row("images", 10, 1.0, report).verdict
    assert words in verdict
    assert verdict == "met" or "MISSED" in verdict


# ---- SECURITY.md ----------------------------------------------------------------------------------------------------

MIB, GIB = 2**20, 2**30


def limits():
    """Every limit that the document names, as it is written there, from the code."""
    from alexnet_viz.network import arithmetic, fitting, notation, pth, weights
    from alexnet_viz.pictures import images as pictures
    from alexnet_viz.training import archives, datasets, runs, uploads
    from pages.ui.store import returns

    return {
        "picture bytes": f"{pictures.MAX_BYTES // MIB} MiB",
        "picture pixels": f"{pictures.MAX_PIXELS // 10**6} million pixels",
        "picture pixels, WebP": f"{pictures.MAX_PIXELS_OF['WebP'] // 10**6} million pixels",
        "picture pixels, AVIF": f"{pictures.MAX_PIXELS_OF['AVIF'] // 10**6} million pixels",
        "picture pixels, HEIC": f"{pictures.MAX_PIXELS_OF['HEIC'] // 10**6} million pixels",
        "picture side": f"{pictures.MAX_SIDE:,} pixels",
        "picture shape": f"{pictures.MAX_ASPECT} times",
        "weights bytes": f"{weights.MAX_BYTES // MIB} MiB",
        "weights header": f"{weights.MAX_HEADER // MIB} MiB",
        "weights classes": f"{fitting.MAX_CLASSES:,} classes",
        "pickle": f"{pth.MOST_STEPS // 10**6} million instructions",
        "zip files": f"{archives.MAX_FILES:,} files",
        "zip listing": f"{archives.MAX_LISTING // MIB} MiB",
        "zip total": f"{archives.MAX_TOTAL // GIB} GiB",
        "zip ratio": f"{archives.MAX_RATIO} times",
        "zip depth": f"{archives.MAX_DEPTH} names",
        "decoded": f"{datasets.MAX_PIXEL_BYTES // GIB} GiB",
        "returns": f"{returns.MOST_VISITORS} visitors",
        "returns bytes": f"{returns.MOST_BYTES // MIB} MiB",
        "uploads": f"{uploads.MAX_UPLOADS} zips",
        "uploads bytes": f"{uploads.MAX_TOTAL // GIB} GiB",
        "link": f"{notation.MAX_LENGTH:,} characters",
        "layers": f"{notation.MAX_LAYERS} layers",
        "run memory": f"{arithmetic.MOST_BYTES // GIB} GiB",
        "run operations": f"{arithmetic.MOST_OPERATIONS // 10**9} billion operations",
        "run id": f"{runs.LONGEST_ID} letters",
        "growth": f"{table.MOST_GROWTH} MB",
        "minutes": f"{table.MOST_SECONDS // 60} minutes",
        "images": f"{table.DOORS['images']:,} pictures",
        "checkpoints": f"{table.DOORS['checkpoints']:,} weight files",
        "archives": f"{table.DOORS['archives']:,} zips",
        "links": f"{table.DOORS['links']:,} links",
        "names": f"{table.DOORS['names']:,} names",
    }


SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("limit", limits())
def test_a_limit_in_the_document_is_that_of_the_code(limit):
    assert re.search(rf"(?<![\d,]){re.escape(limits()[limit])}", SECURITY.replace("\n", " "))


def test_the_document_names_no_number_that_is_not_from_the_code():
    written = re.sub(r"`[^`]*`|CIFAR-10|sha256", "", SECURITY)
    known = {number for text in limits().values() for number in re.findall(r"\d[\d,]*\d|\d", text)}
    assert set(re.findall(r"\d[\d,]*\d|\d", written)) <= known


def test_files_that_the_document_names_exist():
    for path in re.findall(r"`((?:alexnet_viz|tests|pages|docs|deploy)/[\w./]+)`", SECURITY):
        assert (ROOT / path).exists(), path


def test_captums_matplotlib_keeps_its_files_at_home(sandbox, monkeypatch):
    from alexnet_viz.serving.imports import keep_caches_at_home

    monkeypatch.setenv("MPLCONFIGDIR", "")  # so that it is put back afterwards
    monkeypatch.delenv("MPLCONFIGDIR")
    keep_caches_at_home()
    assert Path(os.environ["MPLCONFIGDIR"]).is_relative_to(sandbox.home)
