"""How much memory a process may still take, by made-up /proc and /sys of machines and containers."""

import pytest

from alexnet_viz.training.host_memory import host_memory_free

GB = 10**9
V2 = "30 23 0:26 {above} /sys/fs/cgroup ro,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "36 32 0:32 {above} /sys/fs/cgroup/memory ro,nosuid master:16 - cgroup cgroup rw,memory\n"
V1_CPU = "35 32 0:31 {above} /sys/fs/cgroup/cpu ro,nosuid master:15 - cgroup cgroup rw,cpu,cpuacct\n"


def machine(root, available=64 * GB, mounts="", groups=""):
    (root / "proc/self").mkdir(parents=True)
    if available:
        (root / "proc/meminfo").write_text(
            f"MemTotal: 99999999 kB\nMemAvailable:   {available // 1024} kB\nCached: 5 kB\n"
        )
    (root / "proc/self/mountinfo").write_text(mounts)
    (root / "proc/self/cgroup").write_text(groups)


def group(root, path, limit, used, inactive, version=2):
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 7\n{names[2]} {inactive}\nactive_file 9\n")


def test_without_a_limit_it_is_what_the_machine_has(tmp_path):
    machine(tmp_path, mounts=V2.format(above="/"), groups="0::/user.slice\n")
    group(tmp_path, "user.slice", "max", 5 * GB, 0)
    assert host_memory_free(tmp_path) == 64 * GB // 1024 * 1024


def test_a_container_of_version_2_has_its_limit_less_what_cannot_be_taken_back(tmp_path):
    machine(tmp_path, mounts=V2.format(above="/"), groups="0::/\n")
    group(tmp_path, "", 2 * GB, GB, 300)
    assert host_memory_free(tmp_path) == GB + 300


def test_a_limit_further_up_counts_too(tmp_path):
    machine(tmp_path, mounts=V2.format(above="/"), groups="0::/app.slice/web.service\n")
    group(tmp_path, "app.slice", 3 * GB, 2 * GB, 0)
    group(tmp_path, "app.slice/web.service", 9 * GB, GB, 0)
    assert host_memory_free(tmp_path) == GB


@pytest.mark.parametrize(
    ("above", "path", "folder"),
    [
        ("/docker/abc", "/docker/abc", "memory"),  # Docker: the mount shows the group itself
        ("/docker/abc", "/docker/abc/job", "memory/job"),
        ("/", "/docker/abc", "memory/docker/abc"),  # the machine's own view
        ("/", "/", "memory"),  # a name space of its own
        ("/../..", "/", "memory"),
    ],
)
def test_version_1_finds_the_group_wherever_it_is_mounted(tmp_path, above, path, folder):
    mounts = V1_CPU.format(above="/") + V1.format(above=above)
    machine(tmp_path, mounts=mounts, groups=f"5:cpu,cpuacct:/other\n4:memory:{path}\n0::/\n")
    group(tmp_path, folder, 4 * GB, GB, 10, version=1)
    assert host_memory_free(tmp_path) == 3 * GB + 10


def test_no_limit_of_version_1_is_a_number_beyond_all_memory(tmp_path):
    machine(tmp_path, available=GB, mounts=V1.format(above="/"), groups="4:memory:/x\n")
    group(tmp_path, "memory/x", 9223372036854771712, 5, 0, version=1)
    assert host_memory_free(tmp_path) == GB // 1024 * 1024


def test_both_versions_beside_each_other(tmp_path):
    """systemd's hybrid: version 2 has no controllers, and memory is counted by version 1."""
    mounts = V2.format(above="/").replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ") + V1.format(above="/")
    machine(tmp_path, mounts=mounts, groups="4:memory:/x\n0::/x\n")
    (tmp_path / "sys/fs/cgroup/unified/x").mkdir(parents=True)
    group(tmp_path, "memory/x", 2 * GB, GB, 0, version=1)
    assert host_memory_free(tmp_path) == GB


def test_over_the_limit_nothing_is_free(tmp_path):
    machine(tmp_path, mounts=V2.format(above="/"), groups="0::/\n")
    group(tmp_path, "", GB, GB + 5, 0)
    assert host_memory_free(tmp_path) == 0


def test_a_system_without_proc_says_nothing(tmp_path):
    assert host_memory_free(tmp_path) is None


def test_a_machine_that_hides_its_memory_but_not_the_groups(tmp_path):
    machine(tmp_path, available=0, mounts=V2.format(above="/"), groups="0::/\n")
    group(tmp_path, "", 2 * GB, GB, 0)
    assert host_memory_free(tmp_path) == GB
