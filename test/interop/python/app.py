"""A small Beaker application for the browser tests: sign in, change, look at and end a session of
JWTCookieSession, or of Beaker's own cookies where there are no jwt_secret_keys.

python app.py '{"session": {"jwt_secret_keys": "..."}, ...}' prints "listening PORT" and serves on 127.0.0.1. Options:
  session   options of Beaker by their own names; tagged where JSON has no such type
  port      0 (default) takes a free one
  scripts   URLs for <script src> in the page
  inline    JavaScript for a last <script type="module"> of the page
  static    {"/path": "file or folder"}, served as they are
"""

import html
import json
import mimetypes
import pathlib
import socketserver
import sys
import urllib.parse
import wsgiref.simple_server

from beaker.middleware import SessionMiddleware
from beaker_session_jwt import JWTCookieSession

from tagged import from_tagged, options_from, to_tagged

BEAKER_KEYS = {'_id', '_creation_time', '_accessed_time', '_domain', '_path', '_expires'}


class Application:
    """Routes around and inside Beaker's middleware, whose options may change between two requests."""

    def __init__(self, options):
        self.options = options
        self.session_options = options_from(options.get('session'))
        self.pages = {
            '/': self.index,
            '/login': self.login,
            '/set': self.set,
            '/remove': self.remove,
            '/logout': self.logout,
            '/json': self.json,
        }
        self.configure()

    def configure(self):
        config = {f'session.{key}': value for key, value in self.session_options.items()}
        # Beaker itself where there is no key for tokens; its class has no other way in
        session_class = {'session_class': JWTCookieSession} if 'jwt_secret_keys' in self.session_options else {}
        self.with_session = SessionMiddleware(self.page, config, **session_class)

    def __call__(self, environ, start_response):
        path = environ['PATH_INFO']
        if path == '/rotate':
            self.session_options['jwt_secret_keys'] = query_of(environ)['keys']
            self.configure()
            return answer(start_response, '200 OK', 'text/plain', 'rotated')
        if path == '/configure':
            self.session_options = options_from(json.loads(query_of(environ)['session']))
            self.configure()
            return answer(start_response, '200 OK', 'text/plain', 'configured')
        if path in self.pages:
            return self.with_session(environ, start_response)
        return self.static(path, start_response)

    def page(self, environ, start_response):
        return self.pages[environ['PATH_INFO']](environ['beaker.session'], query_of(environ), start_response)

    def index(self, session, query, start_response):
        scripts = ''.join(f'<script src="{html.escape(url)}"></script>\n' for url in self.options.get('scripts', []))
        inline = self.options.get('inline')
        if inline:
            scripts += f'<script type="module">\n{inline}\n</script>\n'
        return answer(start_response, '200 OK', 'text/html', PAGE.format(rows=rows_of(session), scripts=scripts))

    def login(self, session, query, start_response):
        session.invalidate()  # a new id at sign-in
        session['user'] = query['user']
        session.save()
        return redirect(start_response)

    def set(self, session, query, start_response):
        """?key=&value=text, or tagged=JSON for another type."""
        session[query['key']] = from_tagged(json.loads(query['tagged'])) if 'tagged' in query else query['value']
        session.save()
        return redirect(start_response)

    def remove(self, session, query, start_response):
        session.pop(query['key'], None)
        session.save()
        return redirect(start_response)

    def logout(self, session, query, start_response):
        session.delete()
        return redirect(start_response)

    def json(self, session, query, start_response):
        return answer(start_response, '200 OK', 'application/json', json.dumps(to_tagged(dict(session.items()))))

    def static(self, path, start_response):
        for prefix, place in self.options.get('static', {}).items():
            root = pathlib.Path(place).resolve()
            if path == prefix:
                file = root
            elif path.startswith(prefix.rstrip('/') + '/'):
                file = (root / path[len(prefix.rstrip('/')) + 1 :]).resolve()
            else:
                continue
            if file.is_file() and (file == root or root in file.parents):
                # .js is not in every system's list
                kind = 'text/javascript' if file.suffix == '.js' else mimetypes.guess_type(file.name)[0]
                return answer(start_response, '200 OK', kind or 'text/plain', file.read_bytes())
        return answer(start_response, '404 Not Found', 'text/plain', 'not found')


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Python application</title>
<h1>Python sees</h1>
<table id="python-session">
{rows}
</table>
<h1>The browser sees</h1>
<pre id="browser-session"></pre>
{scripts}</html>
"""


def rows_of(session):
    """One row for each key of the application; the value as tagged JSON."""
    return '\n'.join(
        f'<tr data-key="{html.escape(key)}"><th>{html.escape(key)}</th><td>{html.escape(text_of(value))}</td></tr>'
        for key, value in session.items()
        if key not in BEAKER_KEYS
    )


def text_of(value):
    return value if isinstance(value, str) else json.dumps(to_tagged(value), ensure_ascii=False)


def query_of(environ):
    """Parameters of the URL, or of the form in the body."""
    query = environ.get('QUERY_STRING', '')
    if environ['REQUEST_METHOD'] == 'POST':
        query += '&' + environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0)).decode()
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


def redirect(start_response):
    start_response('303 See Other', [('Location', '/'), ('Content-Length', '0')])
    return [b'']


def answer(start_response, status, kind, body):
    content = body.encode() if isinstance(body, str) else body
    charset = '; charset=utf-8' if kind.startswith('text/') else ''
    headers = [('Content-Type', kind + charset), ('Content-Length', str(len(content))), ('Cache-Control', 'no-store')]
    start_response(status, headers)
    return [content]


class ThreadingServer(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def main(options):
    port = options.get('port', 0)
    server = wsgiref.simple_server.make_server('127.0.0.1', port, Application(options), ThreadingServer, QuietHandler)
    print(f'listening {server.server_port}', flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
