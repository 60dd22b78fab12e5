"""Claviger installed on a system with systemd, logind, udev, PAM and D-Bus, and two users who take turns at its one seat.

First by `claviger setup --system`, which is undone again, then by the Debian package. Nothing is played but the user's
answers: users log in at virtual terminals, the platform is their systemd's and their session bus's, terminals are
switched as the keyboard would.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess

import tools
from bed import CLAVIGER, KEPT, PATIENCE, PROGRAMS, check, demand, equal, finish, hidraw, note, run, start, stop, until

PIN = "brisk-otter-4071"
HELPER = "claviger-hid"
UNIT = "claviger-hid.service"
SOCKET_UNIT = "claviger-hid.socket"
DOOR_UNIT = "claviger-hid-door.service"
SOCKET = "/run/claviger/hid.sock"
UHID = pathlib.Path("/dev/uhid")
BY_HAND = "/usr/local/bin/claviger"
PACKAGED = "/usr/bin/claviger"
# The prompt that the user would look at is a script's, which a broker accepts only when it is started for that.
SCRIPTED = pathlib.Path("/etc/systemd/user/claviger-broker.service.d/scripted.conf")
# <linux/vt.h>
VT_ACTIVATE = 0x5606


class User:
    """A person with an account, and what they do in their session."""

    def __init__(self, name, terminal):
        run("useradd", "--create-home", "--shell", "/bin/bash", name)
        self.name, self.terminal, self.uid = name, terminal, pwd.getpwnam(name).pw_uid
        self.home = pathlib.Path(f"/home/{name}")
        self.prompt = None

    def command(self, *words):
        environment = ["env", f"XDG_RUNTIME_DIR=/run/user/{self.uid}", "LANG=C.UTF-8"]
        return ["setpriv", "--reuid", self.name, "--regid", self.name, "--init-groups", "--reset-env", *environment, *words]

    def run(self, *words, **options):
        return run(*self.command(*words), **options)

    def claviger(self, *words, **options):
        return self.run(PACKAGED, *words, **options)

    def log_in(self):
        """At the user's terminal, through getty, login and PAM; only the password is not asked for."""
        override = pathlib.Path(f"/run/systemd/system/getty@tty{self.terminal}.service.d/login.conf")
        override.parent.mkdir(parents=True, exist_ok=True)
        # It does not log in again by itself.
        getty = f"-/sbin/agetty --autologin {self.name} --noclear %I linux"
        override.write_text(f"[Service]\nExecStart=\nExecStart={getty}\nRestart=no\n")
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", f"getty@tty{self.terminal}.service")
        until(self.session, f"{self.name}'s session", PATIENCE)
        until(pathlib.Path(f"/run/user/{self.uid}/bus").exists, f"{self.name}'s session bus", PATIENCE)

    def session(self):
        """The id of the user's session at the terminal."""
        for line in run("loginctl", "list-sessions", "--no-legend").splitlines():
            words = line.split()
            if words[1:5] == [str(self.uid), self.name, "seat0", f"tty{self.terminal}"]:
                return words[0]
        return None

    def log_out(self):
        """The shell at the terminal ends."""
        self.close_prompt()
        session = self.session()
        scope = pathlib.Path(f"/sys/fs/cgroup/user.slice/user-{self.uid}.slice/session-{session}.scope/cgroup.procs")
        for process in scope.read_text().split():
            if pathlib.Path(f"/proc/{process}/comm").read_text() == "bash\n":
                os.kill(int(process), signal.SIGHUP)
        until(lambda: self.session() != session, f"the end of {self.name}'s session", PATIENCE)

    def open_prompt(self):
        """Says yes to everything, with the PIN."""
        script = self.home / "script.json"
        script.write_text(json.dumps([{"when": {}, "do": {"approve": True, "pin": PIN}}]))
        script.chmod(0o600)
        os.chown(script, self.uid, self.uid)
        log = KEPT / f"prompt-{self.name}.log"
        attached = count(log, '"attached"')
        self.prompt = start(*self.command(PACKAGED, "prompt", "--script", script), log=log.name)
        until(lambda: count(log, '"attached"') > attached or self.prompt.poll() is not None, "the prompt", PATIENCE)
        demand(self.prompt.poll() is None, f"the prompt ended: see {log.name}")

    def close_prompt(self):
        if self.prompt:
            stop(self.prompt)
            self.prompt = None

    def set_up(self):
        """What a new user does."""
        self.open_prompt()
        self.claviger("setup")
        self.run("systemctl", "--user", "daemon-reload")
        self.run("systemctl", "--user", "start", DOOR_UNIT)

    def has_key(self):
        """Waits for the key and for the user's permission to use it; nobody else has it."""
        until(hidraw, f"{self.name}'s key", PATIENCE)
        until(lambda: hidraw() and allowed(hidraw()[0]) == {self.uid}, f"{self.name}'s permission", PATIENCE)
        return hidraw()[0]

    def findings(self):
        """What doctor says, whatever its exit status."""
        done = subprocess.run(self.command(PACKAGED, "doctor", "--json"), stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
        return json.loads(done.stdout)


def main():
    os.chdir("/")
    with check("the guest is a system of its own: systemd, logind with a seat, udev, D-Bus"):
        for unit in ("systemd-logind", "systemd-udevd", "dbus"):
            run("systemctl", "is-active", unit)
        equal(run("loginctl", "list-seats", "--no-legend").split(), ["seat0"], "seats")
        run("modprobe", "--show-depends", "uhid")
    try:
        clean = system_state()
        by_hand(clean)
        package(clean)
    finally:
        (KEPT / "journal.log").write_text(run("journalctl", "--boot", "--no-pager"))
    finish()


def by_hand(clean):
    shutil.copy(CLAVIGER, BY_HAND)
    with check("claviger setup --system: user, module, rule, socket"):
        report = json.loads(run(BY_HAND, "setup", "--system", "--json"))
        equal([step for step in report["steps"] if not step["done"]], [], "failed steps")
        is_installed()
    with check("again: nothing is written"):
        report = json.loads(run(BY_HAND, "setup", "--system", "--json"))
        equal({file["state"] for file in report["files"]}, {"already there"}, "states")
    with check("a kernel without uhid: who asks is turned away, and the helper ends instead of starting again and again"):
        with without_uhid():
            refused(0)
            until(lambda: not helper(), "the helper's end")
            run("systemctl", "is-active", SOCKET_UNIT)
        refused(0)
        until(helper, "the helper")
    with check("claviger setup --system --remove takes away all of it, the user and the device's permission too"):
        report = json.loads(run(BY_HAND, "setup", "--system", "--remove", "--json"))
        equal([step for step in report["steps"] if not step["done"]], [], "failed steps")
        pathlib.Path(BY_HAND).unlink()
        is_gone(clean)


def package(clean):
    file = next((PROGRAMS.parent / "deb").glob("claviger_*.deb"))
    with check("dpkg --install: user, module, rule, socket; nothing runs yet"):
        run("dpkg", "--install", file)
        is_installed()
        demand(not helper(), "the helper runs though nobody has asked")
    with check("setup --system beside the package writes nothing"):
        report = json.loads(run(PACKAGED, "setup", "--system", "--json"))
        equal({file["state"] for file in report["files"]}, {"already there"}, "states")
    with check("after a start of the machine the module is loaded and the device is the helper's"):
        run("modprobe", "--remove", "uhid")
        run("systemctl", "restart", "systemd-modules-load.service")
        until(lambda: UHID.exists() and owner(UHID) == ("root", HELPER, 0o660), "the device's permission")
    SCRIPTED.parent.mkdir(parents=True)
    SCRIPTED.write_text(f"[Service]\nExecStart=\nExecStart={PACKAGED} broker --allow-scripted-prompt\n")
    alice, bob = User("alice", 1), User("bob", 2)
    one_user(alice, bob)
    the_helper()
    two_users(alice, bob)
    coming_and_going(alice, bob)
    upgrade(file, alice)
    shutil.rmtree(SCRIPTED.parent)
    with check("dpkg --purge takes away all of it, the key in use too"):
        alice.has_key()
        run("dpkg", "--purge", "claviger")
        until(lambda: not hidraw(), "the key's disappearance")
        is_gone(clean)
    alice.log_out()
    bob.log_out()


def one_user(alice, bob):
    with check("a user logs in at the seat: a session of logind, active"):
        alice.log_in()
        until(lambda: active() == alice.uid, "alice's turn")
    with check("the user sets it up: PIN, provider, door; the platform is systemd's, started by the session bus"):
        alice.set_up()
        status = json.loads(alice.claviger("status", "--json"))
        demand(status["pin"]["set"], "no PIN")
        for role in ("broker", "hello"):
            alice.run("systemctl", "--user", "is-active", f"claviger-{role}.service")
    with check("claviger door enable hid: the key is there, and it is this user's (uaccess)"):
        alice.claviger("door", "enable", "hid")
        device = alice.has_key()
        equal(owner(pathlib.Path(device))[0], "root", "the device's owner")
    with check("fido2-token -L and -I work for this user, and not for another"):
        demand(alice.run("fido2-token", "-L").startswith(f"{device}: "), "it is not listed")
        demand("credMgmt" in alice.run("fido2-token", "-I", device), "no information")
        bob.run("fido2-token", "-I", device, fails=True)
        equal(bob.run("fido2-token", "-L"), "", "another user's list")
    with check("registration and verified sign-in with libfido2 reach the vault"):
        signs_in(alice, device)
    with check("claviger doctor finds nothing missing"):
        equal([finding for finding in alice.findings() if finding["state"] == "missing"], [], "missing")
    with check("claviger door list and status say that it is plugged in"):
        state = next(door for door in json.loads(alice.claviger("door", "list", "--json")) if door["door"] == "hid")
        equal((state["enabled"], state["state"]), (True, "plugged"), "the door")
    with check("door disable takes the key away, door enable brings it back"):
        alice.claviger("door", "disable", "hid")
        until(lambda: not hidraw(), "the key's disappearance")
        alice.claviger("door", "enable", "hid")
        alice.has_key()


def the_helper():
    with check("the helper: a user of its own, no capability, no new privileges, seccomp, no network"):
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{helper()}/status").read_text().splitlines() if ":\t" in line)
        user = pwd.getpwnam(HELPER)
        equal(status["Uid"].split(), [str(user.pw_uid)] * 4, "users")
        equal(status["Gid"].split(), [str(user.pw_gid)] * 4, "groups")
        equal(status["Groups"].split(), [str(user.pw_gid)], "further groups")
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            equal(int(status[kind], 16), 0, kind)
        equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "no_new_privs, seccomp")
        demand(os.readlink(f"/proc/{helper()}/ns/net") != os.readlink("/proc/1/ns/net"), "it has the machine's network")
        files = {os.readlink(link) for link in pathlib.Path(f"/proc/{helper()}/fd").iterdir()}
        equal([file for file in files if not file.startswith(("socket:", "anon_inode:", "/dev/uhid", "/dev/null"))], [], "other files")
        note(f"{status['VmRSS'].strip()} resident, seccomp filters: {status['Seccomp_filters']}")
    with check("systemd-analyze security calls its exposure low"):
        said = run("systemd-analyze", "security", UNIT, "--no-pager")
        level = re.search(r"exposure level for \S+ ([0-9.]+) (\w+)", said)
        note(level.group(0))
        demand(float(level.group(1)) <= 2.0, "it is not")
    with check("the helper is killed: systemd starts another, and the key comes back"):
        before = helper()
        os.kill(int(before), signal.SIGKILL)
        until(lambda: helper() not in (None, before), "another helper", PATIENCE)
        until(lambda: active() and hidraw() and allowed(hidraw()[0]) == {active()}, "the key", PATIENCE)


