"""Device (B), the whole platform as a security key, with OpenSSH and python-fido2."""

import client
import ssh
from bed import finish
from door import PIN, Door

with Door() as door:
    client.with_uv("hello's prompt")
    client.with_token(PIN)
    ssh.checks(door.device, PIN, own_uv=True)
finish()
