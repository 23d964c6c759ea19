"""How keystoneauth signs in a user who has to give a password and a passcode: at once, and step by step."""

import base64
import hashlib
import hmac
import os
import struct
import time

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

url = os.environ['OS_AUTH_URL']
key = base64.b32decode(os.environ['SECRET'] + '======')


def passcode(ago):
    """Each is good once; the one before is taken as long as no later one was."""
    mac = hmac.new(key, struct.pack('>Q', int(time.time()) // 30 - ago), hashlib.sha1).digest()
    at = mac[-1] & 15
    return '%06d' % ((struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 10**6)



user = {'username': 'hanako', 'user_domain_id': 'default'}
password = v3.PasswordMethod(password='secret', **user)
project = {'project_name': 'admin', 'project_domain_id': 'default'}
client = session.Session()

try:
    v3.Auth(url, [password], **project).get_access(client)
    raise SystemExit('a password alone was enough')
except exceptions.MissingAuthMethods as missing:
    print('missing:', missing.required_auth_methods)
    receipt = v3.ReceiptMethod(receipt=missing.receipt)
before = v3.TOTPMethod(passcode=passcode(1), **user)
print('step by step:', v3.Auth(url, [before, receipt], **project).get_access(client).role_names)
now = v3.TOTPMethod(passcode=passcode(0), **user)
print('at once:', v3.Auth(url, [password, now], **project).get_access(client).role_names)
