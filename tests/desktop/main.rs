//! The desktop console in its real engine: the built binary in a screen of its own, driven as a person would, against a
//! real organisation. What can be shown without an engine is in `desktop/tests` and in the crate's own tests.
//!
//! Where the binary was built without the feature `webdriver`, or a tool is missing, the tests say so and are skipped; with
//! `COUNTERSIGN_DESKTOP_TESTS=1`, as `./x test` has it, they fail instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a broken step is a failed test"
)]

mod counter;
mod decide;
mod driver;
mod home;
mod hostile;
mod page;
mod read;
mod screens;
mod secret;
mod shell;
mod window;
mod x11;

use countersign_protocol::identity::RequestId;
use countersign_protocol::request::Phase;
use countersign_tests::process::Running;
use countersign_tests::{Console, Organisation};

use window::Window;

/// An organisation in which an agent asked for something, and a reviewer with a window of their own.
struct Story {
    organisation: Organisation,
    reviewer: Console,
    request: RequestId,
    agent: Option<Running>,
}

impl Story {
    /// `person` reviews a change of `before` to `after`.
    fn of(person: &str, before: &str, after: &str) -> Self {
        let mut organisation = Organisation::start();
        let reviewer = organisation.join(person);
        let agent = organisation.ask_change("app.conf", before, after);
        let request = organisation.wait_for(Phase::Pending);
        Self {
            organisation,
            reviewer,
            request,
            agent: Some(agent),
        }
    }

    /// The reviewer's window, which reads the request.
    fn reads(&self) -> Window {
        let window = Window::open(self.reviewer.home(), &["--open", &self.request.to_string()]);
        window.until(
            "the request to be readable",
            "return now.detail?.readable && document.querySelectorAll('#lines .line').length > 5",
        );
        window.settles();
        window
    }
}
