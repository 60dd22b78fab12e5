"""Device (A), the virtual security key, and programs that nobody here wrote."""

import base64

import client
import raw
import ssh
import tools
from bed import WORK, Key, check, demand, equal, finish, note, run

PIN = "brisk-otter-4071"


def main():
    with Key() as key:
        unconfigured(key.device)
        pins(key.device)
        credentials(key.device)
        large_blobs(key.device)
        management(key.device)
    with Key("--pin", PIN) as key:
        ssh.checks(key.device, PIN)
    for version in client.PROTOCOLS:
        with Key():
            client.choosing_a_pin(PIN, version)
    with Key("--pin", PIN):
        client.with_pin(PIN)
    with Key("--uv", "builtin"):
        client.with_uv()
    with Key() as key:
        client.u2f()
        bad_input(key.device)
        measure(key.device)
    power_cycles()
    finish()


def unconfigured(device):
    with check("fido2-token -L names the key"):
        demand(run("fido2-token", "-L").startswith(f"{device}: "), "it is not listed")
    with check("fido2-token -I: a new key: CTAP 2.1 and U2F, no PIN yet"):
        said = tools.token(device, "-I")
        for part in ("FIDO_2_0", "FIDO_2_1", "U2F_V2", "noclientPin", "largeBlobs", "hmac-secret", "credProtect", "es256", "eddsa"):
            demand(part in said, f"no {part} in: {said}")
        demand("FIDO_2_2" not in said, "FIDO_2_2 must not appear (CTAP 2.3)")
    with check("fido2-cred -M/-V and fido2-assert -G/-V: ES256, no PIN"):
        made = tools.make(device, "plain.example")
        tools.sign(device, made, "-p", verify=["-p"])
    with check("fido2-cred -u and fido2-assert -u: U2F"):
        made = tools.make(device, "u2f.example", "-u")
        tools.sign(device, made, "-u", "-p", verify=["-p"])
        tools.sign(device, made, "-p", verify=["-p"])


def pins(device):
    with check("fido2-token -S: the first PIN"):
        tools.token(device, "-S", pins=["first-pin", "first-pin"])
        demand(", clientPin" in tools.token(device, "-I"), "the key does not say so")
    with check("fido2-token -C: another PIN; the old one is refused, and counted"):
        tools.token(device, "-C", pins=["first-pin", PIN, PIN])
        tools.token(device, "-I", "-c", pins=["first-pin"], fails=True)
        demand("pin retries: 7" in tools.token(device, "-I"), "no try is gone")
        tools.token(device, "-I", "-c", pins=[PIN])
        demand("pin retries: 8" in tools.token(device, "-I"), "the right PIN does not put the count back")


def credentials(device):
    for type in ("es256", "eddsa"):
        with check(f"{type}: verified, not discoverable"):
            made = tools.make(device, f"{type}.example", "-v", type=type, pins=[PIN], verify=["-v"])
            tools.sign(device, made, "-v", "-p", pins=[PIN], verify=["-v", "-p"])
        with check(f"{type}: verified, discoverable"):
            made = tools.make(device, f"{type}-rk.example", "-r", "-v", type=type, pins=[PIN], verify=["-v"])
            tools.sign(device, made, "-r", "-v", "-p", pins=[PIN], verify=["-v", "-p"])
    with check("a silent assertion (up=false) has no user presence; another site's credential is not found"):
        made = tools.make(device, "silent.example", "-v", pins=[PIN])
        tools.sign(device, made, "-t", "up=false")
        made.rp = "elsewhere.example"
        tools.sign(device, made, "-t", "up=false", fails=True)
    with check("hmac-secret: the same salt gives the same secret, another salt or no verification another"):
        made = tools.make(device, "secret.example", "-h", "-v", pins=[PIN], verify=["-h", "-v"])
        salts = [tools.random(32) for _ in range(2)]
        verified = [tools.sign(device, made, "-h", "-v", pins=[PIN], salt=salt, verify=["-h", "-v"])[-1] for salt in (salts[0], salts[0], salts[1])]
        unverified = tools.sign(device, made, "-h", salt=salts[0], verify=["-h"])[-1]
        equal(len(base64.b64decode(verified[0])), 32, "the secret's length")
        equal(verified[0], verified[1], "the second secret")
        equal(len({*verified, unverified}), 3, "different secrets")
    with check("credProtect 3: found only after verification; 2: without it only by its ID"):
        hidden = tools.make(device, "three.example", "-r", "-v", "-c", "3", pins=[PIN], verify=["-v", "-c", "3"])
        tools.sign(device, hidden, "-t", "up=false", fails=True)
        tools.sign(device, hidden, "-v", pins=[PIN], verify=["-v"])
        listed = tools.make(device, "two.example", "-r", "-v", "-c", "2", pins=[PIN], verify=["-v", "-c", "2"])
        tools.sign(device, listed, "-r", "-t", "up=false", fails=True)
        tools.sign(device, listed, "-t", "up=false")
    with check("a resident credential needs the PIN once there is one"):
        tools.make_refused(device, "nopin.example", "-r", "-q")


