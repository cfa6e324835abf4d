"""A second implementation of Portcullis assignments, written from docs/assignment.md alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from portcullis_sets import Malformed, Reader

PUBLIC, PRIVATE = 1, 2
MAX_FILE, MAX_RANGES, MAX_LEVEL = 8192, 128, 3
POLICY, OWNER, EXPIRES_AT = 1, 2, 4
# What an assignment may give a key, as a list signer's byte in the keyring says.
MAY_POLICY, MAY_OWNER, MAY_EARLIER, MAY_LATER = 1, 2, 4, 8


def well_formed(condition: bool, what: str) -> None:
    if not condition:
        raise Malformed(what)


class Refused(Exception):
    """The key has an assignment, and it can't be had or may not be used."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Named:
    digest: bytes
    length: int


@dataclass(frozen=True)
class Assignment:
    """None is what is not assigned; 0 is none, or never."""

    policy: int | None
    owner: int | None
    expires_at: int | None

    @classmethod
    def read(cls, data: bytes) -> Assignment | None:
        """None for an entry of a later version."""
        reader = Reader(data)
        fields = reader.number(1)
        if fields > POLICY | OWNER | EXPIRES_AT:
            return None
        well_formed(fields != 0, "an assignment of nothing")
        values = list[int | None]()
        for field in (POLICY, OWNER, EXPIRES_AT):
            value = reader.number(4)
            well_formed(fields & field != 0 or value == 0, "a value that is not assigned")
            values.append(value if fields & field else None)
        return cls(*values)


def read_visibility(reader: Reader) -> int:
    visibility = reader.number(1)
    well_formed(visibility in (PUBLIC, PRIVATE), "visibility")
    return visibility


@dataclass(frozen=True)
class Body:
    visibility: int
    entries: dict[int, Assignment | None]  # by serial

    @classmethod
    def decode(cls, data: bytes) -> Body:
        well_formed(len(data) <= MAX_FILE, "a file that is too long")
        reader = Reader(data)
        reader.magic(b"PCN\x01")
        visibility = read_visibility(reader)
        if visibility == PRIVATE:
            reader.take(32)
        count = reader.number(2)
        well_formed(count != 0, "no assignments")
        entries, least = dict[int, Assignment | None](), 0
        for _ in range(count):
            serial = reader.number(6)
            well_formed(serial >= least, "serials don't ascend")
            entries[serial] = Assignment.read(reader.take(13))
            least = serial + 1
        reader.end()
        return cls(visibility, entries)


@dataclass(frozen=True)
class Directory:
    visibility: int
    level: int
    ranges: tuple[tuple[int, Named], ...]  # by the first serial

    @classmethod
    def decode(cls, data: bytes) -> Directory:
        reader = Reader(data)
        reader.magic(b"PCE\x01")
        visibility, level, count = read_visibility(reader), reader.number(1), reader.number(2)
        well_formed(level <= MAX_LEVEL and 1 <= count <= MAX_RANGES, "level or number of ranges")
        ranges, least = list[tuple[int, Named]](), 0
        for _ in range(count):
            first, length, digest = reader.number(6), reader.number(4), reader.take(32)
            well_formed(first >= least, "ranges don't ascend")
            well_formed(1 <= length <= MAX_FILE, "length of a file")
            ranges.append((first, Named(digest, length)))
            least = first + 1
        reader.end()
        return cls(visibility, level, tuple(ranges))


class Files:
    """The files that are held, by their names. A file that is none of assignments is of no use here."""

    def __init__(self) -> None:
        self.held = dict[Named, Body | Directory | None]()

    def offer(self, name: Named, data: bytes) -> None:
        if Named(hashlib.sha256(data).digest(), len(data)) != name:
            raise Refused("list_wrong_digest")
        if data[:4] in (b"PCP\x01", b"PCD\x01"):
            # A file of policies: it is held, but it is not of the form that is looked for.
            from portcullis_policy import decode

            read: Body | Directory | None = None
            try:
                decode(data)
            except Malformed as error:
                raise Refused("list_unreadable") from error
        else:
            try:
                read = Body.decode(data) if data[:4] == b"PCN\x01" else Directory.decode(data)
            except Malformed as error:
                raise Refused("list_unreadable") from error
        self.held[name] = read

    def get(self, name: Named, visibility: int) -> Body | Directory:
        if name not in self.held:
            raise Refused("assignment_unavailable")
        file = self.held[name]
        if file is None or file.visibility != visibility:
            raise Refused("assignment_missing")
        return file

    def find(self, root: Named | None, visibility: int, serial: int) -> Assignment:
        if root is None:
            raise Refused("assignment_missing")
        file = self.get(root, visibility)
        while isinstance(file, Directory):
            below = [named for first, named in file.ranges if first <= serial]
            if not below:
                raise Refused("assignment_missing")
            level, file = file.level, self.get(below[-1], visibility)
            if level != (file.level + 1 if isinstance(file, Directory) else 0):
                raise Refused("assignment_missing")
            if isinstance(file, Body) and serial in file.entries:
                entry = file.entries[serial]
                if entry is None:
                    raise Refused("assignment_too_new")
                return entry
        raise Refused("assignment_missing")


def needed(entry: Assignment, policy: int, owner: int, expires_at: int) -> int:
    """The bits that an entry needs for a token that says these."""
    bits = 0
    if entry.policy not in (None, policy):
        bits |= MAY_POLICY
    if entry.owner not in (None, owner):
        bits |= MAY_OWNER
    if entry.expires_at not in (None, expires_at):
        end, own = (second or 2**32 for second in (entry.expires_at, expires_at))
        bits |= MAY_EARLIER if end < own else MAY_LATER
    return bits
