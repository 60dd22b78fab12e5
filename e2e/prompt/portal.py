"""The desktop's settings portal, as far as it says light or dark: windows follow it while they are shown.

Before a window asks for the name, or it looks elsewhere for as long as it lives. Needs a main loop that runs now and then.
"""

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
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
        self.bus.register_object(PATH, interface, self._answer, lambda *_: GLib.Variant("u", 1), None)
        reply = self.bus.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", (NAME, 4)), None, Gio.DBusCallFlags.NONE, -1,
        )  # fmt: skip
        assert reply.unpack() == (1,), "another portal has the name"

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
