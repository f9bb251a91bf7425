"""The text of a PDF as a reader would copy it: from the streams and the fonts' own tables, by nothing that wrote it."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from typing import Final

_OBJECT: Final = re.compile(rb"(\d+) 0 obj\s(.*?)endobj", re.DOTALL)
_STREAM: Final = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_PIECE: Final = re.compile(rb"/(F\d+\+\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj|(ET|T\*)", re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text_of(pdf: bytes) -> str:
    """Give the text, a line for each piece that was set by itself."""
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    fonts = dict(_fonts(objects))
    return "\n".join(_lines(objects, fonts))


def _fonts(objects: dict[int, bytes]) -> Iterator[tuple[bytes, dict[int, str]]]:
    for body in objects.values():
        name, table = re.search(rb"/Name /(F\d+\+\d+)", body), re.search(rb"/ToUnicode (\d+) 0 R", body)
        if name and table:
            pairs = re.findall(rb"<(\w+)> <(\w{4})>", _stream(objects[int(table[1])]))
            yield name[1], {int(code, 16): chr(int(letter, 16)) for code, letter in pairs}


def _lines(objects: dict[int, bytes], fonts: dict[bytes, dict[int, str]]) -> Iterator[str]:
    for _, body in sorted(objects.items()):
        if b"stream" not in body or b" Tf" not in (content := _stream(body)):
            continue
        letters: dict[int, str] = {}
        line = ""
        for font, text, end in _PIECE.findall(content):
            if font:
                letters = fonts[font]
            elif end:
                yield line
                line = ""
            else:
                line += "".join(letters[code] for code in _ESCAPED.sub(_unescaped, text))


def _unescaped(match: re.Match[bytes]) -> bytes:
    word = match[1]
    return bytes([int(word, 8)]) if word.isdigit() else _NAMED.get(word, word)


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    assert found is not None
    content = found[1]
    if b"/ASCII85Decode" in body:
        content = base64.a85decode(content.strip().removesuffix(b"~>"))
    return zlib.decompress(content) if b"/FlateDecode" in body else content
