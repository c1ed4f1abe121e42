"""A worker of the simulated fleet: a WSGI application behind Beaker's own middleware.

python python-worker.py '{"isJwt": false, "options": {…}}' prints "listening PORT", serves on 127.0.0.1, and ends when its
stdin does. /login?user=&since= signs in, /visit counts; both answer with the session as JSON.
"""

import datetime
import json
import os
import socketserver
import sys
import threading
import urllib.parse
import wsgiref.simple_server

from beaker.middleware import SessionMiddleware
from beaker_session_jwt import JWTCookieSession


def make_application(is_jwt, options):
    def application(environ, start_response):
        session = environ['beaker.session']
        if environ['PATH_INFO'] == '/login':
            query = dict(urllib.parse.parse_qsl(environ['QUERY_STRING']))
            log_in(session, query['user'], int(query['since']))
        if 'user' in session:
            session['visits'] += 1
            if not is_jwt:
                # The old application keeps what the new format can not hold.
                session['legacy_blob'] = datetime.timedelta(minutes=session['visits'])
            session.save()
        body = json.dumps(view_of(session)).encode()
        start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(body)))])
        return [body]

    config = {f'session.{name}': value for name, value in options.items()}
    if is_jwt:
        return SessionMiddleware(application, config, session_class=JWTCookieSession)
    return SessionMiddleware(application, config)


def log_in(session, user, since):
    session.invalidate()
    session['user'] = user
    session['visits'] = 0
    session['since'] = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=since)
    session['roles'] = ('reader', 'editor')


def view_of(session):
    if 'user' not in session:
        return {}
    since = session['since']
    if since.tzinfo is None:
        since = since.replace(tzinfo=datetime.timezone.utc)
    return {
        'user': session['user'],
        'visits': session['visits'],
        'since': round(since.timestamp() * 1000),
        'roles': list(session['roles']),
    }


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format, *args):
        pass

    def address_string(self):
        # no question to a name server for each request
        return self.client_address[0]


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


def main(is_jwt, options):
    application = make_application(is_jwt, options)
    server = wsgiref.simple_server.make_server('127.0.0.1', 0, application, Server, Handler)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(f'listening {server.server_port}', flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main(**{'is_jwt' if name == 'isJwt' else name: value for name, value in json.loads(sys.argv[1]).items()})
