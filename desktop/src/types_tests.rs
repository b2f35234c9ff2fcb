//! The types of what passes between page and console, in TypeScript: written from the Rust types, compared here.

use std::fs;
use std::path::Path;

use countersign_console::config::{Density, WindowTheme};
use countersign_console::machine::Field;
use countersign_console::machine::view::{
    BatchView, CeremonyView, ChoiceView, Column, DetailView, FieldView, HeaderView, HistoryView, KeyView,
    MemberView, PaceView, PaneLine, PastRow, Piece, QuestionView, QueueRow, QueueView, RevealView, TabView,
    Tone, WaitingView,
};
use countersign_protocol::approval::Severity;
use ts_rs::{Config, TS};

use crate::console::{AsideView, KeysView, Look, Place, Settings, SettingsView};
use crate::input::{Input, Signing};
use crate::snapshot::{FileView, Lines, Setup, Snapshot, Tab};

const HEAD: &str = "\
// What passes between the page and the console. Written by the test that compares it with the Rust types; after a change
// of those: `COUNTERSIGN_WRITE_TYPES=1 cargo nextest run -p countersign-desktop types`.

";

fn declarations() -> String {
    let config = Config::new().with_large_int("number");
    let severities = [
        Severity::None,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];
    let severity: Vec<String> = severities
        .iter()
        .map(|severity| serde_json::to_string(severity).unwrap())
        .collect();
    let mut all = vec![format!("type Severity = {};", severity.join(" | "))];
    macro_rules! declare {
        ($($name:ty),* $(,)?) => { $(all.push(<$name as TS>::decl(&config));)* };
    }
    declare!(
        Tone,
        Piece,
        Column,
        PaneLine,
        HeaderView,
        ChoiceView,
        QueueRow,
        QueueView,
        TabView,
        DetailView,
        MemberView,
        BatchView,
        Field,
        FieldView,
        CeremonyView,
        RevealView,
        QuestionView,
        Setup,
        FileView,
        Tab,
        PastRow,
        PaceView,
        WaitingView,
        HistoryView,
        KeyView,
        KeysView,
        SettingsView,
        AsideView,
        WindowTheme,
        Density,
        Look,
        Snapshot,
        Lines,
        Place,
        Settings,
        Input,
        Signing,
    );
    let exported: Vec<String> = all.iter().map(|one| format!("export {one}\n")).collect();
    format!("{HEAD}{}", exported.join("\n"))
}

#[test]
fn types_of_the_page_are_those_of_the_console() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/types.d.ts");
    let wanted = declarations();
    if std::env::var_os("COUNTERSIGN_WRITE_TYPES").is_some() {
        fs::write(&file, &wanted).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written == wanted,
        "`{}` is not what the Rust types say; write it anew as its head tells",
        file.display()
    );
}
