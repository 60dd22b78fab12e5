//! The platform: callers, ceremonies, provider registry, metadata cache, audit.
