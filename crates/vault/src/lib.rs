//! The built-in vault: items, keys, log and storage, as a provider.
