"""Beaker's own cookie-only sessions for the interop tests, without any other package; serving.py says how to ask."""

import importlib.metadata
import random

from beaker.exceptions import BeakerException
from beaker.session import CookieSession

import pickles
import random_sessions
from beaker_requests import cookie_value, run_request
from serving import operation, serve
from tagged import from_tagged, options_from, to_tagged

OWN = ('_id', '_domain', '_path', '_creation_time', '_accessed_time', '_expires')


@operation
def versions():
    return {'Beaker': importlib.metadata.version('Beaker')}


@operation
def random_cookies(seed, count, options, longest=3300):
    """`count` sessions made from `seed` that Beaker saved: each cookie, its keys, and Beaker's own as tagged JSON."""
    chance = random.Random(seed)
    settings = options_from(options)
    if settings.get('data_serializer') == 'json':
        maker = random_sessions.Maker(chance, 'json', True)
    else:
        maker = pickles.Maker(chance)
    return [saved(maker.session(), settings, longest) for _ in range(count)]


@operation
def decode(cookie, options):
    """A session as tagged JSON, as Beaker itself loads it."""
    return to_tagged(loaded(cookie, options))


@operation
def compare(a, b, options, options_b=None, changed=()):
    """Where the keys of two cookies differ in value, type, identity or order, apart from `changed` and the last access."""
    left, right = ({key: value for key, value in loaded(cookie, choice).items() if key not in {*changed, '_accessed_time'}}
                   for cookie, choice in ((a, options), (b, options_b or options)))  # fmt: skip
    if pickles.tagged(left) == pickles.tagged(right):
        return []
    differing = [repr(key) for key in {*left, *right}
                 if key not in left or key not in right or pickles.tagged(left[key]) != pickles.tagged(right[key])]  # fmt: skip
    return differing or ['the order of keys, or what they share']


@operation
def values(cookie, options, keys):
    """Some keys of a session as tagged JSON; a key that is missing is left out."""
    session = loaded(cookie, options)
    return [[key, to_tagged(session[key])] for key in keys if key in session]


@operation
def wsgi(options, cookie=None, operations=(), now=None):
    """One WSGI request: [set, key, tagged] [remove, key] [domain, text] [path, text] [read] [save] [invalidate] [delete]."""
    answer = run_request({**options_from(options), 'type': 'cookie'}, cookie, operations, now, session_class=None)
    return {**answer, 'session': to_tagged(answer['session'])}


@operation
def encode(session, options):
    """The cookie of a session that holds just this, as no request would write it."""
    codec = CookieSession({}, **options_from(options))
    body = codec._encrypt_data(from_tagged(session))
    return codec.cookie.value_encode(body)[1]


def loaded(cookie, options):
    # a fresh object has keys of its own, which the cookie must have too
    session = CookieSession({'cookie': f'beaker.session.id={cookie}'}, **options_from(options))
    return dict(session)


def saved(data, settings, longest):
    """Keys are dropped until the cookie has `longest` characters at most."""
    while True:
        session = CookieSession({}, **settings)
        session.update(data)
        cookie = save(session)
        if cookie is not None and len(cookie) <= longest:
            break
        data.pop(list(data)[-1])
    own = {key: to_tagged(session[key]) for key in OWN if key in session}
    return {'cookie': cookie, 'own': own, 'keys': [key for key in session if isinstance(key, str) and key not in OWN]}


def save(session):
    try:
        session.save()
    except BeakerException:  # too long
        return None
    return cookie_value(session.request['cookie_out'])


if __name__ == '__main__':
    serve()
