"""Runs the tests of a Django application with a hop through Node.

Whatever session Django writes, a row or a signed cookie, goes to Node before anything reads it: Node loads it, changes a key, changes it
back and writes it, each in a request of its own. Django then reads what Node wrote. If the tests pass without the hop and fail with
it, Node and Django don't agree.

With pytest:            PYTHONPATH=<this folder> pytest -p sessionglass_hop
With Django's runner:   PYTHONPATH=<this folder> SESSIONGLASS_HOP_SETTINGS=mysite.settings python manage.py test --settings=hop_settings

hop.mjs stands beside this file and imports the package "sessionglass". Environment:

SESSIONGLASS_HOP_NODE   the program of Node; default: node
SESSIONGLASS_HOP_LOG    a file that gets one line for each session; pytest prints the counts of its own process in any case
"""

import atexit
import base64
import collections
import contextlib
import datetime
import functools
import itertools
import json
import os
import pathlib
import subprocess
import threading
import time

COUNTS = collections.Counter()
HOP = pathlib.Path(__file__).with_name('hop.mjs')
# Node keeps milliseconds.
SAME_TIME = datetime.timedelta(milliseconds=2)

_local = threading.local()


class HopError(AssertionError):
    """Node could not read or write what Django wrote, or wrote something else."""


class Node:
    """The Node of this process, started when it is needed first: a test runner may fork."""

    running = None
    lock = threading.Lock()

    def __init__(self):
        self.pid = os.getpid()
        self.ids = itertools.count()
        program = os.environ.get('SESSIONGLASS_HOP_NODE', 'node')
        self.process = subprocess.Popen(
            [program, str(HOP)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding='utf-8', bufsize=1
        )
        atexit.register(self.close)

    @classmethod
    def ask(cls, **request):
        with cls.lock:
            if cls.running is None or cls.running.pid != os.getpid():
                cls.running = cls()
            return cls.running._ask(request)

    def _ask(self, request):
        request['id'] = next(self.ids)
        try:
            self.process.stdin.write(json.dumps(request) + '\n')
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ''
        if not line:
            raise HopError('Node has ended')
        answer = json.loads(line)
        if answer['id'] != request['id']:
            raise HopError('Node answered another question')
        return answer

    def close(self):
        if self.pid == os.getpid():
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            self.process.wait(10)


def install():
    """Puts the hop between Django and its sessions. Can be called before Django is set up."""
    from django.contrib.sessions.backends import base
    from django.core import signing
    from django.db.models.signals import pre_save

    if getattr(base.SessionBase.encode, 'hops', False):
        return
    base.SessionBase.encode = _with_hop_of_rows(base.SessionBase.encode)
    signing.dumps = _with_hop_of_cookies(signing.dumps)
    pre_save.connect(_take_expiry, dispatch_uid='sessionglass_hop')


def _with_hop_of_rows(encode):
    @functools.wraps(encode)
    def hopping(session, session_dict):
        _local.in_row = True
        try:
            text = encode(session, session_dict)
        finally:
            _local.in_row = False
        return _hop_row(session, session_dict, text)

    hopping.hops = True
    return hopping


def _with_hop_of_cookies(dumps):
    @functools.wraps(dumps)
    def hopping(obj, key=None, salt='django.core.signing', serializer=None, compress=False, **more):
        if serializer is not None:
            more['serializer'] = serializer
        text = dumps(obj, key=key, salt=salt, compress=compress, **more)
        if getattr(_local, 'in_row', False):
            return text
        return _hop_cookie(obj, text, key=key, salt=salt, serializer=serializer)

    return hopping


def _hop_row(session, session_dict, text):
    """What the backends db, cached_db and file write."""
    from django.utils import timezone

    serializer = _serializer_name(session.serializer)
    if serializer is None:
        return _count('serializer', text)
    moment = timezone.now()
    expiry = session.get_expiry_date(modification=moment, expiry=session_dict.get('_session_expiry'))
    answer = _ask(
        kind='row',
        text=text,
        expires=_aware(expiry).isoformat(),
        now=_aware(moment).timestamp(),
        settings=_settings(session.key_salt, serializer, cookieAge=session.get_session_cookie_age()),
    )
    if 'skipped' in answer:
        return _count(answer['skipped'], text)
    by_node = datetime.datetime.fromisoformat(answer['expires'].replace('Z', '+00:00'))
    if abs(by_node - _aware(expiry)) > SAME_TIME:
        raise HopError(f'Node lets the session expire at {by_node}, Django at {expiry}')
    _local.expiry = (answer['text'], by_node)
    return _count('row', answer['text'])


def _hop_cookie(obj, text, *, key, salt, serializer):
    """What the backend signed_cookies writes, and all else that `signing.dumps` makes of a dictionary."""
    from django.core import signing

    name = _serializer_name(serializer or signing.JSONSerializer)
    if name is None:
        return _count('serializer', text)
    if not isinstance(obj, dict):
        return _count('not a session', text)
    answer = _ask(
        kind='cookie',
        text=text,
        expires=None,
        now=time.time(),
        settings=_settings(salt, name, key=key, cookieAge=1000 * 86400),
    )
    if 'skipped' in answer:
        return _count(answer['skipped'], text)
    return _count('cookie', answer['text'])


def _take_expiry(instance, **_):
    """Gives a row the expiry that Node wrote into it."""
    from django.contrib.sessions.base_session import AbstractBaseSession
    from django.utils import timezone

    text, by_node = getattr(_local, 'expiry', (None, None))
    if isinstance(instance, AbstractBaseSession) and text is not None and instance.session_data == text:
        is_naive = instance.expire_date is not None and timezone.is_naive(instance.expire_date)
        instance.expire_date = timezone.make_naive(by_node) if is_naive else by_node


def _ask(**request):
    answer = Node.ask(**request)
    if 'failed' in answer:
        raise HopError(answer['failed'])
    return answer


def _settings(salt, serializer, *, cookieAge, key=None):
    from django.conf import settings

    fallbacks = getattr(settings, 'SECRET_KEY_FALLBACKS', [])
    return {
        'secretKey': _base64(key or settings.SECRET_KEY),
        'fallbacks': [_base64(each) for each in fallbacks],
        'salt': salt,
        'serializer': serializer,
        'cookieAge': int(cookieAge),
    }


def _serializer_name(serializer):
    name = serializer.__name__
    return {'JSONSerializer': 'json', 'PickleSerializer': 'pickle'}.get(name)


def _base64(key):
    return base64.b64encode(key if isinstance(key, bytes) else str(key).encode()).decode()


def _aware(moment):
    from django.utils import timezone

    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return aware.astimezone(datetime.timezone.utc)


def _count(kind, text):
    COUNTS[kind] += 1
    if log := os.environ.get('SESSIONGLASS_HOP_LOG'):
        with open(log, 'a') as file:
            file.write(f'{kind}\n')
    return text


# The plugin for pytest.


def pytest_configure(config):
    install()


def pytest_terminal_summary(terminalreporter):
    counts = ', '.join(f'{count} {kind}' for kind, count in sorted(COUNTS.items()))
    terminalreporter.write_line(f'sessionglass hop: {counts or "no session"}')
