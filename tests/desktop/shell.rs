//! A desktop that shows icons and notifications: the services that its shell offers on the session bus, with what they were
//! given (StatusNotifierItem, and the notifications of freedesktop.org).

use std::collections::HashMap;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use countersign_tests::process::Service;
use zbus::blocking::connection::Builder;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::OwnedValue;

use crate::Story;
use crate::window::{Window, is_testable};

const PATIENCE: Duration = Duration::from_secs(40);
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// A session bus on which nothing is started by being asked for.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>"#;

/// Pixels of an icon: width, height and four bytes each.
type Pixmaps = Vec<(i32, i32, Vec<u8>)>;

struct Watcher(Sender<String>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&mut self, service: String) {
        let _ = self.0.send(service);
    }

    fn register_status_notifier_host(&mut self, _service: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// A notification as it came.
struct Told {
    id: u32,
    title: String,
    body: String,
    actions: Vec<String>,
}

struct Notifications {
    sender: Sender<Told>,
    last: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned(), "body".to_owned(), "body-markup".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let [name, vendor, version, standard] = ["shell", "tests", "1", "1.2"].map(str::to_owned);
        (name, vendor, version, standard)
    }

    #[allow(clippy::too_many_arguments, reason = "as the standard has them")]
    fn notify(
        &mut self,
        _app: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        self.last += 1;
        let _ = self.sender.send(Told {
            id: self.last,
            title,
            body,
            actions,
        });
        self.last
    }

    fn close_notification(&self, _id: u32) {}
}

struct Shell {
    connection: Connection,
    items: Receiver<String>,
    told: Receiver<Told>,
    address: String,
    _bus: Service,
    _configuration: tempfile::NamedTempFile,
}

impl Shell {
    fn start() -> Self {
        let configuration = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(configuration.path(), BUS).unwrap();
        let bus = Service::start(
            Command::new("dbus-daemon")
                .arg(format!("--config-file={}", configuration.path().display()))
                .args(["--nofork", "--print-address=1"]),
        );
        let address = bus.first_line.clone();
        let (items, taken) = channel();
        let (sender, told) = channel();
        let connection = Builder::address(address.as_str())
            .and_then(|it| it.serve_at("/StatusNotifierWatcher", Watcher(items)))
            .and_then(|it| {
                it.serve_at(
                    "/org/freedesktop/Notifications",
                    Notifications { sender, last: 0 },
                )
            })
            .and_then(|it| it.name("org.kde.StatusNotifierWatcher"))
            .and_then(|it| it.name(NOTIFICATIONS))
            .and_then(Builder::build)
            .unwrap();
        Self {
            connection,
            items: taken,
            told,
            address,
            _bus: bus,
            _configuration: configuration,
        }
    }

    /// The icon that was put into the tray.
    fn icon(&self) -> Proxy<'static> {
        let service = self.items.recv_timeout(PATIENCE).expect("an icon in the tray");
        Proxy::new(
            &self.connection,
            service,
            "/StatusNotifierItem",
            "org.kde.StatusNotifierItem",
        )
        .unwrap()
    }

    /// A person clicks on a notification.
    fn click(&self, told: &Told) {
        let path = "/org/freedesktop/Notifications";
        let clicked = (told.id, "default");
        self.connection
            .emit_signal(None::<&str>, path, NOTIFICATIONS, "ActionInvoked", &clicked)
            .unwrap();
    }
}

/// What the icon says about itself where the mouse rests on it.
fn hint(icon: &Proxy<'_>) -> String {
    let (_, _, _, said): (String, Pixmaps, String, String) = property(icon, "ToolTip");
    said
}

/// A property as it is now, and not as it was when it was asked for first.
fn property<T>(icon: &Proxy<'_>, name: &str) -> T
where
    T: TryFrom<OwnedValue>,
    T::Error: std::fmt::Debug,
{
    let value: OwnedValue = icon
        .connection()
        .call_method(
            Some(icon.destination().clone()),
            icon.path().clone(),
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(icon.interface().clone(), name),
        )
        .unwrap()
        .body()
        .deserialize()
        .unwrap();
    value.try_into().unwrap()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_icon_counts_and_a_click_on_either_brings_the_window_back() {
    if !is_testable() {
        return;
    }
    let shell = Shell::start();
    let story = Story::of("kim", "workers = 4\n", "workers = 8\n");
    let bus = [("DBUS_SESSION_BUS_ADDRESS", shell.address.as_str())];
    let window = Window::open_with(story.reviewer.home(), &[], &bus);
    let icon = shell.icon();
    until("one to be counted", || hint(&icon) == "1 request needs you");
    let one: Pixmaps = property(&icon, "IconPixmap");
    assert_eq!((one[0].0, one[0].1, one[0].2.len()), (32, 32, 32 * 32 * 4));

    window.hide();
    until("the window to be gone", || !window.is_on_screen());
    icon.call_method("Activate", &(0, 0)).unwrap();
    until("the icon to bring it back", || window.is_on_screen());

    window.hide();
    until("the window to be gone", || !window.is_on_screen());
    let second = story.organisation.ask_change("other.conf", "a = 1\n", "a = 2\n");
    let told = shell.told.recv_timeout(PATIENCE).expect("a notification");
    assert!(told.title.contains("needs you"), "{}", told.title);
    assert!(told.body.contains("other.conf"), "{}", told.body);
    assert_eq!(told.actions, ["default", "Open"]);
    until("both to be counted", || hint(&icon) == "2 requests need you");
    let two: Pixmaps = property(&icon, "IconPixmap");
    assert_ne!(one, two);

    // A program hears of clicks only once it knows its notification's number; people are not that quick.
    until("the click to bring it back", || {
        shell.click(&told);
        window.is_on_screen()
    });
    window.until(
        "the request that was told of",
        "return now.screen === 'detail' && document.getElementById('sentence').innerText.includes('other.conf')",
    );
    drop(second);
}
