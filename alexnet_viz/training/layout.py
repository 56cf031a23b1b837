"""How a folder or zip sorts its pictures into classes: by the names in it, before any picture is read.

    found = layout_of(files)
    found.classes                      # ("cat", "dog"): label 0 is "cat"
    found.folders["train", "cat"]      # the files below that class folder, at any depth
    found.outside                      # ("README.md", "docs/"): what belongs to no class

Two layouts are understood, each also inside a few folders around everything:

    train/CLASS/PICTURE with test/CLASS/PICTURE or val/CLASS/PICTURE or both     split by whoever made it
    CLASS/PICTURE                                                                not split yet

Pictures in sub-folders of a class folder are of that class, as in torchvision's ImageFolder. A folder without any
picture is no class. No torch.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from alexnet_viz.errors import UserError
from alexnet_viz.training.archives import FileError, Files, Name, archive_kind, shown
from alexnet_viz.training.left_out import LeftOut, counted, glance, is_picture
from alexnet_viz.words.i18n import Message

MAX_WRAPPERS = 4  # folders around everything
MAX_BELOW = 8  # sub-folders of a class folder in one another
MOST_BESIDE = 3  # pictures of a folder that is taken for a stray one beside a folder of class folders,
MANY_TIMES = 3  # each of which has so many times more

Part = Literal["", "train", "validation", "test"]
ClassFolder = tuple[Part, str]  # "" where the dataset is not split; class
_Folders = Mapping[str, list[Name]]  # the files in each folder of one level

# What people call the parts of a dataset; 학습, 훈련: to learn; 검증: to validate; 테스트, 시험, 평가: to test.
_WORDS: Mapping[str, Part] = {
    **dict.fromkeys(("train", "training", "trn", "학습", "훈련"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "검증"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "테스트", "시험", "평가"), "test"),
}
_FILLERS = {
    "set",
    "data",
    "dataset",
    "split",
    "image",
    "images",
    "img",
    "imgs",
    "picture",
    "pictures",
    "photo",
    "photos",
}
_FILLERS |= {"folder", "용", "데이터", "이미지", "사진"}
_PICTURE_NAME = re.compile(
    r"\.(jpe?g?|jfif|png|apng|webp|avif|gif|bmp|dib|tiff?|hei[cf]|svg|psd|jp2|jxl|ico|p[bgpn]m|tga|dng|cr[23w]|nef|arw|"
    r"raf|orf|rw2)$",
    re.IGNORECASE,
)
_LOOKED_AT = 200  # files of a folder whose names don't tell


@dataclass(frozen=True)
class Layout:
    """The files of each class folder, and what belongs to none."""

    classes: tuple[str, ...]  # sorted
    folders: Mapping[ClassFolder, list[Name]]  # sorted
    paths: Mapping[ClassFolder, str]  # where each is, to be shown: "pets/val/cat"
    left_out: tuple[LeftOut, ...]  # outside the class folders, or too deep below one
    outside: tuple[str, ...]  # names of what lies outside, a folder with "/"

    @property
    def untested(self) -> tuple[str, ...]:
        """Classes without test pictures, where others have some."""
        tested = {label for part, label in self.folders if part == "test"}
        return tuple(label for label in self.classes if tested and label not in tested)


def layout_of(files: Files) -> Layout:
    """The layout of what is listed; at most a few files are looked into. One that is none raises `UserError`."""
    if not files.names:
        raise UserError("{source} holds no files. It needs a folder of pictures for each class.", source=files.title)
    try:
        found, depth = _class_folders(files)
        paths = {key: shown(*names[0][: depth[names[0]]]) for key, names in found.items()}
        classes = _classes(paths, files.title)
    except UserError:
        _refuse_archives_inside(files)
        raise
    inside = {name for names in found.values() for name in names}
    rest = [name for name in files.names if name not in inside]
    deep = {
        name: label for (_, label), names in found.items() for name in names if len(name) > depth[name] + MAX_BELOW + 1
    }
    folders = {key: [name for name in names if name not in deep] for key, names in found.items()}
    left_out = counted([*(("", "outside") for _ in rest), *((label, "outside") for label in deep.values())])
    return Layout(classes, folders, paths, left_out, tuple(_named(rest, inside)))


def survey(files: Files, found: Layout) -> tuple[int, tuple[LeftOut, ...]]:
    """How many files look like pictures that can be learnt from, and all that is left out. None is decoded.

    Raises `UserError` for a class folder in which nothing does.
    """
    usable, problems = 0, []
    for key, names in found.folders.items():
        found_here = [problem for name in names if (problem := glance(files, name))]
        refuse_empty(found.paths[key], len(names), found_here)
        usable += len(names) - len(found_here)
        problems += [(key[1], problem.reason) for problem in found_here]
    return usable, tuple(sorted((*found.left_out, *counted(problems))))


def refuse_empty(path: str, count: int, problems: Sequence[UserError]) -> None:
    """Refuse a class folder none of whose `count` files can be used; `problems` says why not, of each."""
    if len(problems) < count:
        return
    raise UserError(
        "None of the files in the class folder {folder} is a picture that can be used ({count:,} tried). "
        "Add pictures or remove the folder. The first one: {reason}",
        folder=path,
        count=count,
        reason=problems[0].message if problems else Message("none"),
    )


# ---- Folders that mean something ------------------------------------------------------------------------------------


def _class_folders(files: Files) -> tuple[dict[ClassFolder, list[Name]], dict[Name, int]]:
    """The files below each class folder, and how many parts of each one's path name that folder."""
    looks = _Looks(files)
    names, depth = files.names, 0
    for depth in range(MAX_WRAPPERS + 1):
        folders = looks.folders(names, depth)
        parts = _parts(folders)
        inner = None if parts or depth == MAX_WRAPPERS else _wrapper(looks, folders, depth)
        if inner is None:
            break
        names = folders[inner]
    found: dict[ClassFolder, list[Name]] = {}
    deepest: dict[Name, int] = {}
    trained: dict[str, str] = {}  # classes to learn from, by their names in any case
    for part, level, at in _levels(looks, folders, parts, depth):
        for label, below in level.items():
            same = label if label in trained.values() else trained.get(label.casefold(), label)  # train/Cat, test/cat
            found.setdefault((part, label if part in ("", "train") else same), []).extend(below)
            trained |= {label.casefold(): label} if part == "train" else {}
            deepest |= dict.fromkeys(below, at + 1)
    if not found:
        tops = sorted({name[0] for name in files.names if len(name) > 1})
        raise UserError(
            "The pictures in {source} are not sorted into class folders. Arrange them as CLASS/PICTURE, or as "
            "train/CLASS/PICTURE and test/CLASS/PICTURE. Folders found at its top: {folders}.",
            source=files.title,
            folders=shown(", ".join(tops[:5])) or Message("none"),
        )
    return {key: sorted(found[key]) for key in sorted(found)}, deepest