def two_users(alice, bob):
    with check("a user who logs in at another terminal and waits there has no key and takes none"):
        bob.log_in()
        bob.open_prompt()
        bob.claviger("setup")
        bob.run("systemctl", "--user", "daemon-reload")
        bob.run("systemctl", "--user", "start", DOOR_UNIT)
        door = until(lambda: unplugged(bob), "what the door says", PATIENCE)
        note(f"it says: {door['problem']}")
        equal(allowed(alice.has_key()), {alice.uid}, "permissions")
        refused(bob.uid)
        equal(finding(bob, "your session is the active one"), "weak", "what doctor says")
    with check("the other terminal comes to the front: the first user's key goes, the second has one, alone"):
        old = os.stat(hidraw()[0]).st_ino
        switch(bob.terminal)
        until(lambda: active() == bob.uid, "bob's turn")
        until(lambda: not hidraw() or os.stat(hidraw()[0]).st_ino != old, "the first key's disappearance", PATIENCE)
        device = bob.has_key()
        demand("credMgmt" in bob.run("fido2-token", "-I", device), "no information")
        alice.run("fido2-token", "-I", device, fails=True)
        equal(alice.run("fido2-token", "-L"), "", "the first user's list")
        refused(alice.uid)
        equal(unplugged(alice)["state"], "unplugged", "the first user's door")
    with check("the second user's key knows nothing of the first one's passkeys"):
        signs_in(bob, device)
        demand("alice.example" not in bob.claviger("passkey", "list"), "they are there")
    with check("the second switches the door off, and nobody has a key; the first is back in front, and has it again"):
        bob.claviger("door", "disable", "hid")
        until(lambda: not hidraw(), "the key's disappearance")
        switch(alice.terminal)
        until(lambda: active() == alice.uid, "alice's turn")
        device = alice.has_key()
        demand("credMgmt" in alice.run("fido2-token", "-I", device), "no information")
        bob.run("fido2-token", "-I", device, fails=True)
    with check("in front of an empty terminal nobody has a key"):
        switch(6)
        until(lambda: active() != alice.uid, "nobody's turn")
        until(lambda: not hidraw(), "the key's disappearance")
        refused(alice.uid)
        switch(alice.terminal)
        alice.has_key()


