"""The real django-session-jwt without a database, its sessions in Django's memory cache; serving.py says how to ask."""

import importlib.metadata
import types

import django
import jwt
from django.conf import settings

settings.configure(
    SECRET_KEY='the secret key of Django itself, of fifty characters',
    INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', 'django.contrib.sessions'],
    SESSION_ENGINE='django.contrib.sessions.backends.cache',
    DJANGO_SESSION_JWT={'KEY': 'replaced by configure'},
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import AnonymousUser  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django_session_jwt.middleware import session as middleware  # noqa: E402

from beaker_requests import frozen_clock  # noqa: E402
from serving import operation, serve  # noqa: E402
from tagged import from_tagged, to_tagged  # noqa: E402

CLOCKS = [jwt.api_jwt, middleware]


@operation
def versions():
    return {name: importlib.metadata.version(name) for name in ('Django', 'django-session-jwt', 'PyJWT')}


@operation
def configure(key, fields=(), expires=None, session_field='sk', returns=None):
    """The settings of DJANGO_SESSION_JWT, read by its own functions."""
    middleware.SESSION_FIELD = session_field
    middleware.KEY, middleware.PUBKEY, middleware.ALGO = middleware._parse_key(
        tuple(key) if isinstance(key, list) else key
    )
    middleware.FIELDS = middleware._parse_fields([tuple(field) if isinstance(field, list) else field for field in fields])
    middleware.EXPIRES = expires
    middleware.CALLABLE = None if returns is None else lambda user: from_tagged(returns)


@operation
def create(user, session_key, expires=None, now=None):
    with frozen_clock(now, CLOCKS):
        return middleware.create_jwt(user_from(user), session_key, expires)


@operation
def verify(token, now=None):
    with frozen_clock(now, CLOCKS):
        return to_tagged(middleware.verify_jwt(token))


@operation
def request(token=None, user=None, changes=None, logout=False, now=None):
    """A whole request through the middleware: the session that the view saw, and the value that the response sets."""
    handler = middleware.SessionMiddleware(lambda request: HttpResponse())
    http_request = HttpRequest()
    if token is not None:
        http_request.COOKIES[settings.SESSION_COOKIE_NAME] = token
    with frozen_clock(now, CLOCKS):
        handler.process_request(http_request)
        http_request.user = user_from(user)
        seen = dict(http_request.session)
        for name, value in from_tagged(changes or {'$dict': []}).items():
            http_request.session[name] = value
        if logout:
            http_request.session.flush()
        response = handler.process_response(http_request, HttpResponse())
    morsel = response.cookies.get(settings.SESSION_COOKIE_NAME)
    return {
        'session': to_tagged(seen),
        'key': http_request.session.session_key,
        'cookie': morsel and {'value': morsel.value, 'max_age': morsel['max-age']},
    }


def user_from(members):
    """An object with attributes, also inside; None is nobody."""
    if members is None:
        return AnonymousUser()
    return types.SimpleNamespace(
        is_authenticated=True,
        **{name: nested_from(value) for name, value in members.items()},
    )


def nested_from(value):
    return types.SimpleNamespace(**{name: nested_from(inner) for name, inner in value.items()}) if isinstance(value, dict) else value


if __name__ == '__main__':
    serve()
