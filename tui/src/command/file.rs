//! Reading and writing the files that commands are given.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use countersign_protocol::canonical;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Code, Failure};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// How long a pipe that another program writes may stay silent.
const PIPE_SILENCE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// Reads a file, or a pipe that the shell opened (`<(command)`). Never more than so many bytes, and never one that
/// does not end or never begins.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        let code = match error.kind() {
            ErrorKind::NotFound => Code::NotFound,
            _ => Code::Usage,
        };
        Failure::new(code, format!("`{}`: {error}", path.display()), "")
    };
    let refused = |why: &str| failed(std::io::Error::other(why.to_owned()));
    // Not blocking, so that a pipe that nobody writes does not hold the program before it is known as one.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let kind = found.file_type();
    if kind.is_dir() {
        return Err(refused("it is a folder; name a file in it"));
    }
    if kind.is_socket() || kind.is_block_device() {
        return Err(refused("it is neither a file nor a pipe"));
    }
    if kind.is_fifo() && !is_descriptor(path) {
        return Err(refused(
            "it is a named pipe; name a file, or use `<(command)` in the shell",
        ));
    }
    if kind.is_fifo() {
        wait(&file).map_err(failed)?;
    }
    let too_large = || refused(&format!("it is larger than {MAX_BYTES} bytes"));
    if found.len() > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
    loop {
        let taken = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match (&file)
            .take((MAX_BYTES + 1).saturating_sub(taken))
            .read_to_end(&mut bytes)
        {
            Ok(_) if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES => return Err(too_large()),
            Ok(_) => return Ok(bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock && kind.is_fifo() => {
                wait(&file).map_err(failed)?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(refused("it is a terminal; name a file"));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Whether a path names something that this program was started with.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/dev/stdin", "/proc/self/fd"]
        .iter()
        .any(|start| path.starts_with(start))
}

/// Waits until a pipe has something to say, or has said everything.
fn wait(file: &File) -> std::io::Result<()> {
    let mut pipes = [PollFd::new(file, PollFlags::IN)];
    match poll(&mut pipes, Some(&PIPE_SILENCE))? {
        0 => Err(std::io::Error::new(
            ErrorKind::TimedOut,
            format!(
                "nothing came through the pipe for {} seconds",
                PIPE_SILENCE.tv_sec
            ),
        )),
        _ => Ok(()),
    }
}

/// Reads a text file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?)
        .map_err(|_| Failure::usage(format!("`{}` is not UTF-8 text", path.display()), ""))
}

/// Reads a strict JSON document.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let bytes = read(path)?;
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::usage(
            format!("`{}` is empty", path.display()),
            "what was to write it may have failed: run that again, and look at what it says",
        ));
    }
    canonical::parse_within(&bytes, bytes.len()).map_err(|error| {
        Failure::usage(
            format!("`{}` is not what is expected: {error}", path.display()),
            "",
        )
    })
}

/// Writes a JSON document.
pub fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(document).map_err(|error| Failure::internal(error.to_string()))?;
    write(path, format!("{text}\n").as_bytes())
}

/// Writes a file, durably.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    countersign_client::durable::replace(path, bytes)
        .map_err(|error| Failure::usage(format!("`{}` cannot be written: {error}", path.display()), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        read(path).unwrap_err().message().to_owned()
    }

    #[test]
    fn what_is_no_file_is_refused_at_once_and_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(message(folder.path()).contains("is a folder"));
        assert!(message(Path::new("/dev/zero")).contains("is larger than"));
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        assert!(message(&pipe).contains("named pipe"));
        let socket = folder.path().join("socket");
        let listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(read(&socket).is_err());
        drop(listening);
        assert!(message(&folder.path().join("nothing")).contains("nothing"));
        assert_eq!(read(Path::new("/dev/null")).unwrap(), b"");
    }

    #[test]
    fn a_sparse_file_beyond_the_limit_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_BYTES + 1).unwrap();
        assert!(message(file.path()).contains("is larger than"));
    }
}
