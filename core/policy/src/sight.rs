//! What a set of policies can tell apart.
//!
//! Four facts of a question hardly ever come again: the target, the findings, the moment, and how old an approval is.
//! Policies look at them through a few fixed tests (`resource.target like "file://*/etc/audit/*"`, `context.age >
//! duration("24h")`), or not at all. [`Sight`] holds those tests, read from the syntax trees of the policies, and
//! [`Seen`] is such a fact as far as they see it. Cedar can answer differently only where something differs that is seen.
//!
//! Where it doubts, it sees: a fact that is named in any other way than a test known here is seen whole, and so is all of
//! a context that is not taken apart by its names. What is told apart otherwise (people, environments, the rest of an
//! operation) is no business of this module: see [`crate::recall`].

use std::collections::BTreeSet;
use std::time::Duration;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, PatternElem, UnaryOp, Var};
use cedar_policy::{Context, Entities, EvalResult, Expression, Policy, Request, eval_expression};
use countersign_protocol::moment::Timestamp;

use crate::schema::Ask;
use crate::world::{this, uid};

/// The most brackets and operators in a policy whose tree is read, those that stand in texts counted as well.
const MAX_NESTING: usize = 96;

/// All that some policies see of the four facts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight {
    pub(crate) target: View<Pattern>,
    pub(crate) findings: View<AmongFindings>,
    pub(crate) now: View<AgainstClock>,
    pub(crate) age: View<AgainstClock>,
}

/// What policies may see of which nothing is known.
pub(crate) static EVERYTHING: Sight = Sight {
    target: View::WHOLE,
    findings: View::WHOLE,
    now: View::WHOLE,
    age: View::WHOLE,
};

/// How one fact is looked at.
#[derive(Debug, Clone)]
pub(crate) struct View<T> {
    /// Whether anything but the tests looks at it.
    whole: bool,
    tests: BTreeSet<T>,
}

/// A fact as far as policies see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Seen<F> {
    /// All of it.
    Whole(F),
    /// Which tests it passes.
    Passes(Vec<bool>),
}

/// A yes or no about a fact.
pub(crate) trait Test<F> {
    fn passes(&self, fact: &F) -> bool;
}

/// `resource.target like "…"`, also `== "…"`: the pieces between which anything may stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern(Vec<String>);

/// `resource.findings.contains("…")` and `.isEmpty()`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AmongFindings {
    Named(String),
    None,
}

/// A moment or an age against a constant, in milliseconds. The two tell all that any comparison does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AgainstClock {
    Below(i64),
    Exactly(i64),
}

impl Sight {
    /// What these policies see.
    pub(crate) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut sight = Self::default();
        for policy in policies {
            match Some(policy)
                .filter(|policy| is_shallow(policy))
                .map(Policy::to_pst)
            {
                Some(Ok(tree)) => {
                    for clause in tree.body().clauses() {
                        let (Clause::When(condition) | Clause::Unless(condition)) = clause;
                        sight.look(condition);
                    }
                }
                _ => return EVERYTHING.clone(),
            }
        }
        sight
    }

    /// Notes all that a condition looks at. Not by recursion: how deep a policy nests is its author's choice.
    fn look(&mut self, condition: &Expr) {
        let mut rest = vec![condition];
        while let Some(expression) = rest.pop() {
            if self.knows(expression) {
                continue;
            }
            match expression {
                Expr::Literal(_) | Expr::Var(Var::Principal | Var::Action | Var::Resource) => {}
                Expr::GetAttr { expr, attr } => {
                    self.see(attr);
                    rest.extend(taken_apart(expr));
                }
                Expr::HasAttr { expr, attrs } => {
                    attrs.iter().for_each(|name| self.see(name));
                    rest.extend(taken_apart(expr));
                }
                Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => rest.push(expr),
                Expr::BinaryOp { left, right, .. } => rest.extend([&**left, &**right]),
                Expr::Is { expr, in_expr, .. } => {
                    rest.push(expr);
                    rest.extend(in_expr.as_deref());
                }
                Expr::IfThenElse {
                    cond,
                    then_expr,
                    else_expr,
                } => rest.extend([&**cond, &**then_expr, &**else_expr]),
                Expr::Set(all) => rest.extend(all.iter().map(|expr| &**expr)),
                Expr::Record(fields) => rest.extend(fields.values().map(|expr| &**expr)),
                // The context as it is; and whatever later versions of Cedar add.
                _ => self.see_all(),
            }
        }
    }

    /// Notes a test of a form that is known here.
    fn knows(&mut self, expression: &Expr) -> bool {
        match expression {
            Expr::Like { expr, pattern } if reads(expr, Var::Resource, "target") => {
                self.target.through(Pattern::of(pattern))
            }
            Expr::BinaryOp {
                op: BinaryOp::Eq | BinaryOp::NotEq,
                left,
                right,
            } if reads(left, Var::Resource, "target") => match text(right) {
                Some(text) => self.target.through(Pattern::exactly(text)),
                None => false,
            },
            Expr::BinaryOp {
                op: BinaryOp::Contains,
                left,
                right,
            } if reads(left, Var::Resource, "findings") => match text(right) {
                Some(name) => self.findings.through(AmongFindings::Named(name.to_owned())),
                None => false,
            },
            Expr::UnaryOp {
                op: UnaryOp::IsEmpty,
                expr,
            } if reads(expr, Var::Resource, "findings") => self.findings.through(AmongFindings::None),
            Expr::BinaryOp { op, left, right } if compares(*op) => {
                let clock = if reads(left, Var::Context, "now") {
                    &mut self.now
                } else if reads(left, Var::Context, "age") {
                    &mut self.age
                } else {
                    return false;
                };
                constant(right).is_some_and(|at| {
                    clock.through(AgainstClock::Below(at)) && clock.through(AgainstClock::Exactly(at))
                })
            }
            _ => false,
        }
    }

    /// Notes that an attribute is read in some way. Whose it is does not matter: one of the same name may be meant.
    fn see(&mut self, attribute: &str) {
        match attribute {
            "target" => self.target.whole = true,
            "findings" => self.findings.whole = true,
            "now" => self.now.whole = true,
            "age" => self.age.whole = true,
            _ => {}
        }
    }

    fn see_all(&mut self) {
        for fact in ["target", "findings", "now", "age"] {
            self.see(fact);
        }
    }
}

