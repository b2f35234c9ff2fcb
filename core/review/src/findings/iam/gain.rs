//! Rights really gained: what a policy allows after the change that it did not allow before.
//!
//! Patterns are expanded against the action table on both sides; what is denied without condition is no right.
//! A right counts as held before only where the same holder had it on resources that cover it, under no
//! narrower condition. What cannot be expanded (`NotResource`, templates) is taken for reaching everything.

use super::action::sensitive;
use super::arn::broad;
use super::escalation::{COMBINATIONS, DATA_READS};
use super::statement::{Statement, join};
use super::table::{Actions, Level, table};
use crate::findings::observation::{holds_under, matches_glob, quote};
use crate::findings::{Change, Delta, Observation, Severity, Side, rule};
use std::collections::{BTreeMap, BTreeSet};

/// From so many actions on, a gain by one pattern is more than its author is likely to have looked up.
const MANY: usize = 10;

/// Returns what the holders of the policies gain.
pub(super) fn gains(before: &[Statement], after: &[Statement]) -> Vec<Change> {
    if too_many(before, after) {
        let what = "not analyzed: too many resources to compare the rights gained";
        let seen = Observation::new(&rule::NOT_ANALYZED, "rights", what);
        return vec![(seen, Delta::Unknown, Side::After)];
    }
    let (before, after) = (Rights::by_owner(before), Rights::by_owner(after));
    let nothing = Vec::new();
    let mut changes = Vec::new();
    for (owner, rights) in &after {
        let held = before.get(owner);
        let delta = held.map_or(Delta::Introduced, |_| Delta::Widened);
        for right in rights
            .iter()
            .filter(|right| right.statement.principals.is_empty())
        {
            right.gained(held.unwrap_or(&nothing), delta, &mut changes);
        }
    }
    combinations(&before, &after, &mut changes);
    changes
}

/// Says whether comparing would take long: each resource of one side is held against all of the other.
fn too_many(before: &[Statement], after: &[Statement]) -> bool {
    const MOST: usize = 5_000;
    const MOST_PAIRS: usize = 1_000_000;
    let (old, new) = (resources(before), resources(after));
    let pairs = new.iter().map(|(owner, count)| {
        let held = old.get(owner).copied().unwrap_or_default();
        // Denials of the same side are held against its resources too.
        count.saturating_mul(held.saturating_add(*count))
    });
    old.values().chain(new.values()).sum::<usize>() > MOST
        || pairs.fold(0, usize::saturating_add) > MOST_PAIRS
}

/// Counts the resources that each owner's statements name.
fn resources(side: &[Statement]) -> BTreeMap<&str, usize> {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for statement in side {
        *owners.entry(&statement.owner).or_default() += statement.resources.len().max(1);
    }
    owners
}

/// What one statement really allows.
struct Rights<'a> {
    statement: &'a Statement,
    /// The actions for each resource.
    on: Vec<(String, Actions)>,
    /// Whether it was told already as a whole: every action, or all of a service.
    told: Actions,
}

