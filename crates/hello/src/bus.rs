//! The names under which hello is found on the bus.

/// The well-known name that hello owns.
pub const NAME: &str = "org.claviger.Hello";
/// Its one object.
pub const PATH: &str = "/org/claviger/Hello";
/// Its one interface.
pub const INTERFACE: &str = "org.claviger.Hello1";
