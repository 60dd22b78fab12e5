//! Key files: the group `[Provider]`, its keys, and the kinds of values that they have.

use std::collections::BTreeMap;

use claviger_ctap::types::RpId;

use super::ManifestError;

/// The keys of the `[Provider]` group. Keys that this version does not know, and other groups, are ignored.
pub(super) struct Group(BTreeMap<String, String>);

impl Group {
    /// Reads the group.
    pub(super) fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut keys = BTreeMap::new();
        let mut ours = false;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                ours = name == "Provider";
                continue;
            }
            let (key, value) = line.split_once('=').ok_or(ManifestError::Line(index + 1))?;
            if ours
                && keys
                    .insert(key.trim_end().to_owned(), value.trim_start().to_owned())
                    .is_some()
            {
                return Err(ManifestError::Duplicate(key.trim_end().chars().take(40).collect()));
            }
        }
        Ok(Self(keys))
    }

    /// The value of a key that must be there.
    pub(super) fn required(&mut self, key: &'static str) -> Result<String, ManifestError> {
        self.optional(key)?.ok_or(ManifestError::Missing(key))
    }

    /// The value of a key; an empty one counts as absent.
    pub(super) fn optional(&mut self, key: &'static str) -> Result<Option<String>, ManifestError> {
        let value = self
            .0
            .remove(key)
            .map(|raw| unescape(&raw).ok_or(ManifestError::Value(key)))
            .transpose()?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// The values of a key, divided by `;`.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Vec<String>, ManifestError> {
        let whole = self.optional(key)?.unwrap_or_default();
        Ok(whole
            .split(';')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect())
    }

    /// The same, as RP IDs.
    pub(super) fn rp_ids(&mut self, key: &'static str) -> Result<Vec<String>, ManifestError> {
        self.list(key)?.into_iter().map(|entry| rp_id(entry, key)).collect()
    }
}

/// RP IDs in manifests are lower-case host names in their ASCII (punycode) form, so that comparing bytes is comparing names.
pub(super) fn rp_id(text: String, key: &'static str) -> Result<String, ManifestError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
    };
    if text.len() <= RpId::MAX_BYTES && text.split('.').all(label) {
        Ok(text)
    } else {
        Err(ManifestError::Value(key))
    }
}

/// The escapes of the desktop entry specification: `\s` space, `\n`, `\t`, `\r`, `\\`.
fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                's' => ' ',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}
