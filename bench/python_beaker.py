"""Times reading and writing of one session by the real Beaker in each form, and unpickling by itself: see python.py."""
import pickle

from beaker.session import CookieSession

from python import serve

FORMS = {
    "pickle": {},
    "json": {"data_serializer": "json"},
    "pickle in AES-GCM": {"crypto_type": "cryptography"},
}


def prepare(job):
    content = job["session"]
    tasks = {"loads": lambda data=pickle.dumps(content, 2): pickle.loads(data)}
    for name, options in FORMS.items():
        if "crypto_type" in options:
            options = {**options, "encrypt_key": job["secret"]}
        session = CookieSession({}, validate_key=job["secret"], **options)
        tasks.update(tasks_of(name, session, content))
    return tasks


def tasks_of(name, session, content):
    cookie = session.cookie.value_encode(session._encrypt_data(dict(content)))[1]
    return {
        "read " + name: lambda: session._decrypt_data(session.cookie.value_decode(cookie)[0]),
        "write " + name: lambda: session.cookie.value_encode(session._encrypt_data(dict(content))),
    }


serve(prepare)
