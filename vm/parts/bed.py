"""What every part uses: named checks, programs with a time limit, waiting for conditions, a virtual key.

A part runs inside the guest and prints one line per check, `ok    NAME` or `FAIL  NAME`, remarks indented by six
spaces, and at its end `done  N checks, M failed`, without which it counts as broken off. What every program printed is
kept in `details.log`.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
CLAVIGER = str(PROGRAMS / "claviger")
VIRTUAL_KEY = str(PROGRAMS / "claviger-virtual-key")
# Shared with the host, where it is target/vm/log/PART.
KEPT = pathlib.Path("/run/vm")
WORK = pathlib.Path(tempfile.mkdtemp(prefix="part-"))
# Everything is computed in software here, on a machine that may have more to do.
PATIENCE = 120

os.chdir(WORK)
_counts = {"ok": 0, "FAIL": 0}
_details = open(KEPT / "details.log", "a", buffering=1, encoding="utf-8")


class Unmet(Exception):
    """What a check asked for is not so."""


@contextlib.contextmanager
def check(name):
    """One named check: met when its block ends without an exception."""
    started = time.monotonic()
    _details.write(f"== {name}\n")
    try:
        yield
    except Exception as fault:  # a check may fail in any way
        _details.write(traceback.format_exc())
        _say("FAIL", name)
        where = traceback.extract_tb(fault.__traceback__)[-1]
        for line in [f"{type(fault).__name__} in {where.name}, line {where.lineno}", *str(fault).splitlines()[-20:]]:
            note(f"| {line[:500]}")
    else:
        _say("ok", name)
    _details.write(f"   ({time.monotonic() - started:.1f} s)\n")


def _say(verdict, name):
    _counts[verdict] += 1
    print(f"{verdict:6}{name}", flush=True)


def note(text):
    print(f"      {text}", flush=True)


def demand(truth, why):
    if not truth:
        raise Unmet(why)


def equal(found, wanted, what):
    demand(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def finish():
    """The part's last line and exit status."""
    print(f"done  {sum(_counts.values())} checks, {_counts['FAIL']} failed", flush=True)
    sys.exit(_counts["FAIL"] > 0)


def run(*command, input=None, env=None, fails=False, timeout=PATIENCE):
    """Runs a program to its end and returns what it printed; `fails` says that it must say no.

    It has no terminal: programs that ask for a PIN read it from their input.
    """
    command = [str(word) for word in command]
    _details.write(f"$ {' '.join(command)}\n")
    done = subprocess.run(
        command,
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=None if env is None else {**os.environ, **env},
        start_new_session=True,
        text=True,
        timeout=timeout,
    )
    _details.write(done.stdout + done.stderr)
    if done.returncode < 0 or (done.returncode != 0) != fails:
        raise Unmet(f"{command[0]} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def until(condition, what, seconds=60):
    """Waits for a condition; returns its first true value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Unmet(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def start(*command, log, **options):
    """Starts a program that goes on; what it says is kept in `log`."""
    _details.write(f"$ {' '.join(map(str, command))} &\n")
    with open(KEPT / log, "ab") as file:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)


def stop(process):
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def hidraw():
    """The device files of the HID devices that there are."""
    return sorted(str(node) for node in pathlib.Path("/dev").glob("hidraw*"))


class Key:
    """Device (A): `claviger-virtual-key` behind /dev/uhid, plugged in for as long as the block lasts."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        demand(not hidraw(), f"there is already a device: {hidraw()}")
        self.process = start(VIRTUAL_KEY, "--transport", "uhid", *self.options, log="virtual-key.log")
        until(lambda: hidraw() or self.process.poll() is not None, "the key's appearance")
        demand(self.process.poll() is None, "the virtual key ended: see virtual-key.log")
        self.device = hidraw()[0]
        return self

    def __exit__(self, *_):
        stop(self.process)
        until(lambda: not hidraw(), "the key's disappearance")
