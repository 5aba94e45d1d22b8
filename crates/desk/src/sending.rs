//! Reasons to be careful: with an entry that is too wide, or with a sending IP that, by DNS, is one of the
//! domain's own servers or `MailChannels` itself.

use crate::{Desk, DeskError, Person, Scope, Target, error::Result};
use futures::{StreamExt, future::join_all, stream};
use inbound::{
    downstream::parse_compact,
    lists::{Entry, List, Rules},
    sender::{Warning, advise, ip_warning, net_warning},
};
use std::{
    collections::{HashMap, hash_map},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// How long DNS may take over all addresses of a form.
const DNS_PATIENCE: Duration = Duration::from_secs(2);
/// Addresses that are asked for at the same time.
const AT_ONCE: usize = 16;

impl Desk {
    /// Reasons to be careful with entries before they are added, each with its entry. Of whom none of the person's
    /// keys reaches nothing is known, and sending says so.
    pub async fn careful_with(&self, person: &Person, targets: &[Target]) -> Result<Vec<(String, Warning)>> {
        let mut scopes: HashMap<String, Option<Arc<Scope>>> = HashMap::new();
        for target in targets {
            if let hash_map::Entry::Vacant(unknown) = scopes.entry(target.whose.to_string()) {
                unknown.insert(match self.scope(person, &target.whose).await {
                    Err(DeskError::NotFound(_)) => None,
                    found => Some(Arc::new(found?)),
                });
            }
        }
        let mut found = Vec::new();
        let mut ask = Vec::new();
        for target in targets {
            let Some(Some(scope)) = scopes.get(&target.whose.to_string()) else { continue };
            let entry = Entry::read(&target.item);
            if matches!(entry, Entry::Ip(_) | Entry::Net(..)) {
                ask.push((target.item.clone(), entry, scope.clone()));
            } else if target.list == List::Safelist {
                let warnings = self.careful_with_sender(person, scope, &entry).await?;
                found.extend(warnings.into_iter().map(|warning| (target.item.clone(), warning)));
            }
        }
        let until = Instant::now() + DNS_PATIENCE;
        let asked = stream::iter(ask).map(|(item, entry, scope)| async move {
            let warning = match entry {
                Entry::Net(first, bits) => match net_warning(first, bits) {
                    None => timeout_at(until, self.careful_with_net(&scope, &entry)).await,
                    wide => Ok(wide),
                },
                Entry::Ip(ip) => timeout_at(until, self.careful_with_ip(&scope, ip)).await,
                _ => Ok(None),
            };
            warning.unwrap_or(Some(Warning::IpNotChecked)).map(|warning| (item, warning))
        });
        let asked: Vec<_> = asked.buffered(AT_ONCE).collect().await;
        found.extend(asked.into_iter().flatten());
        Ok(found)
    }

    /// What a safelist should not let through as a whole. A freemail address is as narrow as it should be.
    async fn careful_with_sender(&self, person: &Person, scope: &Scope, entry: &Entry) -> Result<Vec<Warning>> {
        let (sender, domain, whole) = match entry {
            Entry::Address(address) => (address.to_string(), address.domain(), false),
            Entry::Domain(domain) | Entry::Wildcard(domain) => (format!("any@{domain}"), domain, true),
            _ => return Ok(Vec::new()),
        };
        let own = if let Some(row) = &scope.row {
            row.detail.aliases.iter().chain([&row.name]).any(|name| name == domain.as_str())
        } else {
            // For a whole account each of its domains is one's own.
            let rows = self.key_rows(person).await?;
            let of_account = rows.iter().filter(|row| row.account_id.as_ref() == Some(&scope.account));
            let keys: Vec<_> = of_account.map(|row| row.fingerprint.clone()).collect();
            self.0.store.find_domain(&keys, domain.as_str()).await?.is_some()
        };
        let advice = advise(&sender, |_| own);
        Ok(advice.warnings.into_iter().filter(|warning| whole || *warning == Warning::OwnDomain).collect())
    }

    /// The addresses of a domain's own servers; none where one could not be looked up.
    async fn own_addresses(&self, scope: &Scope) -> Option<Vec<IpAddr>> {
        let resolver = self.resolver()?;
        let servers =
            scope.row.iter().flat_map(|row| &row.detail.downstreams).filter_map(|line| parse_compact(line).ok());
        let hosts: Vec<_> = servers.map(|server| server.target.as_str().to_owned()).collect();
        let found = join_all(hosts.iter().map(|host| resolver.addresses(host))).await;
        let known: std::result::Result<Vec<_>, _> = found.into_iter().collect();
        known.ok().map(|lists| lists.into_iter().flatten().collect())
    }

    async fn careful_with_net(&self, scope: &Scope, net: &Entry) -> Option<Warning> {
        self.resolver()?;
        let Some(own) = self.own_addresses(scope).await else {
            return Some(Warning::IpNotChecked);
        };
        own.into_iter().any(|ip| net.covers(&Entry::Ip(ip), Rules::default())).then_some(Warning::OwnIp)
    }

    /// A reason to be careful with an IP address in the lists of somebody; also that DNS could not tell. None when
    /// DNS says nothing of it, or look-ups are switched off.
    pub async fn careful_with_ip(&self, scope: &Scope, ip: IpAddr) -> Option<Warning> {
        let resolver = self.resolver()?;
        let (own, names) = futures::join!(self.own_addresses(scope), resolver.names(ip));
        let known = own.is_some() && names.is_ok();
        let (own, names) = (own.unwrap_or_default(), names.unwrap_or_default());
        ip_warning(ip, &own, None)
            .or_else(|| names.iter().find_map(|name| ip_warning(ip, &own, Some(name))))
            .or_else(|| (!known).then_some(Warning::IpNotChecked))
    }
}
