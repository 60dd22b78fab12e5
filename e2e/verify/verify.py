"""Checks recorded ceremonies with the Python package `webauthn` (py_webauthn).

Reads JSON lines as the playground records them from standard input and prints one JSON line for each: {"ok": bool,
"error": text}. The key of a sign-in is the one that this verifier itself took from the registration.
"""

import json
import sys

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.cose import COSEAlgorithmIdentifier

ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.EDDSA]


def main() -> None:
    keys: dict[str, bytes] = {}
    for line in sys.stdin:
        ceremony = json.loads(line)
        try:
            check(ceremony, keys)
            print(json.dumps({"ok": True}))
        except Exception as error:  # whatever it is, this verifier did not agree
            print(json.dumps({"ok": False, "error": f"{type(error).__name__}: {error}"}))


def check(ceremony: dict, keys: dict[str, bytes]) -> None:
    expected = ceremony["expected"]
    common = {
        "credential": ceremony["response"],
        "expected_challenge": base64url_to_bytes(expected["challenge"]),
        "expected_origin": expected["origin"],
        "expected_rp_id": expected["rpId"],
        "require_user_verification": expected["userVerification"] == "required",
    }
    if ceremony["kind"] == "create":
        verified = verify_registration_response(**common, supported_pub_key_algs=ALGORITHMS)
        keys[ceremony["response"]["id"]] = verified.credential_public_key
    else:
        key = keys[ceremony["response"]["id"]]
        verify_authentication_response(**common, credential_public_key=key, credential_current_sign_count=0)


if __name__ == "__main__":
    main()