impl<'a> Rights<'a> {
    fn by_owner(statements: &'a [Statement]) -> BTreeMap<&'a str, Vec<Self>> {
        let mut owners: BTreeMap<&str, Vec<Self>> = BTreeMap::new();
        let denials: Vec<(&Statement, Actions)> = statements
            .iter()
            .filter(|statement| statement.denies_plainly())
            .map(|statement| (statement, named(statement)))
            .collect();
        for statement in statements.iter().filter(|statement| statement.allow) {
            let rights = Self::of(statement, &denials);
            owners.entry(&statement.owner).or_default().push(rights);
        }
        owners
    }

    fn of(statement: &'a Statement, denials: &[(&Statement, Actions)]) -> Self {
        let allowed = named(statement);
        let resources = match statement.not_resources.as_slice() {
            [] => statement.reached(),
            _ => vec!["*".to_owned()],
        };
        let on = resources.into_iter().map(|resource| {
            let mut left = allowed.clone();
            for (denial, actions) in denials
                .iter()
                .filter(|(denial, _)| denial.owner == statement.owner)
            {
                if denial
                    .reached()
                    .iter()
                    .any(|denied| matches_glob(denied, &resource))
                {
                    left.remove(actions);
                }
            }
            (resource, left)
        });
        let whole: Vec<String> = statement
            .actions
            .iter()
            .filter(|action| *action == "*" || action.ends_with(":*"))
            .cloned()
            .collect();
        let mut told = table().expand_all(&whole);
        if !statement.not_actions.is_empty() {
            told.add(&allowed);
        }
        Self {
            statement,
            on: on.collect(),
            told,
        }
    }

    /// Says how far it allows the same on a resource already.
    fn covering(&self, resource: &str, condition: &str) -> Option<&Actions> {
        let (mine, statement) = (self.statement.condition(), self.statement);
        let covers = statement.principals.is_empty() && holds_under(&mine, condition);
        self.on
            .iter()
            .find(|(have, _)| {
                covers && (matches_glob(have, resource) || matches_glob(have, table_of(resource)))
            })
            .map(|(_, actions)| actions)
    }

    fn gained(&self, held: &[Rights<'_>], delta: Delta, changes: &mut Vec<Change>) {
        let condition = self.statement.condition();
        let mut classes: BTreeMap<Class, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
        for (resource, allowed) in &self.on {
            let mut new = allowed.clone();
            new.remove(&self.told);
            for earlier in held
                .iter()
                .filter_map(|right| right.covering(resource, &condition))
            {
                new.remove(earlier);
            }
            for (action, level) in table().list(&new) {
                let class = Class::of(action, level, resource);
                let (actions, resources) = classes.entry(class).or_default();
                actions.insert(action);
                resources.insert(resource);
            }
        }
        for (class, (actions, resources)) in classes {
            if let Some(severity) = class.severity(actions.len(), !condition.is_empty()) {
                let what = self.sentence(class, &actions, &resources);
                let seen = self.statement.seen(class.rule(), class.level.words(), what);
                changes.push((seen.severity(severity), delta, Side::After));
            }
        }
    }

    fn sentence(&self, class: Class, actions: &BTreeSet<&str>, resources: &BTreeSet<&str>) -> String {
        let list =
            |names: &BTreeSet<&str>| join(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let verb = if class.data {
            "read data"
        } else {
            class.level.words()
        };
        format!(
            "{} more {} that {verb}: {} on {}{} (table of {})",
            actions.len(),
            if actions.len() == 1 { "right" } else { "rights" },
            list(actions),
            list(resources),
            self.statement.under(),
            table().as_of
        )
    }
}

/// Returns the table of an index of DynamoDB, which holds nothing that the table does not; else the resource itself.
fn table_of(resource: &str) -> &str {
    match resource.split_once("/index/") {
        Some((table, _)) if table.contains(":dynamodb:") => table,
        _ => resource,
    }
}

fn named(statement: &Statement) -> Actions {
    let mut actions = table().expand_all(&statement.actions);
    if !statement.not_actions.is_empty() {
        actions.add(&table().but(&table().expand_all(&statement.not_actions)));
    }
    actions
}

/// Gained rights that are told in one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    level: Level,
    broad: bool,
    /// It reads the data itself, of a whole store where `broad` or `whole`.
    data: bool,
    whole: bool,
    destroys: bool,
    /// It puts code where others take it from.
    code: bool,
    /// It is told action by action, by what it gives.
    told: bool,
}

impl Class {
    fn of(action: &str, level: Level, resource: &str) -> Self {
        const DESTROYING: &[&str] = &["Delete", "Terminate", "Purge", "Destroy", "Deregister", "Disable"];
        const CODE: &[&str] = &[
            "ecr:PutImage",
            "ecr-public:PutImage",
            "codecommit:GitPush",
            "codeartifact:PublishPackageVersion",
            "lambda:PublishLayerVersion",
            "signer:PutSigningProfile",
        ];
        let name = action.split_once(':').map_or(action, |(_, name)| name);
        let data = DATA_READS.contains(&action);
        Self {
            level,
            broad: broad(resource),
            data,
            whole: data
                && resource.ends_with('*')
                && (action.starts_with("s3:") || action.starts_with("dynamodb:")),
            destroys: DESTROYING.iter().any(|verb| name.starts_with(verb)),
            code: CODE.contains(&action),
            told: sensitive(action).next().is_some(),
        }
    }

    fn rule(self) -> &'static rule::Rule {
        if self.data {
            &rule::IAM_DATA_READ
        } else {
            &rule::IAM_RIGHTS_GAINED
        }
    }

    /// Weighs so many rights; nothing where it is not worth a line.
    fn severity(self, count: usize, conditioned: bool) -> Option<Severity> {
        let open = self.broad && !conditioned;
        match self.level {
            _ if self.told => None,
            _ if self.data && (open || self.whole) => Some(Severity::Medium),
            _ if self.data => Some(Severity::Low),
            Level::Permissions if open => Some(Severity::High),
            Level::Permissions => Some(Severity::Medium),
            Level::Write if self.broad && (self.destroys && open || count >= MANY) => Some(Severity::Medium),
            Level::Write if self.code && open => Some(Severity::Medium),
            Level::Write if self.broad || count >= MANY => Some(Severity::Low),
            Level::Tagging if open => Some(Severity::Low),
            Level::Read | Level::List if self.broad && count >= 10 * MANY => Some(Severity::Low),
            _ => None,
        }
    }
}

/// Tells combinations that are whole now and were not before, for whoever holds several policies together.
fn combinations(
    before: &BTreeMap<&str, Vec<Rights<'_>>>,
    after: &BTreeMap<&str, Vec<Rights<'_>>>,
    changes: &mut Vec<Change>,
) {
    let (had, has) = (holders(before), holders(after));
    for (holder, (rights, statement, everything)) in &has {
        // Whoever may do everything needs no detour, and that is told.
        if *everything {
            continue;
        }
        let held = had.get(holder);
        for (actions, gives) in COMBINATIONS {
            let whole = |rights: &Actions| actions.iter().all(|action| table().holds(rights, action));
            if whole(rights) && !held.is_some_and(|(held, ..)| whole(held)) {
                let names = actions
                    .iter()
                    .map(|action| quote(action))
                    .collect::<Vec<_>>()
                    .join(" with ");
                let what = format!("{names} is enough to {gives}");
                let delta = held.map_or(Delta::Introduced, |_| Delta::Widened);
                changes.push((
                    statement.seen(&rule::IAM_ESCALATION, gives, what),
                    delta,
                    Side::After,
                ));
            }
        }
    }
}

type Held<'a> = BTreeMap<String, (Actions, &'a Statement, bool)>;

