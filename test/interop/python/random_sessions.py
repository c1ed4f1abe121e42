"""Random sessions with every kind of key and value that a payload form can hold (FORMATS §4, §5)."""

import datetime
import re

from bson.binary import Binary
from bson.code import Code
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp

ODD_KEYS = [
    '', ' ', 'a.b', '.', '$set', '$', '__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'toJSON',
    'then', 'length', '_bsontype', '7', '0', '-1', '10', '01', '4294967295', 'é', 'ключ', '鍵', '🗝️', 'e\u0301',
    'two words', 'tab\there', 'quote"key', 'back\\slash', 'exp', 'iat', 'sub', '_private', 'null', 'true', '\u2028',
]  # fmt: skip
PLAIN_KEYS = ['user', 'roles', 'cart', 'locale', 'visits', 'flash', 'csrf_token', 'last_seen', 'theme', 'items']
# Beaker's own, and only at the top: deeper they are data like any other
NESTED_KEYS = ['_id', '_creation_time', '_accessed_time', '_expires', '_path', '_domain', 'bsZ']

ODD_TEXTS = [
    '', ' ', 'plain', 'ümläut', 'Ω≈ç√', '漢字', '👩‍👩‍👧 astral 𝒳', 'a\x00b', '\x00', '"quoted"', "it's", 'back\\slash', '\r\n\t',
    '\x01\x1f\x7f\x80\x9f', '\ufeffBOM', '\ufffd\uffff', '\u2028\u2029', '</script>', '%41+%2B', '1', '1.0', 'null', 'NaN',
    '\U0010ffff', 'e\u0301', '2023-11-14T22:13:20Z',
]  # fmt: skip
ODD_FLOATS = [
    0.0, -0.0, 1.0, -1.0, 2.0, 0.1, 1e16, 1e-5, 1e22, 1e21, 1e100, 5e-324, 1.7976931348623157e308, 123456789.0, 1.5e-7,
    9007199254740992.0, 9007199254740994.0, 9.223372036854775807e18, 0.30000000000000004, 1e15, 123456789012345680.0,
]  # fmt: skip
INT_EDGES = [0, 1, -1, 7, 255, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1]
BSON_INT_EDGES = [2**63 - 1, -(2**63), 2**62 + 3]
JSON_INT_EDGES = [2**63, 2**64 + 1, -(2**70) - 3, 10**25 + 1]
DECIMALS = ['1.10', '1.1', '0', '-0', '1E+3', '123456789012345678901234567890.1234', 'NaN', 'Infinity', '-1E-6176']


class Maker:
    """`values`: 'bson' or 'json' for all that this form can hold, 'common' for what both can."""

    def __init__(self, random, values, special_floats=False):
        self.random = random
        self.values = values
        self.special_floats = special_floats

    def session(self):
        """Data of a session, up to a dozen keys."""
        return {self.key(): self.value(0) for _ in range(self.random.randint(0, 12))}

    def key(self, nested=False):
        kind = self.random.random()
        if kind < 0.4:
            return self.random.choice(PLAIN_KEYS)
        if kind < 0.8:
            return self.random.choice(ODD_KEYS)
        if nested and kind < 0.9:
            return self.random.choice(NESTED_KEYS)
        # upper case first, so that it never is a key of Beaker
        return 'K' + ''.join(self.random.choice('abcz019_.$-éж') for _ in range(self.random.randint(0, 12)))

    def value(self, depth):
        makers = self.makers()
        if depth < 5 and self.random.random() < 0.3:
            return self.container(depth + 1)
        return self.random.choice(makers)()

    def container(self, depth):
        size = self.random.choice([0, 1, 2, 3, 12])
        if self.random.random() < 0.5:
            return [self.value(depth) for _ in range(size)]
        return {self.key(nested=True): self.value(depth) for _ in range(size)}

    def makers(self):
        shared = [self.integer, self.double, self.text, self.text, self.constant]
        if self.values != 'bson':
            return shared
        return [*shared, self.date, self.byte_string, self.int64, self.special, self.special]

    def constant(self):
        return self.random.choice([None, True, False])

    def integer(self):
        edges = INT_EDGES + (JSON_INT_EDGES if self.values == 'json' else BSON_INT_EDGES)
        if self.random.random() < 0.5:
            return self.random.choice(edges)
        bits = self.random.randint(1, 80 if self.values == 'json' else 63)
        return self.random.choice([1, -1]) * self.random.getrandbits(bits)

    def double(self):
        if self.special_floats and self.random.random() < 0.1:
            return self.random.choice([float('nan'), float('inf'), float('-inf')])
        if self.random.random() < 0.5:
            return self.random.choice(ODD_FLOATS)
        return self.random.uniform(-1, 1) * 10 ** self.random.randint(-20, 25)

    def text(self):
        if self.random.random() < 0.5:
            return self.random.choice(ODD_TEXTS)
        alphabet = 'abc XYZ012"\\/é鍵🗝\x00\n<&;,='
        return ''.join(self.random.choice(alphabet) for _ in range(self.random.choice([1, 5, 40])))

    def date(self):
        edges = ['0001-01-01', '1969-12-31T23:59:59.999', '1970-01-01', '2023-01-01T12:30:00.123', '9999-12-31T23:59:59.999']
        if self.random.random() < 0.3:
            return datetime.datetime.fromisoformat(self.random.choice(edges))
        value = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=self.random.randint(-(10**13), 10**13))
        # what the format can't hold: it keeps milliseconds of UTC
        if self.random.random() < 0.2:
            value += datetime.timedelta(microseconds=self.random.randint(0, 999))
        if self.random.random() < 0.2:
            value = value.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=self.random.randint(-11, 12))))
        return value

    def byte_string(self):
        return self.random.randbytes(self.random.choice([0, 1, 16, 60]))

    def int64(self):
        return Int64(self.random.choice([0, 1, -1, 42, 2**31 - 1, 2**40, 2**63 - 1, -(2**63)]))

    def special(self):
        return self.random.choice([
            lambda: ObjectId(self.random.randbytes(12)),
            lambda: Decimal128(self.random.choice(DECIMALS)),
            lambda: Binary(self.byte_string(), self.random.choice([0, 1, 2, 5, 6, 128, 255])),
            lambda: Binary(self.random.randbytes(16), self.random.choice([3, 4])),
            lambda: Regex(self.random.choice(['^a.*z$', '', 'é/"\\d']), self.random.choice([0, re.I, re.M | re.S, re.X | re.U])),
            lambda: Timestamp(self.random.getrandbits(32), self.random.getrandbits(32)),
            lambda: Code(self.text()),
            lambda: Code('f(x)', {'x': self.integer(), 'y': self.text()}),
            lambda: MinKey(),
            lambda: MaxKey(),
        ])()  # fmt: skip
