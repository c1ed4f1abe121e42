"""Settings for Django's own tests. Environment:

SESSIONGLASS_HOP_OUTCOME   a file that gets the outcome, as JSON
SESSIONGLASS_HOP           on: sessions hop through Node
SESSIONGLASS_HOP_ENGINE    Django's SESSION_ENGINE
SESSIONGLASS_HOP_PICKLE    on: sessions are pickles
"""

import json
import os
import pickle
import unittest

from django.test.runner import DiscoverRunner
from test_sqlite import *  # noqa: F403

if os.environ.get('SESSIONGLASS_HOP') == 'on':
    import sessionglass_hop

    sessionglass_hop.install()

if engine := os.environ.get('SESSIONGLASS_HOP_ENGINE'):
    SESSION_ENGINE = engine


class PickleSerializer:
    """As Django had it until 5.0."""

    def dumps(self, value):
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def loads(self, data):
        return pickle.loads(data)


if os.environ.get('SESSIONGLASS_HOP_PICKLE') == 'on':
    SESSION_SERIALIZER = 'recording_settings.PickleSerializer'

TEST_RUNNER = 'recording_settings.RecordingRunner'


def id_of(test):
    # Of a subtest the test that it is a part of.
    return getattr(test, 'test_case', test).id()


class RecordingResult(unittest.TextTestResult):
    def stopTestRun(self):
        super().stopTestRun()
        bad = {id_of(test): error for test, error in [*self.failures, *self.errors]}
        bad.update({id_of(test): 'unexpected success' for test in self.unexpectedSuccesses})
        outcome = {'run': self.testsRun, 'skipped': len(self.skipped), 'bad': bad}
        with open(os.environ['SESSIONGLASS_HOP_OUTCOME'], 'w') as file:
            json.dump(outcome, file)


class RecordingRunner(DiscoverRunner):
    def get_resultclass(self):
        return RecordingResult
