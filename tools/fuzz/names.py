"""Names of files, classes and runs: every script, every control character, and what other programs stumble over."""

import contextlib
import io
import random
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from alexnet_viz.cli import commands as cli
from alexnet_viz.network.weights import read_state
from alexnet_viz.pictures.images import decode
from alexnet_viz.training.archives import shown
from alexnet_viz.training.runs import run
from alexnet_viz.training.uploads import Upload, keep, safe_name, uploads, uploads_dir
from tools.class_folders import PLAIN, picture, zipped
from tools.fuzz.watch import BAIT, Attack

SCRIPTS = (
    *("photo", "Ångström straße", "Ωμέγα", "Фотография", "Լուսանկար", "תמונה", "صورة", "عکس‌ها", "चित्र", "ছবি", "படம்"),
    *("ภาพถ่าย", "ຮູບ", "རྒྱན", "ဓာတ်ပုံ", "ფოტო", "ፎቶ", "រូបថត", "ᠵᠢᠷᠤᠭ", "写真", "ｶﾀｶﾅ", "照片", "사진", "ᄉᆞ진", "ꦥꦺꦴ"),
    *(unicodedata.normalize("NFD", "우리 강아지"), "👩‍👩‍👧‍👦", "🇰🇷", "𝔓𝔥𝔬𝔱𝔬", "𓀀𓂀", "𐎠𐎭", "\U0010fffd", "\ue000"),
    *("\ufdd0", "\uffff"),
    "Z̸͓̀̂͜a̷͇̐l̶̰̋g̵̣͝ọ̵̏" + "\u0301" * 300,
)
CONTROLS = (
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA1)),
    *("\u200b", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\ufeff", "\u00ad", "\u180e", "\u3164", "\U000e0041"),
    *("\u202a", "\u202b", "\u202d", "\u202egnp.", "\u202c", "\u2066", "\u2067", "\u2068", "\u2069", "\ud800", "\udfff"),
)
TRICKS = (
    *("..", ".", "...", "~", "~root", "-rf", "--help", "CON", "NUL.png", "aux", "COM1", "$HOME", "%PATH%"),
    *("`id`", "$(id)"),
    *("{0}", "{name}", "{name.__class__}", "{", "}", "%s%n", "%(name)s", "<script>alert(1)</script>", "<img src=x>"),
    *("'; DROP TABLE runs; --", '"', "'", "|cat", "a&b", "a;b", "*", "?", "[x]", "**bold**", "# heading"),
    *("![](http://x)", "![x](https:&#47;&#47;evil.example&#47;p.png)"),
    *("$x^2$", ":red[x]", ":material/error:", "javascript:alert(1)", "data:text/html,x", "http://127.0.0.1/", "a:b"),
    *(" ", "  lead", "trail  ", "trail.", ".hidden", "a" * 255, "b" * 4000, "é" * 200),
    *("name.png.exe", "photo.jpg\0.png"),
)


def paths(bait: str) -> tuple[str, ...]:
    """Paths that lead out of where they are; the bait is what they would find."""
    up = "../" * 8
    return (
        *(bait, f"../{BAIT}/secret.txt", f"{up}etc/passwd", f"cat/{up}x.png", "cat/../../x.png"),
        *("/etc/passwd", "//server/x"),
        *("..\\x.png", "cat\\..\\..\\x.png", "C:\\x.png", "c:x.png", "C:/Windows/x.png", "\\\\server\\share\\x.png"),
        *("cat/%2e%2e/%2e%2e/x.png", "..%2f..%2fx.png", "....//....//x.png", "cat/..", ".."),
        *("./../x.png", "cat/./../../x"),
        *("file:///etc/passwd", f"file://{bait}", "~/x.png", "cat/\0/../../x.png", "cat//x.png", "/"),
        *("", "cat/．．/x.png"),
        *(f"cat/{'a/' * 500}x.png", "/proc/self/environ", "/dev/zero", "cat/․․/x.png", "cat/x.png/../../../y.png"),
    )


def name(chance: random.Random) -> str:
    """A hostile name of a few parts."""
    parts = [chance.choice(chance.choice((SCRIPTS, CONTROLS, TRICKS))) for _ in range(chance.choice((1, 1, 2, 3)))]
    return "".join(parts) + chance.choice(("", ".png", ".zip", ".pth", ".safetensors"))


def attack(chance: random.Random, number: int, given: Path) -> Attack:
    door = list(DOORS)[number % len(DOORS)]
    called = name(chance)
    if door != "command" and chance.random() < 0.2:  # the command line may read whatever its user may
        called = chance.choice(paths(str(given.parent / BAIT / "secret.txt")))
    return Attack(f"{door} {called[:60]!r}", lambda: DOORS[door](called))


def sound(given: Path) -> Sequence[Attack]:
    accepted = {"upload": "우리 강아지.zip", "class folder": "강아지"}
    return [Attack(door, lambda door=door, called=called: DOORS[door](called)) for door, called in accepted.items()]


# ---- Doors ----------------------------------------------------------------------------------------------------------


def _picture(called: str) -> None:
    decode(picture(), called)
    decode(b"no picture", called)


def _upload(called: str) -> None:
    with uploaded(called, io.BytesIO(_zip("cat"))) as kept:
        assert kept.name == safe_name(called)
        assert shown(kept.name) == kept.name
        assert kept in uploads()


def _class_folder(called: str) -> None:
    with uploaded("pets.zip", io.BytesIO(_zip(called))):
        pass


@contextlib.contextmanager
def uploaded(called: str, file: BinaryIO) -> Iterator[Upload]:
    """Kept as an upload, where uploads belong, until the block ends."""
    kept = keep(called, file, most=300 * 2**20)
    try:
        assert kept.path.parent == uploads_dir()
        yield kept
    finally:
        kept.path.unlink()
        kept.path.with_suffix(".json").unlink()


def _command(called: str) -> None:
    """A picture named on the command line."""
    with strict_terminal(), contextlib.suppress(SystemExit):
        cli.main(["predict", "--model", "lenet5", called])  # has no weights, so the name is all that is told
    cli._read(called)


@contextlib.contextmanager
def strict_terminal() -> Iterator[None]:
    """What is printed must fit on a terminal that takes only sound UTF-8."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        yield
    out.flush()


def _zip(label: str) -> bytes:
    try:
        return zipped({**PLAIN, f"{label}/x.png": picture()})
    except (ValueError, IndexError):  # a name that zipfile itself cannot write: half a character, none, too long
        return zipped({**PLAIN, "\\/x.png": picture()})


DOORS: Mapping[str, Callable[[str], object]] = {
    "picture": _picture,
    "weights": lambda called: read_state(b"no weights", called),
    "upload": _upload,
    "class folder": _class_folder,
    "run": run,
    "command": _command,
}
