"""Never silently behind: with another window active before, the question is in front within a second, or a notification says it."""

import json
import os
import subprocess
import time
import unittest

import bed
import views
from bed import until

# From when a question comes until it has to be seen.
SOON = 1.0


class InFront(unittest.TestCase):
    """X11: the window is a dialog of the active one, above it, and has the focus."""

    def on(self, manager):
        desktop = bed.Desktop(manager)
        self.addCleanup(desktop.stop)
        # A window of another program has the focus, and a person has just typed into it.
        browser = desktop.start(["xterm", "-T", "Browser"])
        window = until(lambda: desktop.output("xdotool", "search", "--name", "^Browser$").strip(), "the browser's window")
        desktop.output("xdotool", "windowactivate", "--sync", window)
        desktop.type("typing")
        until(lambda: desktop.output("xdotool", "getactivewindow").strip() == window, "the browser is active")
        shown = bed.Shown(desktop)
        self.addCleanup(shown.end)
        name = "Sign in to"

        def in_front():
            active = desktop.output("xdotool", "getactivewindow").strip()
            return active if active and name in desktop.output("xdotool", "getwindowname", active) else None

        for prompt in (1, 2):
            began = time.monotonic()
            shown.view(views.consent(prompt, caller={**views.BROWSER, "executable": os.path.realpath(f"/proc/{browser.pid}/exe")}))
            own = until(in_front, lambda: f"in front under {manager}: {desktop.output('xdotool', 'getactivewindow', 'getwindowname')}")
            took = time.monotonic() - began
            self.assertIn(hex(int(window)), desktop.output("xprop", "-id", own, "WM_TRANSIENT_FOR"))
            self.assertTrue(desktop.root("_NET_CLIENT_LIST_STACKING").strip().endswith(hex(int(own))), "it is the uppermost")
            # The first time the process starts too.
            if prompt == 2:
                self.assertLess(took, SOON)
            shown.view(views.idle())
            until(lambda: not in_front(), "the window is gone")
            desktop.output("xdotool", "windowactivate", "--sync", window)

    def test_a_window_that_the_door_names_is_the_one(self):
        desktop = bed.Desktop("openbox")
        self.addCleanup(desktop.stop)
        windows = {}
        for name in ("Asks", "Active"):
            desktop.start(["xterm", "-T", name])
            windows[name] = until(lambda: desktop.output("xdotool", "search", "--name", f"^{name}$").strip(), name)
        desktop.output("xdotool", "windowactivate", "--sync", windows["Active"])
        shown = bed.Shown(desktop)
        self.addCleanup(shown.end)
        shown.view(views.consent(caller={**views.BROWSER, "window": f"x11:{int(windows['Asks']):x}"}))
        own = until(lambda: desktop.output("xdotool", "search", "--onlyvisible", "--name", "^Sign in to").strip(), "the window")
        self.assertIn(hex(int(windows["Asks"])), desktop.output("xprop", "-id", own, "WM_TRANSIENT_FOR"))

    def test_under_openbox(self):
        self.on("openbox")

    def test_under_xfwm4(self):
        self.on("xfwm4")


NOTIFICATIONS = """
import sys, gi
from gi.repository import Gio, GLib
XML = '''<node><interface name="org.freedesktop.Notifications">
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="as" direction="in"/><arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal><signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>'''
def call(bus, sender, path, interface, method, arguments, invocation):
    said = {"Notify": ("(u)", (7,)), "GetCapabilities": ("(as)", (["actions", "body"],)), "GetServerInformation": ("(ssss)", ("test", "test", "1", "1.2"))}.get(method)
    invocation.return_value(GLib.Variant(*said) if said else None)
    print(method, arguments.unpack(), flush=True)
def acquired(bus, name):
    bus.register_object("/org/freedesktop/Notifications", Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0], call, None, None)
    def emit(signal, text):
        bus.emit_signal(None, "/org/freedesktop/Notifications", "org.freedesktop.Notifications", signal, GLib.Variant("(us)", (7, text)))
    def press(*_):
        token = sys.stdin.readline().strip()
        if token:
            emit("ActivationToken", token)
        emit("ActionInvoked", "default")
        return True
    GLib.io_add_watch(0, GLib.IO_IN, press)
Gio.bus_own_name(Gio.BusType.SESSION, "org.freedesktop.Notifications", Gio.BusNameOwnerFlags.NONE, acquired, None, None)
GLib.MainLoop().run()
"""