def large_blobs(device):
    with check("fido2-token -S -b, -L -b, -G -b, -D -b: a large blob by its credential's key"):
        made = tools.make(device, "blob.example", "-b", "-r", "-v", pins=[PIN], verify=["-v"])
        key, blob, back = (WORK / name for name in ("blob.key", "blob", "blob.back"))
        key.write_text(f"{made.large_blob_key}\n")
        equal(tools.sign(device, made, "-b", "-v", pins=[PIN], verify=["-v"])[-1], made.large_blob_key, "the key at sign-in")
        # More than one fragment: maxMsgSize less 64 bytes each.
        blob.write_text("a certificate, say\n" * 60)
        tools.token(device, "-S", "-b", "-k", key, blob, pins=[PIN])
        demand("00:" in tools.token(device, "-L", "-b", pins=[PIN]), "it is not listed")
        tools.token(device, "-G", "-b", "-k", key, back, pins=[PIN])
        equal(back.read_text(), blob.read_text(), "the blob")
        tools.token(device, "-D", "-b", "-k", key, pins=[PIN])
        back.unlink()
        tools.token(device, "-G", "-b", "-k", key, back, pins=[PIN], fails=True)


def management(device):
    with check("fido2-token -L -r, -L -k, -I -k: the discoverable credentials are listed, with the right public key"):
        made = tools.make(device, "managed.example", "-r", "-v", pins=[PIN], verify=["-v"])
        demand("managed.example" in tools.token(device, "-L", "-r", pins=[PIN]), "the site is not listed")
        demand(made.id in tools.token(device, "-L", "-k", "managed.example", pins=[PIN]), "the credential is not listed")
        shown = tools.token(device, "-I", "-k", "managed.example", "-i", made.id, pins=[PIN])
        demand(made.public_key.strip() in shown, f"another public key: {shown}")
    with check("fido2-token -S -c: another user name; -D -i: gone"):
        # As in the registration: `-k` is the user's ID, which must not change.
        user = tools.sign(device, made, "-r", "-v", pins=[PIN])[0]
        tools.token(device, "-S", "-c", "-i", made.id, "-k", user, "-n", "renamed", "-p", "Renamed", pins=[PIN])
        demand("Renamed" in tools.token(device, "-L", "-k", "managed.example", pins=[PIN]), "the old name is listed")
        tools.token(device, "-D", "-i", made.id, pins=[PIN])
        demand("managed.example" not in tools.token(device, "-L", "-r", pins=[PIN]), "the site is still listed")
    with check("fido2-token -S -l, -S -u, -D -u: longer PINs, verification always and not"):
        tools.token(device, "-S", "-l", "8", pins=[PIN])
        demand("minpinlen: 8" in tools.token(device, "-I"), "the length is not shown")
        tools.token(device, "-S", "-u", pins=[PIN])
        demand(" alwaysUv" in tools.token(device, "-I"), "alwaysUv is not shown")
        tools.token(device, "-D", "-u", pins=[PIN])
        demand("noalwaysUv" in tools.token(device, "-I"), "alwaysUv is still shown")


def bad_input(device):
    with check("broken packets and messages get the specified error, and the next good request works"):
        raw.broken(device)
    with check("after a flood of 10 000 INITs the next good request works"):
        note(f"{raw.flood(device)} of 10000 INITs were answered while they came")


def power_cycles():
    """A key that keeps its state in a file, unplugged and plugged in again; a reset is welcome only soon after that."""
    state = ["--state", WORK / "key.state"]
    with Key(*state) as key:
        tools.token(key.device, "-S", pins=[PIN, PIN])
        made = tools.make(key.device, "kept.example", "-v", pins=[PIN])
    with Key(*state) as key:
        with check("a key with a state file still has its PIN and credentials when it is plugged in again"):
            tools.sign(key.device, made, "-v", pins=[PIN], verify=["-v"])
    with Key(*state) as key:
        with check("fido2-token -R: the reset key has neither PIN nor credentials"):
            tools.token(key.device, "-R")
            demand("noclientPin" in tools.token(key.device, "-I"), "there is still a PIN")
            tools.sign(key.device, made, "-t", "up=false", fails=True)


def measure(device):
    with check("getAssertion with up=false through /dev/uhid is measured"):
        opened = client.open_device()
        request = client.silent_request(opened)
        opened.close()
        median, last = raw.latency(device, request)
        floor = raw.latency(device, raw.GET_INFO)
        note(f"getAssertion, up=false: median {median:.0f} µs, p99 {last:.0f} µs (500 times, emulated CPU, client included)")
        note(f"getInfo:                median {floor[0]:.0f} µs, p99 {floor[1]:.0f} µs")


main()
