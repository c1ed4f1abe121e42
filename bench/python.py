"""Times reading and writing of one session by the real beaker-session-jwt.
The first line of stdin is the job; each further one names a task, and is answered with the microseconds of one call."""
import json
import sys
import time

from beaker_session_jwt import JWTCookieSession

CALLS = 400


def serve(prepare):
    """`prepare` makes the tasks by their names out of the job."""
    tasks = prepare(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        print(microseconds(tasks[line.strip()]), flush=True)


def microseconds(call):
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def prepare(job):
    session = JWTCookieSession({}, jwt_secret_keys=[job["secret"]])
    content = job["session"]
    cookie = session._encrypt_data(dict(content))
    return {
        "read": lambda: session._decrypt_data(cookie),
        "write": lambda: session._encrypt_data(dict(content)),
    }


if __name__ == "__main__":
    serve(prepare)
