//! From method and path to one of the 25 operations.

use http::Method;
use percent_encoding::percent_decode_str;

/// One of the two lists, by the name in the path; the deprecated names still work `[spec]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Safe,
    Block,
}

/// An operation with what its path says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    AccountList(ListAct, List),
    DomainList(ListAct, String, List),
    UserList(ListAct, String, List),
    ListDomains,
    Provision,
    ProvisionBatch,
    LoginLinkBatch,
    Deprovision(String),
    AddAlias(String, String),
    RemoveAlias(String, String),
    LoginLink(String),
    GetDownstreams(String),
    PutDownstreams(String),
    PutApiKey(String),
    PutSettings(String),
    Subscriptions,
    Status,
    PutUser,
    Report,
}

/// What is done with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListAct {
    Get,
    Add,
    Remove,
}

/// Why there is no operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoRoute {
    /// No such path.
    Path,
    /// The path has other methods.
    Method(&'static str),
    /// The path cannot be decoded, or names no list.
    Malformed,
}

impl Op {
    /// The operation's name, for faults and the ledger.
    pub(crate) fn name(&self) -> &'static str {
        let act = |act: &ListAct, names: [&'static str; 3]| names[*act as usize];
        match self {
            Self::AccountList(a, _) => act(a, ["account-list-get", "account-list-add", "account-list-remove"]),
            Self::DomainList(a, ..) => act(a, ["domain-list-get", "domain-list-add", "domain-list-remove"]),
            Self::UserList(a, ..) => act(a, ["user-list-get", "user-list-add", "user-list-remove"]),
            Self::ListDomains => "list-domains",
            Self::Provision => "provision",
            Self::ProvisionBatch => "provision-batch",
            Self::LoginLinkBatch => "login-link-batch",
            Self::Deprovision(_) => "deprovision",
            Self::AddAlias(..) => "add-alias",
            Self::RemoveAlias(..) => "remove-alias",
            Self::LoginLink(_) => "login-link",
            Self::GetDownstreams(_) => "get-downstreams",
            Self::PutDownstreams(_) => "put-downstreams",
            Self::PutApiKey(_) => "put-api-key",
            Self::PutSettings(_) => "put-settings",
            Self::Subscriptions => "subscriptions",
            Self::Status => "status",
            Self::PutUser => "put-user",
            Self::Report => "report",
        }
    }
}

/// Finds the operation of a path below the base.
pub(crate) fn route(method: &Method, path: &str) -> Result<Op, NoRoute> {
    let mut segments = Vec::new();
    for segment in path.trim_start_matches('/').split('/') {
        let text = percent_decode_str(segment).decode_utf8().map_err(|_| NoRoute::Malformed)?;
        segments.push(text.into_owned());
    }
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let own = |text: &str| text.to_owned();
    let listed = |make: &dyn Fn(ListAct, List) -> Op, list: &str| {
        let act = match method.as_str() {
            "GET" => ListAct::Get,
            "POST" => ListAct::Add,
            "DELETE" => ListAct::Remove,
            _ => return Err(NoRoute::Method("GET, POST, DELETE")),
        };
        let list = match list {
            "safelist" | "whitelist" => List::Safe,
            "blocklist" | "blacklist" => List::Block,
            _ => return Err(NoRoute::Malformed),
        };
        Ok(make(act, list))
    };
    let only = |allowed: &'static str, op: Op| {
        if method.as_str() == allowed { Ok(op) } else { Err(NoRoute::Method(allowed)) }
    };
    match parts.as_slice() {
        ["lists", list] => listed(&Op::AccountList, list),
        ["domains"] => match method.as_str() {
            "GET" => Ok(Op::ListDomains),
            "POST" => Ok(Op::Provision),
            _ => Err(NoRoute::Method("GET, POST")),
        },
        // These two paths come before a domain of that name.
        ["domains", "batch"] => only("POST", Op::ProvisionBatch),
        ["domains", "batch", "login-link"] => only("POST", Op::LoginLinkBatch),
        ["domains", domain] => only("DELETE", Op::Deprovision(own(domain))),
        ["domains", domain, "alias", alias] => match method.as_str() {
            "POST" => Ok(Op::AddAlias(own(domain), own(alias))),
            "DELETE" => Ok(Op::RemoveAlias(own(domain), own(alias))),
            _ => Err(NoRoute::Method("POST, DELETE")),
        },
        ["domains", domain, "login-link"] => only("GET", Op::LoginLink(own(domain))),
        ["domains", domain, "lists", list] => listed(&|act, list| Op::DomainList(act, own(domain), list), list),
        ["domains", domain, "downstream-address"] => match method.as_str() {
            "GET" => Ok(Op::GetDownstreams(own(domain))),
            "PUT" => Ok(Op::PutDownstreams(own(domain))),
            _ => Err(NoRoute::Method("GET, PUT")),
        },
        ["domains", domain, "api-key"] => only("PUT", Op::PutApiKey(own(domain))),
        ["domains", domain, "settings"] => only("PUT", Op::PutSettings(own(domain))),
        ["users"] => only("PUT", Op::PutUser),
        ["users", email, "lists", list] => listed(&|act, list| Op::UserList(act, own(email), list), list),
        ["subscriptions"] => only("GET", Op::Subscriptions),
        ["status"] => only("GET", Op::Status),
        ["report"] => only("POST", Op::Report),
        _ => Err(NoRoute::Path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once_and_separately() {
        assert_eq!(
            route(&Method::GET, "/users/a%2Fb%40c.example/lists/safelist"),
            Ok(Op::UserList(ListAct::Get, "a/b@c.example".into(), List::Safe))
        );
        assert_eq!(route(&Method::DELETE, "/domains/batch"), Err(NoRoute::Method("POST")));
        assert_eq!(route(&Method::PATCH, "/domains"), Err(NoRoute::Method("GET, POST")));
        assert_eq!(route(&Method::GET, "/domains/a/b"), Err(NoRoute::Path));
        assert_eq!(route(&Method::GET, "/lists/greylist"), Err(NoRoute::Malformed));
    }
}
