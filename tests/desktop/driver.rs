//! The few words of [WebDriver](https://www.w3.org/TR/webdriver2/) that the tests need, over HTTP to a driver on loopback.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How long driver and program may take to find each other.
const MEETING: Duration = Duration::from_secs(60);

/// A session with a page.
pub struct Driver {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    session: String,
}

impl Driver {
    /// Has the driver on a port start a program and operate its page.
    pub fn start(port: u16, program: &Path, arguments: &[&str]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(260))
            .build()
            .unwrap();
        let mut driver = Self {
            runtime,
            client,
            session: format!("http://127.0.0.1:{port}/session"),
        };
        let options = json!({ "binary": program, "args": arguments });
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let asked = driver.client.post(&driver.session).timeout(MEETING).json(&wanted);
        let made = driver.call(asked);
        driver.session = format!("{}/{}", driver.session, made["sessionId"].as_str().unwrap());
        driver.post("/timeouts", &json!({ "script": 240_000 }));
        driver
    }

    /// Runs a script that calls its last argument with the answer.
    pub fn execute(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Presses keys in the element that has the keyboard.
    pub fn send_keys(&self, keys: &str) {
        let active = self.get("/element/active");
        let element = active
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        self.post(&format!("/element/{element}/value"), &json!({ "text": keys }));
    }

    /// Gives the window another size.
    #[allow(dead_code, reason = "the bench has no need of it")]
    pub fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height }));
    }

    /// A picture of the page, as a PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        STANDARD
            .decode(self.get("/screenshot").as_str().unwrap())
            .unwrap()
    }

    /// Ends the session, and with it the program.
    pub fn close(&self) {
        // A page that is gone is closed already.
        let _ = self
            .runtime
            .block_on(async { self.client.delete(&self.session).send().await });
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call(self.client.post(format!("{}{path}", self.session)).json(body))
    }

    fn get(&self, path: &str) -> Value {
        self.call(self.client.get(format!("{}{path}", self.session)))
    }

    fn call(&self, request: reqwest::RequestBuilder) -> Value {
        let answer: Value = self
            .runtime
            .block_on(async { request.send().await?.json().await })
            .unwrap();
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "the driver refuses: {value}");
        value
    }
}
