# -*- coding: utf-8 -*-
"""Pickles of the real Python: one JSON request on stdin, its answer on stdout. Runs under Python 2.7 and 3.
{"op": "random", "seed", "count"} makes values and pickles them, {"op": "load", "pickles"} says what Python sees in
pickles, {"op": "dump", "pickles"} what Python itself would write in protocol 2."""

from __future__ import unicode_literals

import base64
import collections
import datetime
import decimal
import io
import json
import math
import pickle
import random
import sys
import types
import uuid

PYTHON3 = sys.version_info[0] >= 3
TEXT = str if PYTHON3 else unicode  # noqa: F821
LONG = int if PYTHON3 else long  # noqa: F821

# The classes of an application that only Python knows.
models = types.ModuleType(str('myapp.models'))
sys.modules[str('myapp')] = types.ModuleType(str('myapp'))
sys.modules[str('myapp.models')] = models
sys.modules[str('myapp')].models = models


class User(object):
    pass


class Slotted(object):
    __slots__ = ['a', 'b'] if PYTHON3 else [b'a', b'b']


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyInt(int):
    pass


class MyStr(TEXT):
    pass


class WithState(object):
    def __init__(self, value=None):
        self.value = value

    def __getstate__(self):
        return ('state', self.value)

    def __setstate__(self, state):
        self.value = state[1]


class Keywords(object):
    """Made with keywords: NEWOBJ_EX from protocol 4 on."""

    def __new__(cls, *args, **keywords):
        self = object.__new__(cls)
        self.made = (args, sorted(keywords.items()))
        return self

    def __getnewargs_ex__(self):
        return self.made[0], dict(self.made[1])


class Outer(object):
    class Inner(object):
        pass


class Old:
    """Old-style in Python 2: INST and OBJ."""


Point = collections.namedtuple(str('Point'), [str('x'), str('y')])

for model in (User, Slotted, MyList, MyDict, MyInt, MyStr, WithState, Keywords, Outer, Old, Point):
    model.__module__ = str('myapp.models')
    setattr(models, model.__name__, model)
Outer.Inner.__module__ = str('myapp.models')
if PYTHON3:
    Outer.Inner.__qualname__ = 'Outer.Inner'


def base64_text(data):
    return base64.b64encode(data).decode('ascii')