def coming_and_going(alice, bob):
    with check("logging out takes the key away, before the user's own processes end"):
        alice.log_out()
        until(lambda: not hidraw(), "the key's disappearance")
        refused(alice.uid)
    with check("a session without a seat, as from afar, has no key"):
        until(lambda: not pathlib.Path(f"/run/user/{alice.uid}").exists(), "the end of alice's processes", PATIENCE)
        afar = start("systemd-run", "--quiet", "--pipe", "--uid", alice.name, "--property", "PAMName=login", "sleep", "infinity", log="afar.log")
        until(pathlib.Path(f"/run/user/{alice.uid}/bus").exists, "the session", PATIENCE)
        until(lambda: unplugged(alice), "what the door says", PATIENCE)
        refused(alice.uid)
        equal(hidraw(), [], "keys")
        stop(afar)
    with check("the next login has the key, without another command"):
        alice.log_in()
        until(lambda: active() == alice.uid, "alice's turn")
        device = alice.has_key()
        demand("credMgmt" in alice.run("fido2-token", "-I", device), "no information")


def upgrade(file, user):
    """The same package again: as another version would, it puts new files in the place of those that run."""
    with check("after an upgrade the running platform makes room for the new one, without another login"):
        user.open_prompt()
        old = os.stat(PACKAGED).st_ino
        before = {unit: main_pid(user, unit) for unit in ("claviger-broker.service", DOOR_UNIT)}
        run("dpkg", "--install", file)
        demand(os.stat(PACKAGED).st_ino != old, "it is the same file")
        for unit, pid in before.items():
            until(lambda: main_pid(user, unit) != pid, f"the end of the old {unit}", PATIENCE)
        user.close_prompt()
        user.open_prompt()
        signs_in(user, user.has_key())