fn holders<'a>(owners: &BTreeMap<&str, Vec<Rights<'a>>>) -> Held<'a> {
    let mut found: Held<'a> = BTreeMap::new();
    let identity = |right: &&Rights<'_>| right.statement.principals.is_empty();
    for (owner, rights) in owners {
        for right in rights.iter().filter(identity) {
            let (held, _, everything) = found
                .entry(holder(owner))
                .or_insert_with(|| (table().none(), right.statement, false));
            for (_, actions) in &right.on {
                held.add(actions);
            }
            *everything |= right.statement.actions.iter().any(|action| action == "*");
        }
    }
    found
}

/// Returns the role or user to which a policy belongs, where it stands inside one.
fn holder(owner: &str) -> String {
    let lower = owner.to_ascii_lowercase();
    let cut = ["/policies", "/inline_policy"]
        .iter()
        .filter_map(|part| lower.find(part))
        .min();
    owner
        .get(..cut.unwrap_or(owner.len()))
        .unwrap_or(owner)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use crate::findings::{Delta, Finding, Severity, analyze, severity};

    fn policy(statements: &[&str]) -> String {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
            statements.join(",")
        )
    }

    fn allow(actions: &str, resource: &str) -> String {
        format!(r#"{{"Effect": "Allow", "Action": [{actions}], "Resource": "{resource}"}}"#)
    }

    fn gained(before: Option<&str>, after: &str) -> Vec<Finding> {
        let before = before.map(|statement| policy(&[statement]));
        let mut found = analyze(
            "iam",
            before.as_deref().map(str::as_bytes),
            policy(&[after]).as_bytes(),
        );
        found.retain(Finding::counts);
        found
    }

    fn rules(found: &[Finding]) -> Vec<(&str, Severity)> {
        found
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn a_pattern_gains_only_what_was_not_held() {
        let before = allow(r#""sns:Create*", "sns:Delete*""#, "*");
        let after = allow(r#""sns:*Topic""#, "*");
        let found = gained(Some(&before), &after);
        assert!(
            found
                .iter()
                .all(|finding| !finding.explanation.contains("sns:DeleteTopic")),
            "{found:?}"
        );
        assert_eq!(rules(&gained(Some(&after), &after)), []);
    }

    #[test]
    fn permissions_and_data_weigh_more_than_writing() {
        let one = |actions: &str, resource: &str| severity(&gained(None, &allow(actions, resource)));
        assert_eq!(one(r#""lambda:AddLayerVersionPermission""#, "*"), Severity::High);
        assert_eq!(one(r#""s3:GetObject""#, "*"), Severity::Medium);
        assert_eq!(
            one(r#""s3:GetObject""#, "arn:aws:s3:::b/reports/a.csv"),
            Severity::Low
        );
        assert_eq!(one(r#""logs:PutLogEvents""#, "*"), Severity::Low);
        assert_eq!(
            one(r#""logs:PutLogEvents""#, "arn:aws:logs:eu-west-1:1:log-group:a:b"),
            Severity::Info
        );
        assert_eq!(one(r#""ec2:DescribeInstances""#, "*"), Severity::Info);
    }

    #[test]
    fn a_new_bucket_to_read_is_told_though_another_was_held() {
        let (a, b) = ("arn:aws:s3:::a/*", "arn:aws:s3:::b/*");
        let found = gained(
            Some(&allow(r#""s3:GetObject""#, a)),
            &allow(r#""s3:GetObject""#, b),
        );
        assert_eq!(rules(&found)[0], ("iam-data-read", Severity::Medium));
        assert_eq!(found[0].delta, Delta::Widened);
    }

    #[test]
    fn what_is_denied_is_no_gain() {
        let deny = r#"{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}"#;
        let after = policy(&[&allow(r#""iam:CreateAccessKey", "sqs:SendMessage""#, "*"), deny]);
        let found = analyze("iam", None, after.as_bytes());
        assert!(
            found
                .iter()
                .all(|finding| !finding.explanation.contains("CreateAccessKey")),
            "{found:?}"
        );
        let conditioned = deny.replace("\"Resource\"", r#""Condition": {"Bool": {"a": "b"}}, "Resource""#);
        let after = policy(&[&allow(r#""iam:CreateAccessKey""#, "*"), &conditioned]);
        assert!(severity(&analyze("iam", None, after.as_bytes())) >= Severity::High);
    }

    #[test]
    fn the_last_piece_of_a_combination_is_told() {
        let function = "arn:aws:lambda:eu-west-1:1:function:etl";
        let pieces = allow(r#""lambda:CreateFunction", "lambda:InvokeFunction""#, function);
        let role = allow(r#""iam:PassRole""#, "arn:aws:iam::1:role/etl");
        let (before, after) = (policy(&[&pieces]), policy(&[&pieces, &role]));
        let found = analyze("iam", Some(before.as_bytes()), after.as_bytes());
        assert!(
            rules(&found).contains(&("iam-escalation", Severity::High)),
            "{found:?}"
        );
        let same = analyze("iam", Some(after.as_bytes()), after.as_bytes());
        assert_eq!(severity(&same), Severity::Info, "{same:?}");
    }

    #[test]
    fn an_index_of_a_table_that_is_read_already_gives_nothing_new() {
        let table = "arn:aws:dynamodb:eu-west-1:1:table/t";
        let query = |more: &str| {
            format!(
                r#"{{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": ["{table}", "{table}{more}"]}}"#
            )
        };
        let before = allow(r#""dynamodb:Query""#, table);
        assert_eq!(
            severity(&gained(Some(&before), &query("/index/*"))),
            Severity::Info
        );
        assert_eq!(
            severity(&gained(Some(&before), &query("2/index/*"))),
            Severity::Medium
        );
    }

    #[test]
    fn an_action_that_nobody_knows_is_unknown_not_safe() {
        let found = gained(None, &allow(r#""newthing:ReleaseAll""#, "arn:aws:newthing:::x"));
        assert_eq!(rules(&found), [("iam-action-unknown", Severity::Medium)]);
    }

    #[test]
    fn policies_made_to_take_long_are_not_analyzed() {
        let resources: Vec<String> = (0..3_000).map(|n| format!("\"arn:aws:s3:::{n}/*\"")).collect();
        let resources = resources.join(",");
        for actions in [r#""*""#, r#""s3:GetObject""#, r#""*:Get*a*b*""#] {
            let statement =
                format!(r#"{{"Effect": "Allow", "Action": [{actions}], "Resource": [{resources}]}}"#);
            let after = policy(&[&statement]);
            let found = analyze("iam", Some(after.as_bytes()), after.as_bytes());
            assert!(
                rules(&found).contains(&("not-analyzed", Severity::Medium)),
                "{actions}"
            );
        }
        let patterns: Vec<String> = (0..3_000).map(|n| format!("\"*:G*e*{n}\"")).collect();
        let after = policy(&[&allow(&patterns.join(","), "*")]);
        assert!(rules(&analyze("iam", None, after.as_bytes())).contains(&("not-analyzed", Severity::Medium)));
    }

    #[test]
    fn narrowing_from_everything_gains_nothing() {
        let all = allow(r#""*""#, "*");
        for less in [
            allow(r#""ec2:*""#, "*"),
            allow(r#""*""#, "arn:aws:s3:::b"),
            allow(r#""iam:Pass*""#, "*"),
        ] {
            assert_eq!(severity(&gained(Some(&all), &less)), Severity::Info, "{less}");
        }
    }

    #[test]
    fn code_that_may_be_put_anywhere_is_told() {
        let push = |resource: &str| {
            allow(
                r#""ecr:PutImage""#,
                &format!("arn:aws:ecr:eu-west-1:111122223333:{resource}"),
            )
        };
        let (own, any) = (push("repository/web"), push("repository/*"));
        assert_eq!(
            rules(&gained(Some(&own), &any))[0],
            ("iam-rights-gained", Severity::Medium)
        );
        assert!(
            rules(&gained(Some(&any), &own))
                .iter()
                .all(|(_, severity)| *severity < Severity::Medium)
        );
    }
}
