"""A stock kernel of Debian's, booted in QEMU with one program of ours and nothing else.

Here: the package, its modules, the initramfs, the file system image, the command. Not here: what the program does
(replayer.c), what it says (guest_log.py), what is run (record.py).
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

HERE = Path(__file__).parent

PACKAGE = "linux-image-6.12.117+deb12-cloud-amd64"
"""The kernel that is recorded: 6.12, whose reclaim the model follows, as Debian builds it for virtual machines."""

MODULES = ("zram", "virtio_blk", "null_blk")
"""What the replayer needs and this kernel has not built in."""

FILE_SYSTEMS: dict[str, tuple[str, ...]] = {"ext4": (), "xfs": ("xfs",)}
"""By name: modules that it needs besides. ext4 of 6.12 has folios of one page, xfs of up to 512."""

COMMAND_LINE = (
    "console=ttyS0 panic=-1 loglevel=4 rootfstype=ramfs transparent_hugepage=never "
    "memmap=15M$1M "
    "mitigations=off no5lvl init_on_alloc=0 psi=0 audit=0"
)
"""`rootfstype=ramfs` keeps traces out of reclaim; huge pages are off; `memmap` leaves the zone below 16 MiB without
memory, so that one zone's watermarks are the machine's; the last line only saves time."""

PAGE_BYTES = 4096
_DIRECTORY = 0o40755
_PROGRAM = 0o100755
_TEXT = 0o100644

Entry = tuple[str, int, bytes]
"""Name, mode, content."""


class HarnessError(Exception):
    """Say why a recording cannot be made."""


def run_tool(
    *command: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> None:
    """Run a program of the host, with more in its environment where that is given, and fail with what it said.

    Raises:
        HarnessError: there is no such program, or it failed.
    """
    try:
        subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise HarnessError(
            f"{command[0]} was not found (Debian: apt install qemu-system-x86 e2fsprogs xfsprogs gcc libc6-dev)"
        ) from error
    except subprocess.CalledProcessError as error:
        raise HarnessError(f"{command[0]} failed: {error.stderr.strip()[-500:]}") from error


def unpacked_package(work: Path, package: str) -> Path:
    """Return the folder with the kernel's files; download and unpack the package where it is not there yet."""
    root = work / "kernels" / package
    if not any(root.glob("boot/vmlinuz-*")):
        downloads = work / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        if not any(downloads.glob(f"{package}_*.deb")):
            run_tool("apt-get", "download", package, cwd=downloads)
        root.mkdir(parents=True, exist_ok=True)
        run_tool("dpkg", "-x", next(downloads.glob(f"{package}_*.deb")), root)
    return root


def archive(entries: Iterable[Entry]) -> bytes:
    """Return files as an archive in the `newc` format of cpio, which the kernel unpacks at boot.

    Source: Documentation/driver-api/early-userspace/buffer-format.rst v6.12.
    """
    data = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        encoded = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
        data += b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (encoded, content):
            data += part
            data += bytes(-len(data) % 4)
    return bytes(data)