def main_pid(user, unit):
    return user.run("systemctl", "--user", "show", "--property", "MainPID", "--value", unit).strip()


def signs_in(user, device):
    """A passkey at NAME.example: registered with the PIN that libfido2 asks for, used with hello's prompt."""
    rp = f"{user.name}.example"
    wish = user.home / "wish"
    wish.write_text(f"{tools.random(32)}\n{rp}\n{user.name}\n{tools.random(16)}\n")
    made = user.run("fido2-cred", "-M", "-r", "-v", "-i", wish, device, "es256", input=f"{PIN}\n").splitlines()
    verified = run("fido2-cred", "-V", "-v", "es256", input="".join(f"{line}\n" for line in made)).splitlines()
    key = user.home / "key.pem"
    key.write_text("".join(f"{line}\n" for line in verified[1:]))
    wish.write_text(f"{tools.random(32)}\n{rp}\n{made[4]}\n")
    answer = user.run("fido2-assert", "-G", "-t", "uv=true", "-i", wish, device).splitlines()
    run("fido2-assert", "-V", "-v", key, "es256", input="".join(f"{line}\n" for line in answer[:4]))
    demand(rp in user.claviger("passkey", "list"), "the vault has no passkey")


def is_installed():
    user = pwd.getpwnam(HELPER)
    demand(user.pw_shell.endswith(("nologin", "false")), f"the helper's user may log in: {user.pw_shell}")
    until(lambda: owner(UHID) == ("root", HELPER, 0o660), "the device's permission")
    run("systemctl", "is-enabled", SOCKET_UNIT)
    run("systemctl", "is-active", SOCKET_UNIT)
    demand(os.stat(SOCKET).st_mode & 0o777 == 0o666, "not everybody may ask")


