"""A small WSGI application with the sessions of Apache Allura, its middlewares in their order; serving.py says how to ask."""

import datetime
import http.cookies
import json
import secrets

from beaker.middleware import SessionMiddleware
from beaker_session_jwt import JWTCookieSession
from webob import Request, Response

from serving import operation, serve


@operation
def visit(config, path, cookie='', form=None):
    """One request; a form makes it a POST. `session` is what the answer shows of it."""
    request = Request.blank(path, headers={'Cookie': cookie} if cookie else {}, POST=form)
    response = request.get_response(make_app(config))
    shown = response.json if response.content_type == 'application/json' else None
    return {'status': response.status_int, 'set_cookie': response.headers.getall('Set-Cookie'), 'session': shown}


def make_app(config):
    app = SessionMiddleware(pages, config, session_class=JWTCookieSession)
    app = remember_login(app)
    app = login_redirect(app)
    return csrf(app, '_session_id')


def pages(environ, start_response):
    request, session = Request(environ), environ['beaker.session']
    if request.path == '/auth/':
        response = Response('<form method="post">', content_type='text/html')
    elif request.path == '/auth/do_login':
        days = int(request.POST['days']) if 'rememberme' in request.POST else None
        session['username'] = request.POST['username']
        session['login_expires'] = True if days is None else datetime.datetime.utcnow() + datetime.timedelta(days)
        session.save()
        response = Response(status=302, location='/')
    elif request.path == '/auth/logout':
        session.invalidate()
        session.save()
        response = Response(status=302, location='/')
    elif 'username' not in session:
        response = Response(status=401)
    else:
        if request.method == 'POST':
            session['note'] = request.POST['note']
            session.save()
        shown = {key: session.get(key) for key in ('username', 'login_expires', 'note', 'visits')}
        text = json.dumps(shown, default=datetime.datetime.isoformat)
        response = Response(text.encode(), content_type='application/json')
    return response(environ, start_response)


def remember_login(app):
    """The session's own `login_expires` takes the place of what Beaker put into the header."""

    def wrapped(environ, start_response):
        def start(status, headers, exc_info=None):
            session = environ['beaker.session']
            expires = session.get('login_expires')
            if session.get('username') and expires is not None:
                if expires is True:
                    session.cookie[session.key]['expires'] = ''
                else:
                    session._set_cookie_expires(expires)
                own = session.cookie[session.key].output(header='')
                is_own = [name == 'Set-cookie' and value.lstrip().startswith(session.key) for name, value in headers]
                if True in is_own:
                    headers[is_own.index(True)] = ('Set-cookie', own)
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return wrapped


def login_redirect(app):
    def wrapped(environ, start_response):
        response = Request(environ).get_response(app)
        if response.status_int == 401:
            response = Response(status=302, location='/auth/')
        return response(environ, start_response)

    return wrapped


def csrf(app, name):
    """A POST without the value of the cookie in its form comes from nobody, and gets no page of /auth/."""

    def wrapped(environ, start_response):
        request = Request(environ)
        value = http.cookies.SimpleCookie(environ.get('HTTP_COOKIE', '')).get(name)
        value = secrets.token_hex(8) if value is None else value.value
        if request.method == 'POST' and request.POST.get(name) != value:
            environ.pop('HTTP_COOKIE', None)
            if request.path.startswith('/auth/'):
                return Response(status=403)(environ, start_response)

        def start(status, headers, exc_info=None):
            if dict(headers).get('Content-Type', '').startswith('text/html'):
                headers.append(('Set-cookie', f'{name}={value}; Path=/'))
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return wrapped


@operation
def versions():
    return {}


if __name__ == '__main__':
    serve()
