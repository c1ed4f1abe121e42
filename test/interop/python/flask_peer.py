"""Flask with Flask-Login over Beaker's cookies for the interop tests; serving.py says how to ask."""

import json

from beaker.middleware import SessionMiddleware
from beaker_session_jwt import JWTCookieSession
from flask import Flask, request, session
from flask.sessions import SessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user

from serving import operation, serve
from tagged import options_from


class BeakerSessions(SessionInterface):
    """Flask's session is that of Beaker's middleware, which sends it."""

    def open_session(self, app, request):
        found = request.environ['beaker.session']
        found.permanent = False  # Flask-Login asks for it
        return found

    def save_session(self, app, session, response):
        session.save()


class User(UserMixin):
    def __init__(self, name):
        self.id = name


@operation
def visit(options, path, cookie='', browser='a browser', form=None):
    """One request, a POST if there is a form. `seen` is what the answer says."""
    client = make_app(options).test_client(use_cookies=False)
    headers = {'Cookie': cookie, 'User-Agent': browser}
    response = client.get(path, headers=headers) if form is None else client.post(path, headers=headers, data=form)
    seen = json.loads(response.data) if response.is_json else None
    return {'status': response.status_code, 'set_cookie': response.headers.getlist('Set-Cookie'), 'seen': seen}


def make_app(options):
    app = Flask('site')
    app.config.update(SECRET_KEY='of the remember cookie only', SESSION_PROTECTION=options.get('protection', 'basic'))
    app.session_interface = BeakerSessions()
    manager = LoginManager(app)
    manager.user_loader(User)

    @app.post('/login')
    def login():
        login_user(User(request.form['user']))
        return {}

    @app.post('/logout')
    def logout():
        logout_user()
        return {}

    @app.get('/')
    @login_required
    def index():
        return {'user': current_user.id, 'fresh': session.get('_fresh'), 'note': session.get('note')}

    settings = {f'session.{name}': value for name, value in options_from(options.get('session')).items()}
    wraps = {'session_class': JWTCookieSession} if 'session.jwt_secret_keys' in settings else {}
    app.wsgi_app = SessionMiddleware(app.wsgi_app, {'session.type': 'cookie', **settings}, **wraps)
    return app


@operation
def versions():
    return {}


if __name__ == '__main__':
    serve()
