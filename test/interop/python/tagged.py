"""Tagged JSON: Python values as JSON that keeps their type (FORMATS §0), both ways.
Beyond that page, a value of bson carries its parts, so that it can be made again."""

import base64
import builtins
import collections
import datetime
import decimal
import uuid

import bson
from bson.binary import Binary
from bson.code import Code
from bson.dbref import DBRef
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.regex import Regex
from bson.timestamp import Timestamp


def to_tagged(value):
    """Any value as tagged JSON; what has no tag becomes {"$repr": text}."""
    if value is None or isinstance(value, bool):
        return value
    if type(value) in WRITERS:
        return WRITERS[type(value)](value)
    if isinstance(value, dict):  # Beaker's session itself is a subclass
        return {'$dict': tagged_items(value)}
    return {'$repr': repr(value)}


def from_tagged(tagged):
    """The value that `tagged` stands for. A bare JSON number is taken as it is."""
    if isinstance(tagged, list):
        return [from_tagged(item) for item in tagged]
    if not isinstance(tagged, dict):
        return tagged
    for tag, read in READERS.items():
        if tag in tagged:
            return read(tagged)
    raise ValueError(f'no tag among {sorted(tagged)}')


def options_from(tagged):
    """An object of options: plain keys, tagged or plain values."""
    return {key: from_tagged(value) for key, value in (tagged or {}).items()}


def tagged_items(value):
    return [[to_tagged(key), to_tagged(item)] for key, item in value.items()]


def tagged_list(value):
    return [to_tagged(item) for item in value]


def sorted_list(value):
    return sorted(tagged_list(value), key=repr)


def tagged_datetime(value):
    tagged = {'$datetime': value.replace(tzinfo=None).isoformat(timespec='microseconds')}
    if value.utcoffset() is not None:
        tagged['offset_s'] = value.utcoffset().total_seconds()
    if value.fold:
        tagged['fold'] = 1
    return tagged


def tagged_code(value):
    tagged = {'$bson': 'Code', 'code': str(value)}
    if value.scope is not None:
        tagged['scope'] = to_tagged(dict(value.scope))
    return tagged


def tagged_dbref(value):
    document = value.as_doc()
    return {'$bson': 'DBRef', 'document': {'$dict': tagged_items(document)}}


WRITERS = {
    str: lambda value: value,
    int: lambda value: {'$int': str(value)},
    float: lambda value: {'$float': repr(value), 'hex': value.hex()},
    bytes: lambda value: {'$bytes': base64_text(value)},
    bytearray: lambda value: {'$bytearray': base64_text(bytes(value))},
    list: tagged_list,
    tuple: lambda value: {'$tuple': tagged_list(value)},
    set: lambda value: {'$set': sorted_list(value)},
    frozenset: lambda value: {'$frozenset': sorted_list(value)},
    dict: lambda value: {'$dict': tagged_items(value)},
    collections.OrderedDict: lambda value: {'$odict': tagged_items(value)},
    collections.defaultdict: lambda value: {
        '$defaultdict': tagged_items(value),
        'factory': getattr(value.default_factory, '__name__', None),
    },
    datetime.datetime: tagged_datetime,
    datetime.date: lambda value: {'$date': value.isoformat()},
    datetime.time: lambda value: {'$time': value.isoformat(timespec='microseconds')},
    datetime.timedelta: lambda value: {'$timedelta': [value.days, value.seconds, value.microseconds]},
    datetime.timezone: lambda value: {'$timezone': value.utcoffset(None).total_seconds()},
    decimal.Decimal: lambda value: {'$decimal': str(value)},
    uuid.UUID: lambda value: {'$uuid': str(value)},
    complex: lambda value: {'$complex': [to_tagged(value.real), to_tagged(value.imag)]},
    Int64: lambda value: {'$bson': 'Int64', 'value': str(int(value))},
    ObjectId: lambda value: {'$bson': 'ObjectId', 'hex': str(value)},
    # 1.0 and 1.00 differ in their bits only, and so do the forms of NaN
    Decimal128: lambda value: {'$bson': 'Decimal128', 'value': str(value), 'bid': base64_text(value.bid)},
    Binary: lambda value: {'$bson': 'Binary', 'subtype': value.subtype, 'base64': base64_text(bytes(value))},
    Regex: lambda value: {'$bson': 'Regex', 'pattern': to_tagged(value.pattern), 'flags': value.flags},
    Timestamp: lambda value: {'$bson': 'Timestamp', 'time': value.time, 'increment': value.inc},
    Code: tagged_code,
    MinKey: lambda value: {'$bson': 'MinKey'},
    MaxKey: lambda value: {'$bson': 'MaxKey'},
    DBRef: tagged_dbref,
}


