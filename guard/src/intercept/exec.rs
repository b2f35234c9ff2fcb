//! A command line: its words, its folder, its environment, its standard input, and the files it names.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use countersign_protocol::bundle::Artifact;
use countersign_protocol::text::OsBytes;

use super::{InterceptError, absolute, read_file, read_within};
use crate::socket::{Asking, ExecCall, MAX_OPERAND_BYTES, MAX_STDIN_BYTES, OperandCall};

/// Gathers the call for `argv`. Arguments in `names` are names and stay as they are; every other one that names a
/// regular file is sent with the file's content, and the process gets that content and no other.
///
/// # Errors
/// [`InterceptError`] when a file cannot be read or is too large.
pub fn exec(argv: &[OsString], names: &[OsString], asking: Asking) -> Result<ExecCall, InterceptError> {
    let cwd = std::env::current_dir().map_err(|source| InterceptError::Read {
        path: PathBuf::from("."),
        source,
    })?;
    let env = std::env::vars_os()
        .map(|(name, value)| (OsBytes::new(name.into_vec()), OsBytes::new(value.into_vec())))
        .collect();
    Ok(ExecCall {
        operands: operands(argv, names)?,
        argv: argv.iter().map(|arg| OsBytes::new(arg.as_bytes())).collect(),
        cwd: OsBytes::new(cwd.into_os_string().into_vec()),
        env,
        stdin: stdin()?,
        asking,
    })
}

/// Standard input, unless it is a terminal or empty: then there is none.
fn stdin() -> Result<Option<Artifact>, InterceptError> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Ok(None);
    }
    let bytes = read_within(Path::new("standard input"), stdin.lock(), MAX_STDIN_BYTES)?;
    Ok((!bytes.is_empty()).then_some(Artifact(bytes)))
}

fn operands(argv: &[OsString], names: &[OsString]) -> Result<Vec<OperandCall>, InterceptError> {
    let mut operands = Vec::new();
    let mut left = MAX_OPERAND_BYTES;
    for (index, argument) in argv.iter().enumerate().skip(1) {
        if names.contains(argument) || !is_file(argument) {
            continue;
        }
        let path = Path::new(argument);
        let content = read_file(path, left)?;
        left -= content.len();
        // Links are resolved now: the name that is shown is the one the bytes came from.
        let path = match path.canonicalize() {
            Ok(path) => path,
            Err(_) => absolute(path)?,
        };
        operands.push(OperandCall {
            argument: u32::try_from(index).unwrap_or(u32::MAX),
            path: OsBytes::new(path.into_os_string().into_vec()),
            content: Artifact(content),
        });
    }
    Ok(operands)
}

fn is_file(argument: &OsStr) -> bool {
    !argument.is_empty() && Path::new(argument).metadata().is_ok_and(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_arguments_name_come_along_and_names_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (plan, other) = (folder.path().join("plan"), folder.path().join("other"));
        std::fs::write(&plan, "the plan").unwrap();
        std::fs::write(&other, "not sent").unwrap();
        let argv: Vec<OsString> = [
            Path::new("terraform"),
            &plan,
            Path::new("--flag"),
            &other,
            folder.path(),
        ]
        .map(|arg| arg.as_os_str().to_owned())
        .to_vec();
        let operands = operands(&argv, &[other.into_os_string()]).unwrap();
        assert_eq!(operands.len(), 1);
        assert_eq!(
            (operands[0].argument, operands[0].content.0.as_slice()),
            (1, &b"the plan"[..])
        );
    }
}
