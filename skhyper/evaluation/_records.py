"""Records of a journal: one line of JSON each, with its number and a checksum.

A line is ``{"n": <number>, ..., "crc": "<8 hexadecimal digits>"}`` without spaces between its
parts; the checksum is the CRC-32 of all bytes before ``,"crc"``. Lines are numbered from 0, so that
missing and reordered ones are found. The first one is the header.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT = 2  # version of the format; 1 consisted of pickles
_KEY = "skhyper_journal"  # of the format's version in the header
_START = f'{{"n":0,"{_KEY}":'.encode()
_START_OF_PICKLES = b"skhyper journal 1\n"
_END = re.compile(rb',"crc":"([0-9a-f]{8})"}')
_END_LENGTH = len(b',"crc":"00000000"}')


@dataclass(frozen=True)
class Damage:
    """A damaged line; lines are counted from 1, as in editors."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line} {self.reason}"


@dataclass
class Records:
    """Intact records of a file, in the order of their numbers, and its damages.

    Attributes
    ----------
    records : dict
        From numbers to records.
    end : int
        Position after the last whole line, in bytes.
    is_torn : bool
        Whether bytes without an end of line follow, from a process that died while writing.
    damages : list of Damage
    """

    records: dict[int, dict[str, Any]] = field(default_factory=dict)
    end: int = 0
    is_torn: bool = False
    damages: list[Damage] = field(default_factory=list)

    @property
    def header(self) -> dict[str, Any] | None:
        """The header; a copy of it if it is damaged; None if there is none."""
        if 0 in self.records:
            return self.records[0]
        copies = (r["session"].get("header") for r in self.records.values() if "session" in r)
        return next(filter(None, copies), None)


def line_of(number: int, record: Mapping[str, Any]) -> bytes:
    """A record as a line."""
    head = {_KEY: FORMAT} if number == 0 else {}
    text = json.dumps({"n": number, **head, **record}, separators=(",", ":"), allow_nan=False)
    body = text[:-1].encode()
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def scanned(data: bytes, name: str) -> Records:
    """The records in the contents of a file; `name` is that of the file, for messages.

    Raises
    ------
    ValueError
        If it is not a journal, or one of another version.
    """
    *lines, rest = data.split(b"\n")
    _check_start(data, lines, name)
    found = Records(end=len(data) - len(rest), is_torn=bool(rest))
    expected = 0
    for count, line in enumerate(lines, start=1):
        record = _parsed(line)
        if record is None:
            found.damages.append(Damage(count, "has a wrong checksum"))
            expected += 1
            continue
        number = record["n"]
        if number != expected:
            reason = f"has number {number} instead of {expected}: lines are missing or reordered"
            found.damages.append(Damage(count, reason))
        found.records.setdefault(number, record)
        expected = number + 1
    found.records = dict(sorted(found.records.items()))
    _check_version(lines, found, name)
    if lines and not found.records:
        raise ValueError(_no_journal(name))
    return found


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The record in a line; None if its checksum does not match."""
    body, end = line[:-_END_LENGTH], _END.fullmatch(line[-_END_LENGTH:])
    if end is None or zlib.crc32(body) != int(end[1], 16):
        return None
    record = json.loads(body + b"}")
    return record if isinstance(record, dict) and isinstance(record.get("n"), int) else None


def _check_start(data: bytes, lines: list[bytes], name: str) -> None:
    """Raise if a file consists of pickles, or of something else in a single line."""
    if data.startswith(_START_OF_PICKLES):
        raise ValueError(
            f"{name} is a journal of format 1, written by skhyper 0.1.0.dev0. It consists of "
            "pickles, which are not opened as they can run code. Resume it with the version that "
            f"wrote it, or name another file; this version reads format {FORMAT}."
        )
    if not lines:
        known = (_START, _START_OF_PICKLES)
        if not any(start.startswith(data[: len(start)]) for start in known):
            raise ValueError(_no_journal(name))


def _check_version(lines: list[bytes], found: Records, name: str) -> None:
    """Raise if the header, which may follow another format, is of another version."""
    try:
        header = json.loads(lines[0])
        version = header[_KEY]
    except (IndexError, ValueError, KeyError, TypeError):
        return
    # A damaged header may have any version, but is followed by lines of this one.
    if version != FORMAT and (0 in found.records or not found.records):
        raise ValueError(
            f"{name} is a journal of format {version!r}, written by skhyper "
            f"{header.get('version', 'of an unknown version')}; this version reads format "
            f"{FORMAT}. Resume it with the version that wrote it, or name another file."
        )


def _no_journal(name: str) -> str:
    return f"{name} is not a journal of skhyper; name another file."
