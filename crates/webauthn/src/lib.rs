//! The WebAuthn client: origins, RP IDs, client data, JSON and extensions.
