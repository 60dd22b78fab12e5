"""python-fido2 as a client: Yubico's library in its role as a browser, with PIN and with built-in user verification."""

import hashlib
import os

from bed import check, demand, equal, note
from fido2.client import DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.cose import ES256
from fido2.ctap import CtapError
from fido2.ctap1 import Ctap1
from fido2.ctap2 import ClientPin, Config, CredentialManagement, Ctap2, LargeBlobs
from fido2.ctap2.extensions import CredBlobExtension, CredProtectExtension, HmacSecretExtension, LargeBlobExtension, MinPinLengthExtension
from fido2.ctap2.pin import PinProtocolV1, PinProtocolV2
from fido2.hid import CtapHidDevice
from fido2.server import Fido2Server

RP = "client.example"
ORIGIN = f"https://{RP}"
PROTOCOLS = {1: PinProtocolV1, 2: PinProtocolV2}


def open_device():
    found = list(CtapHidDevice.list_devices())
    equal(len(found), 1, "devices that the library finds")
    return found[0]


class Person(UserInteraction):
    """The user: agrees, and knows the PIN (or none, then being asked for it is a failure)."""

    def __init__(self, pin):
        self.pin = pin

    def prompt_up(self):
        pass

    def request_pin(self, permissions, rp_id):
        demand(self.pin is not None, "the client asks for a PIN where the device verifies its user itself")
        return self.pin

    def request_uv(self, permissions, rp_id):
        return True


def browser(device, pin, extensions=()):
    return Fido2Client(device, client_data_collector=DefaultClientDataCollector(ORIGIN), user_interaction=Person(pin), extensions=list(extensions))


def refused(error, action, *arguments):
    """The device answers with this CTAP error."""
    try:
        action(*arguments)
    except CtapError as fault:
        equal(fault.code, error, "the error")
    else:
        demand(False, f"no error where {error!r} was due")


def ceremonies(device, pin, extensions, wishes, questions, name):
    """Registration and sign-ins with verification, each checked by the library's own relying party.

    `wishes` are the registration's extensions; `questions` maps extension inputs of sign-ins to a function that judges
    the client's results.
    """
    server = Fido2Server({"id": RP, "name": "A relying party"})
    client = browser(device, pin, extensions)
    user = {"id": os.urandom(16), "name": "alice", "displayName": "Alice"}
    options, state = server.register_begin(user, resident_key_requirement="required", user_verification="required", extensions=wishes)
    registration = client.make_credential(options.public_key)
    made = server.register_complete(state, registration).credential_data
    for known in ([made], None):
        for inputs, judge in questions:
            options, state = server.authenticate_begin(known, user_verification="required", extensions=inputs)
            answer = client.get_assertion(options.public_key).get_response(0)
            server.authenticate_complete(state, [made], answer)
            demand(answer.response.authenticator_data.is_user_verified(), f"{name}: the user is not verified")
            judge(answer.client_extension_results)
    return made, registration


def choosing_a_pin(pin, version):
    """A new key gets its PIN, by one of the two protocols."""
    device = open_device()
    client_pin = ClientPin(Ctap2(device), PROTOCOLS[version]())
    with check(f"python-fido2: PIN protocol {version}: set, change, a wrong PIN counts, the right one puts that back"):
        client_pin.set_pin("first-pin")
        client_pin.change_pin("first-pin", pin)
        before = client_pin.get_pin_retries()[0]
        refused(CtapError.ERR.PIN_INVALID, client_pin.get_pin_token, "wrong-pin")
        equal(client_pin.get_pin_retries()[0], before - 1, "tries left")
        client_pin.get_pin_token(pin)
        equal(client_pin.get_pin_retries()[0], before, "tries left")
    device.close()


