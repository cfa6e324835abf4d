"""Bodies of a Portcullis revocation list, from docs/revocation-list.md alone.

A body holds sets of slots (revoked, suspended, assigned) and the timed revocations of one shard. Each set has
exactly one encoding: Golomb codes of its slots, Golomb codes of the slots that are left out, or an
arithmetic code. The writers are here for the tests; a verifier only reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

MAX_CAPACITY = 1 << 20
FULL = 2**64 - 1


class Malformed(Exception):
    """The bytes are not what the format allows."""


class TooNew(Malformed):
    """The bytes announce what this version of the format doesn't know."""


class Reader:
    """Takes big-endian numbers and slices from the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise Malformed("cut short")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def magic(self, expected: bytes) -> None:
        if self.take(len(expected)) != expected:
            raise Malformed(f"not {expected!r}")

    def end(self) -> None:
        if self.at != len(self.data):
            raise Malformed("trailing bytes")


class Bits:
    """Single bits of a Reader, each byte's least significant bit first."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.byte = 0
        self.left = 0

    def one(self) -> int:
        if self.left == 0:
            self.byte, self.left = self.reader.number(1), 8
        bit = self.byte & 1
        self.byte, self.left = self.byte >> 1, self.left - 1
        return bit

    def number(self, width: int) -> int:
        return sum(self.one() << place for place in range(width))

    def padding(self) -> None:
        if self.byte != 0:
            raise Malformed("padding is not zero")


def modulus(capacity: int, coded: int) -> int:
    """The modulus for `coded` slots of `capacity`; coded is at least 1."""
    difference = max(0, 2977044472 * capacity // coded - 3636005884)
    return max(1, -(-difference // 2**32))


def truncated_binary(m: int) -> tuple[int, int]:
    """w and c: below c a remainder takes w - 1 bits, from c on w bits."""
    if m == 1:
        return 0, 1
    width = (m - 1).bit_length()
    return width, 2**width - m


def read_gaps(reader: Reader, capacity: int, coded: int) -> list[int]:
    if coded == 0:
        return []
    m = modulus(capacity, coded)
    width, short = truncated_binary(m)
    bits, slots, following = Bits(reader), list[int](), 0
    for _ in range(coded):
        while bits.one() == 0:
            following += m
            if following >= capacity:
                raise Malformed("a slot at or above capacity")
        remainder = bits.number(max(width - 1, 0))
        if remainder >= short:
            remainder = 2 * remainder + bits.one() - short
        slot = following + remainder
        if slot >= capacity:
            raise Malformed("a slot at or above capacity")
        slots.append(slot)
        following = slot + 1
    bits.padding()
    return slots


def write_gaps(slots: Iterable[int], capacity: int, coded: int) -> bytes:
    if coded == 0:
        return b""
    m = modulus(capacity, coded)
    width, short = truncated_binary(m)
    bits, following = list[int](), 0
    for slot in slots:
        quotient, remainder = divmod(slot - following, m)
        bits += [0] * quotient + [1]
        if remainder < short:
            bits += [remainder >> place & 1 for place in range(width - 1)]
        else:
            moved = remainder + short
            bits += [moved >> place & 1 for place in range(1, width)] + [moved & 1]
        following = slot + 1
    bits += [0] * (-len(bits) % 8)
    return bytes(sum(bit << place for place, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))


def read_dense(reader: Reader, capacity: int, count: int) -> list[int]:
    above, span, members, slots = reader.number(8), FULL, count, list[int]()
    if above >= span:  # else `above` can outgrow 64 bits, and a reader that wraps finds a second spelling
        raise Malformed("a number outside of the first range")
    for slot in range(capacity):
        left = capacity - slot
        split = span // left * members
        if above < split:
            slots.append(slot)
            span, members = split, members - 1
        else:
            above, span = above - split, span - split
            if members == left:
                raise Malformed("a slot is missing")
        while span < 2**56:
            above, span = above * 256 + reader.number(1), span * 256
    if above != 0:
        raise Malformed("a dense set that ends above 0")
    return slots


def write_dense(slots: Collection[int], capacity: int) -> bytes:
    bottom, span, members, length = 0, FULL, len(slots), 8
    inside = frozenset(slots)
    for slot in range(capacity):
        split = span // (capacity - slot) * members
        if slot in inside:
            span, members = split, members - 1
        else:
            bottom, span = bottom + split, span - split
        while span < 2**56:
            bottom, span, length = bottom * 256, span * 256, length + 1
    return bottom.to_bytes(length, "big")


def read_set(reader: Reader, capacity: int) -> frozenset[int]:
    count = reader.number(4)
    if count > capacity:
        raise Malformed("a count that exceeds capacity")
    if 4 * count <= capacity:
        return frozenset(read_gaps(reader, capacity, count))
    if 4 * (capacity - count) <= capacity:
        return frozenset(range(capacity)).difference(read_gaps(reader, capacity, capacity - count))
    return frozenset(read_dense(reader, capacity, count))


def write_set(slots: Collection[int], capacity: int) -> bytes:
    inside, count = frozenset(slots), len(slots)
    if 4 * count <= capacity:
        coded = write_gaps(sorted(inside), capacity, count)
    elif 4 * (capacity - count) <= capacity:
        coded = write_gaps(sorted(frozenset(range(capacity)) - inside), capacity, capacity - count)
    else:
        coded = write_dense(inside, capacity)
    return count.to_bytes(4, "big") + coded


@dataclass(frozen=True)
class Body:
    capacity: int
    revoked: frozenset[int]
    suspended: frozenset[int]
    timed: dict[int, int]  # slot to the second from which it is revoked
    assigned: frozenset[int] = frozenset()

    @property
    def counts(self) -> tuple[int, int, int]:
        return len(self.revoked), len(self.suspended), len(self.timed)

    @classmethod
    @cache
    def decode(cls, data: bytes) -> Body:
        reader = Reader(data)
        reader.magic(b"PCB\x01")
        capacity = reader.number(4)
        further, capacity = divmod(capacity, 2**28)
        if further > 1:
            raise TooNew("sets that are not known")
        if not 1 <= capacity <= MAX_CAPACITY:
            raise Malformed("capacity")
        revoked, suspended = read_set(reader, capacity), read_set(reader, capacity)
        assigned = read_set(reader, capacity) if further else frozenset[int]()
        if further and not assigned:
            raise Malformed("a set that is announced and empty")
        timed, least = dict[int, int](), 0
        for _ in range(reader.number(4)):
            slot, start = reader.number(4), reader.number(4)
            if not least <= slot < capacity:
                raise Malformed("a timed slot out of order or at or above capacity")
            timed[slot], least = start, slot + 1
        reader.end()
        if not revoked.isdisjoint(suspended) or not revoked.isdisjoint(timed):
            raise Malformed("a revoked slot is also suspended or timed")
        return cls(capacity, revoked, suspended, timed, assigned)

    def encode(self) -> bytes:
        numbers = [len(self.timed), *(number for pair in sorted(self.timed.items()) for number in pair)]
        return (
            b"PCB\x01"
            + (self.capacity + (2**28 if self.assigned else 0)).to_bytes(4, "big")
            + write_set(self.revoked, self.capacity)
            + write_set(self.suspended, self.capacity)
            + (write_set(self.assigned, self.capacity) if self.assigned else b"")
            + b"".join(number.to_bytes(4, "big") for number in numbers)
        )
