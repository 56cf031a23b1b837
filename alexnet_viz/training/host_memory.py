"""How much memory a process may still take: of the machine, and of the control groups that a container is. No torch.

A container's /proc/meminfo is the machine's. The system ends a process whose group is over its limit, however much the
machine has. Described in the kernel's admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Files:
    """What one version of control groups calls things."""

    limit: str
    used: str
    reclaimable: str  # row of memory.stat: pages of files, which the system takes back when it needs them


_V1 = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Files("memory.max", "memory.current", "inactive_file")


def host_memory_free(root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take; None where the system does not say. `root` holds proc and sys."""
    told = _text(root / "proc/meminfo")
    found = re.search(r"MemAvailable:\s+(\d+) kB", told)
    free = [int(found[1]) * 1024] if found else []
    # A group's limit also holds for all groups inside it, so every one on the way up counts.
    free += [left for folder, files in _groups(root) if (left := _left(folder, files)) is not None]
    return max(0, min(free)) if free else None


def _left(folder: Path, files: _Files) -> int | None:
    """Bytes up to a group's limit; None where it has none."""
    limit, used = _text(folder / files.limit).strip(), _text(folder / files.used).strip()
    if not limit.isdecimal() or not used.isdecimal():  # "max", or no such file
        return None
    reclaimable = re.search(rf"^{files.reclaimable} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    return int(limit) - int(used) + (int(reclaimable[1]) if reclaimable else 0)


def _groups(root: Path) -> Iterator[tuple[Path, _Files]]:
    """The folders of this process's groups, each with those above it, as far as they can be seen from here."""
    # 4:memory:/docker/abc in version 1, 0::/docker/abc in version 2
    paths = {tuple(line.split(":", 2)[1].split(",")): line.split(":", 2)[2] for line in _lines(root, "cgroup")}
    for line in _lines(root, "mountinfo"):
        # 36 35 0:30 /docker/abc /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
        mount, _, kind = line.partition(" - ")
        file_system, _, options = kind.split(" ", 2)
        controller = "" if file_system == "cgroup2" else "memory"
        if file_system != "cgroup2" and (file_system != "cgroup" or "memory" not in options.split(",")):
            continue
        above, point = mount.split()[3:5]
        place = root / point.lstrip("/")
        path = next((path for controllers, path in paths.items() if controller in controllers), "/")
        # A container sees its own group as the mount's root; the path may be told as seen from outside.
        inside = path.removeprefix(above.rstrip("/")).strip("/") if path.startswith(above) else ""
        folder = place / inside
        while True:
            yield folder, _V2 if file_system == "cgroup2" else _V1
            if folder == place or ".." in folder.parts:
                break
            folder = folder.parent


def _lines(root: Path, name: str) -> list[str]:
    return [line for line in _text(root / "proc/self" / name).splitlines() if line.count(":") > 1 or " - " in line]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system than Linux, or not allowed
        return ""
