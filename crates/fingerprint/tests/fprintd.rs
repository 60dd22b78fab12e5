//! The real fprintd with libfprint's virtual reader, and the real polkitd, on a system bus of the test's own.
//!
//! What a finger does is sent to the virtual reader's socket, which is there while the reader is claimed: `SCAN` with the name of a
//! finger, `RETRY` with libfprint's number of a reason, `UNPLUG`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claviger_fingerprint::{Enrolment, Finger, Hint, Look, Readers, Unavailable};
use claviger_peer::SystemBus;
use tempfile::TempDir;
use zbus::proxy::CacheProperties;

const FPRINTD: &str = "net.reactivated.Fprint";
/// For a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_finger_is_enrolled_recognised_and_forgotten_and_another_one_is_a_miss() {
    let machine = Machine::with_a_reader().await;
    let readers = machine.readers();
    assert_eq!(readers.fingers().await, Ok(Vec::new()));

    machine.enrol(Finger::RightIndex, "right").await;
    assert_eq!(readers.fingers().await, Ok(vec![Finger::RightIndex]));

    let claim = readers.claim().await.unwrap();
    for (finger, end) in [
        ("left", Look::Miss),
        ("right", Look::Match),
        ("left", Look::Miss),
        ("right", Look::Match),
    ] {
        let (look, ()) = tokio::join!(claim.look(|_| {}), machine.scan(finger));
        assert_eq!(look, Ok(end), "{finger}");
    }
    claim.remove(Finger::RightIndex).await.unwrap();
    drop(claim);
    assert_eq!(readers.fingers().await, Ok(Vec::new()));
}

#[tokio::test]
async fn what_the_reader_did_not_see_is_a_hint_and_no_miss() {
    let machine = Machine::with_a_reader().await;
    machine.enrol(Finger::LeftThumb, "thumb").await;
    let claim = machine.readers().claim().await.unwrap();
    for (reason, hint) in [
        (0, Hint::Again),
        (1, Hint::TooShort),
        (2, Hint::NotCentred),
        (3, Hint::Lift),
    ] {
        let mut hints = Vec::new();
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let scans = async {
            machine.does(&format!("RETRY {reason}")).await;
            hints.push(heard.recv().await.unwrap());
            machine.scan("thumb").await;
        };
        let (look, ()) = tokio::join!(claim.look(|hint| told.send(hint).unwrap()), scans);
        assert_eq!((look, hints), (Ok(Look::Match), vec![hint]));
    }
}

#[tokio::test]
async fn a_claim_that_is_dropped_while_the_reader_waits_frees_it() {
    let machine = Machine::with_a_reader().await;
    machine.enrol(Finger::LeftThumb, "thumb").await;
    let readers = machine.readers();
    let claim = readers.claim().await.unwrap();
    assert_eq!(readers.claim().await.unwrap_err(), Unavailable::Busy);
    let waiting = tokio::spawn(async move { claim.look(|_| {}).await });
    machine.is_looking().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());

    let claim = until(|| async { readers.claim().await.ok() }).await;
    let (look, ()) = tokio::join!(claim.look(|_| {}), machine.scan("thumb"));
    assert_eq!(look, Ok(Look::Match));

    // A look that is given up leaves a claim that can be used. What touches the reader before it begins anew is lost.
    tokio::select! {
        look = claim.look(|_| {}) => panic!("nobody touched the reader: {look:?}"),
        () = machine.is_looking() => {}
    }
    let touches = async {
        loop {
            machine.is_looking().await;
            machine.scan("thumb").await;
        }
    };
    tokio::select! {
        look = claim.look(|_| {}) => assert_eq!(look, Ok(Look::Match)),
        () = touches => {}
    }
}

#[tokio::test]
async fn a_reader_that_is_unplugged_and_a_service_that_ends_are_told_at_once() {
    let mut machine = Machine::with_a_reader().await;
    machine.enrol(Finger::LeftThumb, "thumb").await;
    let claim = machine.readers().claim().await.unwrap();
    let (look, ()) = tokio::join!(claim.look(|_| {}), machine.does("UNPLUG"));
    // What fprintd 1.94 says of it; a new question tells why.
    assert_eq!(look, Ok(Look::Failed));
    drop(claim);
    until(|| async { (machine.readers().fingers().await == Err(Unavailable::NoReader)).then_some(()) }).await;

    machine.start_fprintd().await;
    let claim = machine.readers().claim().await.unwrap();
    let waiting = tokio::spawn(async move { claim.look(|_| {}).await });
    machine.is_looking().await;
    machine.stop_fprintd();
    assert_eq!(waiting.await.unwrap(), Err(Unavailable::NoService));
    assert_eq!(machine.readers().fingers().await, Err(Unavailable::NoService));
}

#[tokio::test]
async fn another_users_program_is_not_taken_for_fprintd() {
    let machine = Machine::with_a_reader().await;
    let uid = machine.uid();
    let readers = Readers::on(SystemBus::at(&machine.address(), uid + 1));
    assert_eq!(readers.fingers().await, Err(Unavailable::Impostor(uid)));
    assert_eq!(readers.claim().await.unwrap_err(), Unavailable::Impostor(uid));
}

