"""Documents as bytes, made here: PDF with and without a password, workbooks, archives that are bombs."""

import io
import zipfile
import zlib
from collections.abc import Mapping

import pandas as pd
from pypdf import PdfReader, PdfWriter


def pdf(*pages: str) -> bytes:
    """A PDF document whose pages say these words; written by hand, so that no library vouches for itself."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for words in pages:
        stream = f"BT /F1 24 Tf 72 720 Td ({words}) Tj ET"
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 {font} >> >> "
            f"/Contents {len(objects) + 2} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    )
    return body + end.encode()


def locked_pdf(password: str) -> bytes:
    """A PDF document that opens with this password only."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("secret"))))
    writer.encrypt(password, "owner", algorithm="RC4-128")
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def workbook(sheets: Mapping[str, pd.DataFrame], *, above: int = 0) -> bytes:
    """An Excel workbook of these tables, each below so many empty rows."""
    content = io.BytesIO()
    with pd.ExcelWriter(content) as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False, startrow=above)
    return content.getvalue()


def zipped(parts: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def zip_bomb(honest: bytes, inflated: int) -> bytes:
    """The workbook with a sheet more, of so many zeros."""
    content = io.BytesIO(honest)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/bomb.xml", "w") as part:
        for _ in range(inflated // 2**20):
            part.write(bytes(2**20))
    return content.getvalue()


def gzip_bomb(inflated: int) -> bytes:
    """A gzip archive of so many zeros after a line of CSV."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(
        (packer.compress(b"a,b\n"), *(packer.compress(bytes(2**20)) for _ in range(inflated // 2**20)), packer.flush())
    )
