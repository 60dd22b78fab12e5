"""`claviger hid`, the process that owns /dev/uhid: who gets a device from it, what the device is, what it survives.

The user's side is played here, packet by packet; seats are the files that logind keeps (there is no logind here).
"""

import os
import pathlib
import select
import socket

import raw
from bed import CLAVIGER, KEPT, check, demand, equal, finish, hidraw, note, start, stop, until

SOCKET = "/run/claviger-hid.sock"
SEAT = pathlib.Path("/run/systemd/seats/seat0")
ALICE, BOB, HELPER, NOBODY = 1501, 1502, 1503, 1504
OPENED, CLOSED = b"\1", b"\2"
# A HID device of the FIDO alliance's usage page with one 64-byte report each way (CTAP 2.2, section 11.2.8.1), nothing else.
DESCRIPTOR = bytes.fromhex("06d0f1 0901 a101 0920 1500 26ff00 7508 9540 8102 0921 1500 26ff00 7508 9540 9102 c0")


def seat(uid):
    """Makes this user the active one, the way logind writes it: a new file, renamed."""
    SEAT.parent.mkdir(parents=True, exist_ok=True)
    new = SEAT.with_name(".new")
    active = "" if uid is None else f"ACTIVE=c1\nACTIVE_UID={uid}\n"
    new.write_text(f"# This is private data. Do not parse.\nIS_SEAT0=1\nCAN_TTY=1\nCAN_GRAPHICAL=0\n{active}")
    new.rename(SEAT)


def prepare(uid):
    """What the system's units arrange: the device is the helper's, and this user's session is the active one."""
    pathlib.Path("/run").chmod(0o777)
    os.chown("/dev/uhid", HELPER, HELPER)
    seat(uid)


def begin():
    """The helper as an unprivileged user that may open /dev/uhid, as its systemd unit starts it."""
    pathlib.Path(SOCKET).unlink(missing_ok=True)
    process = start(CLAVIGER, "hid", "--socket", SOCKET, log="hid.log", user=HELPER, group=HELPER, extra_groups=[], env={**os.environ, "CLAVIGER_LOG": "info"})
    until(lambda: process.poll() is not None or _listens(), "the helper's socket")
    demand(process.poll() is None, "the helper ended: see hid.log")
    return process


def _listens():
    """Whether a user who gets nothing can connect."""
    try:
        Peer(NOBODY).close()
    except OSError:
        return False
    return True


class Peer:
    """A user's side of the helper's socket."""

    def __init__(self, uid):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The kernel notes the credentials at connect().
        os.seteuid(uid)
        try:
            self.socket.connect(SOCKET)
        finally:
            os.seteuid(0)

    def receive(self, seconds=60):
        """The next packet; empty when the helper has hung up."""
        demand(select.select([self.socket], [], [], seconds)[0], "the helper says nothing")
        try:
            return self.socket.recv(100)
        except ConnectionResetError:
            return b""

    def send(self, packet):
        self.socket.send(packet)

    def close(self):
        self.socket.close()


def plugged(count=1):
    return until(lambda: len(hidraw()) == count, f"{count} devices")


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def main():
    prepare(ALICE)
    process = begin()
    who_is_served()
    what_the_device_is(process)
    what_it_survives()
    with check("a helper that is killed takes its devices along; the next one serves again"):
        peer = Peer(ALICE)
        plugged()
        process.kill()
        process.wait()
        plugged(0)
        equal(peer.receive(), b"", "what the peer hears")
        peer.close()
        process = begin()
        peer = Peer(ALICE)
        plugged()
        peer.close()
        plugged(0)
    stop(process)
    finish()


