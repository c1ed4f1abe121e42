"""The Python half of the demo: a WSGI application with Beaker's own SessionMiddleware and beaker-session-jwt.

It knows nothing of Node. Each line of JSON on stdin is a configuration; the first line of stdout is the port.
"""

import base64
import datetime
import json
import logging
import sys
import threading
import warnings
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from beaker.middleware import SessionMiddleware
from beaker_session_jwt import JWTCookieSession

OWN_KEYS = {'_id', '_creation_time', '_accessed_time', '_expires', '_path', '_domain'}


def application(environ, start_response):
    session = environ['beaker.session']
    CHANGES.get(environ['PATH_INFO'], read)(session)
    body = json.dumps(
        {
            'is_new': session.is_new,
            'id': session.get('_id'),
            'rows': [
                {'key': key, 'type': type_name(value), 'value': shortened(repr(value))}
                for key, value in session.items()
                if key not in OWN_KEYS
            ],
        }
    )
    start_response('200 OK', [('Content-Type', 'application/json'), ('Cache-Control', 'no-store')])
    return [body.encode()]


def read(session):
    session.get('user')


def count(session):
    session['visits'] = session.get('visits', 0) + 1
    session.save()


def date(session):
    session['from_python'] = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    session.save()


def forget(session):
    session.pop('from_python', None)
    session.save()


CHANGES = {'/count': count, '/date': date, '/forget': forget}


def is_compressed(environ, name):
    """Whether the session's cookie is a JWT with the claim bsZ; anything else is for Beaker to judge."""
    cookies = dict(pair.strip().partition('=')[::2] for pair in environ.get('HTTP_COOKIE', '').split(';'))
    try:
        payload = cookies[name].split('.')[1]
        return 'bsZ' in json.loads(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
    except (LookupError, TypeError, ValueError):
        return False


class Application:
    """The application behind Beaker's middleware, and open to the page of the demo alone."""

    def configure(self, config):
        options = {
            'session.key': config['name'],
            'session.jwt_secret_keys': ','.join(config['secrets']),
            'session.bson_compress_jwt_payload': config['compress'],
            'session.timeout': config['timeout'],
            'session.httponly': config['httponly'],
            'session.samesite': 'Lax',
            'session.invalidate_corrupt': True,
        }
        self.origins = config['origins']
        self.name = config['name']
        self.compress = config['compress']
        self.inner = SessionMiddleware(application, options, session_class=JWTCookieSession)

    def __call__(self, environ, start_response):
        origin = environ.get('HTTP_ORIGIN')
        if origin not in self.origins:
            start_response('403 Forbidden', [('Content-Type', 'text/plain')])
            return [b'only the page of the demo may ask']
        shared = [
            ('Access-Control-Allow-Origin', origin),
            ('Access-Control-Allow-Credentials', 'true'),
            ('Vary', 'Origin, Cookie'),
        ]

        def start(status, headers, exc_info=None):
            return start_response(status, headers + shared, exc_info)

        # Without compression Beaker drops bsZ with no word, sees an empty session, and would write that over the full one.
        if not self.compress and is_compressed(environ, self.name):
            return kept(start, 'it holds what plain claims can not, and Python set to plain claims reads nothing else')
        try:
            return self.inner(environ, start)
        except TypeError:
            # json.dumps, before any header is out; which value it was, nobody needs to know
            return kept(start, 'plain claims hold no dates and no bytes')


def kept(start_response, reason):
    start_response('409 Conflict', [('Content-Type', 'application/json'), ('Cache-Control', 'no-store')])
    return [json.dumps({'kept': reason}).encode()]


class Server(ThreadingMixIn, WSGIServer):
    # browsers open connections ahead of time, and one of those would keep a server with one thread waiting
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


def type_name(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == 'builtins' else f'{kind.__module__}.{kind.__name__}'


def shortened(text, most=160):
    return text if len(text) <= most else f'{text[:most]}…'


def listen_to_stdin(app, server):
    for line in sys.stdin:
        app.configure(json.loads(line))
    server.shutdown()


def main():
    logging.basicConfig(level=logging.ERROR)
    # a cookie that was forged or is too old is nothing to warn about here
    warnings.simplefilter('ignore')
    app = Application()
    app.configure(json.loads(sys.stdin.readline()))
    with make_server('127.0.0.1', 0, app, Server, QuietHandler) as server:
        print(server.server_port, flush=True)
        threading.Thread(target=listen_to_stdin, args=(app, server), daemon=True).start()
        server.serve_forever()


if __name__ == '__main__':
    main()
