"""Photos and scans of the invoices that people claim: drawn, and the same each time."""

import io

from PIL import Image, ImageDraw, ImageFont

from loyalty_core.demo.claims import DemoClaim

_SIZE = (620, 440)
_PAPER, _INK, _FAINT, _DESK = "#fbfaf4", "#26302c", "#8a938f", "#6b5a48"


def photo_of(claim: DemoClaim) -> bytes:
    """Return a photo of the claim's invoice on a desk, as a JPEG."""
    paper = _drawn(claim)
    desk = Image.new("RGB", (_SIZE[0] + 120, _SIZE[1] + 120), _DESK)
    turned = paper.convert("RGBA").rotate(claim.units % 5 - 2, expand=True, resample=Image.Resampling.BICUBIC)
    desk.paste(turned, (48, 44), turned)
    written = io.BytesIO()
    desk.save(written, "JPEG", quality=80)
    return written.getvalue()


def scan_of(claim: DemoClaim) -> bytes:
    """Return a scan of the claim's invoice, as a PDF of two pages: the invoice, and a delivery note."""
    first, second = _drawn(claim), _drawn(claim, title="Delivery note")
    written = io.BytesIO()
    # Without a date of its own the same scan is the same file, whenever it is made.
    first.save(written, "PDF", save_all=True, append_images=[second], creationDate=None, modDate=None)
    return written.getvalue()


def _drawn(claim: DemoClaim, *, title: str = "Invoice") -> Image.Image:
    paper = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(paper)
    large, usual = ImageFont.load_default(34), ImageFont.load_default(20)
    draw.text((36, 30), title, fill=_INK, font=large)
    draw.text((36, 84), f"No. {claim.invoice_no}", fill=_INK, font=usual)
    draw.text((36, 114), f"{claim.sold_on:%d.%m.%Y}     Customer {claim.company}", fill=_FAINT, font=usual)
    draw.line((36, 160, 584, 160), fill=_FAINT, width=2)
    price = claim.cents / 100 / claim.sold_units
    sold = (claim.product_code, str(claim.sold_units), f"{price:.2f}", f"{claim.cents / 100:.2f}")
    for place, cells in enumerate((("Article", "Pieces", "Price", "Amount"), sold)):
        for left, cell in zip((36, 260, 370, 480), cells, strict=True):
            draw.text((left, 178 + 38 * place), cell, fill=_INK if place else _FAINT, font=usual)
    draw.line((36, 270, 584, 270), fill=_FAINT, width=1)
    draw.text((370, 286), f"EUR {claim.cents / 100:.2f}", fill=_INK, font=large)
    draw.text((36, 386), "Thank you.", fill=_FAINT, font=usual)
    return paper
