"""Pyramid with pyramid_beaker for the interop tests: CSRF tokens and messages, over both of Beaker's cookies; serving.py says
how to ask."""

from beaker_session_jwt import JWTCookieSession
from pyramid.config import Configurator
from pyramid.csrf import check_csrf_token, get_csrf_token, new_csrf_token
from pyramid.request import Request
from pyramid.response import Response
from pyramid_beaker import session_factory_from_settings

from beaker_requests import frozen_clock
from serving import operation, serve
from tagged import from_tagged, options_from, to_tagged


@operation
def show_token(options, cookie=None, new=False):
    """A request that shows a form: its token, and what the answer sets."""
    request = request_of(options, cookie)
    token = new_csrf_token(request) if new else get_csrf_token(request)
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


@operation
def flash(options, cookie=None, messages=()):
    """A request that leaves messages: [queue, tagged message, allow_duplicate]."""
    request = request_of(options, cookie)
    for queue, message, allow_duplicate in messages:
        request.session.flash(from_tagged(message), queue, allow_duplicate)
    return {'set_cookie': answer(request)}


@operation
def pop_flash(options, cookie, queue, peek=False):
    """A request that shows the messages of a queue, or only looks at them."""
    session = (request := request_of(options, cookie)).session
    messages = session.peek_flash(queue) if peek else session.pop_flash(queue)
    return {'messages': to_tagged(messages), 'set_cookie': answer(request)}


@operation
def run(options, lines, cookie=None, before='', now=None):
    """A request whose view is `lines`; `before` runs when it comes in, before anybody has asked for the session."""
    with frozen_clock(now):
        names = {'request': (request := request_of(options, cookie))}
        exec(before, names)
        exec(lines, names)
        return answer(request)


def request_of(options, cookie):
    settings = {f'beaker.session.{name}': value for name, value in options_from(options).items()}
    if 'jwt_secret_keys' in options:
        settings['beaker.session.session_class'] = JWTCookieSession
    config = Configurator(session_factory=session_factory_from_settings({'beaker.session.type': 'cookie', **settings}))
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
