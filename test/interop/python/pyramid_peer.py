"""Pyramid with pyramid_beaker for the interop tests: its CSRF tokens, over both of Beaker's cookies; serving.py says how to ask."""

from beaker_session_jwt import JWTCookieSession
from pyramid.config import Configurator
from pyramid.csrf import check_csrf_token, get_csrf_token
from pyramid.request import Request
from pyramid.response import Response
from pyramid_beaker import BeakerSessionFactoryConfig

from serving import operation, serve
from tagged import options_from


@operation
def show_token(options, cookie=None):
    """A request that shows a form: its token, and what the answer sets."""
    request = request_of(options, cookie)
    token = get_csrf_token(request)
    return {'token': token, 'set_cookie': answer(request)}


@operation
def check_token(options, cookie, token):
    """Whether Pyramid takes the token of a form."""
    request = request_of(options, cookie)
    request.headers['X-CSRF-Token'] = token
    return check_csrf_token(request, raises=False)


@operation
def keys(options, cookie):
    """The keys of the session, without Beaker's own."""
    session = request_of(options, cookie).session
    return sorted(key for key in session if key == '_csrft_' or not key.startswith('_'))


def request_of(options, cookie):
    settings = options_from(options)
    if 'jwt_secret_keys' in settings:
        settings['session_class'] = JWTCookieSession
    config = Configurator(session_factory=BeakerSessionFactoryConfig(type='cookie', **settings))
    config.commit()
    request = Request.blank('/', headers={'Cookie': cookie} if cookie else {})
    request.registry = config.registry
    return request


def answer(request):
    response = Response()
    request._process_response_callbacks(response)
    return [value.strip() for name, value in response.headerlist if name == 'Set-Cookie']


if __name__ == '__main__':
    serve()
