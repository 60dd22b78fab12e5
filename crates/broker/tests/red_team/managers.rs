//! Who may manage the platform: the broker's own program and the settings window beside it, and nothing that only calls itself so.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use zbus::fdo::IntrospectableProxy;

use crate::bed::*;

const REFUSED: &str = "org.claviger.Error.NotAllowed";

/// A broker in a folder of its own, with whatever else lies there.
async fn bed() -> (Bed, PathBuf) {
    let mut folder = PathBuf::new();
    let bed = Bed::with(|config| {
        folder = config.state_dir.with_file_name("bin");
        fs::create_dir(&folder).unwrap();
        let own = folder.join("claviger");
        symlink(&config.own_executable, &own).unwrap();
        config.own_executable = own;
    })
    .await;
    (bed, folder)
}

/// A bus client under that name.
fn client(folder: &Path, name: &str) -> PathBuf {
    let program = folder.join(name);
    fs::copy(DBUS_SEND, &program).unwrap();
    program
}

/// What the program hears from the broker when it calls this.
async fn call(bed: &Bed, program: &Path, call: &[String]) -> String {
    let output = bed.dbus_send(program, call).await;
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn status() -> [String; 1] {
    ["org.claviger.Manage1.Status".to_owned()]
}

/// Stands for a descriptor, which this client cannot pass: it does not get as far as such a method.
const HANDLE: &str = "handle";

/// Every method of the interface that the client can call, with arguments that it would read.
async fn methods(bed: &Bed, interface: &str) -> Vec<Vec<String>> {
    let proxy = IntrospectableProxy::builder(&bed.connect().await)
        .destination("org.claviger.Broker")
        .path("/org/claviger/Broker")
        .build()
        .await
        .unwrap();
    let text = proxy.introspect().await.unwrap();
    let (_, text) = text.split_once(&format!("<interface name=\"{interface}\">")).unwrap();
    let (text, _) = text.split_once("</interface>").unwrap();
    let mut methods: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        let value = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        if line.contains("<method ") {
            methods.push(vec![format!("{interface}.{}", value("name").unwrap())]);
        } else if value("direction") == Some("in") {
            let argument = match value("type").unwrap() {
                "s" => "string:x",
                "u" => "uint32:1",
                "b" => "boolean:true",
                "h" => HANDLE,
                "as" => "array:string:x",
                other => panic!("an argument of type {other}, which this test cannot give"),
            };
            methods.last_mut().unwrap().push(argument.to_owned());
        }
    }
    methods.retain(|method| !method.iter().any(|word| word == HANDLE));
    methods
}

#[tokio::test]
async fn the_settings_window_beside_the_broker_may_manage_and_not_ask_for_pins() {
    let (bed, folder) = bed().await;
    let settings = client(&folder, "claviger-settings");
    assert!(call(&bed, &settings, &status()).await.contains("audit"));
    let attach = ["org.claviger.Prompt1.Attach".to_owned(), "string:graphical".to_owned()];
    let answer = call(&bed, &settings, &attach).await;
    assert!(answer.contains(REFUSED), "{answer}");
}

#[tokio::test]
async fn no_other_program_may_call_any_method_of_it() {
    let (bed, folder) = bed().await;
    client(&folder, "claviger-settings");
    let other = client(&folder, "claviger-settings.old");
    let methods = methods(&bed, "org.claviger.Manage1").await;
    assert!(methods.len() >= 15, "{methods:?}");
    for method in methods {
        let answer = call(&bed, &other, &method).await;
        assert!(answer.contains(REFUSED), "{method:?}: {answer}");
    }
}

/// Those that take or give a descriptor, which `dbus-send` cannot: here the test itself is the other program.
#[tokio::test]
async fn no_other_program_may_call_the_methods_of_the_recovery_code() {
    let bed = Bed::with(|config| config.own_executable = DBUS_SEND.into()).await;
    let connection = bed.connect().await;
    let broker = zbus::Proxy::new(
        &connection,
        "org.claviger.Broker",
        "/org/claviger/Broker",
        "org.claviger.Manage1",
    )
    .await
    .unwrap();
    let nothing = fs::File::open("/dev/null").unwrap();
    let fd = || zbus::Fd::from(&nothing);
    let refused = |answer: zbus::Result<zbus::Message>| {
        assert!(
            answer.as_ref().is_err_and(|error| error.to_string().contains(REFUSED)),
            "{answer:?}"
        );
    };
    refused(broker.call_method("MakeRecoveryCode", &()).await);
    refused(broker.call_method("ConfirmRecoveryCode", &(fd(),)).await);
    refused(broker.call_method("DrillRecoveryCode", &(fd(),)).await);
    refused(broker.call_method("Recover", &(fd(), fd())).await);
}

#[tokio::test]
async fn its_name_at_another_place_is_not_it() {
    let (bed, folder) = bed().await;
    client(&folder, "claviger-settings");
    let elsewhere = folder.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let same_name = client(&elsewhere, "claviger-settings");
    let answer = call(&bed, &same_name, &status()).await;
    assert!(answer.contains(REFUSED), "{answer}");
}

#[tokio::test]
async fn one_that_others_can_change_is_not_believed() {
    let (bed, folder) = bed().await;
    let settings = client(&folder, "claviger-settings");
    fs::set_permissions(&settings, Permissions::from_mode(0o757)).unwrap();
    let answer = call(&bed, &settings, &status()).await;
    assert!(answer.contains(REFUSED), "{answer}");
}

#[tokio::test]
async fn one_that_was_replaced_while_it_ran_is_another() {
    let (bed, folder) = bed().await;
    let settings = client(&folder, "claviger-settings");
    let before = folder.join("before");
    fs::rename(&settings, &before).unwrap();
    client(&folder, "claviger-settings");
    let answer = call(&bed, &before, &status()).await;
    assert!(answer.contains(REFUSED), "{answer}");
}
