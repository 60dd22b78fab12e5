"""The desktop's settings portal, as far as it says light or dark: windows follow it while they are shown.

It has to be there before a window asks for the name, or that looks elsewhere for as long as it lives. It answers in a thread of its own:
a window that begins waits for it.
"""

import os
import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH, INTERFACE = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"
APPEARANCE, SCHEME = "org.freedesktop.appearance", "color-scheme"
XML = f"""<node><interface name="{INTERFACE}">
<method name="Read"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="out"/></method>
<method name="ReadAll"><arg type="as" direction="in"/><arg type="a{{sa{{sv}}}}" direction="out"/></method>
<signal name="SettingChanged"><arg type="s"/><arg type="s"/><arg type="v"/></signal>
<property name="version" type="u" access="read"/></interface></node>"""


class Portal:
    """Owns the portal's name on the session bus. Light until `dark` is set."""

    def __init__(self):
        self.dark = False
        ready = threading.Event()
        threading.Thread(target=self._serve, args=(ready,), daemon=True).start()
        assert ready.wait(30), "the portal does not start"

    def _serve(self, ready):
        context = GLib.MainContext()
        context.push_thread_default()
        kind = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.bus = Gio.DBusConnection.new_for_address_sync(os.environ["DBUS_SESSION_BUS_ADDRESS"], kind, None, None)
        interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
        self.bus.register_object(PATH, interface, self._answer, lambda *_: GLib.Variant("u", 1), None)
        reply = self.bus.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", (NAME, 4)), None, Gio.DBusCallFlags.NONE, -1,
        )  # fmt: skip
        if reply.unpack() == (1,):
            ready.set()
        GLib.MainLoop.new(context, False).run()

    def turn(self, dark):
        """Light or dark, and whoever shows a window is told."""
        self.dark = dark
        self.bus.emit_signal(None, PATH, INTERFACE, "SettingChanged", GLib.Variant("(ssv)", (APPEARANCE, SCHEME, self._scheme())))

    def _scheme(self):
        return GLib.Variant("u", 1 if self.dark else 2)

    def _answer(self, _bus, _sender, _path, _interface, method, arguments, call):
        wanted = arguments.unpack()
        if method == "ReadAll":
            call.return_value(GLib.Variant("(a{sa{sv}})", ({APPEARANCE: {SCHEME: self._scheme()}},)))
        elif wanted == (APPEARANCE, SCHEME):
            call.return_value(GLib.Variant("(v)", (GLib.Variant("v", self._scheme()),)))
        else:
            call.return_dbus_error("org.freedesktop.portal.Error.NotFound", "Requested setting not found")
