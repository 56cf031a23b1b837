"""Pictures made by hand: sound ones of every kind, and damage done to them at random; for tests and `tools/fuzz`."""

import io
import random
import re
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pillow_heif
from PIL import Image, PngImagePlugin

from alexnet_viz.pictures.images import KEPT_SIDE, Picture

SIZE = (40, 32)

pillow_heif.register_heif_opener()  # so that Pillow writes HEIC, here only: the app opens it without


def photo(size: tuple[int, int] = SIZE) -> Image.Image:
    """Smooth, coloured, and different in every corner."""
    y, x = np.mgrid[: size[1], : size[0]]
    red, green = 255 * x / (size[0] - 1), 255 * y / (size[1] - 1)
    return Image.fromarray(np.stack([red, green, 255 - (red + green) / 2], axis=-1).astype(np.uint8))


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def heic(image: Image.Image, **options: object) -> bytes:
    """As exact as HEVC makes it, and as fast."""
    return saved(image, "HEIF", **{"quality": -1, "chroma": 444, "enc_params": {"preset": "ultrafast"}} | options)


def with_segments(data: bytes, marker: int, contents: list[bytes]) -> bytes:
    """A JPEG with more segments behind its start."""
    return data[:2] + b"".join(struct.pack(">BBH", 0xFF, marker, len(part) + 2) + part for part in contents) + data[2:]


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Maker"
    return block.tobytes()


def chunk(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


def png(size: tuple[int, int], depth: int, colour: int, rows: bytes = b"", *extra: bytes) -> bytes:
    """A PNG by hand: claims any size, holds any rows, each led by its filter byte."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    return b"".join([PNG_MAGIC, header, *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")])


PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def png_rows(values: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in values)


def plain_png(*extra: bytes) -> bytes:
    """The photo with more chunks behind its header."""
    return png(SIZE, 8, 2, png_rows(np.asarray(photo()).reshape(SIZE[1], -1)), *extra)


def tiff_entry(data: bytes, tag: int) -> int:
    """Where the 12 bytes of a tag stand in a little-endian TIFF."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, at)[0] == tag:
            return at
    raise AssertionError(f"no tag {tag}")


def with_tag(data: bytes, tag: int, value: int) -> bytes:
    """The same TIFF with another value, or offset of values, in a tag."""
    at = tiff_entry(data, tag)
    kind = "<H" if struct.unpack_from("<H", data, at + 2)[0] == 3 else "<I"
    return data[: at + 8] + struct.pack(kind, value) + data[at + 8 + struct.calcsize(kind) :]


def tiff(directory: list[tuple[int, int, list[int]]], pixels: bytes, order: str = "<") -> bytes:
    """A TIFF by hand: tags with their kind (3: 16 bits, 4: 32 bits) and values, and the pixels from byte 16 on."""
    body, entries, end = b"", b"", 16 + len(pixels) + len(pixels) % 2
    for tag, kind, values in sorted(directory):
        raw = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(raw) > 4:
            value, body = struct.pack(order + "I", end + len(body)), body + raw
        else:
            value = raw.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + value
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, end + len(body)) + bytes(8)
    table = struct.pack(order + "H", len(directory)) + entries + bytes(4)
    return magic + pixels.ljust(end - 16, b"\0") + body + table


def planar_tiff(planes: np.ndarray, order: str, *, rows: int = 0, packed: bool = False, colours: int = 2) -> bytes:
    """Planes (C, H, W), one after the other, in strips of `rows`; `colours` is the photometry: 2 RGB, 5 CMYK."""
    count, height, width = planes.shape
    bits, rows = planes.itemsize * 8, rows or height
    strips = [plane[top : top + rows].tobytes() for plane in planes for top in range(0, height, rows)]
    strips = [zlib.compress(strip) if packed else strip for strip in strips]
    starts = [16 + sum(map(len, strips[:n])) for n in range(len(strips))]
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * count), (259, 3, [8 if packed else 1])]
    tags += [(262, 3, [colours]), (273, 4, starts), (277, 3, [count]), (278, 3, [rows])]
    tags += [(279, 4, [len(strip) for strip in strips]), (284, 3, [2])]
    tags += [(338, 3, [2])] if count == 4 and colours == 2 else []
    return tiff(tags, b"".join(strips), order)


