"""Encrypted sessions by joserfc and by jwcrypto, and through Beaker with the class of examples/beaker-jwe.
Answers like peer.py."""

import base64
import importlib.metadata
import json
import pathlib
import random
import sys

import bson
import jwcrypto.jwe
import jwcrypto.jwk
from joserfc import jwe

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / 'examples/beaker-jwe'))

import beaker.session
import jwe_session
from beaker_requests import frozen_clock, run_request
from random_sessions import Maker
from serving import operation, serve
from tagged import from_tagged, options_from, to_tagged


@operation
def versions():
    return {name: importlib.metadata.version(name) for name in ('joserfc', 'jwcrypto', 'cryptography')}


@operation
def encrypt(session, library='joserfc', **use):
    """A session as a token."""
    return encrypted(from_tagged(session), library, **use)


@operation
def decrypt(token, library='joserfc', **use):
    """The header and the session of a token."""
    header, plaintext = decrypted(token, library, **use)
    data = bson.decode(plaintext) if plaintext.endswith(b'\0') else json.loads(plaintext)
    return {'header': header, 'session': to_tagged(data)}


@operation
def random_tokens(seed, count, form, library='joserfc', **use):
    """`count` sessions made from `seed`, each as a token, and as Python has it."""
    maker = Maker(random.Random(seed), form, True)
    return [saved(maker.session(), form, library, **use) for _ in range(count)]


@operation
def wsgi(options, cookie=None, operations=(), now=None):
    """One WSGI request through Beaker's middleware with the session class of the example."""
    with frozen_clock(now, (beaker.session, jwe_session)):
        answer = run_request(options_from(options), cookie, operations, None, jwe_session.JWESession)
    return {**answer, 'session': to_tagged(answer['session'])}


def saved(data, form, library, **use):
    # a claim of the format, and what marks another one
    data = {key: value for key, value in data.items() if key not in ('exp', 'bsZ')}
    while data and len(json.dumps(to_tagged(data))) > 6000:
        data.pop(list(data)[-1])
    data = {'_id': '0' * 32, **data, '_creation_time': 1.5e9 + 0.25, '_accessed_time': 1.6e9}
    token = encrypted(data, library, form=form, **use)
    return {'cookie': token, 'session': decrypt(token, library, **use)['session']}


def encrypted(data, library, secret, cookie='sid', enc='A256GCM', form='bson', tenant=None):
    key, kid = jwe_session.key_and_kid(secret, cookie, enc, tenant)
    text = bson.encode(data) if form == 'bson' else json.dumps(data, separators=(',', ':')).encode()
    header = {'alg': 'dir', 'enc': enc, 'kid': kid}
    if library == 'joserfc':
        return jwe.encrypt_compact(header, text, key, algorithms=['dir', enc])
    token = jwcrypto.jwe.JWE(text, json.dumps(header), algs=['dir', enc])
    token.add_recipient(jwk_of(key))
    return token.serialize(compact=True)


def decrypted(value, library, secret, cookie='sid', enc='A256GCM', tenant=None):
    key, _ = jwe_session.key_and_kid(secret, cookie, enc, tenant)
    if library == 'joserfc':
        token = jwe.decrypt_compact(value, key, algorithms=['dir', enc])
        return token.protected, token.plaintext
    token = jwcrypto.jwe.JWE(algs=['dir', enc])
    token.deserialize(value, jwk_of(key))
    return json.loads(token.objects['protected']), token.payload


def jwk_of(key):
    encoded = base64.urlsafe_b64encode(key.raw_value).rstrip(b'=').decode()
    return jwcrypto.jwk.JWK(kty='oct', k=encoded)


if __name__ == '__main__':
    serve()
