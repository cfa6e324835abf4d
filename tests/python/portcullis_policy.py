"""A second implementation of Portcullis policies, written from docs/policy.md alone.

A file is read as a whole, and what it says is refused unless it is spelled in its one form; then a number is looked
for from the directory that the head names down, and the policy is held against the facts of a request.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from portcullis_sets import Malformed, Reader, TooNew

PUBLIC, PRIVATE = 1, 2
MAX_FILE, MAX_POLICY, MAX_RANGES, MAX_LEVEL = 8192, 8000, 128, 3

ORIGIN = re.compile(
    rb"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[a-z0-9._-]+|\[(?=[^\]]*:)[0-9a-f:]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
DEFAULT_PORTS = {b"http": b"80", b"https": b"443"}
METHOD = re.compile(rb"[A-Z0-9_-]{1,32}")
SCOPE = re.compile(rb"(?:[a-z0-9_.-]+|\*)(?::(?:[a-z0-9_.-]+|\*))*")
SALES_CHANNEL = re.compile(rb"[A-Za-z0-9_-]{1,64}")
RATE_CLASS = re.compile(rb"[a-z0-9-]{1,32}")
PATH = re.compile(rb"/(?:[A-Za-z0-9._~!$&'()*+,=:@/-]|%[0-9A-Fa-f]{2})*")
ESCAPE = re.compile(rb"%(..)", re.DOTALL)
NEVER_ESCAPED = {*range(0x20), 0x7F, *b"%./;\\"}
IPV4_MAPPED = bytes(10) + b"\xff\xff"


def well_formed(condition: bool, what: str) -> None:
    if not condition:
        raise Malformed(what)


# What the items of each list must be


def is_origin(text: bytes) -> bool:
    origin = ORIGIN.fullmatch(text)
    if origin is None:
        return False
    port = origin["port"]
    return port is None or (int(port) <= 65535 and DEFAULT_PORTS.get(origin["scheme"]) != port)


def is_plain_path(text: bytes) -> bool:
    if PATH.fullmatch(text) is None:
        return False
    *inner, last = text[1:].split(b"/")
    if b"" in inner or {b".", b".."} & {*inner, last}:
        return False
    if any(int(escape, 16) in NEVER_ESCAPED for escape in ESCAPE.findall(text)):
        return False
    try:
        # Characters that are not escaped part the escapes, for they are ASCII.
        unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_pattern(text: bytes) -> bool:
    if not is_plain_path(text) or len(text) > 255:
        return False
    *inner, last = text[1:].split(b"/")
    wild = all(b"*" not in segment or segment == b"*" for segment in inner)
    wild_last = b"*" not in last or last in (b"*", b"**")
    return wild and wild_last and all(escape == escape.upper() for escape in ESCAPE.findall(text))


def is_grant(text: bytes) -> bool:
    return len(text) <= 255 and SCOPE.fullmatch(text) is not None


# Policy


@dataclass(frozen=True)
class Network:
    address: int
    bits: int
    width: int  # 32 or 128

    @classmethod
    def read(cls, item: bytes) -> Network:
        address, bits, width = int.from_bytes(item[:-1], "big"), item[-1], 8 * (len(item) - 1)
        well_formed(bits <= width, "more bits than the address has")
        well_formed(address % (1 << (width - bits)) == 0, "bits that don't count are not zero")
        well_formed(width == 32 or bits < 96 or not item.startswith(IPV4_MAPPED), "an IPv4 network written as IPv6")
        return cls(address, bits, width)

    def holds(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        ignored = self.width - self.bits
        return address.max_prefixlen == self.width and int(address) >> ignored == self.address >> ignored


def ascending(items: list[bytes]) -> list[bytes]:
    well_formed(all(a < b for a, b in zip(items, items[1:])), "items don't ascend")
    return items


def networks(content: bytes, size: int) -> tuple[Network, ...]:
    well_formed(len(content) % size == 0, "half a network")
    items = [content[at : at + size] for at in range(0, len(content), size)]
    return tuple(Network.read(item) for item in ascending(items))


def texts(content: bytes) -> list[bytes]:
    reader, items = Reader(content), list[bytes]()
    while reader.at < len(content):
        items.append(reader.take(reader.number(1)))
    return ascending(items)


@dataclass(frozen=True)
class Request:
    """The facts; None is what is not known, and for the sales channel that there is none."""

    address: str | None = None
    origin: str | None = None
    method: str | None = None
    path: str | None = None
    scopes: tuple[str, ...] = ()
    sales_channel: str | None = None


@dataclass(frozen=True)
class Policy:
    networks: tuple[Network, ...] = ()
    origins: list[bytes] = field(default_factory=list)
    methods: list[bytes] = field(default_factory=list)
    paths: list[bytes] = field(default_factory=list)
    scopes: list[bytes] = field(default_factory=list)
    sales_channels: list[bytes] = field(default_factory=list)
    rate_class: str | None = None

    @classmethod
    def decode(cls, data: bytes) -> Policy:
        well_formed(len(data) <= MAX_POLICY, "a policy that is too long")
        reader = Reader(data)
        mask, content = reader.number(2), [b""] * 8
        if mask >= 2**8:
            raise TooNew("a list that is not known")
        for bit in range(8):
            if mask >> bit & 1:
                content[bit] = reader.take(reader.number(2))
                well_formed(content[bit] != b"", "an empty list that follows")
        reader.end()
        ipv4, ipv6 = networks(content[0], 5), networks(content[1], 17)
        origins, methods, paths, scopes, channels, rates = (texts(list_) for list_ in content[2:])
        well_formed(all(is_origin(origin) for origin in origins), "origin")
        well_formed(all(METHOD.fullmatch(method) for method in methods), "method")
        well_formed(all(is_pattern(path) for path in paths), "path")
        well_formed(all(is_grant(scope) for scope in scopes), "scope")
        well_formed(all(SALES_CHANNEL.fullmatch(channel) for channel in channels), "sales channel")
        well_formed(len(rates) <= 1 and all(RATE_CLASS.fullmatch(rate) for rate in rates), "rate class")
        return cls(ipv4 + ipv6, origins, methods, paths, scopes, channels, rates[0].decode("ascii") if rates else None)

    def denial(self, request: Request) -> str | None:
        """The code of the first check that says no."""
        if self.networks and not self.has_address(request.address):
            return "address_denied"
        if self.origins and (request.origin is None or request.origin.encode() not in self.origins):
            return "origin_denied"
        if self.methods and (request.method is None or request.method.encode() not in self.methods):
            return "method_denied"
        if self.paths and (request.path is None or not matches_one(self.paths, request.path.encode())):
            return "path_denied"
        if not all(any(covers(grant, scope.encode()) for grant in self.scopes) for scope in request.scopes):
            return "scope_missing"
        if request.sales_channel is not None and request.sales_channel.encode() not in self.sales_channels:
            return "sales_channel_denied"
        return None

    def has_address(self, text: str | None) -> bool:
        if text is None:
            return False
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(network.holds(address) for network in self.networks)


def covers(grant: bytes, needed: bytes) -> bool:
    if not is_grant(needed) or b"*" in needed:
        return False
    ours, theirs = grant.split(b":"), needed.split(b":")
    if ours[-1] == b"*" and len(theirs) > len(ours):
        theirs = theirs[: len(ours)]
    return len(ours) == len(theirs) and all(a in (b"*", b) for a, b in zip(ours, theirs))


def matches_one(patterns: Iterable[bytes], path: bytes) -> bool:
    return is_plain_path(path) and any(matches(pattern, path) for pattern in patterns)


def matches(pattern: bytes, path: bytes) -> bool:
    ours, theirs = pattern[1:].split(b"/"), path[1:].split(b"/")
    if ours[-1] == b"**":
        ours.pop()
        theirs = theirs[: len(ours)]
    return len(ours) == len(theirs) and all(a == b or (a == b"*" and b != b"") for a, b in zip(ours, theirs))


# Files


@dataclass(frozen=True)
class Named:
    """A file as the head or a directory names it."""

    digest: bytes
    length: int


def read_visibility(reader: Reader) -> int:
    visibility = reader.number(1)
    well_formed(visibility in (PUBLIC, PRIVATE), "visibility")
    return visibility


@dataclass(frozen=True)
class Body:
    visibility: int
    policies: dict[int, Policy | None]  # None for one that is too new

    @classmethod
    def decode(cls, data: bytes) -> Body:
        well_formed(len(data) <= MAX_FILE, "a file that is too long")
        reader = Reader(data)
        reader.magic(b"PCP\x01")
        visibility = read_visibility(reader)
        if visibility == PRIVATE:
            reader.take(32)
        entries = [(reader.number(4), reader.number(2)) for _ in range(reader.number(2))]
        well_formed(entries != [], "no policies")
        policies, below, start = dict[int, Policy | None](), 0, 0
        for number, end in entries:
            well_formed(number > below, "numbers don't ascend from 1")
            well_formed(end >= start, "a policy that ends before it begins")
            record = reader.take(end - start)
            try:
                policies[number] = Policy.decode(record)
            except TooNew:
                policies[number] = None
            below, start = number, end
        reader.end()
        return cls(visibility, policies)


@dataclass(frozen=True)
class Directory:
    visibility: int
    level: int
    ranges: tuple[tuple[int, Named], ...]  # by the first number

    @classmethod
    def decode(cls, data: bytes) -> Directory:
        reader = Reader(data)
        reader.magic(b"PCD\x01")
        visibility, level, count = read_visibility(reader), reader.number(1), reader.number(2)
        well_formed(level <= MAX_LEVEL, "level")
        well_formed(1 <= count <= MAX_RANGES, "number of ranges")
        ranges, below = list[tuple[int, Named]](), -1
        for _ in range(count):
            first, length, digest = reader.number(4), reader.number(4), reader.take(32)
            well_formed(first > below, "ranges don't ascend")
            well_formed(1 <= length <= MAX_FILE, "length of a file")
            ranges.append((first, Named(digest, length)))
            below = first
        reader.end()
        return cls(visibility, level, tuple(ranges))


def decode(data: bytes) -> Body | Directory:
    return Body.decode(data) if data[:4] == b"PCP\x01" else Directory.decode(data)


# Deciding


class Refused(Exception):
    """There is no policy, or it says no; `file` is the digest of the one that is not held."""

    def __init__(self, code: str, file: bytes | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.file = file


class Policies:
    """The files that are held, by their names."""

    def __init__(self) -> None:
        self.held = dict[Named, Body | Directory]()

    def offer(self, name: Named, data: bytes) -> None:
        if Named(hashlib.sha256(data).digest(), len(data)) != name:
            raise Refused("list_wrong_digest")
        try:
            self.held[name] = decode(data)
        except Malformed as error:
            raise Refused("list_unreadable") from error

    def find(self, directory: Named | None, visibility: int, number: int) -> Policy:
        if number == 0:
            return Policy()
        if directory is None:
            raise Refused("policy_missing")
        file = self.get(directory, visibility)
        while isinstance(file, Directory):
            below = [named for first, named in file.ranges if first <= number]
            if not below:
                raise Refused("policy_missing")
            level, file = file.level, self.get(below[-1], visibility)
            if level != (file.level + 1 if isinstance(file, Directory) else 0):
                raise Refused("policy_missing")
            if isinstance(file, Body) and number in file.policies:
                policy = file.policies[number]
                if policy is None:
                    raise Refused("policy_too_new")
                return policy
        raise Refused("policy_missing")

    def get(self, name: Named, visibility: int) -> Body | Directory:
        file = self.held.get(name)
        if file is None:
            raise Refused("policy_unavailable", name.digest)
        if file.visibility != visibility:
            raise Refused("policy_missing")
        return file

    def decide(self, directory: Named | None, visibility: int, number: int, request: Request) -> str | None:
        """The rate class of a request that is accepted."""
        policy = self.find(directory, visibility, number)
        code = policy.denial(request)
        if code is not None:
            raise Refused(code)
        return policy.rate_class