def with_pin(pin):
    """A key that has this PIN."""
    device = open_device()
    ctap = Ctap2(device)
    with check("python-fido2: finds the device, pings it with 2000 bytes, reads getInfo"):
        demand(device.ping(b"x" * 2000) == b"x" * 2000, "another echo")
        demand({"FIDO_2_0", "FIDO_2_1"} <= set(ctap.info.versions), f"versions {ctap.info.versions}")
        ctap.selection()
    with check("python-fido2: a browser's registration and sign-ins with PIN: hmac-secret, credProtect, credBlob, largeBlob"):
        _every_extension(device, pin)
    for version, protocol in PROTOCOLS.items():
        with check(f"python-fido2: PIN protocol {version}: credentials listed and renamed, large blobs read, settings changed"):
            _management(ctap, protocol(), pin)
    with check("python-fido2: a deleted credential is gone"):
        management = CredentialManagement(ctap, PinProtocolV2(), ClientPin(ctap).get_pin_token(pin, ClientPin.PERMISSION.CREDENTIAL_MGMT))
        for relying_party in management.enumerate_rps():
            for credential in management.enumerate_creds(relying_party[CredentialManagement.RESULT.RP_ID_HASH]):
                management.delete_cred(credential[CredentialManagement.RESULT.CREDENTIAL_ID])
        equal(management.get_metadata()[CredentialManagement.RESULT.EXISTING_CRED_COUNT], 0, "credentials left")
    device.close()


def u2f():
    """A key without a PIN."""
    device = open_device()
    with check("python-fido2: U2F registration and authentication, and the same credential by CTAP2"):
        _u2f(device, Ctap2(device))
    device.close()


def _every_extension(device, pin):
    secrets, blob = [], b"hello large world"

    def secret(results):
        secrets.append(bytes(results.hmac_get_secret.output1))

    extensions = [HmacSecretExtension(allow_hmac_secret=True), CredBlobExtension(), CredProtectExtension(), LargeBlobExtension(), MinPinLengthExtension()]
    wishes = {
        "hmacCreateSecret": True,
        "credentialProtectionPolicy": "userVerificationRequired",
        "credBlob": b"small",
        "largeBlob": {"support": "required"},
        "minPinLength": True,
        "credProps": True,
    }
    questions = [
        ({"hmacGetSecret": {"salt1": b"a" * 32}, "largeBlob": {"write": blob}}, secret),
        ({"hmacGetSecret": {"salt1": b"a" * 32, "salt2": b"b" * 32}, "getCredBlob": True}, secret),
        ({"largeBlob": {"read": True}}, lambda results: equal(bytes(results.large_blob.blob), blob, "the large blob")),
    ]
    _, registration = ceremonies(device, pin, extensions, wishes, questions, "with PIN")
    equal(registration.response.attestation_object.auth_data.extensions.get("credProtect"), 3, "credProtect")
    demand(len(secrets) == 4 and len(set(secrets)) == 1, "the secret differs from one sign-in to the next")


def _management(ctap, protocol, pin):
    client_pin = ClientPin(ctap, protocol)
    result = CredentialManagement.RESULT
    management = CredentialManagement(ctap, protocol, client_pin.get_pin_token(pin, ClientPin.PERMISSION.CREDENTIAL_MGMT))
    equal(management.get_metadata()[result.EXISTING_CRED_COUNT], 1, "credentials")
    relying_party = management.enumerate_rps()[0]
    listed = management.enumerate_creds(relying_party[result.RP_ID_HASH])[0]
    user = {**listed[result.USER], "name": f"alice-{protocol.VERSION}", "displayName": "Alice, renamed"}
    management.update_user_info(listed[result.CREDENTIAL_ID], user)
    equal(management.enumerate_creds(relying_party[result.RP_ID_HASH])[0][result.USER]["name"], user["name"], "the name")
    blobs = LargeBlobs(ctap, protocol, client_pin.get_pin_token(pin, ClientPin.PERMISSION.LARGE_BLOB_WRITE))
    equal(len(blobs.read_blob_array()), 1, "large blobs")
    config = Config(ctap, protocol, client_pin.get_pin_token(pin, ClientPin.PERMISSION.AUTHENTICATOR_CFG))
    config.set_min_pin_length(min_pin_length=6, rp_ids=[RP])
    equal(ctap.get_info().min_pin_length, 6, "the shortest PIN")


