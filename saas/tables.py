"""Tables that people exchange with us: CSV and Excel files, read with limits, written so that no cell is a formula."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from saas.errors import N_, Invalid

LARGEST_FILE = 5 * 1024 * 1024
_LARGEST_UNPACKED = 50 * 1024 * 1024
_EXACT = 10**15
"""Excel keeps fifteen digits of a number; the rest of a longer one is made up."""
_MOST_EMPTY = 10_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

_UNREADABLE = (
    zipfile.BadZipFile, InvalidFileException, zlib.error, EOFError, OSError, RuntimeError, KeyError, ValueError,
    IndexError, TypeError, AttributeError, SyntaxError,
)  # fmt: skip
"""What the reader raises for a broken or locked workbook."""


def read_table(content: bytes, *, most_rows: int, most_columns: int = 50) -> list[list[str]]:
    """The rows of a CSV or XLSX file as stripped text, empty ones as empty lists; raises Invalid. Formulas are not
    computed: their last value counts."""
    if len(content) > LARGEST_FILE:
        raise Invalid(N_("文件太大，最大 %(size)s MB"), field="file", size=LARGEST_FILE // 1024 // 1024)
    rows: list[list[str]] = []
    filled = 0
    for cells in _xlsx(content, most_columns) if content.startswith(b"PK") else _csv(content):
        row = [_text(cell) for cell in cells[:most_columns]]
        while row and not row[-1]:
            row.pop()
        rows.append(row)
        filled += bool(row)
        if filled > most_rows + 1:
            raise Invalid(N_("一次最多 %(rows)s 行，请分成几个文件"), field="file", rows=most_rows)
        if len(rows) - filled > _MOST_EMPTY:  # a sheet may be formatted down to its millionth row
            break
    return rows


def write_csv(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """A CSV file, line by line, that Excel opens with the right letters."""
    yield "\ufeff"
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([cell(value) for value in row])
        yield line.getvalue()


def write_xlsx(rows: Iterable[Iterable[Any]], file: IO[bytes]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append([cell(value) for value in row])
    book.save(file)


def cell(value: object) -> str:
    """A value for a spreadsheet, which must not take it for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(content: bytes) -> Iterator[list[str]]:
    """Excel in China writes GB 18030 unless asked for UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            raise Invalid(N_("读不出这个文件，请另存为 UTF-8 的 CSV 或 XLSX"), field="file") from None
    try:
        yield from csv.reader(io.StringIO(text.replace("\0", ""), newline=""))
    except csv.Error:
        raise Invalid(N_("读不出这个文件，请另存为 UTF-8 的 CSV 或 XLSX"), field="file") from None


def _xlsx(content: bytes, most_columns: int) -> Iterator[tuple[Any, ...]]:
    unreadable = Invalid(N_("读不出这个文件，请另存为 UTF-8 的 CSV 或 XLSX"), field="file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > _LARGEST_UNPACKED:
                raise unreadable
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        yield from book.worksheets[0].iter_rows(max_col=most_columns, values_only=True)
    except _UNREADABLE:
        raise unreadable from None


def _text(value: object) -> str:
    """As people see it: a long number has no decimal point, our own guard against formulas is taken off."""
    if isinstance(value, int | float) and abs(value) >= _EXACT:
        raise Invalid(N_("有的数字太长，Excel 已经改动了它：请把这一列设为文本，再填一次"), field="file")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
