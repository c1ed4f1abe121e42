"""The tests of a small application, for the hop: by pytest with pytest-django, and by Django's own runner."""

from django.contrib.auth import get_user_model
from django.http import JsonResponse
from django.test import TestCase, override_settings
from django.urls import path


def visit(request):
    request.session['visits'] = request.session.get('visits', 0) + 1
    request.session.setdefault('price', 1.0)
    request.session.setdefault('large', 2**70)
    return JsonResponse({'visits': request.session['visits'], 'user': request.user.get_username()})


urlpatterns = [path('visit', visit)]


class SampleTest(TestCase):
    def test_a_user_is_counted(self):
        self.client.force_login(get_user_model().objects.create_user('dave'))
        answers = [self.client.get('/visit').json() for _ in range(3)]
        self.assertEqual([answer['visits'] for answer in answers], [1, 2, 3])
        self.assertEqual(answers[2]['user'], 'dave')
        self.assertIs(type(self.client.session['price']), float)
        self.assertEqual(self.client.session['large'], 2**70)

    @override_settings(SESSION_ENGINE='django.contrib.sessions.backends.signed_cookies')
    def test_a_visitor_is_counted_by_signed_cookies(self):
        answers = [self.client.get('/visit').json() for _ in range(3)]
        self.assertEqual([answer['visits'] for answer in answers], [1, 2, 3])
