"""Django's sessions for the interop tests; serving.py says how to ask. `configure` comes first, once for each process."""

import importlib.metadata
import pickle
import random

import django
from django.conf import settings

import pickles
import random_sessions
from serving import operation, serve
from tagged import from_tagged, to_tagged


class PickleSerializer:
    """Django's own, which is gone since 5.0."""

    def dumps(self, value):
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def loads(self, data):
        return pickle.loads(data)


SERIALIZERS = {
    'json': 'django.contrib.sessions.serializers.JSONSerializer',
    'pickle': '__main__.PickleSerializer',
}


@operation
def versions():
    return {'Django': importlib.metadata.version('Django')}


@operation
def configure(database, secret, serializer='json', fallbacks=(), settings_more=None):
    """Sets Django up and makes its tables. `database` is DATABASES['default']."""
    settings.configure(
        SECRET_KEY=secret,
        SECRET_KEY_FALLBACKS=list(fallbacks),
        DATABASES={'default': database},
        INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', 'django.contrib.sessions'],
        SESSION_SERIALIZER=SERIALIZERS[serializer],
        PASSWORD_HASHERS=['django.contrib.auth.hashers.MD5PasswordHasher'],
        DEFAULT_AUTO_FIELD='django.db.models.AutoField',
        **{'USE_TZ': True, **(settings_more or {})},
    )
    django.setup()
    from django.core.management import call_command

    call_command('migrate', verbosity=0)
    return django.get_version()


@operation
def set_secrets(secret, fallbacks=()):
    """As a deployment with another SECRET_KEY."""
    settings.SECRET_KEY = secret
    settings.SECRET_KEY_FALLBACKS = list(fallbacks)


@operation
def create(session, expiry=None):
    """A new session in the table. @returns its key"""
    made = store()
    fill(made, session)
    if expiry is not None:
        made.set_expiry(from_tagged(expiry))
    made.create() if made.session_key is None and not session else made.save()
    return made.session_key


@operation
def load(key):
    """A session as Django sees it; None where it sees none."""
    found = store(key)
    data = found.load()
    return None if found.session_key is None else to_tagged(data)


@operation
def change(key, session=None, remove=()):
    """What a view does that sets and deletes some keys."""
    found = store(key)
    for name in remove:
        del found[name]
    fill(found, session)
    found.save()


@operation
def flush(key):
    store(key).flush()


@operation
def exists(key):
    return store().exists(key)


@operation
def row(key):
    """The row as it stands in the table."""
    from django.contrib.sessions.models import Session

    found = Session.objects.get(session_key=key)
    return {'data': found.session_data, 'expires': to_tagged(found.expire_date), 'age': age_of(found)}


@operation
def clear_expired():
    store().clear_expired()


@operation
def make_user(name, password):
    from django.contrib.auth.models import User

    return to_tagged(User.objects.create_user(name, password=password).pk)


@operation
def set_password(name, password):
    user = find_user(name)
    user.set_password(password)
    user.save()


@operation
def set_active(name, active):
    user = find_user(name)
    user.is_active = active
    user.save()


@operation
def login(name):
    """Signs in as Django's login view does. @returns the key of the session"""
    from django.contrib.auth import login as sign_in

    request = request_with(store())
    sign_in(request, find_user(name), backend='django.contrib.auth.backends.ModelBackend')
    request.session.save()
    return request.session.session_key


@operation
def signed_in(key):
    """Who Django takes a session for; None for nobody."""
    from django.contrib.auth import get_user

    request = request_with(store(key))
    name = get_user(request).get_username()
    if request.session.modified and not request.session.is_empty():
        request.session.save()
    return name or None


@operation
def logout(key):
    from django.contrib.auth import logout as sign_out

    request = request_with(store(key))
    request.user = None
    sign_out(request)


@operation
def sign_cookie(session):
    """A session of the backend signed_cookies, as the value of its cookie."""
    made = cookie_store()
    fill(made, session)
    made.save()
    return made.session_key


@operation
def read_cookie(value):
    found = cookie_store(value)
    data = found.load()
    # a value that it does not take makes a new session
    return None if found.modified else to_tagged(data)


@operation
def random_rows(seed, count, serializer):
    """`count` sessions made from `seed` in the table: the key of each, and its own keys."""
    return [saved(store(), data) for data in random_data(seed, count, serializer)]


@operation
def random_cookies(seed, count, serializer):
    """The same as values of cookies."""
    return [saved(cookie_store(), data) for data in random_data(seed, count, serializer)]


@operation
def differences(before, after=None, changed=()):
    """Where a row, or a cookie that came back as `after`, differs from what was saved as `before`, apart from `changed`."""
    left, right = ({name: value for name, value in data.items() if name not in changed}
                   for data in (SAVED[before], store(before).load() if after is None else cookie_store(after).load()))  # fmt: skip
    if pickles.tagged(left) == pickles.tagged(right):
        return []
    differing = [repr(name) for name in {*left, *right}
                 if name not in left or name not in right or pickles.tagged(left[name]) != pickles.tagged(right[name])]  # fmt: skip
    return differing or ['the order of keys, or what they share']


SAVED = {}


def random_data(seed, count, serializer):
    chance = random.Random(seed)
    maker = random_sessions.Maker(chance, 'json', True) if serializer == 'json' else pickles.Maker(chance)
    return [maker.session() for _ in range(count)]


def saved(session, data):
    for name, value in data.items():
        session[name] = value
    session.modified = True
    session.save()
    SAVED[session.session_key] = data
    return {'value': session.session_key, 'keys': [name for name in data if isinstance(name, str)]}


def store(key=None):
    from django.contrib.sessions.backends.db import SessionStore

    return SessionStore(key)


def cookie_store(value=None):
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    return SessionStore(value)


def fill(session, tagged):
    for name, value in from_tagged(tagged or {'$dict': []}).items():
        session[name] = value


def request_with(session):
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = session
    return request


def find_user(name):
    from django.contrib.auth.models import User

    return User.objects.get(username=name)


def age_of(found):
    from django.utils import timezone

    return (found.expire_date - timezone.now()).total_seconds()


if __name__ == '__main__':
    serve()