def raw_tiff(*, preview: bool, dng: bool = True) -> bytes:
    """Like a camera's raw file: first a small picture, or none; the sensor's pixels further on."""
    pixels = photo().tobytes()
    tags = [(254, 4, [1 if preview else 0]), (256, 3, [40]), (257, 3, [32]), (259, 3, [1])]
    tags += [
        (258, 3, [8] * 3 if preview else [16]),
        (262, 3, [2 if preview else 32803]),
        (277, 3, [3 if preview else 1]),
    ]
    tags += [(271, 4, [0]), (273, 4, [16]), (278, 3, [32]), (279, 4, [len(pixels)]), (330, 4, [16])]
    return tiff([*tags, (50706, 4, [0x0401])] if dng else tags, pixels)


def rgba() -> Image.Image:
    """Red; the left half opaque, the right half half-transparent, the last column not there (hidden green)."""
    image = Image.new("RGBA", SIZE, (255, 0, 0, 255))
    image.paste((255, 0, 0, 128), (20, 0, 39, 32))
    image.paste((0, 255, 0, 0), (39, 0, 40, 32))
    return image


def corpus() -> dict[str, bytes]:
    """One small sound file of every kind that is accepted."""
    rgb, gray, alpha = photo(), photo().convert("L"), rgba()
    palette = rgb.quantize(32)
    frames = [photo(), photo().rotate(180)]
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "hello " * 20, zip=True)
    sixteen = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE[::-1])
    return {
        "jpeg": saved(rgb, "JPEG", exif=exif(6), comment="hello", icc_profile=b"x" * 300),
        "jpeg gray": saved(gray, "JPEG"),
        "jpeg cmyk": saved(rgb.convert("CMYK"), "JPEG"),
        "jpeg progressive": saved(rgb, "JPEG", progressive=True, optimize=True),
        "png": saved(rgb, "PNG", pnginfo=text, exif=exif(3), icc_profile=b"x" * 300),
        "png rgba": saved(alpha, "PNG"),
        "png palette": saved(palette, "PNG", transparency=3),
        "png 16": saved(Image.fromarray(sixteen.astype(np.uint16)), "PNG"),
        "png 1": saved(rgb.convert("1"), "PNG"),
        "apng": saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "webp": saved(rgb, "WebP", exif=exif(8)),
        "webp lossless": saved(alpha, "WebP", lossless=True),
        "webp animated": saved(frames[0], "WebP", save_all=True, append_images=frames[1:]),
        "avif": saved(rgb, "AVIF", exif=exif(6)),
        "avif animated": saved(alpha, "AVIF", save_all=True, append_images=[alpha.rotate(180)]),
        "heic": heic(rgb, exif=exif(6), icc_profile=b"x" * 300),
        "heic alpha": heic(alpha),
        "heic several": heic(frames[0], save_all=True, append_images=frames[1:]),
        "heic tiles": heic(photo(), tile_size=16, quality=80),
        "gif": saved(palette, "GIF", transparency=3, comment=b"hello"),
        "gif animated": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "bmp": saved(rgb, "BMP"),
        "bmp palette": saved(palette, "BMP"),
        "bmp rle": rle_bmp(),
        "tiff": saved(rgb, "TIFF", exif=exif(5)),
        "tiff deflate": saved(alpha, "TIFF", compression="tiff_adobe_deflate"),
        "tiff jpeg": saved(rgb, "TIFF", compression="jpeg"),
        "tiff pages": saved(photo(), "TIFF", save_all=True, append_images=[photo()]),
        "tiff float": saved(Image.fromarray(sixteen.astype(np.float32)), "TIFF", compression="tiff_lzw"),
        "tiff 16 big-endian": saved(Image.fromarray(sixteen.astype(">u2")), "TIFF"),
        "tiff cmyk": saved(rgb.convert("CMYK"), "TIFF"),
        "tiff fax": saved(rgb.convert("1"), "TIFF", compression="group4"),
    }


def rle_bmp() -> bytes:
    """Every row is one run of 40 pixels of the colour with the row's number."""
    rows = b"".join(bytes([SIZE[0], row, 0, 0]) for row in range(SIZE[1])) + b"\0\1"
    palette = b"".join(bytes([index, 0, 255 - index, 0]) for index in range(256))
    info = struct.pack("<IiiHHIIiiII", 40, *SIZE, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(rows), 0, 0, 54 + 1024) + info + palette + rows


CORPUS = corpus()


def is_sound(picture: Picture) -> bool:
    image = picture.image
    image.tobytes()  # really decoded
    return image.mode == "RGB" and 1 <= min(image.size) <= max(image.size) <= KEPT_SIDE


