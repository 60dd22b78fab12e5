//! What the options of `claviger-virtual-key` mean.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use claviger_ctap::crypto::Algorithm;
use claviger_ctap::types::Aaguid;

/// The model that this key names unless told otherwise: drawn at random once, `4afbda70-1774-4ebd-893e-a6ff470c5b12`.
pub const AAGUID: Aaguid = Aaguid([
    0x4a, 0xfb, 0xda, 0x70, 0x17, 0x74, 0x4e, 0xbd, 0x89, 0x3e, 0xa6, 0xff, 0x47, 0x0c, 0x5b, 0x12,
]);

/// How clients reach the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transport {
    /// The kernel's `/dev/uhid`: a HID device like any other.
    Uhid,
    /// A Unix socket of type SEQPACKET.
    Unix(PathBuf),
    /// A UDP socket, bound to this host and port.
    Udp(String),
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "uhid" => Ok(Self::Uhid),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("udp", address)) if address.rsplit_once(':').is_some_and(|(host, _)| !host.is_empty()) => {
                Ok(Self::Udp(address.to_owned()))
            }
            _ => Err("expected uhid, unix:PATH or udp:HOST:PORT".to_owned()),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uhid => f.write_str("uhid"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Udp(address) => write!(f, "udp:{address}"),
        }
    }
}

/// Whether the user touches the key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum PresenceMode {
    /// Agrees to everything at once
    Auto,
    /// Declines everything
    Deny,
    /// Asks in this terminal
    Ask,
}

/// Whether the key can verify its user without a PIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum UvMode {
    /// It cannot
    None,
    /// It has a verifier, which does what --presence says
    Builtin,
}

/// Parses the name of an algorithm.
pub fn algorithm(text: &str) -> Result<Algorithm, String> {
    let found = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.and_then(|(_, cose)| Algorithm::from_cose(*cose)).ok_or_else(|| {
        let built = NAMES.iter().filter(|(_, cose)| Algorithm::from_cose(*cose).is_some());
        let names: Vec<&str> = built.map(|(name, _)| *name).collect();
        let why = if found.is_some() {
            "this program was built without it; "
        } else {
            ""
        };
        format!("{why}there is {}", names.join(", "))
    })
}

/// The algorithms by their names in the registry "COSE Algorithms", in lower case.
const NAMES: [(&str, i64); 6] = [
    ("es256", -7),
    ("eddsa", -8),
    ("es384", -35),
    ("ml-dsa-44", -48),
    ("ml-dsa-65", -49),
    ("rs256", -257),
];

/// Parses a UUID: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 (RFC 9562 §4).
pub fn aaguid(text: &str) -> Result<Aaguid, String> {
    let wrong = || "expected a UUID such as 4afbda70-1774-4ebd-893e-a6ff470c5b12".to_owned();
    let groups: Vec<&str> = text.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return Err(wrong());
    }
    let digits: Vec<u8> = groups
        .concat()
        .chars()
        .filter_map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let (pairs, _) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().map(Aaguid).map_err(|_| wrong())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_read_and_printed_the_same() {
        for text in ["uhid", "unix:/run/key.sock", "udp:127.0.0.1:8111", "udp:[::1]:0"] {
            assert_eq!(text.parse::<Transport>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "usb",
            "uhid:",
            "unix:",
            "unix",
            "udp:",
            "udp:8111",
            "udp::8111",
            "UHID",
        ] {
            assert!(text.parse::<Transport>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_aaguid_is_a_uuid_and_nothing_else() {
        assert_eq!(aaguid("4afbda70-1774-4ebd-893e-a6ff470c5b12").unwrap(), AAGUID);
        assert_eq!(aaguid("4AFBDA70-1774-4EBD-893E-A6FF470C5B12").unwrap(), AAGUID);
        for text in [
            "",
            "4afbda7017744ebd893ea6ff470c5b12",
            "4afbda70-1774-4ebd-893e-a6ff470c5b1",
            "4afbda70-1774-4ebd-893e-a6ff470c5b1g",
            "4afbda70-1774-4ebd-893ea6ff-470c5b12",
            "{4afbda70-1774-4ebd-893e-a6ff470c5b12}",
            "4afbda70-1774-4ebd-893e-a6ff470c5bé",
        ] {
            assert!(aaguid(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_unknown_algorithm_is_told_which_ones_there_are() {
        assert_eq!(algorithm("ES256").unwrap(), Algorithm::Es256);
        let told = algorithm("rot13").unwrap_err();
        assert!(told.contains("es256") && told.contains("eddsa"), "{told}");
        for algorithm in Algorithm::ALL {
            let named = NAMES.iter().find(|(_, cose)| *cose == algorithm.cose()).unwrap();
            assert_eq!(super::algorithm(named.0).unwrap(), *algorithm);
        }
    }
}
