//! Asking DNS.

use crate::Record;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, RecordType},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// Time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Attempts after the first.
const REPEATS: usize = 1;
/// Answers kept until their time to live is over.
const CACHED: u64 = 256;

/// Why nothing is known. Neither is an answer about the domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name cannot be asked for.
    #[error("the name cannot be asked for")]
    BadName,
    /// No answer in time, or the resolver cannot be reached.
    #[error("the resolver did not answer")]
    NoAnswer,
    /// The resolver answered that it could not find out, such as SERVFAIL or REFUSED (RFC 1035 section 4.1.1).
    #[error("the resolver answered with an error: {0}")]
    Failed(String),
    /// The system names no resolver that could be read.
    #[error("the system's resolver configuration cannot be used: {0}")]
    Configuration(String),
}

/// A resolver; clones share its cache and its sockets.
#[derive(Clone)]
pub struct Resolver(TokioResolver);

impl Resolver {
    /// Asks this address, over UDP and, for long answers, TCP; without one, what the system is configured with.
    ///
    /// # Errors
    /// [`LookupError::Configuration`] when the system's configuration cannot be read.
    pub fn new(address: Option<SocketAddr>) -> Result<Self, LookupError> {
        let unusable = |error: NetError| LookupError::Configuration(error.to_string());
        let mut builder = match address {
            Some(address) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
                    .map(|mut connection| {
                        connection.port = address.port();
                        connection
                    })
                    .to_vec();
                let server = NameServerConfig::new(address.ip(), true, connections);
                let config = ResolverConfig::from_parts(None, vec![], vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().map_err(unusable)?,
        };
        limit(builder.options_mut());
        Ok(Self(builder.build().map_err(unusable)?))
    }

    /// The MX records of a domain, lowest priority first; empty when it has none or does not exist.
    /// Takes four seconds at most, two attempts of two. May answer from the cache.
    pub async fn mx(&self, domain: &str) -> Result<Vec<Record>, LookupError> {
        self.ask(name(domain)?).await
    }

    /// Like [`Self::mx`], but asks the resolver again.
    pub async fn mx_afresh(&self, domain: &str) -> Result<Vec<Record>, LookupError> {
        let name = name(domain)?;
        self.0.clear_lookup_cache(name.clone(), RecordType::MX);
        self.ask(name).await
    }

    /// The IP addresses of a host; empty when it has none.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let found = self.0.lookup_ip(name(host)?).await;
        found.map_or_else(|error| none_or(&error), |lookup| Ok(lookup.iter().map(|ip| ip.to_canonical()).collect()))
    }

    /// The names of an IP address (PTR, RFC 1035 section 3.5); empty when it has none.
    pub async fn names(&self, ip: IpAddr) -> Result<Vec<String>, LookupError> {
        let found = self.0.reverse_lookup(ip).await;
        found.map_or_else(
            |error| none_or(&error),
            |lookup| {
                let names = lookup.answers().iter().filter_map(|record| match &record.data {
                    RData::PTR(name) => Some(host(&name.0)),
                    _ => None,
                });
                Ok(names.collect())
            },
        )
    }

    async fn ask(&self, name: Name) -> Result<Vec<Record>, LookupError> {
        match self.0.mx_lookup(name).await {
            Ok(lookup) => {
                let mut records: Vec<_> = lookup
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::MX(mx) => Some(Record { priority: mx.preference, host: host(&mx.exchange) }),
                        _ => None,
                    })
                    .collect();
                records.sort();
                Ok(records)
            }
            // A server that only names other servers has not answered (RFC 2308 section 2.2).
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) if none.ns.is_some() && none.soa.is_none() => {
                Err(LookupError::Failed("it refers to other servers".into()))
            }
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(LookupError::Failed(code.to_string())),
            Err(NetError::Proto(error)) => Err(LookupError::Failed(error.to_string())),
            Err(error) => {
                tracing::debug!(%error, "no answer from the resolver");
                Err(LookupError::NoAnswer)
            }
        }
    }
}

/// What a failed look-up of something optional means.
fn none_or<T>(error: &NetError) -> Result<Vec<T>, LookupError> {
    if error.is_no_records_found() { Ok(Vec::new()) } else { Err(LookupError::NoAnswer) }
}

fn limit(options: &mut ResolverOpts) {
    options.timeout = ATTEMPT;
    options.attempts = REPEATS;
    options.cache_size = CACHED;
}

/// The name as it stands: never below a search domain of the system's.
fn name(domain: &str) -> Result<Name, LookupError> {
    let mut name = Name::from_ascii(domain).map_err(|_| LookupError::BadName)?;
    name.set_fqdn(true);
    Ok(name)
}

fn host(name: &Name) -> String {
    if name.is_root() {
        return ".".into();
    }
    let text = name.to_ascii();
    text.strip_suffix('.').map_or(text.clone(), str::to_owned)
}
