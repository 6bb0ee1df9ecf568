#!/usr/bin/env python3
"""A second verifier of bundles, which shares no code with the first and needs the standard library only.

It is written after the descriptions in src/leaf.rs, src/tree.rs, src/note.rs, src/bundle.rs and src/check.rs, and its
Ed25519 after RFC 8032. The tests hold the two against each other.

    verify.py --key NAME+HASH+KEY [--part] [--checkpoint FILE]... BUNDLE

prints one line, `exit first last reason`, with `-` where there is no position, and exits with the code. With `--batch`
in the place of BUNDLE it reads lines `part|whole TAB bundle TAB checkpoint TAB ...` and prints one line for each.
"""

import base64
import hashlib
import io
import struct
import sys
import unicodedata

MAGIC = b"mandate-bundle v1\n"
MAX_POSITION = 2**63 - 1
LIMITS = {b"H": 4 + 255 + 8 + 8 + 4 + 32 * 64, b"G": 4 << 20, b"E": 4 << 20, b"C": 64 << 10, b"P": 8 + 32 * 63, b"Z": 8}
FOLLOWERS = {b"": b"H", b"H": b"GECPZ", b"G": b"GECPZ", b"E": b"ECPZ", b"C": b"ECPZ", b"P": b"PZ", b"Z": b""}
MAX_PENDING = 16_384


class Unreadable(Exception):
    pass


class Found(Exception):
    """The verification ends: exit code, first and last position, reason."""


def sha256(data):
    return hashlib.sha256(data).digest()


# Ed25519, RFC 8032, section 5.1: points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_1 = pow(2, (PRIME - 1) // 4, PRIME)


