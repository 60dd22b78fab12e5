"""Device (B), the whole platform as a security key, and programs that nobody here wrote."""

import base64
import json
import os

import client
import helper
import raw
import tools
from bed import check, demand, equal, finish, hidraw, note, run, until
from door import PIN, Door


def main():
    with Door() as door:
        looked_at(door)
        credentials(door)
        pins(door)
        management(door)
        measure(door)
        bad_input(door)
        recovery(door)
        switched_off(door)
    finish()


def looked_at(door):
    with check("fido2-token -L names the device"):
        demand(run("fido2-token", "-L").startswith(f"{door.device}: "), "it is not listed")
    with check("fido2-token -I: CTAP 2.1 with PIN and built-in verification, no U2F, not a platform authenticator"):
        said = tools.token(door.device, "-I")
        for part in ("FIDO_2_0", "FIDO_2_1", "hmac-secret", "credProtect", "es256", "rk", "up", " uv", " clientPin", "credMgmt", "pinUvAuthToken"):
            demand(part in said, f"no {part} in: {said}")
        for part in ("U2F_V2", "FIDO_2_2", "largeBlobs", " plat"):
            demand(part not in said, f"{part} in: {said}")
    with check("looking asks the user nothing"):
        equal([view for view in door.views() if view["kind"] in ("create", "sign-in", "verify")], [], "questions")


def credentials(door):
    device = door.device
    with check("fido2-cred -M/-V without options asks for the PIN; fido2-assert -G/-V: consent only"):
        tools.make_refused(device, "plain.example", "-q")
        made = tools.make(device, "plain.example", pins=[PIN])
        tools.sign(device, made, "-p", verify=["-p"])
    with check("the user was asked, about a program and an RP ID and never an origin"):
        view = next(view for view in reversed(door.views()) if view["kind"] == "sign-in")
        equal((view["site"]["rp_id"], view["site"]["origin"]), ("plain.example", None), "the site")
        demand("fido2-assert" in str(view["caller"]), f"the caller is {view['caller']}")
    with check("verified by hello's prompt (uv), not discoverable and discoverable"):
        made = tools.make(device, "uv.example", "-v", pins=[PIN], verify=["-v"])
        tools.sign(device, made, "-t", "uv=true", "-p", verify=["-v", "-p"])
        made = tools.make(device, "uv-rk.example", "-r", "-v", pins=[PIN], verify=["-v"])
        tools.sign(device, made, "-r", "-t", "uv=true", "-p", verify=["-v", "-p"])
    with check("verified by the PIN that the program asks for"):
        tools.sign(device, made, "-v", "-p", pins=[PIN], verify=["-v", "-p"])
        tools.sign(device, made, "-v", pins=["wrong-pin"], fails=True)
        tools.sign(device, made, "-v", pins=[PIN], verify=["-v"])
    with check("EdDSA: registered and signed in"):
        made = tools.make(device, "eddsa.example", "-r", "-v", type="eddsa", pins=[PIN], verify=["-v"])
        tools.sign(device, made, "-r", "-t", "uv=true", verify=["-v"])
    with check("a silent assertion (up=false) asks the user nothing, and finds only this site's credential"):
        before = len(door.views())
        wish = made.rp
        silent(device, made)
        made.rp = "elsewhere.example"
        tools.sign(device, made, "-t", "up=false", fails=True)
        made.rp = wish
        equal(len(door.views()), before, "questions")
    with check("hmac-secret: the same salt gives the same secret, another salt another"):
        made = tools.make(device, "secret.example", "-h", "-v", pins=[PIN], verify=["-h", "-v"])
        salts = [tools.random(32) for _ in range(2)]
        uv = ["-h", "-t", "uv=true"]
        secrets = [tools.sign(device, made, *uv, salt=salt, verify=["-h", "-v"])[-1] for salt in (salts[0], salts[0], salts[1])]
        by_pin = tools.sign(device, made, "-h", "-v", pins=[PIN], salt=salts[0], verify=["-h", "-v"])[-1]
        equal(len(base64.b64decode(secrets[0])), 32, "the secret's length")
        equal((secrets[1], by_pin), (secrets[0], secrets[0]), "the same salt's secrets")
        demand(secrets[2] != secrets[0], "another salt, the same secret")
    with check("credProtect 3: a silent probe does not find it, a verified sign-in does"):
        hidden = tools.make(device, "three.example", "-r", "-v", "-c", "3", pins=[PIN], verify=["-v", "-c", "3"])
        tools.sign(device, hidden, "-t", "up=false", fails=True)
        tools.sign(device, hidden, "-t", "uv=true", verify=["-v"])
    with check("what the door does not have is refused: reset, another PIN"):
        tools.token(device, "-R", fails=True)
        tools.token(device, "-C", pins=[PIN, "other-pin-1", "other-pin-1"], fails=True)