def is_gone(clean):
    equal(sorted(system_state() ^ clean), [], "what is there now and was not, or the other way round")
    equal(owner(UHID), ("root", "root", 0o600), "the device's owner")
    demand(not pathlib.Path(SOCKET).exists(), "the socket is there")
    for unit in (SOCKET_UNIT, UNIT):
        equal(run("systemctl", "show", "--property", "LoadState,ActiveState", unit).split(), ["LoadState=not-found", "ActiveState=inactive"], unit)


def system_state():
    """What an installation may change: the administrator's files (not empty folders), whatever has Claviger's name, and the users."""
    words = run("find", "/etc", "-not", "-type", "d", "-not", "-name", "*-", "-not", "-name", ".pwd.lock").split("\n")
    words += run("find", "/usr", "/var/lib/systemd", "/run/systemd", "-name", "*claviger*", "-not", "-name", "claviger-vm*").split("\n")
    # This part's own files.
    words = [word for word in words if not word.startswith(("/run/systemd/system/getty", "/run/systemd/transient"))]
    return {*words, *(user.pw_name for user in pwd.getpwall() if user.pw_name not in ("alice", "bob"))}


def owner(path):
    about = path.stat()
    names = run("stat", "--format", "%U %G", path).split()
    return (*names, about.st_mode & 0o777)


def allowed(device):
    """The users who are named in the device's access control list."""
    try:
        said = run("getfacl", "--omit-header", "--absolute-names", "--numeric", device)
    except Exception:  # it may have gone meanwhile
        return set()
    return {int(uid) for uid in re.findall(r"^user:(\d+):rw", said, re.MULTILINE)}


def helper():
    """The helper's process id."""
    return {"0": None}.get(pid := run("systemctl", "show", "--property", "MainPID", "--value", UNIT).strip(), pid)


def active():
    """The user whose session is in front, as logind says."""
    session = run("loginctl", "show-seat", "seat0", "--property", "ActiveSession", "--value").strip()
    return int(run("loginctl", "show-session", session, "--property", "User", "--value")) if session else None


def switch(terminal):
    """What Ctrl-Alt-F1 does."""
    with open("/dev/tty0", "wb", buffering=0) as console:
        fcntl.ioctl(console, VT_ACTIVATE, terminal)
    until(lambda: pathlib.Path("/sys/class/tty/tty0/active").read_text().strip() == f"tty{terminal}", f"terminal {terminal}")


@contextlib.contextmanager
def connection(uid):
    """This user at the helper's socket, without the door."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The kernel notes the credentials at connect().
    os.seteuid(uid)
    try:
        peer.connect(SOCKET)
    finally:
        os.seteuid(0)
    with peer:
        yield peer


@contextlib.contextmanager
def without_uhid():
    """A kernel that has no such module."""
    module = pathlib.Path(run("modinfo", "--field", "filename", "uhid").strip())
    run("systemctl", "stop", UNIT)
    run("modprobe", "--remove", "uhid")
    UHID.unlink(missing_ok=True)
    module.rename(module.with_suffix(".away"))
    try:
        yield
    finally:
        module.with_suffix(".away").rename(module)
        run("modprobe", "uhid")
        until(lambda: UHID.exists() and owner(UHID) == ("root", HELPER, 0o660), "the device's permission")


def refused(uid):
    """The helper hangs up on this user at once."""
    with connection(uid) as peer:
        demand(select.select([peer], [], [], PATIENCE)[0], "the helper says nothing")
        try:
            said = peer.recv(100)
        except ConnectionResetError:
            said = b""
        equal(said, b"", "what the helper says")


def unplugged(user):
    """The user's door, when it says that there is no key."""
    doors = json.loads(user.claviger("door", "list", "--json"))
    return next((door for door in doors if door["door"] == "hid" and door["state"] == "unplugged"), None)


def finding(user, what):
    return next(finding["state"] for finding in user.findings() if finding["what"].startswith(what))


def count(log, word):
    return log.read_text().count(word) if log.exists() else 0


if __name__ == "__main__":
    main()