class Tagger(object):
    """A value as JSON that keeps type and identity: a mutable one that comes again is {"$ref": n}."""

    def __init__(self):
        self.seen = {}
        self.kept = []

    def again(self, value):
        if id(value) in self.seen:
            return {'$ref': self.seen[id(value)]}
        self.seen[id(value)] = len(self.seen)
        self.kept.append(value)

    def pairs(self, value):
        items = [(self.tag(key), item) for key, item in value.items()]
        if not PYTHON3 and not isinstance(value, collections.OrderedDict):
            items.sort(key=lambda pair: json.dumps(pair[0], sort_keys=True))  # two equal dicts may differ in order
        return [[key, self.tag(item)] for key, item in items]

    def list(self, value):
        return [self.tag(item) for item in value]

    def sorted(self, value):
        return sorted(self.list(value), key=lambda tagged: json.dumps(tagged, sort_keys=True))

    def tag(self, value):
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is TEXT:
            return value
        if kind is float:
            return {'$float': repr(value)}
        if not PYTHON3 and kind is bytes:
            return {'$py2str': base64_text(value)}
        if kind is bytes:
            return {'$bytes': base64_text(value)}
        if not PYTHON3 and kind is LONG:
            return {'$long': TEXT(value)}
        if kind is int:
            return {'$int': TEXT(value)}
        if kind is complex:
            return {'$complex': [{'$float': repr(value.real)}, {'$float': repr(value.imag)}]}
        if kind is tuple:
            return {'$tuple': self.list(value)}
        if kind is frozenset:
            return {'$frozenset': self.sorted(value)}
        if kind is datetime.datetime:
            return self.datetime(value)
        if kind is datetime.date:
            return {'$date': value.isoformat()}
        if kind is datetime.time:
            return self.time(value)
        if kind is datetime.timedelta:
            return {'$timedelta': [value.days, value.seconds, value.microseconds]}
        if kind is decimal.Decimal:
            return {'$decimal': TEXT(value)}
        if kind is uuid.UUID:
            return {'$uuid': TEXT(value)}
        if PYTHON3 and kind is datetime.timezone:
            return {'$timezone': number(value.utcoffset(None).total_seconds())}
        if kind.__module__ == 'zoneinfo':
            return {'$timezone': value.key}
        if isinstance(value, type):
            return {'$global': '%s.%s' % (value.__module__, getattr(value, '__qualname__', value.__name__))}
        return self.again(value) or self.mutable(value, kind)

    def mutable(self, value, kind):
        if kind is list:
            return self.list(value)
        if kind is dict:
            return {'$dict': self.pairs(value)}
        if kind is set:
            return {'$set': self.sorted(value)}
        if kind is bytearray:
            return {'$bytearray': base64_text(bytes(value))}
        if kind is collections.OrderedDict:
            return {'$odict': self.pairs(value)}
        if kind is collections.defaultdict:
            return {'$defaultdict': self.pairs(value), 'factory': getattr(value.default_factory, '__name__', None)}
        name = '%s.%s' % (kind.__module__, getattr(kind, '__qualname__', kind.__name__))
        if isinstance(value, tuple):
            return {'$namedtuple': name, 'items': self.list(value)}
        tagged = {'$instance': name}
        for base, convert in ((int, int), (TEXT, TEXT)):
            if isinstance(value, base):
                tagged['value'] = self.tag(convert(value))
        if isinstance(value, list) or kind is collections.deque:
            tagged['items'] = self.list(value)
        if isinstance(value, dict):
            tagged['entries'] = self.pairs(value)
        tagged['state'] = {'$dict': [[TEXT(key), self.tag(item)] for key, item in attributes(value)]}
        return tagged

    def datetime(self, value):
        tagged = {'$datetime': '%04d-%02d-%02dT%02d:%02d:%02d.%06d' % (
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)}
        if value.tzinfo is not None:
            tagged['offset_s'] = number(value.utcoffset().total_seconds())
            tagged['zone'] = repr(value.tzinfo)
        if getattr(value, 'fold', 0):
            tagged['fold'] = 1
        return tagged

    def time(self, value):
        tagged = {'$time': '%02d:%02d:%02d.%06d' % (value.hour, value.minute, value.second, value.microsecond)}
        if value.tzinfo is not None:
            tagged['zone'] = self.tag(value.tzinfo)['$timezone']
        if getattr(value, 'fold', 0):
            tagged['fold'] = 1
        return tagged


def attributes(value):
    slots = [name if PYTHON3 else name.decode('ascii') for name in getattr(type(value), '__slots__', [])]
    found = [(name, getattr(value, name)) for name in slots if hasattr(value, name)]
    own = getattr(value, '__dict__', {})
    return found + [(name, own[name]) for name in (own if PYTHON3 else sorted(own))]


def number(seconds):
    return int(seconds) if seconds == int(seconds) else seconds


