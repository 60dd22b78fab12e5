"""libfido2's command-line tools, with what they write taken apart."""

import base64
import dataclasses
import os

from bed import WORK, demand, run


@dataclasses.dataclass
class Credential:
    """What a registration left."""

    rp: str
    type: str
    id: str
    public_key: str
    authenticator_data: bytes
    large_blob_key: str | None
    attested: bool


def random(count):
    return base64.b64encode(os.urandom(count)).decode()


def token(device, *options, pins=(), fails=False):
    return run("fido2-token", *options, device, input=_lines(pins), fails=fails)


def make(device, rp, *options, type="es256", pins=(), user="alice", verify=()):
    """Registers and has the result verified; `verify` names what of it must be signed (fido2-cred's -h, -v, -c)."""
    wish = WORK / "wish"
    wish.write_text(_lines([random(32), rp, user, random(16)]))
    made = run("fido2-cred", "-M", *options, "-i", wish, device, type, input=_lines(pins)).splitlines()
    # Client data hash, RP ID, format, authenticator data, credential ID, signature; then a certificate (several lines of
    # base64 would be one line here) and the large-blob key, if there are such.
    large_blob_key = made.pop() if "-b" in options else None
    verified = run("fido2-cred", "-V", *verify, type, input=_lines(made)).splitlines()
    demand(verified[0] == made[4], "the verified credential ID is another one")
    return Credential(
        rp=rp,
        type=type,
        id=made[4],
        public_key=_lines(verified[1:]),
        authenticator_data=_bytes(made[3]),
        large_blob_key=large_blob_key,
        attested=len(made) > 6,
    )


def make_refused(device, rp, *options, type="es256", pins=()):
    wish = WORK / "wish"
    wish.write_text(_lines([random(32), rp, "alice", random(16)]))
    run("fido2-cred", "-M", *options, "-i", wish, device, type, input=_lines(pins), fails=True)


def sign(device, credential, *options, pins=(), salt=None, verify=(), fails=False):
    """Asks for an assertion and has it verified; returns the lines after the signature (user ID, secret, key).

    With `-r` among the options the credential is found by its RP ID alone.
    """
    wish = WORK / "wish"
    named = [] if "-r" in options else [credential.id]
    wish.write_text(_lines([random(32), credential.rp, *named, *([] if salt is None else [salt])]))
    answer = run("fido2-assert", "-G", *options, "-i", wish, device, input=_lines(pins), fails=fails)
    if fails:
        return None
    answer = answer.splitlines()
    key = WORK / "key.pem"
    key.write_text(credential.public_key)
    run("fido2-assert", "-V", *verify, key, credential.type, input=_lines(answer[:4]))
    return answer[4:]


def flags(authenticator_data):
    """The flags byte, behind the RP ID's hash."""
    return authenticator_data[32]


def _lines(words):
    return "".join(f"{word}\n" for word in words)


def _bytes(line):
    data = base64.b64decode(line)
    # libfido2 writes authenticator data wrapped in a CBOR byte string.
    head = {0x58: 2, 0x59: 3}[data[0]]
    return data[head:]
