"""OpenSSH with security keys: generation, a login at a real sshd, resident keys fetched from the device."""

import os
import pathlib
import socket

from bed import WORK, Unmet, check, demand, run, start, stop, until

PORT = 2222
USER = "visitor"
HOME = pathlib.Path("/run/visitor")
ASKPASS = WORK / "askpass"


class Server:
    """sshd on the loopback, with an account of its own."""

    def __enter__(self):
        _account(USER, 1500, HOME)
        _account("sshd", 1501, "/run/sshd")
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        HOME.mkdir(mode=0o755, exist_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", WORK / "host_key")
        config = WORK / "sshd_config"
        config.write_text(
            f"Port {PORT}\nListenAddress 127.0.0.1\nHostKey {WORK}/host_key\nPidFile none\nUsePAM no\nLogLevel VERBOSE\n"
            f"AuthorizedKeysFile {HOME}/authorized_keys\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nLoginGraceTime 0\n"
        )
        self.process = start("/usr/sbin/sshd", "-D", "-e", "-f", config, log="sshd.log")
        until(self._answers, "sshd's start")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise Unmet("sshd ended: see sshd.log")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", PORT)) == 0

    def __exit__(self, *_):
        stop(self.process)


def _account(name, uid, home):
    for file, line in {
        "passwd": f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n",
        "shadow": f"{name}:*:20000::::::\n",
        "group": f"{name}:x:{uid}:\n",
    }.items():
        path = pathlib.Path("/etc") / file
        lines = [old for old in path.read_text().splitlines(keepends=True) if not old.startswith(f"{name}:")]
        path.write_text("".join([*lines, line]))


def asking(pin):
    """The environment in which OpenSSH asks a program for the PIN; without one, the program says no."""
    ASKPASS.write_text("#!/bin/sh\nexit 1\n" if pin is None else f"#!/bin/sh\necho '{pin}'\n")
    ASKPASS.chmod(0o700)
    return {"SSH_ASKPASS": str(ASKPASS), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "none"}


def generate(device, type, name, *options, pin=None):
    """A new key pair whose private half is in the device; returns the file's path."""
    file = WORK / name
    wishes = [word for option in (f"device={device}", f"application=ssh:{name}", *options) for word in ("-O", option)]
    run("ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", file, *wishes, env=asking(pin))
    return file


def login(file, words="", pin=None, fails=False):
    """Logs in with the key and with no other; `words` are the server's demands on it (verify-required)."""
    (HOME / "authorized_keys").write_text(f"{words} {pathlib.Path(f'{file}.pub').read_text()}".lstrip())
    said = run(
        "ssh", "-F", "none", "-p", PORT, "-i", file, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
        "-o", f"UserKnownHostsFile={WORK}/known_hosts", "-o", "StrictHostKeyChecking=accept-new", "-o", "PreferredAuthentications=publickey",
        f"{USER}@127.0.0.1", "id -un", env=asking(pin), fails=fails,
    )  # fmt: skip
    demand(fails or said.strip() == USER, f"the server's answer is {said!r}")


def fetch(pin):
    """Fetches the resident keys into an empty folder; returns the files."""
    folder = WORK / f"fetched-{os.urandom(4).hex()}"
    folder.mkdir()
    os.chdir(folder)
    try:
        run("ssh-keygen", "-q", "-K", "-N", "", env=asking(pin))
    finally:
        os.chdir(WORK)
    return sorted(file for file in folder.iterdir() if file.suffix != ".pub")


def same_key(one, other):
    return pathlib.Path(f"{one}.pub").read_text().split()[1] == pathlib.Path(f"{other}.pub").read_text().split()[1]


def checks(device, pin, own_uv=False, types=("ed25519-sk", "ecdsa-sk")):
    """All of it, with a device whose PIN is this one; `own_uv` says that it can verify its user itself, too."""
    with Server():
        for type in types:
            with check(f"ssh: {type} is generated and logs in"):
                file = generate(device, type, f"plain-{type}", pin=pin)
                login(file)
            with check(f"ssh: {type} verify-required logs in at a server that wants verification"):
                file = generate(device, type, f"verified-{type}", "verify-required", pin=pin)
                login(file, "verify-required", pin=pin)
            with check(f"ssh: {type} without verification is refused by a server that wants it"):
                login(WORK / f"plain-{type}", "verify-required", fails=True)
            with check(f"ssh: {type} resident logs in, and is fetched from the device on another machine"):
                file = generate(device, type, f"resident-{type}", "resident", f"user=alice-{type}", pin=pin)
                login(file)
                fetched = [other for other in fetch(pin) if same_key(file, other)]
                demand(len(fetched) == 1, "the key was not among the fetched ones")
                login(fetched[0])
        with check("ssh: a resident verify-required key logs in, and is fetched"):
            file = generate(device, types[0], "both", "resident", "verify-required", "user=both", pin=pin)
            login(file, "verify-required", pin=pin)
            fetched = [other for other in fetch(pin) if same_key(file, other)]
            demand(len(fetched) == 1, "the key was not among the fetched ones")
            # OpenSSH marks a fetched key as one that needs verification only when the device cannot verify its user itself
            # (sk-usbhid.c, read_rks: `internal_uv == -1`), and so does not ask a device that can; credProtect then hides the key.
            if not own_uv:
                login(fetched[0], "verify-required", pin=pin)
