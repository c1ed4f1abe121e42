"""Whole WSGI requests through Beaker's own SessionMiddleware with JWTCookieSession, optionally at a frozen time."""

import contextlib
import datetime
import http.cookies
import time
import warnings

import beaker.session
from beaker.middleware import SessionMiddleware

try:
    import beaker_session_jwt
    from beaker_session_jwt import JWTCookieSession
except ImportError:  # the oldest Beaker is without
    beaker_session_jwt = JWTCookieSession = None

from tagged import from_tagged


def run_request(options, cookie_header=None, operations=(), now=None, session_class=JWTCookieSession, wrap=lambda app: app):
    """One request: what the application saw, and every Set-Cookie of the answer. `wrap` puts a middleware under Beaker's."""
    seen = {}

    def application(environ, start_response):
        session = environ['beaker.session']
        for operation in operations:
            operate(session, *operation)
        start_response('200 OK', [('Content-Type', 'text/plain')])
        # taken after the response has started: that is when Beaker saves
        seen['session'] = dict(session)
        seen['is_new'] = session.is_new
        return [b'']

    headers = []
    config = {f'session.{key}': value for key, value in options.items()}
    with frozen_clock(now), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        # passed by keyword: Beaker gives no other way in
        wrapped = SessionMiddleware(wrap(application), config, **({'session_class': session_class} if session_class else {}))
        environ = {'REQUEST_METHOD': 'GET', 'PATH_INFO': '/'}
        if cookie_header is not None:
            environ['HTTP_COOKIE'] = cookie_header
        list(wrapped(environ, lambda status, response_headers, exc_info=None: headers.extend(response_headers)))
    return {
        'set_cookie': [value for name, value in headers if name.lower() == 'set-cookie'],
        'session': seen['session'],
        'is_new': seen['is_new'],
        'corrupt': any('corrupt session' in str(warning.message) for warning in caught),
    }


def operate(session, name, *arguments):
    if name == 'set':
        session[arguments[0]] = from_tagged(arguments[1])
    elif name == 'remove':
        del session[arguments[0]]
    elif name in ('domain', 'path'):
        setattr(session, name, arguments[0])
    elif name == 'read':
        session.get('any key')
    elif name in ('save', 'delete', 'invalidate'):
        getattr(session, name)()
    else:
        raise ValueError(f'no operation {name}')


def cookie_value(set_cookie, name='beaker.session.id'):
    """The value of one Set-Cookie header, as a browser would store it."""
    pair = set_cookie.strip().split(';', 1)[0]
    key, _, value = pair.partition('=')
    if key != name:
        raise http.cookies.CookieError(f'Set-Cookie of {key}, not of {name}')
    return value


@contextlib.contextmanager
def frozen_clock(now, modules=tuple(filter(None, (beaker.session, beaker_session_jwt)))):
    """The clock of some modules stands at `now`, seconds since 1970; None leaves it running."""
    if now is None:
        yield
        return
    saved = [(module, vars(module).get('time'), vars(module).get('datetime')) for module in modules]
    for module, _, datetime_class in saved:
        module.time = FrozenTime(now)
        if datetime_class is not None:
            module.datetime = frozen_datetime(now)
    try:
        yield
    finally:
        for module, time_module, datetime_class in saved:
            module.time = time_module
            if datetime_class is not None:
                module.datetime = datetime_class


class FrozenTime:
    def __init__(self, now):
        self.now = now

    def time(self):
        return self.now

    def __getattr__(self, name):
        return getattr(time, name)


class AnyDatetime(type):
    """Beaker tells a datetime option by isinstance; the frozen class must not hide the real one."""

    def __instancecheck__(cls, value):
        return isinstance(value, datetime.datetime)


def frozen_datetime(now):
    class FrozenDatetime(datetime.datetime, metaclass=AnyDatetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(now, tz)

        @classmethod
        def utcnow(cls):
            return cls.now(datetime.timezone.utc).replace(tzinfo=None)

    return FrozenDatetime