impl<T> View<T> {
    const WHOLE: Self = Self {
        whole: true,
        tests: BTreeSet::new(),
    };
}

impl<T> Default for View<T> {
    /// Not looked at.
    fn default() -> Self {
        Self {
            whole: false,
            tests: BTreeSet::new(),
        }
    }
}

impl<T: Ord> View<T> {
    fn through(&mut self, test: T) -> bool {
        self.tests.insert(test);
        true
    }

    /// A fact as far as it is looked at.
    pub(crate) fn of<F: Clone>(&self, fact: &F) -> Seen<F>
    where
        T: Test<F>,
    {
        if self.whole {
            Seen::Whole(fact.clone())
        } else {
            Seen::Passes(self.tests.iter().map(|test| test.passes(fact)).collect())
        }
    }
}

impl Pattern {
    fn of(elements: &[PatternElem]) -> Self {
        let mut pieces = vec![String::new()];
        for element in elements {
            match (element, pieces.last_mut()) {
                (PatternElem::Char(character), Some(piece)) => piece.push(*character),
                _ => pieces.push(String::new()),
            }
        }
        Self(pieces)
    }

    fn exactly(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }
}

impl Test<String> for Pattern {
    fn passes(&self, text: &String) -> bool {
        let Some((first, rest)) = self.0.split_first() else {
            return false;
        };
        let Some((last, between)) = rest.split_last() else {
            return text == first;
        };
        let mut pieces = between.iter();
        text.strip_prefix(first.as_str())
            .and_then(|rest| pieces.try_fold(rest, |rest, piece| Some(rest.split_once(piece.as_str())?.1)))
            .is_some_and(|rest| rest.ends_with(last.as_str()))
    }
}

impl Test<BTreeSet<String>> for AmongFindings {
    fn passes(&self, findings: &BTreeSet<String>) -> bool {
        match self {
            Self::Named(name) => findings.contains(name),
            Self::None => findings.is_empty(),
        }
    }
}

impl Test<Timestamp> for AgainstClock {
    fn passes(&self, moment: &Timestamp) -> bool {
        self.holds(moment.millis().into())
    }
}

impl Test<Duration> for AgainstClock {
    fn passes(&self, age: &Duration) -> bool {
        self.holds(age.as_millis())
    }
}

impl AgainstClock {
    fn holds(self, millis: u128) -> bool {
        match self {
            Self::Below(constant) => u128::try_from(constant).is_ok_and(|constant| millis < constant),
            Self::Exactly(constant) => u128::try_from(constant).is_ok_and(|constant| millis == constant),
        }
    }
}

/// Whether a tree cannot be deep: reading it nests at most as deep as there are brackets and operators.
fn is_shallow(policy: &Policy) -> bool {
    let nests = |text: String| {
        text.matches(['(', '[', '{', '&', '|', '!', '+', '-', '*'])
            .count()
            + text.matches("if").count()
    };
    policy.to_cedar().is_some_and(|text| nests(text) <= MAX_NESTING)
}

