"""The loop of a Python process that tests talk to: a JSON request on each line of stdin, its answer on stdout.
{"id": 1, "op": "decode", ...} is answered by {"id": 1, "result": ...} or {"id": 1, "raises": {"error", "message"}}."""

import json
import sys
import traceback

OPERATIONS = {}


def operation(function):
    OPERATIONS[function.__name__] = function
    return function


@operation
def batch(items):
    """Many requests in one line; each has its own outcome."""
    return [outcome(item) for item in items]


def serve():
    channel = sys.stdout
    sys.stdout = sys.stderr  # a stray print must not become an answer
    for line in sys.stdin:
        request = json.loads(line)
        channel.write(json.dumps({'id': request['id'], **outcome(request)}) + '\n')
        channel.flush()


def outcome(request):
    """Whatever happens is an answer: this process outlives every mistake of a test."""
    arguments = {key: value for key, value in request.items() if key not in ('id', 'op')}
    try:
        return {'result': OPERATIONS[request['op']](**arguments)}
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        return {'raises': {'error': type(error).__name__, 'message': str(error)}}
