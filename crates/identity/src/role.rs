//! Roles, and how groups map to them.

use crate::Vouched;
use std::{collections::BTreeSet, fmt};

/// What a person may do; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// List entries, reports, login links, recipients, own keys.
    Agent,
    /// All domain changes, bulk, key moves, reading the audit log.
    Lead,
    /// People, sessions, everyone's keys by label, settings.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Agent, Self::Lead, Self::Admin];

    /// The role's name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Lead => "lead",
            Self::Admin => "admin",
        }
    }

    /// The opposite of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which groups have which role, and whose addresses count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleMap {
    groups: [BTreeSet<String>; 4],
    domains: BTreeSet<String>,
}

/// Why a mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMap {
    /// No group at all.
    #[error(
        "nobody could sign in: set at least one of SLUICE_ROLE_ADMINS, SLUICE_ROLE_LEADS, SLUICE_ROLE_AGENTS and \
         SLUICE_ROLE_VIEWERS to names of groups (or user:<e-mail address>), comma-separated."
    )]
    Nobody,
    /// `*` for administrators.
    #[error(
        "SLUICE_ROLE_ADMINS is “*”: everybody would be an administrator. Name the groups or user:<e-mail address>."
    )]
    EveryAdmin,
    /// A domain that is none.
    #[error("SLUICE_ALLOWED_DOMAINS has “{0}”, which is no domain.")]
    Domain(String),
}

/// Why somebody gets no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRole {
    /// None of their groups has a role.
    #[error("none of their groups has a role here")]
    NoGroup,
    /// The address is not verified, and only verified ones of certain domains count.
    #[error("their e-mail address is not verified by the provider")]
    Unverified,
    /// The address belongs to another domain.
    #[error("their e-mail address is of another domain")]
    OtherDomain,
}

