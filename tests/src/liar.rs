//! A backend that lies: a proxy which passes everything on and bends what it likes in the answers.
//!
//! It stands where a stolen backend would: it sees every request and answers what it wants. It holds the
//! backend's key file too, so that it can sign new requests and grants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a lie bends an answer: path and body in, the new body out, or nothing to leave it.
pub type Lie = dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync;

/// The running proxy. Ends with its value.
#[derive(Debug)]
pub struct Liar {
    /// Its address.
    pub url: String,
    ended: Arc<AtomicBool>,
}

impl Liar {
    /// Starts lying about the backend at `url`.
    #[must_use]
    pub fn start(url: &str, lie: Box<Lie>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let ended = Arc::new(AtomicBool::new(false));
        let (lie, stop) = (Arc::new(lie), Arc::clone(&ended));
        let real = url.strip_prefix("http://").unwrap().to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(client), lie, real) = (client, Arc::clone(&lie), real.clone()) else {
                    continue;
                };
                std::thread::spawn(move || pass(client, &real, lie.as_ref()));
            }
        });
        Self {
            url: format!("http://{own}"),
            ended,
        }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

/// Passes one exchange on. The signed `Host` stays, so that the client's signature stays good.
fn pass(client: TcpStream, real: &str, lie: &Lie) -> Option<()> {
    let mut from_client = BufReader::new(client.try_clone().ok()?);
    let (head, body) = message(&mut from_client)?;
    let path = head.split(' ').nth(1)?.to_owned();
    let server = TcpStream::connect(real).ok()?;
    let mut to_server = server.try_clone().ok()?;
    to_server.write_all(with_close(&head).as_bytes()).ok()?;
    to_server.write_all(&body).ok()?;
    let mut from_server = BufReader::new(server);
    let (head, body) = message(&mut from_server)?;
    let body = lie(&path, &body).unwrap_or(body);
    let mut to_client = client;
    to_client
        .write_all(with_length(&head, body.len()).as_bytes())
        .ok()?;
    to_client.write_all(&body).ok()?;
    Some(())
}

/// A head with its blank line, and the body.
fn message(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    loop {
        let start = head.len();
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if &head[start..] == "\r\n" {
            break;
        }
    }
    let field = |name: &str| {
        head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix(name)
                .map(|rest| rest.trim().to_owned())
        })
    };
    let mut body = Vec::new();
    if field("transfer-encoding:").is_some() {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = field("content-length:") {
        body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).ok()?;
    }
    Some((head, body))
}

fn with_close(head: &str) -> String {
    let kept: String = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    kept.trim_end().to_owned() + "\r\nConnection: close\r\n\r\n"
}

fn with_length(head: &str, length: usize) -> String {
    let drop = ["content-length:", "transfer-encoding:", "connection:"];
    let kept: String = head
        .lines()
        .filter(|line| {
            !drop
                .iter()
                .any(|name| line.to_ascii_lowercase().starts_with(name))
        })
        .map(|line| format!("{line}\r\n"))
        .collect();
    format!(
        "{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        kept.trim_end()
    )
}