class _Looks:
    """Whether files look like pictures: by their names, or by the first bytes of a few."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def folders(self, names: Iterable[Name], depth: int) -> dict[str, list[Name]]:
        """The folders at a depth that hold a picture anywhere, with all their files."""
        found: dict[str, list[Name]] = {}
        for name in names:
            if len(name) > depth + 1:
                found.setdefault(name[depth], []).append(name)
        return {folder: below for folder, below in found.items() if self._any(below)}

    def direct(self, names: Iterable[Name], depth: int) -> bool:
        """Whether there are pictures at this very depth, in no folder."""
        return self._any([name for name in names if len(name) == depth + 1])

    def _any(self, names: Sequence[Name]) -> bool:
        return any(_PICTURE_NAME.search(name[-1]) for name in names) or any(
            map(self._is_picture, islice(names, _LOOKED_AT))
        )

    def _is_picture(self, name: Name) -> bool:
        try:
            return is_picture(self._files.head(name))
        except FileError:
            return False


def _wrapper(looks: _Looks, folders: _Folders, depth: int) -> str | None:
    """The folder that is around everything; None where these are the class folders themselves."""
    split = [folder for folder, names in folders.items() if _parts(looks.folders(names, depth + 1))]
    if len(split) == 1:
        return split[0]
    trained = [folder for folder in folders if _part_of(folder)[0] == "train"]
    if len(trained) == 1 and _is_wrapper(looks, folders[trained[0]], depth + 1):
        return trained[0]  # what is beside it is no part that is known
    if len(folders) != 1:
        return _beside_few(looks, folders, depth)
    ((folder, names),) = folders.items()
    inside = looks.folders(names, depth + 1)
    # A class folder with pictures of its own and one sub-folder is a class folder.
    return folder if len(inside) > 1 or (inside and not looks.direct(names, depth + 1)) else None


def _beside_few(looks: _Looks, folders: _Folders, depth: int) -> str | None:
    """A folder of class folders, where all that is beside it are folders of a few pictures: samples/1.jpg."""
    wrappers = [folder for folder, names in folders.items() if _is_wrapper(looks, names, depth + 1)]
    if len(wrappers) != 1:
        return None
    few = min(len(names) for names in looks.folders(folders[wrappers[0]], depth + 1).values()) / MANY_TIMES
    beside = (names for folder, names in folders.items() if folder != wrappers[0])
    return wrappers[0] if all(len(names) <= min(MOST_BESIDE, few) for names in beside) else None


def _is_wrapper(looks: _Looks, names: list[Name], depth: int) -> bool:
    """Whether a folder holds several folders of pictures and none beside them."""
    return len(looks.folders(names, depth)) > 1 and not looks.direct(names, depth)


def _levels(
    looks: _Looks, folders: _Folders, parts: Mapping[str, Part], depth: int
) -> Iterator[tuple[Part, _Folders, int]]:
    """The class folders of each part, and their depth."""
    if not parts:
        if not (len(folders) == 1 and all(_part_of(folder)[0] for folder in folders)):  # train/PICTURE
            yield "", folders, depth
        return
    inside: dict[Part, list[tuple[_Folders, int]]] = {"train": [], "validation": [], "test": []}
    for folder, part in parts.items():
        at, names = depth + 1, folders[folder]
        level = looks.folders(names, at)
        inner = _wrapper(looks, level, at)  # seg_train/seg_train/CLASS
        if inner is not None and (part == "train" or not _is_class(inner, inside["train"])):
            at, level = at + 1, looks.folders(level[inner], at + 1)
        if part != "train" and len(level) == 1 and not any(_is_class(label, inside["train"]) for label in level):
            level = {}  # pictures to be named by who enters a contest: nobody says of which class they are
        inside[part].append((level, at))
    split = any(level for part in ("validation", "test") for level, _ in inside[part])
    trained = any(level for level, _ in inside["train"])
    for part, levels in inside.items():
        for found, at in levels:
            if trained and (split or part == "train"):
                yield part if split else "", found, at


def _is_class(label: str, trained: list[tuple[_Folders, int]]) -> bool:
    return any(label in level for level, _ in trained)


# ---- Names of parts -------------------------------------------------------------------------------------------------


def _parts(folders: Iterable[str]) -> dict[str, Part]:
    """The folders that are parts of a split dataset, train first; {} unless there are two.

    What is beside the word has to be the same: "seg_train" and "seg_test" are parts, "train" and "test tube" are not.
    """
    found: dict[str, dict[str, Part]] = {}
    for folder in folders:
        part, beside = _part_of(folder)
        if part:
            found.setdefault(beside, {})[folder] = part
    order: tuple[Part, ...] = ("train", "validation", "test")
    for parts in found.values():
        if len(set(parts.values())) > 1:
            return dict(sorted(parts.items(), key=lambda item: (order.index(item[1]), item[0])))
    return {}


def _part_of(folder: str) -> tuple[Part, str]:
    """The part that a folder's name means, "" for none, and the words beside it."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder)  # TrainImages
    words = [word.removesuffix("set") or word for word in re.split(r"[\W_\d]+", spaced.casefold())]  # trainset
    named = [word for word in words if word in _WORDS]
    beside = " ".join(word for word in words if word not in _WORDS and word not in _FILLERS)
    return (_WORDS[named[0]] if len(named) == 1 else ""), beside.strip()