impl RoleMap {
    /// A mapping from the names of the settings, least role first, and the allowed e-mail domains.
    pub fn new(groups: [&[String]; 4], domains: &[String]) -> Result<Self, BadMap> {
        let clean = |names: &[String]| -> BTreeSet<String> {
            names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let groups = groups.map(clean);
        if groups.iter().all(BTreeSet::is_empty) {
            return Err(BadMap::Nobody);
        }
        if groups[3].contains("*") {
            return Err(BadMap::EveryAdmin);
        }
        let domains = clean(domains);
        let plain = |domain: &&String| {
            domain.contains('.')
                && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        };
        if let Some(bad) = domains.iter().find(|domain| !plain(domain)) {
            return Err(BadMap::Domain(bad.clone()));
        }
        Ok(Self { groups, domains: domains.into_iter().map(|domain| domain.to_ascii_lowercase()).collect() })
    }

    /// The highest role that the person's groups have, and the group that gave it.
    pub fn decide(&self, person: &Vouched) -> Result<(Role, String), NoRole> {
        let email = person.email.as_deref().filter(|_| person.email_verified).map(str::to_ascii_lowercase);
        if !self.domains.is_empty() {
            let email = email.as_deref().ok_or(NoRole::Unverified)?;
            // What follows the last @: a quoted local part may hold one too.
            let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
            if !self.domains.contains(domain) {
                return Err(NoRole::OtherDomain);
            }
        }
        for role in Role::ALL.into_iter().rev() {
            let names = &self.groups[role as usize];
            if let Some(group) = person.groups.iter().find(|group| is_name(group) && names.contains(group.as_str())) {
                return Ok((role, group.clone()));
            }
            if let Some(email) = &email
                && let Some(user) = names
                    .iter()
                    .find(|name| name.strip_prefix("user:").is_some_and(|user| user.eq_ignore_ascii_case(email)))
            {
                return Ok((role, user.clone()));
            }
            if names.contains("*") {
                return Ok((role, "*".to_owned()));
            }
        }
        Err(NoRole::NoGroup)
    }

    /// What the mapping does, a line for each role that has any, for people.
    pub fn lines(&self) -> Vec<String> {
        let names = |role: Role| self.groups[role as usize].iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let roles = Role::ALL.into_iter().rev().filter(|role| !self.groups[*role as usize].is_empty());
        let mut lines: Vec<_> = roles.map(|role| format!("{role}: {}", names(role))).collect();
        if !self.domains.is_empty() {
            let domains = self.domains.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            lines.push(format!("only with a verified e-mail address of: {domains}"));
        }
        lines
    }
}

/// A group that is called like one of our own words is not taken for it.
fn is_name(group: &str) -> bool {
    group != "*" && !group.starts_with("user:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn map(viewers: &[&str], agents: &[&str], leads: &[&str], admins: &[&str], domains: &[&str]) -> RoleMap {
        RoleMap::new([&names(viewers), &names(agents), &names(leads), &names(admins)], &names(domains)).unwrap()
    }

    fn person(groups: &[&str], email: Option<&str>, verified: bool) -> Vouched {
        Vouched {
            groups: names(groups),
            email: email.map(str::to_owned),
            email_verified: verified,
            ..Vouched::default()
        }
    }

    #[test]
    fn the_highest_counts_and_no_match_is_refused() {
        let map = map(&["all"], &["support"], &["leads", "support-leads"], &["root"], &[]);
        let role = |groups: &[&str]| map.decide(&person(groups, None, false)).map(|(role, _)| role);
        assert_eq!(role(&["support", "all"]), Ok(Role::Agent));
        assert_eq!(role(&["all", "leads", "support"]), Ok(Role::Lead));
        assert_eq!(role(&["root"]), Ok(Role::Admin));
        for none in [&[][..], &["Support"], &["support "], &["supp"], &["*"], &["user:a@b.example"]] {
            assert_eq!(role(none), Err(NoRole::NoGroup), "{none:?}");
        }
    }

    #[test]
    fn an_address_counts_only_when_it_is_verified() {
        let map = map(&["*"], &[], &["user:Maya@Host.example"], &[], &["host.example"]);
        let role = |email: Option<&str>, verified| map.decide(&person(&[], email, verified)).map(|(role, _)| role);
        assert_eq!(role(Some("maya@host.example"), true), Ok(Role::Lead));
        assert_eq!(role(Some("other@HOST.example"), true), Ok(Role::Viewer));
        assert_eq!(role(Some("maya@host.example"), false), Err(NoRole::Unverified));
        assert_eq!(role(None, true), Err(NoRole::Unverified));
        for other in [
            "maya@host.example.evil.example",
            "maya@sub.host.example",
            "host.example",
            "@",
            "\"a@host.example\"@b.example",
        ] {
            assert_eq!(role(Some(other), true), Err(NoRole::OtherDomain), "{other}");
        }
    }

    #[test]
    fn a_mapping_that_lets_in_nobody_or_everybody_as_admin_is_refused() {
        let new = |groups: [&[String]; 4], domains: &[String]| RoleMap::new(groups, domains).unwrap_err();
        assert_eq!(new([&[], &names(&[" "]), &[], &[]], &[]), BadMap::Nobody);
        assert_eq!(new([&[], &[], &[], &names(&["*"])], &[]), BadMap::EveryAdmin);
        assert_eq!(
            new([&names(&["a"]), &[], &[], &[]], &names(&["@host.example"])),
            BadMap::Domain("@host.example".into())
        );
    }

    proptest! {
        #[test]
        fn more_groups_never_lower_a_role(held in proptest::collection::vec("[a-d]", 0..4), more in "[a-d]") {
            let map = map(&["a"], &["b"], &["c"], &["d"], &[]);
            let groups: Vec<_> = held.iter().map(String::as_str).collect();
            let before = map.decide(&person(&groups, None, false)).ok().map(|(role, _)| role);
            let all: Vec<_> = groups.iter().copied().chain([more.as_str()]).collect();
            let after = map.decide(&person(&all, None, false)).ok().map(|(role, _)| role);
            prop_assert!(after >= before);
        }
    }
}
