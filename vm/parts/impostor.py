"""A malicious program of the user, at the session bus: takes one of our names and asks for what that name would be given.

    impostor.py become NAME WHAT FILE     connects, forks, becomes the real program; its child keeps the connection
    impostor.py move GROUP NAME WHAT FILE moves into a control group first

WHAT: `register` as the vault, `ctap` as the security-key door, `hello` as the broker: the answer goes to FILE (`-`: standard output).
`listen` waits for calls instead and writes their bytes to FILE, which is empty as long as there are none.
"""

import os
import select
import socket
import struct
import sys

PROGRAM = "/usr/bin/claviger"
CALLS = {
    "register": ("org.claviger.Broker", "/org/claviger/Broker", "org.claviger.Providers1", "Register", "s", ["org.claviger.Vault"]),
    "ctap": ("org.claviger.Broker", "/org/claviger/Broker/hid", "org.claviger.Ctap1", "Info", "", []),
    "hello": ("org.claviger.Hello", "/org/claviger/Hello", "org.claviger.Hello1", "Status", "", []),
}
METHOD_CALL, METHOD_RETURN, ERROR = 1, 2, 3


def main():
    way, *words = sys.argv[1:]
    if way == "move":
        group, *words = words
        with open(group, "w", encoding="ascii") as procs:
            procs.write(str(os.getpid()))
    name, what, file = words
    bus = Bus()
    if way == "become":
        # The other end is the child's: when that ends, so does the real program.
        keep, _ = os.pipe()
        if os.fork() > 0:
            # The process that the bus names: from now on it runs the real program, which waits for its input.
            os.dup2(keep, 0)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execv(PROGRAM, [PROGRAM, "native-host"])
    # The real program must run before anybody looks.
    while way == "become" and os.readlink(f"/proc/{os.getppid()}/exe") != PROGRAM:
        pass
    bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su", [name, 4])
    if what == "listen":
        return listen(bus, file)
    answer = bus.call(*CALLS[what])
    with open(1 if file == "-" else file, "w", encoding="utf-8") as out:
        out.write(answer)


def listen(bus, file):
    parent = os.getppid()
    with open(file, "wb", buffering=0) as out:
        # It gives the name back when the process that the bus names has ended.
        while os.getppid() == parent:
            if select.select([bus.socket], [], [], 0.1)[0]:
                kind, _, raw = bus.receive()
                if kind == METHOD_CALL:
                    out.write(raw)


class Bus:
    """A connection to the session bus (D-Bus specification, "Authentication protocol" and "Message protocol")."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"/run/user/{os.getuid()}/bus")
        self.serial = 0
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        while not self.socket.recv(1000).endswith(b"\r\n"):
            pass
        self.socket.sendall(b"BEGIN\r\n")
        self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "", [])

    def call(self, destination, path, interface, member, signature, values):
        """The text of the error, or `answered`."""
        self.serial += 1
        body = b""
        for kind, value in zip(signature, values):
            body = pad(body, 4) + (string(value) if kind == "s" else struct.pack("<I", value))
        fields = b""
        for code, kind, value in [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination), (8, "g", signature)]:
            if value or code != 8:
                fields = pad(fields, 8) + bytes([code]) + short(kind)
                fields = fields + short(value) if kind == "g" else pad(fields, 4) + string(value)
        head = struct.pack("<cBBBIII", b"l", METHOD_CALL, 0, 1, len(body), self.serial, len(fields)) + fields
        self.socket.sendall(pad(head, 8) + body)
        while True:
            kind, body, _ = self.receive()
            if kind == ERROR:
                return body[4 : 4 + struct.unpack_from("<I", body)[0]].decode()
            if kind == METHOD_RETURN:
                return "answered"

    def receive(self):
        """Kind, body, and all the bytes of a message. Whoever calls waits for one answer at a time."""
        head = self.exactly(16)
        _, kind, _, _, length, _, fields = struct.unpack("<cBBBIII", head)
        rest = self.exactly((fields + 7) // 8 * 8 + length)
        return kind, rest[len(rest) - length :], head + rest

    def exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                sys.exit("the bus hung up")
            data += part
        return data


def pad(data, to):
    return data + b"\0" * (-len(data) % to)


def string(text):
    raw = text.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def short(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw + b"\0"


if __name__ == "__main__":
    main()