def point_add(one, two):
    a = (one[1] - one[0]) * (two[1] - two[0]) % PRIME
    b = (one[1] + one[0]) * (two[1] + two[0]) % PRIME
    c = 2 * one[3] * two[3] * CURVE_D % PRIME
    d = 2 * one[2] * two[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def point_times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        number >>= 1
    return total


def point_equal(one, two):
    return (one[0] * two[2] - two[0] * one[2]) % PRIME == 0 and (one[1] * two[2] - two[1] * one[2]) % PRIME == 0


def point_decode(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT_OF_MINUS_1 % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = PRIME - x
    return x, y, 1, x * y % PRIME


BASE = point_decode((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little"))
NEUTRAL = (0, 1, 1, 0)


def signature_holds(public, message, signature):
    if len(signature) != 64:
        return False
    key, commitment = point_decode(public), point_decode(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER:
        return False
    if any(point_equal(point_times(8, point), NEUTRAL) for point in (key, commitment)):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return point_equal(point_times(scalar, BASE), point_add(commitment, point_times(challenge, key)))


# Notes and checkpoints.


def decode_base64(text):
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


def is_name(name):
    return 0 < len(name.encode()) <= 255 and not any(
        c.isspace() or c == "+" or unicodedata.category(c) == "Cc" for c in name
    )


def parse_size(text):
    if not text or any(c not in "0123456789" for c in text) or (text[0] == "0" and text != "0"):
        return None
    return int(text) if int(text) <= MAX_POSITION else None


class Key:
    def __init__(self, text):
        self.name, digits, rest = text.split("+", 2)
        data = decode_base64(rest)
        self.public, self.hash = data[1:], bytes.fromhex(digits)
        assert data[0] == 1 and len(self.public) == 32
        assert sha256(self.name.encode() + b"\n\x01" + self.public)[:4] == self.hash

    def open(self, note):
        """(size, root), or a word that says why not."""
        if len(note.encode()) > 64 << 10 or any(c < " " and c != "\n" for c in note):
            return "form"
        middle = note.rfind("\n\n")
        if middle < 0 or not note.endswith("\n") or middle + 2 >= len(note):
            return "form"
        text, lines = note[: middle + 1], note[middle + 2 : -1].split("\n")
        if len(lines) > 100:
            return "form"
        signatures = []
        for line in lines:
            name, space, data = line[2:].partition(" ")
            data = decode_base64(data)
            if not line.startswith("\u2014 ") or not space or not is_name(name) or data is None or len(data) < 5:
                return "form"
            signatures.append((name, data[:4], data[4:]))
        ours = [data for name, digest, data in signatures if name == self.name and digest == self.hash]
        if not all(signature_holds(self.public, text.encode(), data) for data in ours):
            return "signature"
        if not ours:
            return "other-key"
        parts = text[:-1].split("\n")
        if len(parts) < 3 or "" in parts or parts[0] != self.name:
            return "text"
        size, root = parse_size(parts[1]), decode_base64(parts[2])
        if size is None or root is None or len(root) != 32:
            return "text"
        return size, root


# The tree.


def node(left, right):
    return sha256(b"\x01" + left + right)


class Tree:
    def __init__(self, size, peaks):
        self.size, self.peaks = size, peaks

    def append(self, leaf):
        size = self.size
        while size & 1:
            leaf = node(self.peaks.pop(), leaf)
            size >>= 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256(b"")
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node(peak, root)
        return root


def consistent(old, old_root, new, new_root, proof):
    """By the recursion of RFC 6962, section 2.1.2, read backwards: it consumes the proof from its end."""
    if old == 0 or old == new:
        return not proof and old_root == (sha256(b"") if old == 0 else new_root)
    proof = list(proof)

    def roots(old, size, whole):
        if old == size:
            root = old_root if whole else proof.pop()
            return root, root
        left = 1
        while left * 2 < size:
            left *= 2
        aside = proof.pop()
        if old <= left:
            before, after = roots(old, left, whole)
            return before, node(after, aside)
        before, after = roots(old - left, size - left, False)
        return node(aside, before), node(aside, after)

    try:
        before, after = roots(old, new, True)
    except IndexError:
        return False
    return not proof and before == old_root and after == new_root


# The bundle.


class Fields:
    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, length):
        if self.place + length > len(self.data):
            raise Unreadable("short")
        self.place += length
        return self.data[self.place - length : self.place]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def block(self):
        return self.take(self.number(">I"))

    def text(self):
        data = self.block()
        try:
            data.decode()
        except UnicodeDecodeError:
            raise Unreadable("not UTF-8") from None
        return data

    def optional(self, read):
        tag = self.number(">B")
        if tag > 1:
            raise Unreadable("tag")
        return (read(),) if tag else None

    def end(self):
        if self.place != len(self.data):
            raise Unreadable("left over")


def parse_event(body):
    """Position, recorded_at, the leaf as it should be and as it is stored."""
    if len(body) < 32:
        raise Unreadable("short")
    fields, stored = Fields(body[:-32]), body[-32:]
    if fields.number(">B") != 1:
        raise Unreadable("layout version")
    position = fields.number(">Q")
    fields.text(), fields.text(), fields.number(">Q")
    fields.text(), fields.text(), fields.text(), fields.text()
    fields.number(">q")
    recorded_at = fields.number(">q")
    fields.optional(lambda: fields.number(">q"))
    fields.optional(fields.text)
    fields.optional(fields.text)
    columns = body[: fields.place]
    payload, sealed = fields.block(), fields.optional(fields.block)
    fields.end()
    digests = sha256(payload) + (b"\x01" + sha256(sealed[0]) if sealed else b"\x00")
    return position, recorded_at, sha256(b"\x00" + columns + digests), stored


def records(stream):
    if stream.read(len(MAGIC)) != MAGIC:
        raise Unreadable("magic")
    after = b""
    while True:
        kind = stream.read(1)
        if not kind:
            if after == b"Z":
                return
            raise Unreadable("no end")
        if kind not in FOLLOWERS[after]:
            raise Unreadable("kind")
        after, length = kind, stream.read(4)
        if len(length) < 4 or struct.unpack(">I", length)[0] > LIMITS[kind]:
            raise Unreadable("length")
        body = stream.read(struct.unpack(">I", length)[0])
        if len(body) < struct.unpack(">I", length)[0]:
            raise Unreadable("cut")
        yield kind, body


# The verification.


class Verification:
    def __init__(self, key, brought, part):
        self.key, self.part = key, part
        self.first, self.last, self.tree = 1, 0, None
        self.recorded_at, self.events = -(2**63), 0
        self.pending, self.matched, self.matched_brought = {}, [], []
        self.lack = self.other_key = self.hole = self.proof_before = None
        for note in brought:
            opened = key.open(note)
            if opened == "other-key":
                self.other_key = True
            elif isinstance(opened, str):
                raise Unreadable(opened)
            else:
                self.keep(opened, True)

    def keep(self, opened, brought):
        if sum(map(len, self.pending.values())) == MAX_PENDING:
            raise Unreadable("pending")
        self.pending.setdefault(opened[0], []).append((opened[1], brought))

    def after_match(self, size, brought):
        matches = self.matched_brought if brought else self.matched
        return max((matched for matched in matches if matched < size), default=0) + 1

    def agrees(self, size, brought):
        self.matched.append(size)
        if brought:
            self.matched_brought.append(size)

    def compare(self):
        size = self.tree.size
        for root, brought in self.pending.pop(size, []):
            if root != self.tree.root():
                raise Found(5, self.after_match(size, brought), size, "root")
            self.agrees(size, brought)

    def header(self, body):
        fields = Fields(body)
        origin = fields.text()
        self.first, self.last = fields.number(">Q"), fields.number(">Q")
        peaks = fields.block()
        fields.end()
        before = self.first - 1
        if not 0 < len(origin) <= 255 or before < 0 or not before <= self.last <= MAX_POSITION:
            raise Unreadable("range")
        if len(peaks) != 32 * bin(before).count("1"):
            raise Unreadable("frontier")
        self.tree = Tree(before, [peaks[place : place + 32] for place in range(0, len(peaks), 32)])
        if origin.decode() != self.key.name:
            raise Found(6, self.first, self.last, "other-log")
        for size in sorted(size for size in self.pending if size < before):
            self.lack = self.lack or (6, size + 1, before, "before")
            del self.pending[size]
        self.compare()

    def event(self, body):
        position, recorded_at, leaf, stored = parse_event(body)
        if self.hole:
            if position <= self.hole[2]:
                raise Found(5, self.hole[0], self.hole[0], "order")
            self.hole = (*self.hole[:2], position)
            return
        due = self.tree.size + 1
        if leaf != stored:
            raise Found(5, due, due, "leaf")
        if due > self.last:
            raise Found(5, due, due, "beyond")
        if due < position <= self.last:
            self.hole = (due, position - 1, position)
            return
        if position != due:
            raise Found(5, due, due, "order")
        if recorded_at < self.recorded_at:
            raise Found(5, due, due, "clock")
        self.recorded_at = recorded_at
        self.tree.append(leaf)
        self.events += 1
        self.compare()

    def checkpoint(self, body):
        try:
            note = body.decode()
        except UnicodeDecodeError:
            raise Unreadable("note") from None
        if self.hole:
            return
        opened = self.key.open(note)
        if opened == "other-key":
            return
        if opened == "signature":
            after = min(max(self.matched, default=0) + 1, self.last)
            raise Found(5, after, self.last, "signature")
        if isinstance(opened, str):
            raise Unreadable(opened)
        if opened[0] >= self.tree.size:
            self.keep(opened, False)
            self.compare()
        elif opened[0] < self.first - 1:
            self.lack = self.lack or (6, opened[0] + 1, self.first - 1, "before")
        else:
            raise Unreadable("late")

    def complete(self):
        if self.hole:
            raise Found(6, self.hole[0], self.hole[1], "hole")
        if self.tree.size < self.last:
            raise Found(6, self.tree.size + 1, self.last, "tail")

    def proof(self, body):
        size = Fields(body).number(">Q")
        if len(body) % 32 != 8:
            raise Unreadable("proof")
        self.complete()
        if size <= (self.proof_before or self.last):
            raise Unreadable("proof")
        self.proof_before = size
        hashes = [body[place : place + 32] for place in range(8, len(body), 32)]
        for root, brought in self.pending.pop(size, []):
            if not consistent(self.last, self.tree.root(), size, root, hashes):
                raise Found(5, self.after_match(size, brought), size, "proof")
            self.agrees(size, brought)
            if brought and not self.part:
                self.lack = self.lack or (6, self.last + 1, size, "part")

    def end(self, announced):
        self.complete()
        if announced != self.events:
            raise Unreadable("end")
        if self.pending:
            size = max(self.pending)
            if len({root for root, _ in self.pending[size]}) > 1:
                raise Found(5, self.after_match(size, True), size, "fork")
            raise Found(6, self.last + 1, size, "signed")
        if self.lack:
            raise Found(*self.lack)
        if self.other_key:
            raise Found(6, self.first, self.last, "other-key")
        if not self.matched or max(self.matched) < self.last:
            raise Found(6, max(self.first, max(self.matched, default=0) + 1), self.last, "unsigned")
        raise Found(0, self.first, self.last, "ok")

    def run(self, stream):
        announced = 0
        for kind, body in records(stream):
            if kind == b"H":
                self.header(body)
            elif kind == b"G":
                beside = Fields(body)
                beside.text(), beside.text(), beside.end()
            elif kind == b"E":
                self.event(body)
            elif kind == b"C":
                self.checkpoint(body)
            elif kind == b"P":
                self.proof(body)
            else:
                if len(body) != 8:
                    raise Unreadable("end")
                (announced,) = struct.unpack(">Q", body)
        self.end(announced)


def verify(key, brought, part, stream):
    verification = None
    try:
        notes = [note.decode() for note in brought]
        verification = Verification(key, notes, part)
        verification.run(stream)
    except Found as found:
        return found.args
    except (Unreadable, UnicodeDecodeError):
        if verification and verification.hole:
            return 6, verification.hole[0], verification.hole[1], "hole"
    return 3, "-", "-", "unreadable"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(arguments):
    key, brought, part, paths = None, [], False, []
    while arguments:
        argument = arguments.pop(0)
        if argument == "--key":
            key = Key(arguments.pop(0))
        elif argument == "--checkpoint":
            brought.append(arguments.pop(0))
        elif argument == "--part":
            part = True
        else:
            paths.append(argument)
    if paths == ["--batch"]:
        for line in sys.stdin:
            mode, bundle, *checkpoints = line.rstrip("\n").split("\t")
            notes = [read(path) for path in checkpoints]
            print(*verify(key, notes, mode == "part", io.BytesIO(read(bundle))))
        return 0
    with open(paths[0], "rb") as stream:
        found = verify(key, [read(path) for path in brought], part, stream)
    print(*found)
    return found[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
