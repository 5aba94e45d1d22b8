//! What DNS says of a sending IP: whether it is one of the domain's own servers, or `MailChannels` itself.

use crate::{Desk, Scope};
use futures::future::join_all;
use inbound::{
    downstream::parse_compact,
    sender::{Warning, ip_warning},
};
use std::net::IpAddr;

impl Desk {
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
