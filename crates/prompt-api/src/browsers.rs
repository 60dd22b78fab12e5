//! The browsers whose extension can reach the platform, and where each looks for what starts the native host.

use std::path::Path;

use serde_json::json;

/// The native messaging host's name, as the extension asks for it; its manifest is the file of this name with `.json` behind it.
pub const NATIVE_HOST: &str = "org.claviger.browser";

/// The name under which a browser starts the native host; the program `claviger` knows its role by it.
pub const NATIVE_HOST_PROGRAM: &str = "claviger-native-host";

/// The extension's id: the browser derives it from the public `key` in `extension/static/manifest.json`.
pub const EXTENSION_ID: &str = "oadifemdliealhhopcejpkgocoongbin";

/// A browser, and where it looks for native messaging hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Browser {
    /// Its name.
    pub name: &'static str,
    /// Its folder below `$XDG_CONFIG_HOME`; the hosts are in `NativeMessagingHosts` there.
    pub config: &'static str,
    /// Its folder for the hosts of all users, where it has one.
    pub system: Option<&'static str>,
}

/// All of them.
pub const BROWSERS: [Browser; 4] = [
    Browser {
        name: "Chromium",
        config: "chromium",
        system: Some("/etc/chromium/native-messaging-hosts"),
    },
    Browser {
        name: "Google Chrome",
        config: "google-chrome",
        system: Some("/etc/opt/chrome/native-messaging-hosts"),
    },
    Browser {
        name: "Brave",
        config: "BraveSoftware/Brave-Browser",
        system: None,
    },
    Browser {
        name: "Microsoft Edge",
        config: "microsoft-edge",
        system: Some("/etc/opt/edge/native-messaging-hosts"),
    },
];

/// The manifest by which a browser finds the native host at `program`, and lets the extension alone start it (Chromium's *Native messaging*).
pub fn manifest(program: &Path) -> String {
    let manifest = json!({
        "name": NATIVE_HOST,
        "description": "Claviger: passkeys kept by the provider you choose",
        "path": program,
        "type": "stdio",
        "allowed_origins": [format!("chrome-extension://{EXTENSION_ID}/")],
    });
    format!("{manifest:#}\n")
}
