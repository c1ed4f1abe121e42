"""The Python side of the interop tests: one process, a JSON request on each line of stdin, its answer on stdout.
{"id": 1, "op": "decode", ...} is answered by {"id": 1, "result": ...} or {"id": 1, "raises": {"error", "message"}}."""

import importlib.metadata
import json
import platform
import random
import zlib

import bson
import jwt
from beaker_session_jwt import JWTCookieSession

from beaker_requests import cookie_value, frozen_clock, run_request
from exact import differing_paths
from random_sessions import Maker
from serving import operation, serve
from tagged import from_tagged, options_from, to_tagged

PACKAGES = ['Beaker', 'beaker-session-jwt', 'joserfc', 'pymongo', 'PyJWT']


@operation
def versions():
    """The version of each package, and of Python and zlib."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {**found, 'Python': platform.python_version(), 'zlib': zlib.ZLIB_RUNTIME_VERSION, 'bson_c': bson.has_c()}


@operation
def random_sessions(seed, count, codec, options, values=None, special_floats=False, longest=3500):
    """`count` sessions made from `seed`, each saved by a WSGI request: its cookie, and the session as Python reads it."""
    maker = Maker(random.Random(seed), values or codec, special_floats)
    settings = {**options_from(options), 'bson_compress_jwt_payload': codec == 'bson'}
    return [saved_session(maker.session(), settings, longest) for _ in range(count)]


@operation
def wsgi(options, cookie=None, operations=(), now=None):
    """One WSGI request with a Cookie header: [set, key, tagged] [remove, key] [read] [save] [invalidate] [delete]."""
    answer = run_request(options_from(options), cookie, operations, now)
    return {**answer, 'session': to_tagged(answer['session'])}


@operation
def decode(cookie, options):
    """The session in a cookie value; nothing is added to it."""
    return to_tagged(decoded(cookie, options))


@operation
def encode(session, options):
    """A session as a cookie value."""
    return codec_of(options)._encrypt_data(from_tagged(session))


@operation
def compare(a, b, options, options_b=None, ignore=(), int64_as_int=False):
    """The paths at which two cookies hold different values or types; `ignore` names top-level keys."""
    left, right = decoded(a, options), decoded(b, options_b or options)
    for key in ignore:
        left.pop(key, None)
        right.pop(key, None)
    return differing_paths(left, right, int64_as_int=int64_as_int)


@operation
def jwt_encode(payload, key, algorithm='HS256', headers=None):
    """A token by PyJWT."""
    token = jwt.encode(from_tagged(payload), key, algorithm=algorithm, headers=headers)
    return token.decode('ascii') if isinstance(token, bytes) else token  # 1.x gives bytes


@operation
def jwt_decode(token, key, algorithms=('HS256',), options=None, leeway=0, now=None):
    """The claims of a token that PyJWT verified, at `now` in seconds since 1970."""
    with frozen_clock(now, [jwt.api_jwt]):
        claims = jwt.decode(token, key, algorithms=list(algorithms), options=options_from(options), leeway=leeway)
    return to_tagged(claims)


@operation
def jwt_decode_by_set(token, jwks, now=None):
    """The claims of a token that PyJWT verified with the key of a JWK set that its `kid` names."""
    key = jwt.PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(token)['kid']]
    with frozen_clock(now, [jwt.api_jwt]):
        claims = jwt.decode(token, key, algorithms=[key.algorithm_name])
    return to_tagged(claims)


@operation
def random_claims(seed, count, key, algorithm='HS256', special_floats=False, longest=3500):
    """`count` tokens by PyJWT made from `seed`: each with its claims, as PyJWT reads them."""
    maker = Maker(random.Random(seed), 'json', special_floats)
    return [saved_claims(maker.session(), key, algorithm, longest) for _ in range(count)]


def codec_of(options):
    return JWTCookieSession({}, **options_from(options))


def decoded(cookie, options):
    return codec_of(options)._decrypt_data(cookie)


def saved_session(data, settings, longest):
    """Saves `data` by a request. Keys are dropped first until the cookie has about `longest` characters at most."""
    codec = JWTCookieSession({}, **settings)
    # id and times of fixed length, so that the same seed always drops the same
    own = {'_id': '0' * 32, '_creation_time': 1.5e9, '_accessed_time': 1.5e9}
    while data and len(codec._encrypt_data({**own, **data})) > longest:
        data.pop(list(data)[-1])
    operations = [['set', key, to_tagged(value)] for key, value in data.items()]
    # Beaker saves no session that was never looked at, not even on save()
    cookie = cookie_value(run_request(settings, None, [['read'], *operations, ['save']])['set_cookie'][0])
    return {'cookie': cookie, 'session': to_tagged(decoded(cookie, settings))}


def saved_claims(claims, key, algorithm, longest):
    """Keys are dropped until the token has about `longest` characters at most."""
    while claims and len(json.dumps(claims)) * 4 / 3 > longest:
        claims.pop(list(claims)[-1])
    for registered in ('exp', 'nbf', 'iat', 'jti', 'sub', 'iss', 'aud', 'bsZ'):
        claims.pop(registered, None)
    token = jwt_encode(to_tagged(claims), key, algorithm)
    return {'cookie': token, 'session': jwt_decode(token, key, [algorithm])}


if __name__ == '__main__':
    serve()