def notifying(desktop):
    """A notification server that writes down what it is told, and presses the notification for each line that it reads: with that token, if any."""
    return desktop.start(["/usr/bin/python3", "-c", NOTIFICATIONS], stdin=subprocess.PIPE, stdout=open(desktop.dir / "notifications", "wb"))


def notified(desktop):
    return (desktop.dir / "notifications").read_text()


class OnWayland(unittest.TestCase):
    """Windows do not know of each other there: the compositor puts it in front, or the notification says it."""

    def test_under_sway_it_is_in_front_or_announced(self):
        desktop = bed.Desktop()
        self.addCleanup(desktop.stop)
        server = notifying(desktop)
        (desktop.dir / "sway").write_text("default_border none\n")
        desktop.env.update(WLR_BACKENDS="headless", WLR_RENDERER="pixman", WLR_LIBINPUT_NO_DEVICES="1", SWAYSOCK=str(desktop.dir / "sway.sock"))
        # It refuses to be root's, as it should; whoever is root has another name in a namespace of its own.
        other = ["unshare", "--user", "--map-user=1000"] if os.getuid() == 0 else []
        desktop.start([*other, "sway", "-c", desktop.dir / "sway"])
        socket = until(lambda: next((it for it in (desktop.dir / "runtime").glob("wayland-*") if it.suffix != ".lock"), None), lambda: f"sway: {desktop.log()}")
        desktop.env.update(WAYLAND_DISPLAY=socket.name, GDK_BACKEND="wayland")

        def focused():
            def walk(node):
                yield node
                for child in node.get("nodes", []) + node.get("floating_nodes", []):
                    yield from walk(child)

            tree = json.loads(desktop.output("swaymsg", "-t", "get_tree") or "{}")
            return next((node.get("name") for node in walk(tree) if node.get("focused")), "") or ""

        # The browser's window: another program, on no bus.
        bus = desktop.env.pop("DBUS_SESSION_BUS_ADDRESS")
        desktop.env["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"
        browser = bed.Shown(desktop)
        self.addCleanup(browser.end)
        browser.view(views.KINDS["unlock"])
        until(lambda: "Unlock" in focused(), lambda: f"the browser's window; {focused()} {desktop.log()}")
        desktop.env["DBUS_SESSION_BUS_ADDRESS"] = bus

        desktop.env["WAYLAND_DEBUG"] = "client"
        shown = bed.Shown(desktop)
        self.addCleanup(shown.end)
        del desktop.env["WAYLAND_DEBUG"]
        shown.view(views.idle())
        for prompt in (1, 2):
            began = time.monotonic()
            shown.view(views.sign_in(prompt))
            until(lambda: "Sign in to" in focused() or "Sign in to" in notified(desktop), lambda: f"in front or announced; {focused()} {desktop.log()}")
            if prompt == 2:
                self.assertLess(time.monotonic() - began, SOON)
            # There is no keyboard, so no window has its focus, and the notification comes in any case.
            until(lambda: notified(desktop).count("Sign in to") >= prompt, lambda: f"announced; {notified(desktop)}")
            if prompt == 2:
                # Pressing it hands the compositor the token of the press, by which it brings the window up.
                server.stdin.write(b"token-of-the-press\n")
                server.stdin.flush()
                until(lambda: 'activate("token-of-the-press"' in desktop.log(), lambda: f"the token comes to the compositor; {desktop.log()[-6000:]}")
            shown.view(views.idle())
            until(lambda: "Sign in to" not in focused(), "the window is gone")
            if prompt == 1:
                until(lambda: "CloseNotification" in notified(desktop), "the notification is taken back")
            self.assertIsNone(shown.process.poll())
        server.stdin.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
