//! Domains: listing, provisioning, deprovisioning.

use crate::{
    BATCH_MAX, BatchDomain, BatchOutcome, Domain, DomainsPage, Error, PAGE_MAX, Provision, Provisioned, Session,
    encode::{a_addresses, a_label, a_labels, a_servers, at_most},
    error::Meaning,
    wire::Call,
};
use http::{Method, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;

/// Readings of a set that changes meanwhile.
const READINGS: usize = 3;

/// A body with names in A-label form.
fn sendable(domain: &Domain) -> Domain {
    Domain {
        domain: a_label(&domain.domain),
        subscription_handle: domain.subscription_handle.clone(),
        settings: domain.settings.clone(),
        admins: a_addresses(&domain.admins),
        downstream_addresses: a_servers(&domain.downstream_addresses),
        aliases: a_labels(&domain.aliases),
    }
}

fn flags(how: Provision) -> Vec<(&'static str, String)> {
    let flag = |name, on: bool| on.then(|| (name, "true".to_owned()));
    flag("associate-key", how.associate_key).into_iter().chain(flag("overwrite", how.overwrite)).collect()
}

/// All domains that a key reaches, 5,000 a call. When the set grows or shrinks between two pages a name may
/// slip from one to the other unseen, so the pages are read again, and a domain may come more than once; the
/// later is the truer. After three times a busy set is taken as it came, with every name that any reading saw.
pub struct DomainPages<'a> {
    session: &'a Session<'a>,
    offset: u64,
    /// The size of the set at the first page of this reading.
    total: Option<u64>,
    /// Whether it stayed that in this reading.
    stable: bool,
    /// Readings that came to their end.
    readings: usize,
}

impl DomainPages<'_> {
    /// The next page, until all are there.
    pub async fn next(&mut self) -> Result<Option<Vec<Domain>>, Error> {
        if self.readings == READINGS {
            return Ok(None);
        }
        let page = self.session.domains_page(PAGE_MAX, self.offset).await?;
        let got = page.domains.len() as u64;
        self.stable &= *self.total.get_or_insert(page.total) == page.total;
        self.offset += got;
        if got == 0 || self.offset >= page.total {
            self.readings = if self.stable { READINGS } else { self.readings + 1 };
            (self.offset, self.total, self.stable) = (0, None, true);
        }
        Ok(Some(page.domains))
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    domains: &'a [BatchDomain],
}

impl Session<'_> {
    /// `GET /domains`: one page. Without a limit the service gives 10 `[spec]`.
    pub async fn domains_page(&self, limit: u32, offset: u64) -> Result<DomainsPage, Error> {
        let query = [("limit", limit.min(PAGE_MAX).to_string()), ("offset", offset.to_string())];
        self.read(Call::new("domains_page", Method::GET, &["domains"]).query(&query)).await
    }

    /// All domains that the key reaches, to be read page by page.
    pub fn domain_pages(&self) -> DomainPages<'_> {
        DomainPages { session: self, offset: 0, total: None, stable: true, readings: 0 }
    }

    /// All domains that the key reaches, at once.
    pub async fn all_domains(&self) -> Result<Vec<Domain>, Error> {
        let (mut pages, mut domains) = (self.domain_pages(), BTreeMap::new());
        while let Some(page) = pages.next().await? {
            domains.extend(page.into_iter().map(|domain| (a_label(&domain.domain), domain)));
        }
        Ok(domains.into_values().collect())
    }

    /// One domain by its name, if the key reaches it. There is no call for one domain; the filter of
    /// `GET /domains` is asked for one, and its answer is checked, should the filter be ignored.
    pub async fn domain(&self, name: &str) -> Result<Option<Domain>, Error> {
        let name = a_label(name);
        let query = [("domains", name.clone()), ("limit", "10".to_owned())];
        let page: DomainsPage = self.read(Call::new("domains_page", Method::GET, &["domains"]).query(&query)).await?;
        let found = page.domains.into_iter().find(|domain| a_label(&domain.domain) == name);
        if found.is_some() || page.total <= 10 {
            return Ok(found);
        }
        // More matches than one name can have: the filter does nothing here.
        Ok(self.all_domains().await?.into_iter().find(|domain| a_label(&domain.domain) == name))
    }

    /// `POST /domains`: provisions one domain.
    pub async fn provision(&self, domain: &Domain, how: Provision) -> Result<Provisioned, Error> {
        let query = flags(how);
        let call = Call::new("provision", Method::POST, &["domains"]).query(&query).meaning(Meaning::Provisioning);
        let answer = self.call_with(call, Some(&sendable(domain))).await?;
        let domain = answer.json()?;
        Ok(if answer.status == StatusCode::CREATED {
            Provisioned::Created(domain)
        } else {
            Provisioned::Existed(domain)
        })
    }

    /// `POST /domains/batch`: provisions up to 1,000. The subscription is a query value here `[spec]`.
    pub async fn provision_batch(
        &self,
        subscription: &str,
        domains: &[BatchDomain],
        how: Provision,
    ) -> Result<BatchOutcome, Error> {
        at_most(domains.len(), BATCH_MAX, "domains")?;
        let mut query = vec![("subscriptionHandle", subscription.to_owned())];
        query.extend(flags(how));
        let domains: Vec<_> = domains
            .iter()
            .map(|domain| BatchDomain {
                domain: a_label(&domain.domain),
                downstream_address: a_servers(&domain.downstream_address),
                settings: domain.settings.clone(),
                aliases: a_labels(&domain.aliases),
                admins: a_addresses(&domain.admins),
            })
            .collect();
        let call = Call::new("provision_batch", Method::POST, &["domains", "batch"])
            .query(&query)
            .meaning(Meaning::Provisioning);
        self.call_with(call, Some(&Batch { domains: &domains })).await?.json()
    }

    /// `DELETE /domains/{domain}`. There is no batch call for it `[spec]`.
    pub async fn deprovision(&self, domain: &str) -> Result<(), Error> {
        self.call(Call::new("deprovision", Method::DELETE, &["domains", &a_label(domain)])).await.map(drop)
    }
}
