//! What was checked of a file of evidence, step by step, and what it does not prove.

use countersign_review::text::Untrusted;
use countersign_verify::account::{Account, Checked, Standing};

use super::super::state::State;
use super::piece::{Piece, Text, Tone, foreign};

/// The room that a name takes, in characters.
const NAME: usize = 20;

/// Whether the evidence that is read holds; nothing where none is read.
pub(super) fn verdict(state: &State) -> Option<Piece> {
    let account = state.evidence.as_deref()?;
    Some(if account.valid {
        Piece::new("✓ valid evidence", Tone::Good)
    } else {
        Piece::new("✗ NOT VALID", Tone::Bad)
    })
}

/// The page of a verdict.
pub(super) fn evidence(account: &Account) -> Vec<Text> {
    let mut lines = vec![
        if account.valid {
            vec![
                Piece::new("✓ VALID", Tone::Good),
                Piece::new(
                    "  everything below was checked here, without a network, by the root that this console trusts",
                    Tone::Plain,
                ),
            ]
        } else {
            vec![
                Piece::new("✗ NOT VALID", Tone::Bad),
                Piece::new("  nothing is to be believed because of this file", Tone::Plain),
            ]
        },
        Text::new(),
    ];
    lines.extend(in_short(account));
    if !account.problems.is_empty() {
        lines.push(heading("What does not hold"));
        for (step, code, message) in &account.problems {
            let mut line = named(step.word(), Tone::Bad);
            line.extend(told(message, Tone::Plain));
            line.push(Piece::new(format!(" [{code}]"), Tone::Faint));
            lines.push(line);
        }
        lines.push(Text::new());
    }
    lines.push(heading("Step by step"));
    for checked in &account.steps {
        lines.extend(step(checked));
    }
    if !account.unproven.is_empty() {
        lines.push(Text::new());
        lines.push(heading("What it does not prove"));
        for what in &account.unproven {
            let mut line = vec![Piece::new("  ○ ", Tone::Warn)];
            line.extend(told(what, Tone::Plain));
            lines.push(line);
        }
    }
    lines
}

fn in_short(account: &Account) -> Vec<Text> {
    let mut lines = Vec::new();
    if let Some(phase) = account.outcome {
        let mut line = named("outcome", Tone::Faint);
        line.push(Piece::new(phase.word(), Tone::Strong));
        lines.push(line);
    }
    if let Some(others) = account.four_eyes {
        let mut line = named("four eyes", Tone::Faint);
        line.push(if others {
            Piece::new("somebody else than those who asked approved it", Tone::Plain)
        } else {
            Piece::new("no: nobody else than those who asked approved it", Tone::Warn)
        });
        lines.push(line);
    }
    if !lines.is_empty() {
        lines.push(Text::new());
    }
    lines
}

fn step(checked: &Checked) -> Vec<Text> {
    let (sign, tone, what) = match checked.standing {
        Standing::Holds => ("✓", Tone::Good, checked.step.checked()),
        Standing::Fails => ("✗", Tone::Bad, "does not hold; see above"),
        Standing::Absent => ("·", Tone::Faint, "none in this file"),
        Standing::NotReached => ("?", Tone::Warn, "not proven here"),
    };
    let mut line = vec![
        Piece::new(format!("{sign} "), tone),
        Piece::new(format!("{:<NAME$}", checked.step.word()), Tone::Strong),
    ];
    line.push(Piece::new(
        what,
        if checked.standing == Standing::Holds {
            Tone::Plain
        } else {
            tone
        },
    ));
    let mut lines = vec![line];
    for (name, value) in &checked.facts {
        let mut line = vec![Piece::new("    ", Tone::Faint)];
        let name = Untrusted::from(name.as_str()).escaped();
        line.push(Piece::new(
            format!("{name:<width$} ", width = NAME - 3),
            Tone::Faint,
        ));
        line.extend(told(value, Tone::Plain));
        lines.push(line);
    }
    lines
}

fn heading(text: &str) -> Text {
    vec![Piece::new(text, Tone::Heading)]
}

fn named(name: &str, tone: Tone) -> Text {
    vec![Piece::new(format!("  {name:<NAME$}"), tone)]
}

fn told(text: &str, tone: Tone) -> Text {
    foreign(&text.into(), tone)
}

#[cfg(test)]
mod tests {
    use countersign_protocol::request::Phase;
    use countersign_verify::account::Step;

    use super::*;

    fn account(standing: Standing, problems: &[(Step, &'static str, &str)]) -> Account {
        Account {
            valid: problems.is_empty(),
            steps: vec![Checked {
                step: Step::Log,
                standing,
                facts: vec![("log".to_owned(), "a\u{202e}b".to_owned())],
            }],
            problems: problems
                .iter()
                .map(|(step, code, message)| (*step, *code, (*message).to_owned()))
                .collect(),
            outcome: Some(Phase::Succeeded),
            four_eyes: Some(false),
            unproven: vec!["What came after.".to_owned()],
        }
    }

    fn shown(account: &Account) -> String {
        let line = |text: Text| text.into_iter().map(|piece| piece.text).collect::<String>();
        evidence(account)
            .into_iter()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn what_holds_and_what_is_not_proven_stand_beside_each_other() {
        let page = shown(&account(Standing::Holds, &[]));
        for told in [
            "✓ VALID",
            "✓ log",
            "What it does not prove",
            "What came after.",
            "no: nobody else",
            "⟦",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(
            !page.contains('\u{202e}') && !page.contains("does not hold"),
            "{page}"
        );
    }

    #[test]
    fn what_fails_is_never_said_to_hold() {
        let page = shown(&account(
            Standing::Fails,
            &[(Step::Log, "log", "leaf \u{202e}3 is bent")],
        ));
        for told in ["✗ NOT VALID", "What does not hold", "[log]", "✗ log", "see above"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains('✓') && !page.contains('\u{202e}'), "{page}");
    }
}
