//! What other programs of a desktop do to a window, over X11: the frame that closes it (ICCCM 4.2.8.1), and a file manager
//! from which a file is dragged onto it ([XDND](https://www.freedesktop.org/wiki/Specifications/XDND/), version 5).

use std::path::Path;
use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, MapState, PropMode,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, CURRENT_TIME, NONE};

const PATIENCE: Duration = Duration::from_secs(60);
/// How often the pointer moves a little.
const MOVES: Duration = Duration::from_millis(50);
const XDND: u32 = 5;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        WM_PROTOCOLS,
        WM_DELETE_WINDOW,
        XdndAware,
        XdndSelection,
        XdndEnter,
        XdndPosition,
        XdndStatus,
        XdndDrop,
        XdndFinished,
        XdndActionCopy,
        URIS: b"text/uri-list",
    }
}

/// Another program on the screen of a window.
pub struct Neighbour {
    connection: RustConnection,
    atoms: Atoms,
    root: Window,
    window: Window,
}

impl Neighbour {
    /// One beside the console's window, which is on the screen.
    pub fn on(display: &str) -> Self {
        let (connection, screen) = x11rb::connect(Some(display)).unwrap();
        let root = connection.setup().roots[screen].root;
        let atoms = Atoms::new(&connection).unwrap().reply().unwrap();
        let windows = connection.query_tree(root).unwrap().reply().unwrap().children;
        let named = |window: &Window| {
            let name = (AtomEnum::WM_NAME, AtomEnum::ANY);
            let name = connection.get_property(false, *window, name.0, name.1, 0, 64);
            let shown = connection.get_window_attributes(*window).unwrap().reply();
            name.unwrap()
                .reply()
                .is_ok_and(|name| name.value == b"Countersign")
                && shown.is_ok_and(|shown| shown.map_state == MapState::VIEWABLE)
        };
        let window = windows.into_iter().find(named).expect("the window on its screen");
        Self {
            connection,
            atoms,
            root,
            window,
        }
    }

    /// Presses the button of the frame that closes the window.
    pub fn close(&self) {
        let atoms = &self.atoms;
        self.send(
            atoms.WM_PROTOCOLS,
            [atoms.WM_DELETE_WINDOW, CURRENT_TIME, 0, 0, 0],
        );
    }

    /// Drags a file onto the middle of the window, and lets it go where the window takes it.
    pub fn drop_file(&self, file: &Path) {
        let atoms = &self.atoms;
        assert_ne!(
            self.version(),
            0,
            "the window takes nothing that is dragged onto it"
        );
        let source = self.source();
        let place = self
            .connection
            .get_geometry(self.window)
            .unwrap()
            .reply()
            .unwrap();
        let place = u32::from(place.width / 2) << 16 | u32::from(place.height / 2);
        let uris = format!("file://{}\r\n", file.to_str().unwrap().replace(' ', "%20"));
        self.send(atoms.XdndEnter, [source, XDND << 24, atoms.URIS, NONE, NONE]);
        self.until("the window to say that it takes it", &uris, |message| {
            let Some(message) = message else {
                let position = [source, 0, place, CURRENT_TIME, atoms.XdndActionCopy];
                self.send(atoms.XdndPosition, position);
                return false;
            };
            message.type_ == atoms.XdndStatus && message.data.as_data32()[1] & 1 == 1
        });
        self.send(atoms.XdndDrop, [source, 0, CURRENT_TIME, 0, 0]);
        self.until("the window to have taken it", &uris, |message| {
            message.is_some_and(|message| message.type_ == atoms.XdndFinished)
        });
    }

    /// The version of the protocol that the window says it knows.
    fn version(&self) -> u32 {
        let aware = (self.atoms.XdndAware, AtomEnum::ATOM);
        let aware = self
            .connection
            .get_property(false, self.window, aware.0, aware.1, 0, 1);
        let aware = aware.unwrap().reply().unwrap();
        aware
            .value32()
            .and_then(|mut values| values.next())
            .unwrap_or_default()
    }

    /// A window that has what is dragged.
    fn source(&self) -> Window {
        let source = self.connection.generate_id().unwrap();
        let (depth, visual) = (COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT);
        let plain = CreateWindowAux::new();
        let class = WindowClass::INPUT_OUTPUT;
        self.connection
            .create_window(depth, source, self.root, 0, 0, 1, 1, 0, class, visual, &plain)
            .unwrap();
        self.connection
            .set_selection_owner(source, self.atoms.XdndSelection, CURRENT_TIME)
            .unwrap();
        source
    }

    fn send(&self, kind: u32, said: [u32; 5]) {
        let message = ClientMessageEvent::new(32, self.window, kind, said);
        self.connection
            .send_event(false, self.window, EventMask::NO_EVENT, message)
            .unwrap();
        // The server may forget what a client that is gone has asked for last.
        self.connection.sync().unwrap();
    }

    /// Gives what is dragged to whoever asks for it until `is_so` says so of a message; without one it is asked now and then.
    fn until(&self, what: &str, uris: &str, mut is_so: impl FnMut(Option<ClientMessageEvent>) -> bool) {
        let began = Instant::now();
        loop {
            let so = match self.connection.poll_for_event().unwrap() {
                Some(Event::SelectionRequest(asked)) => {
                    self.give(&asked, uris);
                    false
                }
                Some(Event::ClientMessage(message)) => is_so(Some(message)),
                Some(_) => false,
                None => {
                    std::thread::sleep(MOVES);
                    is_so(None)
                }
            };
            if so {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited for {what}");
        }
    }

    fn give(&self, asked: &SelectionRequestEvent, uris: &str) {
        let given = asked.target == self.atoms.URIS;
        if given {
            let (to, property, text) = (asked.requestor, asked.property, uris.as_bytes());
            self.connection
                .change_property8(PropMode::REPLACE, to, property, asked.target, text)
                .unwrap();
        }
        let told = SelectionNotifyEvent {
            response_type: x11rb::protocol::xproto::SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: asked.requestor,
            selection: asked.selection,
            target: asked.target,
            property: if given { asked.property } else { NONE },
        };
        self.connection
            .send_event(false, asked.requestor, EventMask::NO_EVENT, told)
            .unwrap();
        self.connection.flush().unwrap();
    }
}
