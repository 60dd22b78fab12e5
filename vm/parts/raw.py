"""CTAPHID by hand, for what no client would send: floods and broken packets; and for measuring without a client's own time.

Section numbers are those of the CTAP 2.2 specification.
"""

import os
import select
import struct
import time

from bed import PATIENCE, Unmet, demand

REPORT = 64
BROADCAST = 0xFFFFFFFF
PING, MSG, INIT, CBOR, CANCEL, KEEPALIVE, ERROR = 0x81, 0x83, 0x86, 0x90, 0x91, 0xBB, 0xBF
GET_INFO = b"\x04"


class Wire:
    """The device file, report by report."""

    def __init__(self, device):
        self.file = os.open(device, os.O_RDWR | os.O_CLOEXEC)

    def close(self):
        os.close(self.file)

    def send(self, packet):
        # The first byte is the report's number: a FIDO device has only one, which has none.
        os.write(self.file, b"\0" + packet.ljust(REPORT, b"\0"))

    def receive(self, seconds=PATIENCE):
        if not select.select([self.file], [], [], seconds)[0]:
            raise Unmet("the device does not answer")
        return os.read(self.file, REPORT)

    def quiet(self, seconds=0):
        return not select.select([self.file], [], [], seconds)[0]

    def init(self, tries=1):
        """Section 11.2.9.1.3: a channel of our own. Several tries are for a device whose queue in the kernel is full."""
        for _ in range(tries):
            nonce = os.urandom(8)
            self.send(packet(BROADCAST, INIT, nonce))
            end = time.monotonic() + PATIENCE / tries
            while (left := end - time.monotonic()) > 0 and not self.quiet(left):
                answer = self.receive()
                if answer[:5] == struct.pack(">IB", BROADCAST, INIT) and answer[7:15] == nonce:
                    return struct.unpack(">I", answer[15:19])[0]
        raise Unmet("the device does not answer an INIT")

    def call(self, channel, command, data):
        """One whole message and its answer: `(command, data)`, an error as `(ERROR, code)`."""
        for part in packets(channel, command, data):
            self.send(part)
        return self.answer(channel)

    def answer(self, channel):
        wanted = struct.pack(">I", channel)
        while True:
            first = self.receive()
            if first[:4] == wanted and first[4] != KEEPALIVE:
                break
        length = struct.unpack(">H", first[5:7])[0]
        data = bytearray(first[7:])
        while len(data) < length:
            more = self.receive()
            if more[:4] == wanted:
                data += more[5:]
        return first[4], bytes(data[:length])


def packet(channel, command, data=b"", length=None):
    return struct.pack(">IBH", channel, command, len(data) if length is None else length) + data


def packets(channel, command, data):
    yield packet(channel, command, data[:57], len(data))
    for sequence, start in enumerate(range(57, len(data), 59)):
        yield struct.pack(">IB", channel, sequence) + data[start : start + 59]


def flood(device, count=10_000):
    """That many INITs as fast as they go, then whether an ordinary request is served."""
    wire = Wire(device)
    nonces = [os.urandom(8) for _ in range(count)]
    seen = set()
    for nonce in nonces:
        wire.send(packet(BROADCAST, INIT, nonce))
        while not wire.quiet():
            seen.add(wire.receive()[7:15])
    # The kernel keeps 32 packets for the device and drops what comes then; a client asks again.
    channel = wire.init(tries=PATIENCE)
    command, data = wire.call(channel, CBOR, GET_INFO)
    wire.close()
    demand(command == CBOR and data[0] == 0, f"getInfo after the flood: {command:#x} {data[:8].hex()}")
    return len(seen.intersection(nonces))


def broken(device):
    """Broken requests with the error that the specification names (section 11.2.9.1.6), each followed by a good one."""
    wire = Wire(device)
    channel = wire.init()
    cases = {
        "an unknown command (ERR_INVALID_CMD)": ([packet(channel, 0x80 | 0x2A, b"x")], 0x01),
        "a message longer than fits (ERR_INVALID_LEN)": ([packet(channel, PING, b"x" * 57, 7610)], 0x03),
        "a continuation out of order (ERR_INVALID_SEQ)": ([packet(channel, PING, b"x" * 57, 200), struct.pack(">IB", channel, 1) + b"x" * 59], 0x04),
        "channel 0 (ERR_INVALID_CHANNEL)": ([packet(0, PING, b"x")], 0x0B),
    }
    for name, (sent, code) in cases.items():
        for part in sent:
            wire.send(part)
        answered = wire.answer(struct.unpack(">I", sent[-1][:4])[0])
        demand(answered == (ERROR, bytes([code])), f"{name}: answered {answered[0]:#x} {answered[1].hex()}")
        demand(wire.call(channel, CBOR, GET_INFO)[1][:1] == b"\0", f"no getInfo after {name}")
    for name, data in {"no command": b"", "an unknown command": b"\x3f", "malformed CBOR": b"\x02\xa1\x01", "a wrong type": b"\x02\x01"}.items():
        command, answer = wire.call(channel, CBOR, data)
        demand((command == CBOR and answer[:1] != b"\0") or command == ERROR, f"{name}: answered {command:#x} {answer.hex()}")
        demand(wire.call(channel, CBOR, GET_INFO)[1][:1] == b"\0", f"no getInfo after {name}")
    wire.close()


def latency(device, request, count=500):
    """Sends the same CTAP request again and again; microseconds at the median and at the 99th percentile."""
    wire = Wire(device)
    channel = wire.init()
    took = []
    for _ in range(count):
        started = time.perf_counter_ns()
        command, answer = wire.call(channel, CBOR, request)
        took.append(time.perf_counter_ns() - started)
        demand(command == CBOR and answer[:1] == b"\0", f"answered {command:#x} {answer[:4].hex()}")
    wire.close()
    took.sort()
    return took[count // 2] / 1000, took[count * 99 // 100] / 1000
