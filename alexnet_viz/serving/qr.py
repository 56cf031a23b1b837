"""QR codes: an address that a class opens with its phones."""

import io

import segno

from alexnet_viz.errors import UserError

QUIET_ZONE = 4  # modules of white around the code, as ISO/IEC 18004 asks for


def qr_svg(text: str) -> str:
    """A QR code as SVG, black on white with its quiet zone, so that it scans on a dark page too.

    It has no size of its own: one unit of its viewBox is one module. Raises `UserError` for a text that no QR code can
    hold, from about 2,900 characters on.
    """
    try:
        code = segno.make_qr(text, error="l")  # raised as far as the same size allows
    except segno.DataOverflowError as problem:
        raise UserError(
            "The address has {count:,} characters: too many for a QR code. Copy the link instead.", count=len(text)
        ) from problem
    drawing = io.BytesIO()
    code.save(drawing, kind="svg", border=QUIET_ZONE, dark="#000", light="#fff", omitsize=True, xmldecl=False)
    return drawing.getvalue().decode()
