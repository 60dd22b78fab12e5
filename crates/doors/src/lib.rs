//! The ways in: browser (extension and native host).
