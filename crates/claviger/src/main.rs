//! The command line and the roles of the platform.
fn main() {}
