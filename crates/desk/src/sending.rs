//! Reasons to be careful: with an entry that is too wide, or with a sending IP that, by DNS, is one of the
//! domain's own servers or `MailChannels` itself.

use crate::{Desk, Person, Scope, Target, error::Result};
use futures::future::join_all;
use inbound::{
    downstream::parse_compact,
    lists::{Entry, List},
    sender::{Warning, advise, ip_warning},
};
use std::net::IpAddr;

impl Desk {
    /// Reasons to be careful with an entry before it is added. None for blocklists, and for a freemail address,
    /// which is as narrow as it should be.
    pub async fn careful_with(&self, person: &Person, target: &Target) -> Result<Vec<Warning>> {
        if target.list == List::Blocklist {
            return Ok(Vec::new());
        }
        let (sender, whole) = match Entry::read(&target.item) {
            Entry::Address(address) => (address.to_string(), false),
            Entry::Domain(domain) | Entry::Wildcard(domain) => (format!("any@{domain}"), true),
            _ => return Ok(Vec::new()),
        };
        let scope = self.scope(person, &target.whose).await?;
        let row = scope.row.iter();
        let own: Vec<_> = row.flat_map(|row| row.detail.aliases.iter().chain([&row.name])).collect();
        let advice = advise(&sender, |domain| own.iter().any(|name| *name == domain));
        Ok(advice.warnings.into_iter().filter(|warning| whole || *warning == Warning::OwnDomain).collect())
    }

    /// A reason to be careful with an IP address in the lists of somebody. None when DNS says nothing of it,
    /// or look-ups are switched off.
    pub async fn careful_with_ip(&self, scope: &Scope, ip: IpAddr) -> Option<Warning> {
        let resolver = self.resolver()?;
        let servers =
            scope.row.iter().flat_map(|row| &row.detail.downstreams).filter_map(|line| parse_compact(line).ok());
        let hosts: Vec<_> = servers.map(|server| server.target.as_str().to_owned()).collect();
        let (own, names) =
            futures::join!(join_all(hosts.iter().map(|host| resolver.addresses(host))), resolver.names(ip));
        let own: Vec<_> = own.into_iter().flatten().flatten().collect();
        let names = names.unwrap_or_default();
        ip_warning(ip, &own, None).or_else(|| names.iter().find_map(|name| ip_warning(ip, &own, Some(name))))
    }
}
