"""Who is who, where a package and a real user manager prove it: programs of the same user that pose as our processes.

What is proved at each seam stands in `crates/peer`. The impostors do what a malicious program of the user can do: connect and then
become the real program, move into a unit's control group, change a unit, take a bus name. Everything that they ask
is refused by name. What no check of this tier can refuse (another environment for our programs, tracing them) is shown
to succeed, because SECURITY.md says so.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from bed import KEPT, PATIENCE, PROGRAMS, check, demand, equal, finish, note, run, until
from seat import PACKAGED, SCRIPTED, User, main_pid

IMPOSTOR = pathlib.Path(__file__).with_name("impostor.py")
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def main():
    os.chdir("/")
    run("dpkg", "--install", next((PROGRAMS.parent / "deb").glob("claviger_*.deb")))
    SCRIPTED.parent.mkdir(parents=True)
    SCRIPTED.write_text(f"[Service]\nExecStart=\nExecStart={PACKAGED} broker --allow-scripted-prompt\n")
    alice = User("alice", 1)
    try:
        with check("the real processes are proved: status says so, a passkey's provider works"):
            alice.log_in()
            alice.open_prompt()
            alice.claviger("setup")
            status = json.loads(alice.claviger("status", "--json"))
            equal(status["roles"], "proved", "the roles")
            equal(status["prompt"]["standing"], "unproved", "a prompt that is a script")
            demand(status["verification_problem"] is None, status["verification_problem"])
            alice.claviger("lock")
            alice.claviger("unlock")
        connect_fork_exec(alice)
        control_group(alice)
        units(alice)
        whats_left(alice)
    finally:
        (KEPT / "journal.log").write_text(run("journalctl", "--boot", "--no-pager"))
    finish()


def connect_fork_exec(alice):
    """Each connects, forks, and becomes the real program, while its child keeps the connection."""
    with check("an impostor of the vault does not register, and gets no unlock secret"):
        stop_unit(alice, "vault")
        said = impostor(alice, "become", "org.claviger.Vault", "register")
        demand("is not Claviger's vault" in said, said)
    with check("an impostor of hello is handed no PIN: the platform says who has the name"):
        stop_unit(alice, "hello")
        with holding(alice, "become", "org.claviger.Hello") as held:
            problem = json.loads(alice.claviger("status", "--json"))["verification_problem"]
            demand("is not Claviger's hello" in problem, problem)
            alice.claviger("unlock", fails=True)
            equal(received(held), b"", "what the impostor was told")
    with check("an impostor of the security-key door asks nobody"):
        said = impostor(alice, "become", "org.claviger.HidDoor", "ctap")
        demand("is not Claviger's security-key door" in said, said)
    with check("an impostor of the broker gets neither a command nor a prompt"):
        alice.close_prompt()
        stop_unit(alice, "broker")
        with holding(alice, "become", "org.claviger.Broker") as held:
            for command in (("status",), ("prompt", "--script", alice.home / "script.json"), ("unlock",)):
                done = attempt(alice, *command)
                demand(done.returncode != 0 and "is not Claviger's broker" in done.stderr, f"{command}: {done.stderr}")
            # A provider offers itself to whoever has the name, which tells nothing; it believes only keys that it has pinned.
            told = received(held)
            equal([name for name in (b"Manage1", b"Prompt1", b"Browser1", b"Ctap1") if name in told], [], "what the impostor was told")
    with check("hello answers nobody but the broker"):
        alice.open_prompt()
        said = impostor(alice, "become", "org.example.Somebody", "hello")
        demand("is not Claviger's broker" in said, said)


def control_group(alice):
    with check("a process that moved into the vault's control group is not the vault"):
        alice.claviger("unlock")
        group = alice.run("systemctl", "--user", "show", "--property", "ControlGroup", "--value", "claviger-vault.service").strip()
        os.kill(int(main_pid(alice, "claviger-vault.service")), signal.SIGSTOP)
        # Processes may be moved within what the user's manager rules, so it starts there.
        words = [sys.executable, IMPOSTOR, "move", f"/sys/fs/cgroup{group}/cgroup.procs", "org.claviger.Vault", "register", "-"]
        said = alice.run("systemd-run", "--user", "--quiet", "--pipe", *words)
        os.kill(int(main_pid(alice, "claviger-vault.service")), signal.SIGCONT)
        # The genuine vault keeps its name; as somebody else the impostor is told that it has none.
        demand("must own its bus name" in said or "is not Claviger's vault" in said, said)


def units(alice):
    own = alice.home / ".config/systemd/user"
    with check("a drop-in of the user's makes another process of the unit, which is refused with the drop-in's name"):
        with changed_unit(alice, own / "claviger-vault.service.d/other.conf", drop_in(alice)):
            said = impostor_unit(alice)
            demand("other.conf" in said and "others than root" in said, said)
    with check("so is a unit of the user's own"):
        with changed_unit(alice, own / "claviger-vault.service", drop_in(alice)):
            said = impostor_unit(alice)
            demand("claviger-vault.service says what" in said and "others than root" in said, said)
    with check("so is a transient unit of that name"):
        stop_unit(alice, "vault")
        with masked_package_unit():
            alice.run("systemctl", "--user", "daemon-reload")
            words = [sys.executable, IMPOSTOR, "become", "org.claviger.Vault", "register", alice.home / "said"]
            alice.run("systemd-run", "--user", "--quiet", "--wait", "--unit", "claviger-vault.service", *words)
        alice.run("systemctl", "--user", "daemon-reload")
        said = (alice.home / "said").read_text()
        demand("others than root" in said, said)
    with check("afterwards the real vault is taken again"):
        alice.claviger("unlock")
        demand("vault" in alice.claviger("provider", "list").lower(), "no vault")


def whats_left(alice):
    """What SECURITY.md says is not stopped."""
    with check("set-environment loads no code into our programs: their units take the variables away"):
        for unit in ("hello", "vault", "broker"):
            stop_unit(alice, unit)
        alice.run("systemctl", "--user", "set-environment", "LD_PRELOAD=/tmp/other.so", "LD_AUDIT=/tmp/other.so")
        alice.close_prompt()
        alice.open_prompt()
        alice.claviger("unlock")
        for unit in ("broker", "hello", "vault"):
            environment = pathlib.Path(f"/proc/{main_pid(alice, f'claviger-{unit}.service')}/environ").read_bytes()
            demand(b"LD_" not in environment, f"{unit} runs with {environment!r}")
        alice.run("systemctl", "--user", "unset-environment", "LD_PRELOAD", "LD_AUDIT")
    with check("NOT stopped, and SECURITY.md says so: set-environment points hello to other files"):
        stop_unit(alice, "hello")
        alice.run("systemctl", "--user", "set-environment", f"XDG_STATE_HOME={alice.home}/elsewhere")
        status = json.loads(alice.claviger("status", "--json"))
        equal(status["pin"]["set"], False, "a PIN")
        alice.run("systemctl", "--user", "unset-environment", "XDG_STATE_HOME")
        stop_unit(alice, "hello")
        equal(json.loads(alice.claviger("status", "--json"))["pin"]["set"], True, "a PIN")
    with check("NOT stopped, and SECURITY.md says so: a program of the user traces the broker, where Yama lets it"):
        scope = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
        allowed = not scope.exists() or scope.read_text().strip() == "0"
        note(f"ptrace_scope: {scope.read_text().strip() if scope.exists() else 'no Yama'}")
        equal(traces(alice, int(main_pid(alice, "claviger-broker.service"))), allowed, "tracing")


def stop_unit(user, role):
    user.run("systemctl", "--user", "stop", f"claviger-{role}.service")


def attempt(user, *words):
    return subprocess.run(
        [str(word) for word in user.command(PACKAGED, *words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )


def impostor(user, *words):
    """What the platform answers to the impostor."""
    return user.run(sys.executable, IMPOSTOR, *words, "-")


class holding:
    """An impostor that keeps a name, and writes down what it is told."""

    def __init__(self, user, *words):
        self.told = user.home / "told"
        self.told.unlink(missing_ok=True)
        self.process = subprocess.Popen([str(word) for word in user.command(sys.executable, IMPOSTOR, *words, "listen", self.told)])

    def __enter__(self):
        until(lambda: self.told.exists() or self.process.poll() is not None, "the impostor's name")
        demand(self.process.poll() is None, "the impostor ended")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def received(held):
    return held.told.read_bytes()


def drop_in(alice):
    words = " ".join(map(str, [sys.executable, IMPOSTOR, "become", "org.claviger.Vault", "register", alice.home / "said"]))
    return f"[Service]\nType=exec\nRestart=no\nMemoryDenyWriteExecute=no\nExecStart=\nExecStart={words}\n"


class changed_unit:
    def __init__(self, user, file, text):
        self.user, self.file, self.text = user, file, text

    def __enter__(self):
        stop_unit(self.user, "vault")
        self.user.run("mkdir", "-p", self.file.parent)
        self.user.run("tee", self.file, input=self.text)
        self.user.run("systemctl", "--user", "daemon-reload")

    def __exit__(self, *_):
        stop_unit(self.user, "vault")
        self.file.unlink()
        self.user.run("systemctl", "--user", "daemon-reload")


class masked_package_unit:
    """The package's unit is away, as before its installation, so that a transient one can have its name."""

    UNIT = pathlib.Path("/usr/lib/systemd/user/claviger-vault.service")

    def __enter__(self):
        self.UNIT.rename(self.UNIT.with_suffix(".away"))

    def __exit__(self, *_):
        self.UNIT.with_suffix(".away").rename(self.UNIT)


def impostor_unit(alice):
    said = alice.home / "said"
    said.unlink(missing_ok=True)
    alice.run("systemctl", "--user", "start", "claviger-vault.service")
    until(lambda: said.exists() and said.read_text(), "what the impostor is told", PATIENCE)
    return said.read_text()


def traces(user, pid):
    """Whether a process of the user can attach itself to that process."""
    child = os.fork()
    if child == 0:
        os.setgid(user.uid)
        os.setuid(user.uid)
        libc = ctypes.CDLL(None, use_errno=True)
        attached = libc.ptrace(PTRACE_ATTACH, pid, None, None) == 0
        if attached:
            os.waitpid(pid, 0x40000000)
            libc.ptrace(PTRACE_DETACH, pid, None, None)
        os._exit(0 if attached else 1)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main()