/// Whether an expression is this attribute of this variable.
fn reads(expression: &Expr, variable: Var, attribute: &str) -> bool {
    matches!(expression, Expr::GetAttr { expr, attr } if **expr == Expr::Var(variable) && attr == attribute)
}

/// What is left to look at of something of which one attribute is read: nothing of the context, of which that is all.
fn taken_apart(expression: &Expr) -> Option<&Expr> {
    Some(expression).filter(|expression| **expression != Expr::Var(Var::Context))
}

fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

const fn compares(op: BinaryOp) -> bool {
    use BinaryOp::{Eq, Greater, GreaterEq, Less, LessEq, NotEq};
    matches!(op, Eq | NotEq | Less | LessEq | Greater | GreaterEq)
}

/// The milliseconds of `duration("…")`, or since 1970 of `datetime("…")`, as Cedar reads them.
fn constant(expression: &Expr) -> Option<i64> {
    let Expr::UnaryOp { op, expr } = expression else {
        return None;
    };
    let written = text(expr).filter(|text| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-:.".contains(&byte))
    })?;
    let millis = match op {
        UnaryOp::Duration => format!("duration(\"{written}\").toMilliseconds()"),
        UnaryOp::Datetime => {
            format!("datetime(\"{written}\").durationSince(datetime(\"1970-01-01\")).toMilliseconds()")
        }
        _ => return None,
    };
    match evaluated(&millis) {
        Some(EvalResult::Long(millis)) => Some(millis),
        _ => None,
    }
}

/// What an expression comes to that is about nothing.
fn evaluated(expression: &str) -> Option<EvalResult> {
    let nobody = this().ok()?;
    let action = uid("Action", Ask::Propose.action()).ok()?;
    let request = Request::new(nobody.clone(), action, nobody, Context::empty(), None).ok()?;
    let expression: Expression = expression.parse().ok()?;
    eval_expression(&request, &Entities::empty(), &expression).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn patterns_fit_as_they_do_in_cedar(
            text in "[abé*]{0,8}",
            pattern in proptest::collection::vec(prop_oneof![Just(None), proptest::char::range('a', 'b').prop_map(Some), Just(Some('é')), Just(Some('*'))], 0..6),
        ) {
            let written: String = pattern
                .iter()
                .map(|element| element.map_or("*".to_owned(), |c| if c == '*' { "\\*".to_owned() } else { c.to_string() }))
                .collect();
            let elements: Vec<PatternElem> = pattern
                .iter()
                .map(|element| element.map_or(PatternElem::Wildcard, PatternElem::Char))
                .collect();
            let fits = evaluated(&format!("\"{text}\" like \"{written}\""));
            prop_assert_eq!(fits, Some(EvalResult::Bool(Pattern::of(&elements).passes(&text))), "{} like {}", text, written);
        }
    }

    fn expression(text: &str) -> Expr {
        let policy: Policy = format!("permit (principal, action, resource) when {{ {text} }};")
            .parse()
            .unwrap();
        let tree = policy.to_pst().unwrap();
        let Clause::When(condition) = &tree.body().clauses()[0] else {
            panic!("{text}");
        };
        Expr::clone(condition)
    }

    #[test]
    fn constants_are_read_as_cedar_reads_them() {
        for (text, millis) in [
            ("duration(\"1d2h\")", Some(93_600_000)),
            ("duration(\"-5ms\")", Some(-5)),
            ("datetime(\"1970-01-02\")", Some(86_400_000)),
            ("datetime(\"1970-01-01T01:00:00+0100\")", Some(0)),
            ("context.age", None),
            ("decimal(\"1.0\")", None),
        ] {
            assert_eq!(constant(&expression(text)), millis, "{text}");
        }
    }

    #[test]
    fn what_is_not_looked_at_is_not_told_apart() {
        let seen = |text: &str| {
            let mut sight = Sight::default();
            sight.look(&expression(text));
            sight.target.of(&"db://a".to_owned())
        };
        assert_eq!(
            seen("principal == resource.agent && context.frozen"),
            Seen::Passes(vec![])
        );
        assert_eq!(
            seen("resource.target like \"db:*\" || resource.target == \"x\""),
            Seen::Passes(vec![true, false])
        );
        for whole in [
            "resource.target == resource.target",
            "resource[\"t\\u{61}rget\"] != context.frozen",
            "context == {}",
            "[context].isEmpty()",
            "resource.target like \"a\" || {a: {b: [resource.target]}}.a has b",
            "if resource has target then true else false",
        ] {
            assert_eq!(seen(whole), Seen::Whole("db://a".to_owned()), "{whole}");
        }
    }
}