def read_pairs(pairs):
    return [(from_tagged(key), from_tagged(value)) for key, value in pairs]


def read_datetime(tagged):
    value = datetime.datetime.fromisoformat(tagged['$datetime'])
    if 'offset_s' in tagged:
        value = value.replace(tzinfo=datetime.timezone(datetime.timedelta(seconds=tagged['offset_s'])))
    return value.replace(fold=tagged.get('fold', 0))


def read_float(tagged):
    return float.fromhex(tagged['hex']) if 'hex' in tagged else float(tagged['$float'])


def read_bson(tagged):
    return BSON_READERS[tagged['$bson']](tagged)


def read_dbref(tagged):
    # the reader of bson is what makes a DBRef out of a document with $ref
    return bson.decode(bson.encode({'k': from_tagged(tagged['document'])}))['k']


READERS = {
    '$int': lambda tagged: int(tagged['$int']),
    '$float': read_float,
    '$bytes': lambda tagged: base64.b64decode(tagged['$bytes']),
    '$bytearray': lambda tagged: bytearray(base64.b64decode(tagged['$bytearray'])),
    '$tuple': lambda tagged: tuple(from_tagged(tagged['$tuple'])),
    '$set': lambda tagged: set(from_tagged(tagged['$set'])),
    '$frozenset': lambda tagged: frozenset(from_tagged(tagged['$frozenset'])),
    '$dict': lambda tagged: dict(read_pairs(tagged['$dict'])),
    '$odict': lambda tagged: collections.OrderedDict(read_pairs(tagged['$odict'])),
    '$defaultdict': lambda tagged: collections.defaultdict(
        tagged['factory'] and getattr(builtins, tagged['factory']), read_pairs(tagged['$defaultdict'])
    ),
    '$datetime': read_datetime,
    '$date': lambda tagged: datetime.date.fromisoformat(tagged['$date']),
    '$time': lambda tagged: datetime.time.fromisoformat(tagged['$time']),
    '$timedelta': lambda tagged: datetime.timedelta(*tagged['$timedelta']),
    '$timezone': lambda tagged: datetime.timezone(datetime.timedelta(seconds=tagged['$timezone'])),
    '$decimal': lambda tagged: decimal.Decimal(tagged['$decimal']),
    '$uuid': lambda tagged: uuid.UUID(tagged['$uuid']),
    '$complex': lambda tagged: complex(*from_tagged(tagged['$complex'])),
    '$bson': read_bson,
}

BSON_READERS = {
    'Int64': lambda tagged: Int64(tagged['value']),
    'ObjectId': lambda tagged: ObjectId(tagged['hex']),
    'Decimal128': lambda tagged: (
        Decimal128.from_bid(base64.b64decode(tagged['bid'])) if 'bid' in tagged else Decimal128(tagged['value'])
    ),
    'Binary': lambda tagged: Binary(base64.b64decode(tagged['base64']), tagged['subtype']),
    'Regex': lambda tagged: Regex(from_tagged(tagged['pattern']), tagged['flags']),
    'Timestamp': lambda tagged: Timestamp(tagged['time'], tagged['increment']),
    'Code': lambda tagged: Code(tagged['code'], from_tagged(tagged['scope']) if 'scope' in tagged else None),
    'MinKey': lambda tagged: MinKey(),
    'MaxKey': lambda tagged: MaxKey(),
    'DBRef': read_dbref,
}


def base64_text(value):
    return base64.b64encode(value).decode('ascii')
