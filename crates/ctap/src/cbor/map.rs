//! A CBOR map that is canonical at every moment: its keys are unique and sorted.

use std::cmp::Ordering;
use std::fmt;

use super::Value;

/// A CBOR map with unique keys in CTAP2 canonical order (CTAP 2.1 §8: by major type, then length, then bytes).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Map {
    entries: Vec<(Value, Value)>,
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value` and returns the value that it had before.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.position(&key) {
            Ok(at) => self
                .entries
                .get_mut(at)
                .map(|entry| std::mem::replace(&mut entry.1, value)),
            Err(at) => {
                self.entries.insert(at, (key, value));
                None
            }
        }
    }

    /// The same map with `key` set to `value`.
    #[must_use]
    pub fn with(mut self, key: impl Into<Value>, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// The same map with `key` set to the value that there may be: how an optional member is written.
    #[must_use]
    pub fn maybe(self, key: impl Into<Value>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &Value) -> Option<&Value> {
        let at = self.position(key).ok()?;
        self.entries.get(at).map(|(_, value)| value)
    }

    /// The value of the integer key `key`.
    pub fn int(&self, key: i64) -> Option<&Value> {
        self.get(&Value::from(key))
    }

    /// The value of the text key `key`.
    pub fn text(&self, key: &str) -> Option<&Value> {
        let at = self.entries.binary_search_by(|(k, _)| match k {
            Value::Text(text) => by_length(text.as_bytes(), key.as_bytes()),
            other => major(other).cmp(&TEXT),
        });
        self.entries.get(at.ok()?).map(|(_, value)| value)
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &Value) -> Option<Value> {
        let at = self.position(key).ok()?;
        Some(self.entries.remove(at).1)
    }

    /// Removes the integer key `key` and returns its value.
    pub fn remove_int(&mut self, key: i64) -> Option<Value> {
        self.remove(&Value::from(key))
    }

    /// Removes the text key `key` and returns its value.
    pub fn remove_text(&mut self, key: &str) -> Option<Value> {
        self.remove(&Value::from(key))
    }

    /// The entries in canonical order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Value, Value)> {
        self.entries.iter()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends an entry whose key must sort after all others; says how it sorted when it does not.
    pub(super) fn push(&mut self, key: Value, value: Value) -> Result<(), Ordering> {
        if let Some((last, _)) = self.entries.last() {
            match canonical_order(last, &key) {
                Ordering::Less => {}
                wrong => return Err(wrong),
            }
        }
        self.entries.push((key, value));
        Ok(())
    }

    fn position(&self, key: &Value) -> Result<usize, usize> {
        self.entries.binary_search_by(|(k, _)| canonical_order(k, key))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(k, v)| (k, v))).finish()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a (Value, Value);
    type IntoIter = std::slice::Iter<'a, (Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Map {
    /// A later entry replaces an earlier one with the same key.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        entries
            .into_iter()
            .fold(Self::new(), |map, (key, value)| map.with(key, value))
    }
}

const TEXT: u8 = 3;

/// CTAP 2.1 §8: lower major type first, then shorter encoding, then bytewise.
fn canonical_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        // In the shortest form a larger number is never shorter, and bytewise order is numeric order.
        (Value::Unsigned(a), Value::Unsigned(b)) | (Value::Negative(a), Value::Negative(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => by_length(a, b),
        (Value::Text(a), Value::Text(b)) => by_length(a.as_bytes(), b.as_bytes()),
        _ => major(a)
            .cmp(&major(b))
            .then_with(|| by_length(&a.encode(), &b.encode())),
    }
}

fn by_length(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn major(value: &Value) -> u8 {
    match value {
        Value::Unsigned(_) => 0,
        Value::Negative(_) => 1,
        Value::Bytes(_) => 2,
        Value::Text(_) => TEXT,
        Value::Array(_) => 4,
        Value::Map(_) => 5,
        Value::Bool(_) | Value::Null | Value::Other(_) => 7,
    }
}
