"""A plain Django with its admin, which knows nothing of Node: python admin_site.py '{...}' migrates, prints "listening PORT" and serves.

Options: secretKey, fallbacks, database (Django's DATABASES['default']), serializer (json or pickle), users ([{"username", "password"}],
all of them may do everything), and settings, which go over everything else.
"""

import datetime
import json
import pickle
import socketserver
import sys
import wsgiref.simple_server

import django
from django.conf import settings

OPTIONS = json.loads(sys.argv[1])


class PickleSerializer:
    """As Django had it until 5.0."""

    def dumps(self, value):
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def loads(self, data):
        return pickle.loads(data)


SERIALIZERS = {
    'json': 'django.contrib.sessions.serializers.JSONSerializer',
    'pickle': '__main__.PickleSerializer',
}

settings.configure(
    **{
        'ALLOWED_HOSTS': ['*'],
        'SECRET_KEY': OPTIONS['secretKey'],
        'SECRET_KEY_FALLBACKS': OPTIONS.get('fallbacks', []),
        'ROOT_URLCONF': '__main__',
        'DATABASES': {'default': OPTIONS['database']},
        'DEFAULT_AUTO_FIELD': 'django.db.models.BigAutoField',
        'USE_TZ': True,
        'INSTALLED_APPS': [
            'django.contrib.admin',
            'django.contrib.auth',
            'django.contrib.contenttypes',
            'django.contrib.sessions',
            'django.contrib.messages',
        ],
        'MIDDLEWARE': [
            'django.contrib.sessions.middleware.SessionMiddleware',
            'django.middleware.csrf.CsrfViewMiddleware',
            'django.contrib.auth.middleware.AuthenticationMiddleware',
            'django.contrib.messages.middleware.MessageMiddleware',
        ],
        'TEMPLATES': [
            {
                'BACKEND': 'django.template.backends.django.DjangoTemplates',
                'APP_DIRS': True,
                'OPTIONS': {
                    'context_processors': [
                        'django.template.context_processors.request',
                        'django.contrib.auth.context_processors.auth',
                        'django.contrib.messages.context_processors.messages',
                    ]
                },
            }
        ],
        'SESSION_SERIALIZER': SERIALIZERS[OPTIONS.get('serializer', 'json')],
        'PASSWORD_HASHERS': ['django.contrib.auth.hashers.MD5PasswordHasher'],
        **OPTIONS.get('settings', {}),
    }
)
django.setup()

from django.contrib import admin, messages  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402


def whoami(request):
    """Who Django thinks it is, what it sees in the session (as Python prints it), and the messages, which are taken out."""
    return JsonResponse(
        {
            'user': request.user.get_username() or None,
            'session': {key: repr(value) for key, value in request.session.items()},
            'messages': [str(message) for message in messages.get_messages(request)],
        }
    )


@csrf_exempt
def change(request):
    """Sets keys of the session to Python values: {"cart": "('tea', 1.0)"}."""
    for key, text in json.loads(request.body).items():
        request.session[key] = eval(text, {'datetime': datetime})
    return JsonResponse({})


@csrf_exempt
def expiry(request):
    """Calls `set_expiry` with a Python value. @returns what Django then says of the session"""
    request.session.set_expiry(eval(json.loads(request.body)['expiry'], {'datetime': datetime}))
    return JsonResponse({})


def lifetime(request):
    return JsonResponse(
        {
            'age': request.session.get_expiry_age(),
            'browser': request.session.get_expire_at_browser_close(),
            'own': repr(request.session.get('_session_expiry')),
        }
    )


@csrf_exempt
def say(request):
    messages.success(request, json.loads(request.body)['text'])
    return JsonResponse({})


@csrf_exempt
def password(request):
    """Changes a password behind the back of all sessions."""
    body = json.loads(request.body)
    user = get_user_model().objects.get(username=body['username'])
    user.set_password(body['password'])
    user.save()
    return JsonResponse({})


urlpatterns = [
    path('admin/', admin.site.urls),
    path('whoami', whoami),
    path('session', change),
    path('expiry', expiry),
    path('lifetime', lifetime),
    path('message', say),
    path('password', password),
]


class ThreadingServer(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format, *args):
        pass


def main():
    if settings.DATABASES['default']:
        call_command('migrate', verbosity=0)
        for user in OPTIONS.get('users', []):
            get_user_model().objects.create_superuser(user['username'], '', user['password'])
    server = wsgiref.simple_server.make_server('127.0.0.1', 0, get_wsgi_application(), ThreadingServer, QuietHandler)
    print(f'listening {server.server_port}', flush=True)
    server.serve_forever()


main()