def silent(device, credential):
    """The signature of a probe may be good for nothing when the provider is locked; only whether there is one counts."""
    wish = tools.WORK / "probe"
    wish.write_text(f"{tools.random(32)}\n{credential.rp}\n{credential.id}\n")
    run("fido2-assert", "-G", "-t", "up=false", "-i", wish, device)


def pins(door):
    with check("a wrong PIN from a program counts with hello; the right one puts the count back"):
        made = tools.make(door.device, "pin.example", "-v", pins=[PIN], verify=["-v"])
        before = tries(door)
        tools.sign(door.device, made, "-v", pins=["wrong-pin"], fails=True)
        equal(tries(door), before - 1, "tries left")
        tools.sign(door.device, made, "-v", pins=[PIN], verify=["-v"])
        equal(tries(door), before, "tries left")


def tries(door):
    """As hello counts them: it has more than the eight that CTAP can tell."""
    return json.loads(door.claviger("status", "--json"))["pin"]["tries_left"]


def management(door):
    device = door.device
    with check("fido2-token -L -r, -L -k, -D -i: credentials are listed after consent, and deleted"):
        made = tools.make(device, "managed.example", "-r", "-v", pins=[PIN], verify=["-v"])
        before = len(door.views())
        demand("managed.example" in tools.token(device, "-L", "-r", pins=[PIN]), "the site is not listed")
        demand(len(door.views()) > before, "the user was not asked")
        demand(made.id in tools.token(device, "-L", "-k", "managed.example", pins=[PIN]), "the credential is not listed")
        tools.token(device, "-D", "-i", made.id, pins=[PIN])
        demand("managed.example" not in tools.token(device, "-L", "-r", pins=[PIN]), "the site is still listed")


def measure(door):
    with check("getAssertion with up=false through /dev/uhid, door, broker and provider is measured"):
        opened = client.open_device()
        request = client.silent_request(opened)
        opened.close()
        median, last = raw.latency(door.device, request)
        floor = raw.latency(door.device, raw.GET_INFO)
        note(f"getAssertion, up=false: median {median:.0f} µs, p99 {last:.0f} µs (500 times, emulated CPU, client included)")
        note(f"getInfo:                median {floor[0]:.0f} µs, p99 {floor[1]:.0f} µs")
    with check("the processes' memory is measured"):
        note(f"helper {helper.resident_kib(door.helper.pid)} KiB, hid-door {helper.resident_kib(door.door.pid)} KiB resident")


def bad_input(door):
    with check("broken packets and messages get the specified error, and the next good request works"):
        raw.broken(door.device)
    with check("after a flood of 10 000 INITs the next good request works"):
        note(f"{raw.flood(door.device)} of 10000 INITs were answered while they came")


def recovery(door):
    made = tools.make(door.device, "kept.example", "-r", "-v", pins=[PIN], verify=["-v"])
    with check("the helper is killed: the device goes; with the next helper it is there again, with its credentials"):
        door.helper.kill()
        door.helper.wait()
        until(lambda: not hidraw(), "the device's disappearance")
        door.helper = helper.begin()
        door.device = door.plugged()
        tools.sign(door.device, made, "-r", "-t", "uv=true", verify=["-v"])
    with check("the broker is killed: the prompt attaches to the next one, and the device asks it"):
        before = door.attachments()
        os.kill(door.pid("broker"), 9)
        until(lambda: door.attachments() > before, "the prompt at the next broker")
        tools.sign(door.device, made, "-r", "-t", "uv=true", verify=["-v"])
    with check("the session goes to the background and comes back: so does the device"):
        helper.seat(None)
        until(lambda: not hidraw(), "the device's disappearance")
        helper.seat(os.getuid())
        door.device = door.plugged()
        demand(run("fido2-token", "-L").startswith(door.device), "it is not listed")


def switched_off(door):
    with check("claviger door disable hid takes the device away, enable brings it back"):
        door.claviger("door", "disable", "hid")
        until(lambda: not hidraw(), "the device's disappearance")
        door.claviger("door", "enable", "hid")
        door.device = door.plugged()


main()