def who_is_served():
    with check("the active seat's user gets a device, for as long as the connection lasts"):
        peer = Peer(ALICE)
        plugged()
        peer.close()
        plugged(0)
    with check("another user's connection is closed at once, without a device; root's too"):
        for uid in (BOB, 0):
            stranger = Peer(uid)
            equal(stranger.receive(), b"", "what the stranger hears")
            equal(hidraw(), [], "devices")
            stranger.close()
    with check("the device goes when the session goes to the background, and the next user gets one"):
        peer = Peer(ALICE)
        plugged()
        seat(BOB)
        equal(peer.receive(), b"", "what the peer hears")
        plugged(0)
        peer.close()
        peer = Peer(BOB)
        plugged()
        seat(None)
        equal(peer.receive(), b"", "what the peer hears")
        plugged(0)
        peer.close()
        seat(ALICE)


def what_the_device_is(process):
    peer = Peer(ALICE)
    plugged()
    name = pathlib.Path(hidraw()[0]).name
    with check("the device's descriptor is a FIDO key's and nothing else; the kernel makes no keyboard or mouse of it"):
        equal(pathlib.Path(f"/sys/class/hidraw/{name}/device/report_descriptor").read_bytes(), DESCRIPTOR, "the descriptor")
        demand(not list(pathlib.Path(f"/sys/class/hidraw/{name}/device").glob("input*")), "there is an input device")
    with check("reports pass both ways, and opening and closing are told"):
        wire = raw.Wire(hidraw()[0])
        equal(peer.receive(), OPENED, "the first packet")
        sent, back = os.urandom(64), os.urandom(64)
        wire.send(sent)
        equal(peer.receive(), sent, "the output report")
        peer.send(back)
        equal(wire.receive(), back, "the input report")
        wire.close()
        equal(peer.receive(), CLOSED, "the last packet")
    with check("the helper's memory is measured"):
        size = resident_kib(process.pid)
        note(f"idle `claviger hid` with one device: {size} KiB resident")
        demand(size <= 6 * 1024, "more than the 6 MiB that were promised")
    with check("the helper holds nothing but /dev/uhid, its socket and what it watches; it runs without privileges"):
        files = {os.readlink(link) for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir()}
        odd = [file for file in files if not file.startswith(("socket:", "anon_inode:", "/dev/uhid", "/dev/null")) and file != str(KEPT / "hid.log")]
        equal(odd, [], "other files")
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines() if ":\t" in line)
        equal((status["CapEff"].strip("0"), status["NoNewPrivs"], status["Seccomp"]), ("", "1", "2"), "capabilities, no_new_privs, seccomp")
    peer.close()
    plugged(0)


def what_it_survives():
    with check("a packet of any other size ends the connection and its device"):
        for size in (1, 63, 65):
            peer = Peer(ALICE)
            plugged()
            peer.send(b"x" * size)
            equal(peer.receive(), b"", f"what the peer hears after {size} bytes")
            plugged(0)
            peer.close()
    with check("a program's flood of 10 000 packets does not keep the helper from passing on the next ones"):
        peer = Peer(ALICE)
        plugged()
        wire = raw.Wire(hidraw()[0])
        for _ in range(10_000):
            wire.send(raw.packet(raw.BROADCAST, raw.INIT, b"n" * 8))
            while select.select([peer.socket], [], [], 0)[0]:
                peer.receive()
        mark = os.urandom(64)
        wire.send(mark)
        # What the kernel's queue has no room for is lost: a program asks again.
        until(lambda: wire.send(mark) or _passes(peer, mark), "the mark's arrival")
        wire.close()
        peer.close()
        plugged(0)
    with check("fifty connections, one after the other and many at once, leave nothing behind"):
        for _ in range(30):
            Peer(ALICE).close()
        many = [Peer(ALICE) for _ in range(20)]
        for peer in many:
            peer.close()
        # They are accepted in their order, so whoever is turned away now came after all of them.
        equal(Peer(NOBODY).receive(), b"", "the answer to somebody without a session")
        plugged(0)
        peer = Peer(ALICE)
        plugged()
        peer.close()
        plugged(0)


def _passes(peer, mark):
    while select.select([peer.socket], [], [], 0.1)[0]:
        if peer.receive() == mark:
            return True
    return False


if __name__ == "__main__":
    main()
