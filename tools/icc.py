"""ICC profiles by hand, from published numbers, and what colours they mean by arithmetic of its own.

The colorants are those of the well-known files (adapted to D50); the matrices are the published ones between linear
values of two RGB spaces (Lindbloom, "RGB/XYZ matrices"; CSS Color 4).
"""

import struct

import numpy as np

# Name: colorants of red, green and blue (XYZ, D50), exponent (None: sRGB's curve), and linear values to linear sRGB.
RGB_SPACES = {
    "Display P3": (
        ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
        None,
        ((1.2249402, -0.2249402, 0.0), (-0.0420570, 1.0420570, 0.0), (-0.0196376, -0.0786360, 1.0982736)),
    ),
    "Adobe RGB (1998)": (
        ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
        563 / 256,
        ((1.3983557, -0.3983557, 0.0), (0.0, 1.0, 0.0), (0.0, -0.0429289, 1.0429289)),
    ),
    "ProPhoto RGB": (
        ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
        1.8,
        ((2.0341926, -0.7274198, -0.3067655), (-0.2288108, 1.2317292, -0.0029216), (-0.0085649, -0.1532726, 1.1618390)),
    ),
}


def in_srgb(pixels: np.ndarray, space: str) -> np.ndarray:
    """Pixels (..., 3) of 0 to 255 in that space, in sRGB by hand."""
    _, exponent, matrix = RGB_SPACES[space]
    share = pixels / 255
    linear = (
        share**exponent if exponent else np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    )
    return encoded(linear @ np.array(matrix).T)


def encoded(linear: np.ndarray) -> np.ndarray:
    """Linear sRGB as 0 to 255."""
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def rgb_profile(space: str, name: str | None = None) -> bytes:
    colorants, exponent, _ = RGB_SPACES[space]
    return matrix_profile(space if name is None else name, colorants, exponent)


SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def matrix_profile(
    name: str, colorants: tuple, exponent: float | None, more: dict[bytes, bytes] | None = None
) -> bytes:
    tone = curve(exponent)
    tags = {b"desc": text(name), b"wtpt": xyz((0.9642, 1, 0.8249))} | (more or {})
    for letter, colorant in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags |= {letter + b"XYZ": xyz(colorant), letter + b"TRC": tone}
    return assembled(tags, b"mntr", b"RGB ", b"XYZ ")


def gray_profile(exponent: float) -> bytes:
    tags = {b"desc": text("Gray"), b"wtpt": xyz((0.9642, 1, 0.8249)), b"kTRC": curve(exponent)}
    return assembled(tags, b"mntr", b"GRAY", b"XYZ ")


def ink_profile(corners: dict[tuple[int, int, int, int], tuple[float, float, float]]) -> bytes:
    """Of a press: Lab of the 16 full overprints of cyan, magenta, yellow and black; white and black where not given."""
    grid = b""
    for number in range(16):
        inks = tuple(number >> bit & 1 for bit in (3, 2, 1, 0))
        lightness, a, b = corners.get(inks, (0, 0, 0) if any(inks) else (100, 0, 0))
        grid += bytes([round(lightness * 2.55), round(a) + 128, round(b) + 128])
    ramp = bytes(range(256))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + grid + ramp * 3
    return assembled(
        {b"desc": text("Press"), b"wtpt": xyz((0.9642, 1, 0.8249)), b"A2B0": table}, b"prtr", b"CMYK", b"Lab "
    )


def lab_in_srgb(lightness: float, a: float, b: float) -> np.ndarray:
    """Lab (D50) as sRGB of 0 to 255."""
    y = (lightness + 16) / 116
    parts = np.array([y + a / 500, y, y - b / 200])
    white = np.array([0.9642, 1, 0.8249])
    lab_xyz = white * np.where(parts > 6 / 29, parts**3, 3 * (6 / 29) ** 2 * (parts - 4 / 29))
    return encoded(np.linalg.solve(np.array(SRGB).T, lab_xyz))


# ---- Parts of a profile, version 2 -----------------------------------------------------------------------------------


def curve(exponent: float | None) -> bytes:
    if exponent is not None:
        return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * exponent))
    share = np.arange(1024) / 1023
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + np.rint(linear * 65535).astype(">u2").tobytes()


def xyz(values: tuple) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in values))


def text(words: str) -> bytes:
    plain = words.encode("ascii", "replace") + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(plain)) + plain + bytes(78)


def assembled(tags: dict[bytes, bytes], device: bytes, space: bytes, between: bytes) -> bytes:
    """The whole profile; a class of devices, their colours and the colours in between as in its header."""
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, contents in tags.items():
        table += name + struct.pack(">II", at + len(body), len(contents))
        body += contents + bytes(-len(contents) % 4)
    head = struct.pack(
        ">I4sI4s4s4s6H4s",
        at + len(body),
        b"",
        0x04300000 if b"D2B0" in tags else 0x02400000,
        device,
        space,
        between,
        *[1] * 6,
        b"acsp",
    )
    return head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + table + body
