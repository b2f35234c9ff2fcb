//! `countersign completions` and `countersign man`.

use super::failure::Failure;
use super::output;

pub fn run(shell: clap_complete::Shell, command: &mut clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, "countersign", &mut script);
    output::write(&script)
}

pub fn man(command: clap::Command) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::write(&page)
}