#[tokio::test]
async fn a_machine_without_fprintd_or_without_a_bus_says_so() {
    let machine = Machine::start().await;
    assert_eq!(machine.readers().fingers().await, Err(Unavailable::NoService));
    let nowhere = Readers::on(SystemBus::at("unix:path=/nonexistent", 0));
    assert!(matches!(nowhere.fingers().await, Err(Unavailable::NoBus(_))));
}

/// A system bus with polkitd, and fprintd where it is wanted. All end with it.
struct Machine {
    folder: TempDir,
    services: Vec<Child>,
    fprintd: Option<Child>,
}

impl Machine {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // polkitd becomes a user of its own before it connects.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut machine = Self {
            folder,
            services: Vec::new(),
            fprintd: None,
        };
        let config = machine.path("bus.conf");
        std::fs::write(&config, configuration(&machine.path("bus"))).unwrap();
        machine.service(
            "dbus-daemon",
            &[&format!("--config-file={config}"), "--nofork", "--nopidfile"],
        );
        until(|| async { UnixStream::connect(machine.path("bus")).ok() }).await;
        machine.service("/usr/lib/polkit-1/polkitd", &["--no-debug"]);
        machine.has("org.freedesktop.PolicyKit1").await;
        machine
    }

    async fn with_a_reader() -> Self {
        let mut machine = Self::start().await;
        machine.start_fprintd().await;
        machine
    }

    async fn start_fprintd(&mut self) {
        self.stop_fprintd();
        self.fprintd = Some(self.spawn("/usr/libexec/fprintd", &["--no-timeout"]));
        self.has(FPRINTD).await;
    }

    fn stop_fprintd(&mut self) {
        if let Some(mut fprintd) = self.fprintd.take() {
            fprintd.kill().unwrap();
            fprintd.wait().unwrap();
        }
    }

    fn readers(&self) -> Readers {
        Readers::on(SystemBus::at(&self.address(), self.uid()))
    }

    /// Whose processes these are.
    fn uid(&self) -> u32 {
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(self.folder.path()).unwrap())
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.path("bus"))
    }

    /// Enrols what the virtual reader calls so.
    async fn enrol(&self, finger: Finger, scanned: &str) {
        let claim = self.readers().claim().await.unwrap();
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel::<(u32, Option<u32>, Option<Hint>)>();
        let scans = async {
            self.scan(scanned).await;
            while let Some((done, stages, hint)) = heard.recv().await {
                assert_eq!(hint, None);
                assert!(done < stages.unwrap(), "{done} of {stages:?}");
                self.scan(scanned).await;
            }
        };
        let enrolment = async move {
            claim
                .enrol(finger, |done, stages, hint| told.send((done, stages, hint)).unwrap())
                .await
        };
        let (enrolment, ()) = tokio::join!(enrolment, scans);
        assert_eq!(enrolment, Ok(Enrolment::Complete));
    }

    /// A finger that the virtual reader calls so touches it.
    async fn scan(&self, finger: &str) {
        self.does(&format!("SCAN {finger}")).await;
    }

    /// Does this at the virtual reader, once that listens.
    async fn does(&self, what: &str) {
        let mut reader = until(|| async { UnixStream::connect(self.path("reader")).ok() }).await;
        reader.write_all(what.as_bytes()).unwrap();
    }

    /// Until the reader waits for a finger.
    async fn is_looking(&self) {
        let bus = self.connect().await;
        let reader = zbus::proxy::Builder::<zbus::Proxy<'_>>::new(&bus)
            .destination(FPRINTD)
            .path("/net/reactivated/Fprint/Device/0")
            .interface("net.reactivated.Fprint.Device")
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap();
        until(|| async {
            reader
                .get_property::<bool>("finger-needed")
                .await
                .unwrap()
                .then_some(())
        })
        .await;
    }

    async fn connect(&self) -> zbus::Connection {
        let address = self.address();
        zbus::connection::Builder::address(address.as_str())
            .build()
            .await
            .unwrap()
    }

    async fn has(&self, name: &str) {
        let bus = self.connect().await;
        let daemon = zbus::fdo::DBusProxy::new(&bus).await.unwrap();
        until(|| async {
            daemon
                .name_has_owner(name.try_into().unwrap())
                .await
                .unwrap()
                .then_some(())
        })
        .await;
    }

    fn service(&mut self, program: &str, arguments: &[&str]) {
        let child = self.spawn(program, arguments);
        self.services.push(child);
    }

    fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        let state = self.path("state");
        std::fs::create_dir_all(&state).unwrap();
        Command::new(program)
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .env("FP_VIRTUAL_DEVICE", self.path("reader"))
            .env("FP_DRIVERS_WHITELIST", "virtual_device")
            .env("STATE_DIRECTORY", state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} (packages dbus-daemon, polkitd and fprintd): {error}"))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop_fprintd();
        for service in self.services.iter_mut().rev() {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

/// A system bus on which everybody may do everything.
fn configuration(socket: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="signal"/><allow receive_type="method_return"/><allow receive_type="error"/></policy></busconfig>"#
    )
}

/// The first value that there is.
async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "it did not happen in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
