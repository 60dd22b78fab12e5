//! The joint: how a provider of passkeys and the platform talk.
