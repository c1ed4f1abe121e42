"""Times reading and writing of one session by the real Beaker in each form: medians of 21 runs, in microseconds."""
import json
import pickle
import sys

from beaker.session import CookieSession

from python import median_microseconds

FORMS = {
    "pickle": {},
    "json": {"data_serializer": "json"},
    "pickle in AES-GCM": {"crypto_type": "cryptography"},
}


def main():
    job = json.load(sys.stdin)
    content = job["session"]
    result = {"loads": median_microseconds(lambda octets=pickle.dumps(content, 2): pickle.loads(octets))}
    for name, options in FORMS.items():
        if "crypto_type" in options:
            options = {**options, "encrypt_key": job["secret"]}
        session = CookieSession({}, validate_key=job["secret"], **options)
        cookie = session.cookie.value_encode(session._encrypt_data(dict(content)))[1]
        result["read " + name] = median_microseconds(
            lambda: session._decrypt_data(session.cookie.value_decode(cookie)[0])
        )
        result["write " + name] = median_microseconds(
            lambda: session.cookie.value_encode(session._encrypt_data(dict(content)))
        )
    print(json.dumps(result))


main()