class Maker(object):
    """Random values of every type a session may hold, with shared and recursive references."""

    def __init__(self, chance):
        self.chance = chance
        self.pool = []

    def text(self):
        letters = ['a', 'Z', '_', ' ', '\0', '\n', '\\', '"', 'é', 'ÿ', '€', '\u2028', '\ufeff', '\U0001f600', '\ud800']
        if not PYTHON3:
            letters = letters[:-1]
        return ''.join(self.chance.choice(letters) for _ in range(self.chance.choice([0, 1, 3, 8, 40, 300])))

    def integer(self):
        bits = self.chance.choice([1, 8, 9, 16, 17, 31, 32, 33, 53, 54, 63, 64, 65, 200, 2030, 2040])
        value = self.chance.getrandbits(bits) + self.chance.choice([0, 0, -1, 1])
        return self.chance.choice([value, -value, 2 ** (bits - 1), -2 ** (bits - 1), 2 ** bits - 1, -2 ** (bits - 1) - 1])

    def float(self):
        special = [0.0, -0.0, 1.0, -1.0, 1e22, 1e-7, 5e-324, float('inf'), float('-inf'), float('nan'), 0.1, 2.0 ** 53]
        return self.chance.choice(special + [self.chance.random() * 10 ** self.chance.randint(-20, 20)])

    def byte_string(self):
        size = self.chance.choice([0, 1, 4, 10, 300])
        return bytes(bytearray(self.chance.getrandbits(8) for _ in range(size)))

    def zone(self):
        zones = [datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=self.chance.randint(-12, 14)))]
        zones.append(datetime.timezone(datetime.timedelta(seconds=self.chance.randint(-80000, 80000)), 'name'))
        zones.append(datetime.timezone(datetime.timedelta(microseconds=self.chance.randint(-10 ** 10, 10 ** 10))))
        if ZoneInfo is not None:
            zones.append(ZoneInfo(self.chance.choice(['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC'])))
        return self.chance.choice(zones)

    def datetime(self):
        year = self.chance.choice([self.chance.randint(1990, 2030), self.chance.randint(1990, 2030), 1, 9999, 1900, 2048])
        value = datetime.datetime(
            year, self.chance.randint(1, 12), self.chance.randint(1, 28), self.chance.randint(0, 23),
            self.chance.randint(0, 59), self.chance.randint(0, 59), self.chance.choice([0, 4, 999999, 123456]))
        if PYTHON3:
            value = value.replace(fold=self.chance.choice([0, 0, 1]))
            if 1990 <= year <= 2030:
                if self.chance.random() < 0.2:
                    value = value.replace(month=10, day=29, year=2023, hour=2)  # twice in Berlin
                value = value.replace(tzinfo=self.chance.choice([None, self.zone()]))
        return value

    def time(self):
        value = datetime.time(self.chance.randint(0, 23), self.chance.randint(0, 59), 3, self.chance.choice([0, 4]))
        if PYTHON3:
            value = value.replace(fold=self.chance.choice([0, 1]))
            value = value.replace(tzinfo=self.chance.choice([None, self.zone()]))
        return value

    def scalar(self):
        makers = [
            lambda: None, lambda: True, lambda: False, self.integer, self.integer, self.float, self.text, self.text,
            self.byte_string, lambda: bytearray(self.byte_string()), self.datetime, self.datetime, self.time,
            lambda: datetime.date(self.chance.randint(1, 9999), self.chance.randint(1, 12), self.chance.randint(1, 28)),
            lambda: datetime.timedelta(self.chance.randint(-10 ** 6, 10 ** 6), 5, self.chance.randint(0, 10 ** 7)),
            lambda: decimal.Decimal(self.chance.choice(['1.10', '-0', '1E+400', 'NaN', 'sNaN7', 'Infinity', '-0.000001'])),
            lambda: uuid.UUID(int=self.chance.getrandbits(self.chance.choice([128, 5]))),
            lambda: complex(self.float(), self.float()),
            lambda: User, lambda: int, lambda: TEXT, lambda: collections.OrderedDict,
        ]
        if PYTHON3:
            makers += [self.zone, lambda: Outer.Inner, lambda: ConnectionResetError]
        return self.chance.choice(makers)()

    def hashable(self, depth=2):
        if depth > 0 and self.chance.random() < 0.3:
            items = [self.hashable(depth - 1) for _ in range(self.chance.randint(0, 3))]
            return self.chance.choice([tuple, frozenset])(items)
        while True:
            value = self.scalar()
            if not isinstance(value, bytearray) and not is_nan(value):
                return value

    def value(self, depth):
        if self.pool and self.chance.random() < 0.08:
            return self.chance.choice(self.pool)
        if depth == 0 or self.chance.random() < 0.4:
            return self.scalar()
        made = self.container(depth - 1)
        if not isinstance(made, (tuple, frozenset)):
            self.pool.append(made)
        return made

    def values(self, depth):
        return [self.value(depth) for _ in range(self.chance.choice([0, 1, 1, 2, 3, 4, 5]))]

    def keyed(self, target, depth):
        for item in self.values(depth):
            target[self.text()] = item
        return target

    def container(self, depth):
        kind = self.chance.randint(0, 15)
        if kind in (0, 1):
            made = self.values(depth)
            if self.chance.random() < 0.1:
                made.append(made)
            return made
        if kind in (2, 3):
            return tuple(self.values(depth))
        if kind in (4, 5):
            made = self.keyed({}, depth)
            if self.chance.random() < 0.1:
                made['self'] = made
            return made
        if kind == 6:
            return dict((self.hashable(), item) for item in self.values(depth))
        if kind == 7:
            return set(self.hashable() for _ in range(3))
        if kind == 8:
            return self.keyed(collections.OrderedDict(), depth)
        if kind == 9:
            return self.keyed(collections.defaultdict(self.chance.choice([int, list, None])), depth)
        if kind == 10:
            return Point(*[self.value(depth) for _ in range(2)])
        if kind == 11:
            return self.subclass(depth)
        if kind == 12:
            made = Slotted()
            made.a = self.value(depth)
            return made
        if kind == 13:
            return WithState(self.value(depth))
        if kind == 14:
            return collections.deque(self.values(depth), self.chance.choice([None, 7]))
        made = User()
        self.pool.append(made)
        for index, item in enumerate(self.values(depth)):
            setattr(made, str('key%d' % index), item)
        if self.chance.random() < 0.1:
            made.me = (made, [made])
        return made

    def subclass(self, depth):
        kind = self.chance.randint(0, 5)
        if kind == 0:
            made = MyList(self.values(depth))
        elif kind == 1:
            made = self.keyed(MyDict(), depth)
        elif kind == 2:
            made = MyInt(self.chance.randint(-99, 99))
        elif kind == 3:
            made = MyStr(self.text())
        elif kind == 4:
            return Keywords(self.value(depth), key=self.value(depth)) if PYTHON3 else Old()
        else:
            made = Outer.Inner() if PYTHON3 else Old()
        if self.chance.random() < 0.5:
            made.attribute = self.value(depth)
        return made

    def session(self):
        self.pool = []
        data = {'_id': uuid.UUID(int=self.chance.getrandbits(128)).hex, '_accessed_time': 1.0}
        for index in range(self.chance.randint(1, 8)):
            data['key%d' % index] = self.value(3)
        return data


