//! CloudFormation templates: a reference to a parameter is judged as the parameter's default.
//!
//! The default is what runs unless the caller says otherwise, and a change of it is a change of every place
//! that refers to it. Other functions stay as they are.

use crate::document::{Node, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Puts the defaults of parameters in the place of references to them.
pub(in crate::findings) fn resolve(template: &Value) -> Cow<'_, Value> {
    let parameters = template.at("Parameters").map(Value::entries).unwrap_or_default();
    if template.at("Resources").is_none() || parameters.is_empty() {
        return Cow::Borrowed(template);
    }
    let default = |(name, parameter): &(String, Value)| {
        let node = parameter.at("Default").map(|default| &default.node)?;
        matches!(node, Node::Text(_) | Node::Number(_) | Node::Bool(_)).then(|| (name.clone(), node.clone()))
    };
    let defaults: BTreeMap<String, Node> = parameters.iter().filter_map(default).collect();
    if defaults.is_empty() {
        return Cow::Borrowed(template);
    }
    let mut resolved = template.clone();
    replace(&mut resolved, &defaults);
    Cow::Owned(resolved)
}

/// The document's depth is bounded where it is read.
fn replace(value: &mut Value, defaults: &BTreeMap<String, Node>) {
    let reference = match value.entries() {
        [(key, name)] if key == "Ref" => name.text().and_then(|name| defaults.get(name)),
        _ => None,
    };
    if let Some(default) = reference {
        value.node = default.clone();
        return;
    }
    match &mut value.node {
        Node::List(items) => items.iter_mut().for_each(|item| replace(item, defaults)),
        Node::Map(entries) => entries.iter_mut().for_each(|(_, entry)| replace(entry, defaults)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze, severity};

    #[test]
    fn a_default_that_opens_a_group_is_seen_through_its_reference() {
        let before = "Parameters:\n  From: {Type: String, Default: 10.0.0.0/24}\nResources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress:\n        - {IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref From}\n";
        let after = before.replace("10.0.0.0/24", "0.0.0.0/0");
        let findings = analyze("security-group", Some(before.as_bytes()), after.as_bytes());
        assert_eq!(severity(&findings), Severity::High);
    }
}
