"""Whole requests of Django at a time that the test says, and how long Django then keeps the session; serving.py says how to ask.
`configure` of django_peer.py comes first, once for each process."""

import contextlib
import datetime
import importlib
import os
import time
import unittest.mock

from django.conf import settings

from beaker_requests import FrozenTime, frozen_clock
from django_peer import PickleSerializer  # noqa: F401  the settings name it as one of this program
from serving import operation, serve
from tagged import from_tagged


@operation
def set_zone(zone):
    """The process has the time of its settings' zone, as Django sees to by itself where a module has the settings."""
    os.environ['TZ'] = zone
    time.tzset()


@operation
def visit(engine, now, cookie=None, operations=()):
    """One request: [set, key, text] [expiry, tagged] [read]. `jwt` is django-session-jwt, over the table.

    @returns the headers that set cookies, what Django then says of the session (None where it sees none), and its `n` before
    """
    from django.contrib.auth.models import AnonymousUser
    from django.core.cache import caches
    from django.http import HttpRequest, HttpResponse

    settings.SESSION_ENGINE = f'django.contrib.sessions.backends.{"db" if engine == "jwt" else engine}'
    # each request meets a process that has not seen the session
    caches['default'].clear()
    with clock(now, engine):
        handler = middleware_of(engine).SessionMiddleware(lambda request: HttpResponse())
        request = HttpRequest()
        if cookie is not None:
            request.COOKIES[settings.SESSION_COOKIE_NAME] = cookie
        handler.process_request(request)
        request.user = AnonymousUser()
        session = request.session
        found = session.get('n')
        for operation in operations:
            operate(session, *operation)
        response = handler.process_response(request, HttpResponse())
        seen = lifetime_of(session) if found is not None or session.modified else None
    set_cookie = [morsel.OutputString() for morsel in response.cookies.values()]
    return {'set_cookie': set_cookie, 'lifetime': seen, 'n': found}


def operate(session, name, *arguments):
    if name == 'set':
        session[arguments[0]] = arguments[1]
    elif name == 'expiry':
        session.set_expiry(from_tagged(arguments[0]))
    else:
        session.get('any key')


def lifetime_of(session):
    return {
        'age': session.get_expiry_age(),
        'browser': session.get_expire_at_browser_close(),
        'date': milliseconds(session.get_expiry_date()),
        'own': repr(session.get('_session_expiry')),
        'row': row_end(session.session_key),
    }


def row_end(key):
    from django.contrib.sessions.models import Session

    found = Session.objects.filter(session_key=key).first()
    return found and milliseconds(found.expire_date)


def milliseconds(moment):
    return moment.timestamp() * 1000


def middleware_of(engine):
    return importlib.import_module(
        'django_session_jwt.middleware.session' if engine == 'jwt' else 'django.contrib.sessions.middleware'
    )


@contextlib.contextmanager
def clock(now, engine):
    """All of Django that a session's lifetime depends on takes it to be `now`, seconds since 1970."""
    from django.contrib.sessions import middleware
    from django.core import signing

    zone = datetime.timezone.utc if settings.USE_TZ else None
    with contextlib.ExitStack() as stack:
        patch = unittest.mock.patch
        stack.enter_context(patch('django.utils.timezone.now', lambda: datetime.datetime.fromtimestamp(now, zone)))
        for module in (signing, middleware):
            stack.enter_context(patch.object(module, 'time', FrozenTime(now)))
        if engine == 'jwt':
            stack.enter_context(frozen_clock(now, [importlib.import_module('jwt.api_jwt'), middleware_of(engine)]))
        yield


if __name__ == '__main__':
    serve()