def _u2f(device, ctap):
    u2f = Ctap1(device)
    equal(u2f.get_version(), "U2F_V2", "the version")
    application, challenge = hashlib.sha256(RP.encode()).digest(), os.urandom(32)
    registered = u2f.register(challenge, application)
    registered.verify(application, challenge)
    signed = u2f.authenticate(challenge, application, registered.key_handle)
    signed.verify(application, challenge, registered.public_key)
    assertion = ctap.get_assertion(RP, challenge, [{"id": registered.key_handle, "type": "public-key"}])
    ES256.from_ctap1(registered.public_key).verify(assertion.auth_data + challenge, assertion.signature)


def with_uv(name="built-in verification"):
    """A device that verifies its user itself: the client never asks for a PIN."""
    device = open_device()
    with check(f"python-fido2: registration and sign-ins with {name}, no PIN asked for, hmac-secret the same each time"):
        secrets = []
        questions = [({"hmacGetSecret": {"salt1": b"a" * 32}}, lambda results: secrets.append(bytes(results.hmac_get_secret.output1)))]
        wishes = {"hmacCreateSecret": True, "credentialProtectionPolicy": "userVerificationRequired"}
        ceremonies(device, None, [HmacSecretExtension(allow_hmac_secret=True), CredProtectExtension()], wishes, questions, name)
        demand(len(secrets) == 2 and len(set(secrets)) == 1, "the secret differs from one sign-in to the next")
    device.close()


def with_token(pin):
    """A device with PIN and built-in verification: a client that insists on the PIN."""
    device = open_device()
    ctap = Ctap2(device)
    for version, protocol in PROTOCOLS.items():
        with check(f"python-fido2: registration and sign-in with a token that the PIN gave (protocol {version}); a wrong one is refused"):
            client_pin = ClientPin(ctap, protocol())
            refused(CtapError.ERR.PIN_INVALID, client_pin.get_pin_token, "wrong-pin")

            def proof(permission, hashed):
                token = client_pin.get_pin_token(pin, permission, RP)
                return {"pin_uv_param": client_pin.protocol.authenticate(token, hashed), "pin_uv_protocol": version}

            hashed = os.urandom(32)
            user = {"id": os.urandom(16), "name": f"alice-{version}"}
            made = ctap.make_credential(
                hashed, {"id": RP, "name": RP}, user, [{"type": "public-key", "alg": -7}], options={"rk": True},
                **proof(ClientPin.PERMISSION.MAKE_CREDENTIAL, hashed),
            )  # fmt: skip
            demand(made.auth_data.is_user_verified(), "the registration is not verified")
            credential = made.auth_data.credential_data
            allowed = [{"id": credential.credential_id, "type": "public-key"}]
            answer = ctap.get_assertion(RP, hashed, allowed, **proof(ClientPin.PERMISSION.GET_ASSERTION, hashed))
            demand(answer.auth_data.is_user_verified(), "the sign-in is not verified")
            answer.verify(hashed, credential.public_key)
    device.close()


def silent_request(device, rp="latency.example"):
    """Registers a credential and returns the CTAP bytes of a getAssertion for it with up=false."""
    from fido2 import cbor

    ctap = Ctap2(device)
    made = ctap.make_credential(
        os.urandom(32), {"id": rp, "name": rp}, {"id": b"latency", "name": "latency"}, [{"type": "public-key", "alg": -7}],
        options={"uv": True} if ctap.info.options.get("uv") else None,
    )  # fmt: skip
    identity = made.auth_data.credential_data.credential_id
    note(f"credential ID of {len(identity)} bytes")
    return b"\x02" + cbor.encode({1: rp, 2: os.urandom(32), 3: [{"id": identity, "type": "public-key"}], 5: {"up": False}})
