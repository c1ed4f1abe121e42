"""Requests to applications over Beaker and beaker-session-jwt that repeat a session's own lifetime; serving.py says how to ask."""

from beaker_requests import JWTCookieSession, run_request
from serving import operation, serve
from tagged import options_from, to_tagged


@operation
def visit(program, options, now, cookie=None, operations=()):
    """One WSGI request at a time of the test.

    @param program: defines `with_lifetimes`, which goes under Beaker's middleware
    """
    names = {}
    exec(program, names)
    settings = {'type': 'cookie', **options_from(options)}
    session_class = JWTCookieSession if 'jwt_secret_keys' in settings else None
    answer = run_request(settings, cookie, operations, now, session_class, names['with_lifetimes'])
    return {**answer, 'session': to_tagged(answer['session'])}


@operation
def versions():
    return {}


if __name__ == '__main__':
    serve()