def gif_header(size: tuple[int, int], frame: tuple[int, int]) -> bytes:
    screen, extent = struct.pack("<HHBBB", *size, 0, 0, 0), struct.pack("<HHHHB", 0, 0, *frame, 0)
    return b"GIF89a" + screen + b"," + extent + b"\2\1\0\0;"


def webp_canvas(size: tuple[int, int]) -> bytes:
    data = CORPUS["webp animated"]
    assert data[12:16] == b"VP8X"
    return data[:24] + (size[0] - 1).to_bytes(3, "little") + (size[1] - 1).to_bytes(3, "little") + data[30:]


def webp_lossless(size: tuple[int, int]) -> bytes:
    data = CORPUS["webp lossless"]
    pixels = data[data.index(b"VP8L") :]
    pixels = pixels[:9] + (size[0] - 1 | size[1] - 1 << 14 | 1 << 28).to_bytes(4, "little") + pixels[13:]
    return b"RIFF" + (len(pixels) + 4).to_bytes(4, "little") + b"WEBP" + pixels


def claiming(format: str, mark: bytes, skip: int, layout: str, *numbers: int) -> bytes:
    """The photo with other numbers over those that stand so many bytes after a mark."""
    data = saved(photo(), format)
    at, claim = data.index(mark) + skip, struct.pack(layout, *numbers)
    return data[:at] + claim + data[at + len(claim) :]


def heic_item(size: tuple[int, int]) -> bytes:
    data = CORPUS["heic alpha"]
    return re.sub(rb"(?s)(?<=ispe\0{4}).{8}", lambda _: struct.pack(">II", *size), data)


BOMBS: dict[str, Callable[[tuple[int, int]], bytes]] = {
    "PNG": lambda size: png(size, 8, 6),
    "JPEG": lambda size: claiming("JPEG", b"\xff\xc0", 5, ">HH", *size[::-1]),
    "WebP canvas": webp_canvas,
    "WebP lossless": webp_lossless,
    "WebP lossy": lambda size: claiming("WebP", b"\x9d\x01\x2a", 3, "<HH", *size),
    "AVIF": lambda size: claiming("AVIF", b"ispe", 8, ">II", *size),
    "HEIC": heic_item,
    "BMP": lambda size: claiming("BMP", b"BM", 18, "<ii", *size),
    "TIFF": lambda size: with_tag(with_tag(saved(photo(), "TIFF"), 256, size[0]), 257, size[1]),
    "GIF screen": lambda size: gif_header(size, (1, 1)),
    "GIF frame": lambda size: gif_header((1, 1), size),
}


def ftyp(*brands: bytes) -> bytes:
    return struct.pack(">I4s4sI", 16 + 4 * len(brands), b"ftyp", brands[0], 0) + b"".join(brands) + bytes(200)


SVG = '<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>'


NUMBERS = [b"\0", b"\1", b"\x7f", b"\x80", b"\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"]


# ---- Damage: each changes a file in place ---------------------------------------------------------------------------

Mutation = Callable[[random.Random, bytearray], None]


def flip(chance: random.Random, data: bytearray) -> None:
    """Bits or whole bytes, few or many, anywhere or in the header."""
    most = chance.choice((len(data), len(data), min(len(data), 120)))
    change = chance.choice((lambda: 1 << chance.randrange(8), lambda: chance.randrange(256)))
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        data[chance.randrange(most)] ^= change()


def set_number(chance: random.Random, data: bytearray) -> None:
    """A length, a count, an offset: somewhere, an extreme number over what was there."""
    number, at = chance.choice(NUMBERS), chance.randrange(len(data))
    data[at : at + len(number)] = number


def cut_out(chance: random.Random, data: bytearray) -> None:
    """A few bytes, or all that follow."""
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 4, 50, len(data)))]


def repeat(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.choice((1, 12, 100))] * chance.choice((1, 3))


def splice(chance: random.Random, data: bytearray) -> None:
    """A piece of another picture."""
    other = chance.choice(list(CORPUS.values()))
    at, taken = chance.randrange(len(data)), chance.randrange(len(other))
    data[at : at + chance.choice((0, 20))] = other[taken : taken + chance.choice((4, 40, 400))]


DAMAGE: Sequence[Mutation] = (flip, set_number, cut_out, repeat)  # to files of any kind


def mutated(chance: random.Random, data: bytes, mutations: Sequence[Mutation] = DAMAGE) -> bytes:
    """The file after one or a few of them."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        if changed:
            chance.choice(mutations)(chance, changed)
    return bytes(changed)
