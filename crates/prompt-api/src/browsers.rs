//! The browsers whose extension can reach the platform, and where each looks for what starts the native host.

/// The native messaging host's name, as the extension asks for it; its manifest is the file of this name with `.json` behind it.
pub const NATIVE_HOST: &str = "org.claviger.browser";

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
