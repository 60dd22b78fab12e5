//! fprintd's interfaces, as far as they are used.

use zbus::OwnedObjectPath;

/// fprintd's well-known name on the system bus.
pub(crate) const FPRINTD: &str = "net.reactivated.Fprint";

/// `net.reactivated.Fprint.Manager`.
#[zbus::proxy(
    interface = "net.reactivated.Fprint.Manager",
    default_path = "/net/reactivated/Fprint/Manager"
)]
pub(crate) trait Manager {
    fn get_default_device(&self) -> zbus::Result<OwnedObjectPath>;
}

/// `net.reactivated.Fprint.Device`. An empty user name is the caller's own.
#[zbus::proxy(interface = "net.reactivated.Fprint.Device")]
pub(crate) trait Device {
    fn list_enrolled_fingers(&self, username: &str) -> zbus::Result<Vec<String>>;
    fn claim(&self, username: &str) -> zbus::Result<()>;
    fn verify_start(&self, finger_name: &str) -> zbus::Result<()>;
    fn verify_stop(&self) -> zbus::Result<()>;
    fn enroll_start(&self, finger_name: &str) -> zbus::Result<()>;
    fn enroll_stop(&self) -> zbus::Result<()>;
    fn delete_enrolled_finger(&self, finger_name: &str) -> zbus::Result<()>;
    #[zbus(signal)]
    fn verify_status(&self, result: &str, done: bool) -> zbus::Result<()>;
    #[zbus(signal)]
    fn enroll_status(&self, result: &str, done: bool) -> zbus::Result<()>;
    /// How often a finger is read for an enrolment; -1 while nobody has claimed the reader.
    #[zbus(property, name = "num-enroll-stages")]
    fn num_enroll_stages(&self) -> zbus::Result<i32>;
}
