//! The name of a site: the domain that somebody registered apart from what its owner put before it, and, where it is not plain ASCII,
//! both as it is read and as it is written on the wire.

use claviger_prompt_api::message::{Field, Message};
use claviger_prompt_api::sanitise::{MAX_HOST_CHARS, line};
use claviger_prompt_api::view::SiteView;

use crate::words::Words;

/// A site as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// What it is called here.
    pub label: String,
    /// What stands before the domain, with its dot; drawn quietly.
    pub before: String,
    /// The registrable domain, to be drawn in bold, or all of a name that has none.
    pub domain: String,
    /// Whether the name is a host's at all. At the security-key door it may be any text, and then nothing of it is bold.
    pub is_host: bool,
    /// The whole name in ASCII, where it is read in other letters.
    pub punycode: Option<String>,
}

impl Site {
    pub(super) fn of(site: &SiteView, words: &Words) -> Self {
        let label = words.say(&Message::Field { field: Field::Site });
        let name = line(&site.rp_id, MAX_HOST_CHARS);
        if !is_host(&name) {
            return Self {
                label,
                before: String::new(),
                domain: name,
                is_host: false,
                punycode: None,
            };
        }
        let domain = psl::domain_str(&name).unwrap_or(&name).to_owned();
        let before = name.strip_suffix(&domain).unwrap_or_default();
        let (before, domain) = (readable(before), readable(&domain));
        let read = format!("{before}{domain}");
        Self {
            label,
            punycode: (read != name).then_some(name),
            before,
            domain,
            is_host: true,
        }
    }
}

/// Whether this is what a domain name looks like on the wire.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A part of a domain name in the letters that it stands for; as it is where that cannot be shown.
fn readable(name: &str) -> String {
    let (read, found) = idna::domain_to_unicode(name);
    let shown = line(&read, MAX_HOST_CHARS);
    if found.is_ok() && shown == read {
        read
    } else {
        name.to_owned()
    }
}
