"""A Beaker session in the encrypted cookie of sessionglass (docs/formats.md, section 12), over joserfc.

    SessionMiddleware(app, {'session.key': 'sid', 'session.jwe_secrets': SECRETS}, session_class=JWESession)

Options: jwe_secrets, with commas, the first encrypts; jwe_enc; jwe_tenant; those of Beaker but validate_key."""

import json
import time
from base64 import urlsafe_b64encode
from http.cookies import BaseCookie

import bson
from beaker import util
from beaker.converters import aslist
from beaker.session import CookieSession
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey


def key_and_kid(secret, cookie, enc='A256GCM', tenant=None):
    """The key that Node derives from a secret for this cookie, and its id."""
    info = ' '.join(['sessionglass jwe 1', enc, 'session', cookie, *([tenant] if tenant else [])])
    size = {'A256GCM': 32, 'A256CBC-HS512': 64}[enc]
    output = HKDF(SHA256(), size + 6, salt=None, info=info.encode()).derive(secret.encode())
    return OctKey.import_key(output[:size]), urlsafe_b64encode(output[size:]).decode()


class JWESession(CookieSession):
    def __init__(self, request, jwe_secrets='', jwe_enc='A256GCM', jwe_tenant=None, **options):
        self.jwe_enc, name = jwe_enc, options.get('key', 'beaker.session.id')
        secrets = [secret.strip() for secret in aslist(jwe_secrets, sep=',')]
        if not secrets or min(map(len, secrets)) < 32:
            raise ValueError('jwe_secrets needs secrets of 32 characters or more')
        self.jwe_keys = [key_and_kid(secret, name, jwe_enc, jwe_tenant) for secret in secrets]
        cookies = [pair.strip().partition('=') for pair in (request.get('cookie') or '').split(';')]
        # Beaker looks for its own signature, so it gets no cookie: what ours says is loaded below.
        super().__init__({**request, 'cookie': None}, **{**options, 'validate_key': 'unused'})
        self.request = request
        request['set_cookie'] = False
        self.cookie = BaseCookie()
        for token in [value.strip('"') for key, _, value in cookies if key == name][-1:]:
            self.load_token(token)

    def load_token(self, token):
        self.is_new = False
        try:
            self.update(self._decrypt_data(token))
        except (ValueError, JoseError, bson.errors.BSONError) as error:
            if not self.invalidate_corrupt:
                raise
            util.warn(f'Invalidating corrupt session {self.id}: {type(error).__name__}')
            self.invalidate()
        now = time.time()
        # Node may say when the session ends. Written again, it has new times, and Node counts from them.
        if now >= self.pop('exp', now + 1) or (self.timeout and now - self.get('_accessed_time', now) > self.timeout):
            self.clear()
        self.pop('_writes', None)
        self.accessed_dict = self.copy()
        self._create_cookie()

    def _encrypt_data(self, session_data=None):
        own = ('_expires', '_path', '_domain')
        data = {name: value for name, value in (session_data or self).items() if name not in own}
        key, kid = self.jwe_keys[0]
        header = {'alg': 'dir', 'enc': self.jwe_enc, 'kid': kid}
        return jwe.encrypt_compact(header, bson.encode(data), key, algorithms=['dir', self.jwe_enc])

    def _decrypt_data(self, session_data):
        for key, _ in self.jwe_keys:
            try:
                plaintext = jwe.decrypt_compact(session_data, key, algorithms=['dir', self.jwe_enc]).plaintext
            except JoseError:
                if key is self.jwe_keys[-1][0]:
                    raise
            else:
                return bson.decode(plaintext) if plaintext.endswith(b'\0') else json.loads(plaintext)
