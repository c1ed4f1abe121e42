"""Times reading and writing of one session by the real beaker-session-jwt: the median of 21 runs, in microseconds."""
import json
import statistics
import sys
import time

from beaker_session_jwt import JWTCookieSession

ROUNDS, CALLS = 21, 400


def median_microseconds(call):
    for _ in range(CALLS):
        call()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        times.append((time.perf_counter() - start) / CALLS)
    return statistics.median(times) * 1e6


def main():
    job = json.load(sys.stdin)
    session = JWTCookieSession({}, jwt_secret_keys=[job["secret"]])
    content = job["session"]
    cookie = session._encrypt_data(dict(content))
    result = {
        "read": median_microseconds(lambda: session._decrypt_data(cookie)),
        "write": median_microseconds(lambda: session._encrypt_data(dict(content))),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
