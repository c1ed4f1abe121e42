"""A Django site that signs people in and issues their session as a JWT (django-session-jwt): one file, nothing else to read.

python site.py '{"databases": {...}, "jwt": {...}}' migrates, prints "listening PORT" and serves on 127.0.0.1. Options:
  port        0 (default) takes a free one
  secretKey   Django's SECRET_KEY
  fallbacks   Django's SECRET_KEY_FALLBACKS
  serializer  Django's SESSION_SERIALIZER
  database    Django's DATABASES['default']
  jwt         DJANGO_SESSION_JWT; KEY is a secret, a file of one, or a list of two files: private and public key
  users       [{"username", "password", "email"}], made where they are missing
  page        HTML of the page at /, instead of a plain one
  static      {"/path": "file or folder"}, served as they are
"""

import json
import mimetypes
import pathlib
import socketserver
import sys
import wsgiref.simple_server

import django
from django.conf import settings

OPTIONS = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
LOGIN = '<form method="post">{% csrf_token %}{{ form }}<button type="submit">Sign in</button></form>'
PAGE = '<!doctype html><html lang="en"><title>Site</title><p id="user">{{ user }}</p></html>'


def jwt_options():
    options = {
        'EXPIRES': 3600,
        'FIELDS': [('id', 'user_id', 'user_id'), ('username', 'u', 'username'), ('email', 'e', 'email')],
        **OPTIONS.get('jwt', {}),
    }
    options['FIELDS'] = [tuple(field) if isinstance(field, list) else field for field in options['FIELDS']]
    if isinstance(options.get('KEY'), list):
        options['KEY'] = tuple(options['KEY'])
    return options


settings.configure(
    ALLOWED_HOSTS=['*'],
    SECRET_KEY=OPTIONS.get('secretKey', 'django-secret-key-of-the-example-site-0123456789'),
    SECRET_KEY_FALLBACKS=OPTIONS.get('fallbacks', []),
    ROOT_URLCONF='__main__',
    DATABASES={'default': OPTIONS.get('database', {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'})},
    DEFAULT_AUTO_FIELD='django.db.models.BigAutoField',
    USE_TZ=True,
    INSTALLED_APPS=['django.contrib.auth', 'django.contrib.contenttypes', 'django.contrib.sessions'],
    MIDDLEWARE=[
        # In the place of Django's own.
        'django_session_jwt.middleware.session.SessionMiddleware',
        'django.middleware.csrf.CsrfViewMiddleware',
        'django.contrib.auth.middleware.AuthenticationMiddleware',
    ],
    TEMPLATES=[
        {
            'BACKEND': 'django.template.backends.django.DjangoTemplates',
            'OPTIONS': {
                'context_processors': [
                    'django.template.context_processors.request',
                    'django.contrib.auth.context_processors.auth',
                ],
                'loaders': [
                    (
                        'django.template.loaders.locmem.Loader',
                        {'registration/login.html': LOGIN, 'page.html': OPTIONS.get('page', PAGE)},
                    )
                ],
            },
        }
    ],
    SESSION_SERIALIZER=OPTIONS.get('serializer', 'django.contrib.sessions.serializers.JSONSerializer'),
    # The page reads the claims without a request.
    SESSION_COOKIE_HTTPONLY=False,
    LOGIN_REDIRECT_URL='/',
    LOGOUT_REDIRECT_URL='/',
    # The first is what a real site takes; it costs a tenth of a second for each sign-in.
    PASSWORD_HASHERS=['django.contrib.auth.hashers.MD5PasswordHasher'] if OPTIONS.get('fastPasswords') else [
        'django.contrib.auth.hashers.PBKDF2PasswordHasher'
    ],
    DJANGO_SESSION_JWT=jwt_options(),
)
django.setup()

from django.contrib.auth import get_user_model, views  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import FileResponse, Http404, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path, re_path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402


def index(request):
    return render(request, 'page.html')


def whoami(request):
    """Who Django thinks it is, and what it sees in the server-side session."""
    session = {key: value for key, value in request.session.items() if key != 'jwt'}
    return JsonResponse({'user': request.user.get_username() or None, 'session': session})


@csrf_exempt
def change(request):
    """Sets the keys of a JSON body in the session."""
    for key, value in json.loads(request.body).items():
        request.session[key] = value
    return whoami(request)


@csrf_exempt
def password(request):
    """Changes a password behind the back of all sessions, as an administrator does."""
    body = json.loads(request.body)
    user = get_user_model().objects.get(username=body['username'])
    user.set_password(body['password'])
    user.save()
    return JsonResponse({})


def jwks(request):
    """The public key for services that verify: nothing of it is secret."""
    key = settings.DJANGO_SESSION_JWT.get('KEY')
    if not isinstance(key, tuple):
        raise Http404
    from joserfc.jwk import RSAKey

    public = RSAKey.import_key(pathlib.Path(key[1]).read_text()).as_dict(private=False)
    response = JsonResponse({'keys': [{**public, 'use': 'sig', 'alg': 'RS256'}]})
    response['Cache-Control'] = 'public, max-age=300'
    return response


def static(request):
    for prefix, place in OPTIONS.get('static', {}).items():
        root = pathlib.Path(place).resolve()
        file = root if request.path == prefix else (root / request.path[len(prefix) :].lstrip('/')).resolve()
        if request.path.startswith(prefix) and file.is_file() and (file == root or root in file.parents):
            kind = 'text/javascript' if file.suffix == '.js' else mimetypes.guess_type(file.name)[0]
            return FileResponse(file.open('rb'), content_type=kind)
    raise Http404


urlpatterns = [
    path('', index),
    path('login', views.LoginView.as_view()),
    path('logout', views.LogoutView.as_view()),
    path('whoami', whoami),
    path('session', change),
    path('password', password),
    path('.well-known/jwks.json', jwks),
    re_path('^.*$', static),
]


class ThreadingServer(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def main():
    call_command('migrate', verbosity=0)
    for user in OPTIONS.get('users', []):
        if not get_user_model().objects.filter(username=user['username']).exists():
            get_user_model().objects.create_user(user['username'], user.get('email', ''), user['password'])
    server = wsgiref.simple_server.make_server(
        '127.0.0.1', OPTIONS.get('port', 0), get_wsgi_application(), ThreadingServer, QuietHandler
    )
    print(f'listening {server.server_port}', flush=True)
    server.serve_forever()


main()
