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
mac = hmac.new(key, struct.pack('>Q', int(time.time()) // 30), hashlib.sha1).digest()
at = mac[-1] & 15
passcode = '%06d' % ((struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 10**6)

user = {'username': 'hanako', 'user_domain_id': 'default'}
password = v3.PasswordMethod(password='secret', **user)
totp = v3.TOTPMethod(passcode=passcode, **user)
project = {'project_name': 'admin', 'project_domain_id': 'default'}
client = session.Session()

print('at once:', v3.Auth(url, [password, totp], **project).get_access(client).role_names)
try:
    v3.Auth(url, [password], **project).get_access(client)
    raise SystemExit('a password alone was enough')
except exceptions.MissingAuthMethods as missing:
    print('missing:', missing.required_auth_methods)
    receipt = v3.ReceiptMethod(receipt=missing.receipt)
print('step by step:', v3.Auth(url, [totp, receipt], **project).get_access(client).role_names)
