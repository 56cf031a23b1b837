"""Names in zips as their makers wrote them, by the programs and systems that people use."""

import io
import struct
import unicodedata
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_viz.files.zips import member_path, open_zip
from tools.fuzz.archives import UTF8, Member, written


def paths(*members: Member) -> list[str]:
    with open_zip(io.BytesIO(written(members)), most=2**20) as archive:
        return [member_path(info) for info in archive.infolist()]


def path(raw: bytes, *, flags: int = 0, extra: bytes = b"") -> str:
    (found,) = paths(Member(raw, flags=flags, extra=extra))
    return found


def unicode_path(name: str, plain: bytes, *, version: int = 1, crc: int | None = None) -> bytes:
    """The extra field 0x7075, as WinZip and 7-Zip write it."""
    field = struct.pack("<BI", version, zlib.crc32(plain) if crc is None else crc) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


KOREAN = [
    "고양이",
    "강아지",
    "개",
    "햄스터",
    "개·고양이",
    "고양이(암컷)",
    "새 폴더",
    "펭귄01",
    "똠얌꿍",
    "찦차 사진",
    "ㅋㅋ",
]
WESTERN = [
    "Bär",
    "forêt",
    "niño",
    "garçon",
    "Äpfel",
    "Öl",
    "Übung",
    "façade",
    "crème brûlée",
    "mañana",
    "Straße",
    "Åse",
]
WESTERN_850 = [
    "smørrebrød",
    "São Paulo",
    "leão",
    "coração",
    "mãe",
    "Ácido",
    "João",
    "À la carte",
    "Ímã",
    "ÓPERA",
    "Peñón",
]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        *(("utf-8", name) for name in (*KOREAN, *WESTERN, "猫", "кошка", "🐱", "👨‍👩‍👧", "می‌خواهم")),
        *(("cp949", name) for name in KOREAN),
        *((encoding, name) for encoding in ("cp437", "cp850") for name in WESTERN),
        *(("cp850", name) for name in WESTERN_850),
    ],
)
def test_names_without_a_flag(encoding, name):
    """UTF-8 by macOS, CP949 by Korean Windows, CP437 and CP850 by the Windows of the west."""
    raw = name.encode(encoding)
    assert path(raw + b"/1.png") == f"{name}/1.png"
    assert path(b"photos/" + raw + b".png") == f"photos/{name}.png"


def test_a_folder_has_one_name_whatever_its_files_are_called():
    names = ["고양이/뷁.png", "고양이/a.png", "고양이/고양이.png"]
    found = paths(*(Member(name.encode("cp949"), flags=0) for name in names))
    assert {name.split("/")[0] for name in found} == {"고양이"}
    mixed = paths(Member("고양이".encode("cp949") + b"/" + "Bär.png".encode("cp850"), flags=0))
    assert mixed == ["고양이/Bär.png"]


@pytest.mark.parametrize("name", ["고양이", "Bär", "👩🏽‍🚀", unicodedata.normalize("NFD", "고양이")])
def test_names_with_the_flag_are_utf8(name):
    assert path(f"{name}/1.png".encode(), flags=UTF8) == f"{name}/1.png"


@pytest.mark.parametrize("plain", [b"_____/1.png", "Bär/1.png".encode("cp850"), "고양이/1.png".encode("cp949")])
@pytest.mark.parametrize("flags", [0, UTF8])
def test_the_unicode_path_field_goes_first(plain, flags):
    if flags and not plain.isascii():
        pytest.skip("no UTF-8")
    before = struct.pack("<HHQ", 0x5455, 8, 0)  # another field
    assert path(plain, flags=flags, extra=before + unicode_path("猫/1.png", plain)) == "猫/1.png"


@pytest.mark.parametrize(
    "extra",
    [
        unicode_path("other/1.png", b"cat/1.png", crc=1),  # of another name: somebody renamed the file since
        unicode_path("other/1.png", b"cat/1.png", version=2),
        struct.pack("<HH", 0x7075, 0),
        struct.pack("<HHBI", 0x7075, 5, 1, zlib.crc32(b"cat/1.png")),  # without a name
        struct.pack("<HHBI", 0x7075, 8, 1, zlib.crc32(b"cat/1.png")) + b"\xff\xff\xff",  # no UTF-8
    ],
)
def test_a_unicode_path_field_of_no_use_is_passed_over(extra):
    assert path(b"cat/1.png", extra=extra) == "cat/1.png"


def test_backslashes_are_separators_however_the_name_is_stored():
    assert path(rb"pets\cat\1.png") == "pets/cat/1.png"
    assert path(rb"pets\cat\1.png", flags=UTF8) == "pets/cat/1.png"
    assert path("애완\\고양이\\1.png".encode("cp949")) == "애완/고양이/1.png"
    assert path(b"x", extra=unicode_path("고양이\\1.png", b"x")) == "고양이/1.png"


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_any_bytes_are_a_name(raw):
    """Nothing is raised, and what is ASCII stays as it is."""
    found = path(raw)
    assert found
    assert "\\" not in found
    if raw.isascii():
        assert found == raw.decode().replace("\\", "/")


def test_zipfile_reads_what_has_such_a_name():
    data = written([Member("고양이/1.png".encode("cp949"), b"data", flags=0)])
    with open_zip(io.BytesIO(data), most=2**20) as archive:
        assert archive.read(archive.infolist()[0]) == b"data"
    assert zipfile.is_zipfile(io.BytesIO(data))