def needed_modules(files: Mapping[str, bytes], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the modules to load, each after those that it depends on.

    Args:
        files: content of each module of the kernel by its name; one that is not there is built in.
        wanted: names.
    """
    graph: dict[str, tuple[str, ...]] = {}
    waiting = [name for name in wanted if name in files]
    while waiting:
        name = waiting.pop()
        if name not in graph:
            graph[name] = tuple(other for other in dependencies(files[name]) if other in files)
            waiting.extend(graph[name])
    return tuple(TopologicalSorter(graph).static_order())


def dependencies(module: bytes) -> tuple[str, ...]:
    """Return what a module says it depends on: `depends=` of its .modinfo, a text that ends in a zero."""
    for text in module.split(b"\0"):
        if text.startswith(b"depends="):
            names = text.removeprefix(b"depends=").decode().split(",")
            return tuple(name.replace("-", "_") for name in names if name)
    return ()


class _ModuleFiles(Mapping[str, bytes]):
    """Read modules of a package when they are asked for."""

    def __init__(self, root: Path) -> None:
        paths = root.glob("lib/modules/*/kernel/**/*.ko*")
        self._paths = {path.name.split(".")[0].replace("-", "_"): path for path in paths}

    def __getitem__(self, name: str) -> bytes:
        path = self._paths[name]
        data = path.read_bytes()
        return lzma.decompress(data) if path.suffix == ".xz" else data

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def base_entries(root: Path, program: bytes, file_system: str) -> list[Entry]:
    """Return what every initramfs of this kernel holds: the program and its modules, those of a file system too."""
    files = _ModuleFiles(root)
    names = needed_modules(files, (*MODULES, *FILE_SYSTEMS[file_system]))
    listing = "".join(f"/modules/{name}.ko\n" for name in names)
    return [
        ("dev", _DIRECTORY, b""),
        ("modules", _DIRECTORY, b""),
        ("traces", _DIRECTORY, b""),
        ("init", _PROGRAM, program),
        ("modules/list", _TEXT, listing.encode()),
        *((f"modules/{name}.ko", _TEXT, files[name]) for name in names),
    ]


def boot_entries(plan: str, traces: Mapping[str, bytes], image: bytes | None) -> list[Entry]:
    """Return what the initramfs of one boot holds besides: what to run, on what, and the disk of memory."""
    entries = [("plan", _TEXT, plan.encode()), *((f"traces/{name}", _TEXT, traces[name]) for name in traces)]
    return entries if image is None else [*entries, ("image", _TEXT, image)]


def build_replayer(work: Path) -> bytes:
    """Compile the guest's program, statically, and return it."""
    binary = work / "replayer"
    run_tool("gcc", "-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-o", binary, HERE / "replayer.c")
    return binary.read_bytes()


def make_file_system(image: Path, file_system: str, nr_pages: int) -> None:
    """Make an image that holds one file, `pages`, whose page i begins with the number i + 1."""
    folder = image.with_suffix(".content")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pages").open("wb") as file:
        for index in range(nr_pages):
            file.write((index + 1).to_bytes(8, "little").ljust(PAGE_BYTES, b"\1"))
    image.unlink(missing_ok=True)
    kib = nr_pages * PAGE_BYTES // 1024 + 32768
    {"ext4": _make_ext4, "xfs": _make_xfs}[file_system](image, folder, kib)
    shutil.rmtree(folder)


def _make_ext4(image: Path, folder: Path, kib: int) -> None:
    """No journal: what a commit writes by itself, every five seconds, would be noise."""
    features = ("-O", "^has_journal", "-E", "lazy_itable_init=0", "-m", "0", "-b", str(PAGE_BYTES))
    run_tool("mke2fs", "-q", "-F", "-t", "ext4", *features, "-d", folder, image, f"{kib}k")


def _make_xfs(image: Path, folder: Path, kib: int) -> None:
    """One allocation group, so that the file is one extent.

    Below 300 MiB mkfs.xfs wants to hear that it is a test, as xfstests tell it: three names in the environment.
    """
    plan = folder / "plan"
    plan.write_text(f"/\n0 0\nd--755 0 0\npages ---644 0 0 {folder / 'pages'}\n$\n", encoding="utf-8")
    data = f"agcount=1,file,name={image},size={kib}k"
    is_test = dict.fromkeys(("TEST_DIR", "TEST_DEV", "QA_CHECK_FS"), "1")
    run_tool(
        "mkfs.xfs",
        "-q",
        "-f",
        "--unsupported",
        "-s",
        f"size={PAGE_BYTES}",
        "-d",
        data,
        "-p",
        plan,
        environment=is_test,
    )


@dataclass(frozen=True, slots=True)
class Guest:
    """Hold what is the same in every boot.

    Args:
        root: unpacked kernel package.
        program: the replayer.
        accelerator: `tcg`, or `kvm` where the host has it.
        memory_mib: the guest's memory.
    """

    root: Path
    program: bytes
    accelerator: str = "tcg"
    memory_mib: int = 1024

    def boot(self, folder: Path, file_system: str, entries: Sequence[Entry], disks: Sequence[Path]) -> None:
        """Boot once; `said` in the folder grows with what the program says.

        Under TCG the guest's clock counts its instructions, one a nanosecond, so that a host with other work to do
        changes nothing: timers, the reader of memory.stat, and the age of counters keep pace with the guest.

        Raises:
            HarnessError: QEMU failed; the program's own failure is part of what it said.
        """
        folder.mkdir(parents=True, exist_ok=True)
        initramfs = folder / "initramfs.gz"
        base = base_entries(self.root, self.program, file_system)
        initramfs.write_bytes(gzip.compress(archive([*base, *entries]), 1))
        said = folder / "said"
        said.write_bytes(b"")
        run_tool("nice", "-n", "15", *self._command(initramfs, folder / "console", said), *_drives(disks))

    def _command(self, initramfs: Path, console: Path, said: Path) -> list[str | Path]:
        clock = ["-icount", "shift=0,sleep=on"] if self.accelerator == "tcg" else []
        devices = "-display none -monitor none -nic none -no-reboot -serial".split()
        return [
            *("qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-accel", self.accelerator, *clock),
            *(
                "-smp",
                "1",
                "-m",
                str(self.memory_mib),
                *devices,
                f"file:{console}",
                "-serial",
                f"file:{said}",
            ),
            *("-kernel", next(self.root.glob("boot/vmlinuz-*")), "-initrd", initramfs),
            *("-append", COMMAND_LINE),
        ]


def _drives(disks: Sequence[Path]) -> list[str]:
    """Return options for disks, of which the guest's writes are forgotten."""
    options = "if=virtio,format=raw,cache=unsafe,snapshot=on"
    return [text for disk in disks for text in ("-drive", f"file={disk},{options}")]
