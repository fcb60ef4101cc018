"""Lines of a journal: numbers and checksums."""

import json
import zlib

import pytest

from skhyper.evaluation._records import FORMAT, line_of, scanned

HEADER = {"version": "1.0", "seed": 3}
LINES = [
    line_of(0, HEADER),
    *(line_of(i, {"asked": i - 1, "params": {"C": i}}) for i in range(1, 6)),
]
WHOLE = b"".join(LINES)


def test_a_line_by_itself():
    """The format as documented, written without the code of the package."""
    body = b'{"n":3,"asked":2,"params":{"C":3}'
    assert LINES[3] == body + f',"crc":"{zlib.crc32(body):08x}"'.encode() + b"}\n"
    assert json.loads(LINES[0])["skhyper_journal"] == FORMAT
    found = scanned(WHOLE, "j")
    assert [found.records[n]["n"] for n in range(6)] == list(range(6))
    assert (found.end, found.is_torn, found.damages) == (len(WHOLE), False, [])
    assert found.header["seed"] == 3


def test_torn_at_every_byte():
    for end in range(len(WHOLE)):
        found = scanned(WHOLE[:end], "j")
        assert len(found.records) == WHOLE[:end].count(b"\n")
        assert found.is_torn == (end > 0 and WHOLE[end - 1 : end] != b"\n")
        assert found.end == WHOLE[:end].rfind(b"\n") + 1
        assert not found.damages


def test_every_flipped_bit_is_found():
    for position in range(len(WHOLE)):
        for bit in range(8):
            data = bytearray(WHOLE)
            data[position] ^= 1 << bit
            found = scanned(bytes(data), "j")
            line = WHOLE[:position].count(b"\n") + 1
            if position == len(WHOLE) - 1:
                assert found.is_torn
            else:
                assert found.damages[0].line == line
            n_lost = 2 if WHOLE[position] == ord("\n") and line < 6 else 1
            assert len(found.records) == 6 - n_lost


@pytest.mark.parametrize(
    ("order", "line"),
    [
        ([0, 1, 3, 4, 5], 3),
        ([0, 2, 1, 3, 4, 5], 2),
        ([0, 1, 2, 2, 3, 4, 5], 4),
        ([1, 2, 3, 4, 5], 1),
    ],
    ids=["missing", "reordered", "twice", "header"],
)
def test_missing_and_reordered_lines_are_found(order, line):
    found = scanned(b"".join(LINES[i] for i in order), "j")
    assert found.damages[0].line == line
    assert "missing or reordered" in str(found.damages[0])
    assert list(found.records) == sorted(set(order))


def test_a_lost_header_is_copied_by_sessions():
    lines = [LINES[0], line_of(1, {"session": {"header": HEADER}}), line_of(2, {"asked": 0})]
    found = scanned(b"x" + b"".join(lines), "j")
    assert found.damages[0].line == 1
    assert found.header == HEADER


@pytest.mark.parametrize(
    "data", [b"chapter one", b"a,b\n1,2\n", b'{"n":0}\n', b"\x00" * 100, b"\n\n"]
)
def test_other_files_are_no_journals(data):
    with pytest.raises(ValueError, match="j is not a journal of skhyper; name another file"):
        scanned(data, "j")


def test_journals_of_other_versions_are_refused():
    with pytest.raises(ValueError, match=r"format 1, written by skhyper 0\.1\.0\.dev0.*pickles"):
        scanned(b"skhyper journal 1\n\x80\x05rest", "j")
    newer = b'{"skhyper_journal":3,"version":"2.1","of another form":true}\nmore\n'
    with pytest.raises(ValueError, match=r"format 3, written by skhyper 2\.1.*reads format 2"):
        scanned(newer, "j")
    flipped = WHOLE.replace(b'"skhyper_journal":2', b'"skhyper_journal":3')
    assert scanned(flipped, "j").damages[0].line == 1