# ---- Classes --------------------------------------------------------------------------------------------------------


def _classes(paths: Mapping[ClassFolder, str], title: str) -> tuple[str, ...]:
    classes = sorted({label for part, label in paths if part in ("", "train")})
    strangers = sorted({label for _, label in paths} - set(classes))
    if strangers:
        part, path = next((part, path) for (part, label), path in paths.items() if label == strangers[0])
        raise UserError(
            "{source} has {part} pictures of {classes}, but none to learn from. Add train/{first} or remove {folder}.",
            source=title,
            part=Message("test") if part == "test" else Message("validation"),
            classes=shown(", ".join(strangers)),
            first=shown(strangers[0]),
            folder=path,
        )
    if len(classes) < 2:
        raise UserError(
            "{source} has only 1 class, {label}; at least 2 are needed. Add a folder of pictures of something else.",
            source=title,
            label=shown(classes[0]),
        )
    for label in classes:
        if shown(label) != label:
            raise UserError(
                "The class folder {label} in {source} has characters that cannot be shown. Rename it.",
                source=title,
                label=shown(label),
            )
    return tuple(classes)


# ---- What lies outside ----------------------------------------------------------------------------------------------


def _named(rest: Iterable[Name], inside: Iterable[Name]) -> Iterator[str]:
    """The topmost folders, and files, that hold nothing of the dataset."""
    holding = {name[:depth] for name in inside for depth in range(len(name))}
    seen = set()
    for name in rest:
        depth = next(depth for depth in range(1, len(name) + 1) if name[:depth] not in holding or depth == len(name))
        if name[:depth] not in seen:
            seen.add(name[:depth])
            yield shown(*name[:depth]) + ("/" if depth < len(name) else "")


def _refuse_archives_inside(files: Files) -> None:
    """Where no class folders were found, they may be in an archive inside."""
    for name in islice((name for name in files.names if not _PICTURE_NAME.search(name[-1])), _LOOKED_AT):
        try:
            head = files.head(name)
        except FileError:
            continue
        if head.startswith(b"PK\3\4") and name[-1].casefold().endswith(".zip"):
            raise UserError(
                "{source} holds another zip, {name}. Unpack that one and make one zip of its class folders.",
                name=shown(*name),
                source=files.title,
            )
        if kind := archive_kind(head):
            raise UserError(
                "{source} holds another archive, {name} ({kind}). Unpack that one and make one zip of its class "
                "folders.",
                name=shown(*name),
                kind=kind,
                source=files.title,
            )