def is_nan(value):
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, complex) and (math.isnan(value.real) or math.isnan(value.imag))


try:
    from zoneinfo import ZoneInfo
except ImportError:
    ZoneInfo = None


try:
    import cPickle

    PICKLERS = [pickle, cPickle]
except ImportError:
    PICKLERS = [pickle]


def tagged(value):
    return Tagger().tag(value)


def read(data, encoding='ASCII'):
    return pickle.Unpickler(io.BytesIO(data), encoding=encoding).load() if PYTHON3 else pickle.loads(data)


def random_pickles(seed, count, protocols):
    """`count` pickles of sessions, each pickled by every protocol, with what Python makes of that pickle again."""
    maker = Maker(random.Random(seed))
    made = []
    while len(made) < count:
        session = maker.session()
        for protocol in protocols:
            try:
                data = maker.chance.choice(PICKLERS).dumps(session, protocol)
            except TypeError:  # before protocol 2 no class with slots
                continue
            made.append({'pickle': base64_text(data), 'protocol': protocol, 'value': tagged(read(data))})
    return made[:count]


def load(pickles, encoding='ASCII', without=()):
    """What Python sees in each pickle, or what it raised; `without` names a key to drop from each first."""
    return [outcome(loading(text, encoding, dropped)) for text, dropped in zip_longest(pickles, without)]


def loading(text, encoding, dropped):
    def work():
        value = read(base64.b64decode(text), encoding)
        if dropped is not None:
            value.pop(dropped, None)
        return tagged(value)

    return work


def zip_longest(texts, names):
    return [(text, names[index] if index < len(names) else None) for index, text in enumerate(texts)]


def dump(pickles):
    """Each pickle loaded and written again by Python, in protocol 2."""
    return [base64_text(pickle.dumps(read(base64.b64decode(text)), 2)) for text in pickles]


def python_version():
    return '.'.join(str(part) for part in sys.version_info[:3])


def outcome(work):
    try:
        return {'value': work()}
    except Exception as error:
        return {'raises': '%s: %s' % (type(error).__name__, error)}


OPERATIONS = {'random': random_pickles, 'load': load, 'dump': dump, 'version': python_version}

if __name__ == '__main__':
    sys.setrecursionlimit(10000)
    request = json.loads(sys.stdin.read())
    operation = OPERATIONS[request.pop('op')]
    arguments = dict((str(key), value) for key, value in request.items())
    sys.stdout.write(json.dumps(operation(**arguments)))
