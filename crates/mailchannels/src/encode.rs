//! Paths and queries: every segment and value percent-encoded, names in A-label form.

use crate::{DownstreamAddress, Error};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// RFC 3986 unreserved characters stay; everything else is encoded, also `+ / @ :` and non-ASCII.
const ENCODE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Builds the address of a call below the base URL.
pub(crate) fn address(base: &Url, segments: &[&str], query: &[(&str, String)]) -> Result<Url, Error> {
    let mut text = base.as_str().trim_end_matches('/').to_owned();
    for segment in segments {
        // A URL parser takes these for steps in the path, encoded or not.
        if segment.is_empty() || *segment == "." || *segment == ".." {
            return Err(Error::Invalid { messages: vec!["An empty name or dots alone cannot be looked up.".into()] });
        }
        text.push('/');
        text.extend(utf8_percent_encode(segment, ENCODE));
    }
    for (index, (name, value)) in query.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.extend(utf8_percent_encode(name, ENCODE));
        text.push('=');
        text.extend(utf8_percent_encode(value, ENCODE));
    }
    Url::parse(&text)
        .map_err(|_| Error::Invalid { messages: vec!["The address of the call could not be built.".into()] })
}

/// A domain name in A-label form; what does not convert is sent as it is, for the service to judge.
pub(crate) fn a_label(name: &str) -> String {
    let name = name.trim_end_matches('.');
    idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_lowercase())
}

/// An address with its domain in A-label form.
pub(crate) fn a_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", a_label(domain)),
        None => address.to_owned(),
    }
}

/// Servers with their names in A-label form.
pub(crate) fn a_servers(servers: &[DownstreamAddress]) -> Vec<DownstreamAddress> {
    servers.iter().map(|server| DownstreamAddress { target: a_label(&server.target), ..server.clone() }).collect()
}

/// Domain names in A-label form.
pub(crate) fn a_labels(names: &[String]) -> Vec<String> {
    names.iter().map(|name| a_label(name)).collect()
}

/// Addresses with their domains in A-label form.
pub(crate) fn a_addresses(addresses: &[String]) -> Vec<String> {
    addresses.iter().map(|address| a_address(address)).collect()
}

/// Refuses here what the description forbids to send.
pub(crate) fn at_most(count: usize, max: usize, what: &str) -> Result<(), Error> {
    if count <= max {
        return Ok(());
    }
    Err(Error::Invalid { messages: vec![format!("At most {max} {what} at a time; these are {count}.")] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    fn base() -> Url {
        Url::parse("https://api.example/inbound/v1").unwrap()
    }

    #[test]
    fn dots_are_refused_and_signs_are_encoded() {
        for bad in ["", ".", ".."] {
            assert!(address(&base(), &["domains", bad], &[]).is_err());
        }
        let url = address(&base(), &["users", "a+b/c@d:é.example"], &[("item", "x&y=z +".into())]).unwrap();
        assert_eq!(
            url.as_str(),
            "https://api.example/inbound/v1/users/a%2Bb%2Fc%40d%3A%C3%A9.example?item=x%26y%3Dz%20%2B"
        );
    }

    #[test]
    fn names_travel_as_a_labels() {
        assert_eq!(a_label("Bücherwurm.example."), "xn--bcherwurm-q9a.example");
        assert_eq!(a_address("Ümit@Bücher.example"), "Ümit@xn--bcher-kva.example");
    }

    proptest! {
        #[test]
        fn any_segment_arrives_as_one(segment in "\\PC{1,40}", value in any::<String>()) {
            prop_assume!(segment != "." && segment != "..");
            let url = address(&base(), &["users", &segment, "lists"], &[("item", value.clone())]).unwrap();
            let got: Vec<_> = url.path().split('/').map(|part| percent_decode_str(part).decode_utf8().unwrap().into_owned()).collect();
            prop_assert_eq!(got, vec![String::new(), "inbound".into(), "v1".into(), "users".into(), segment, "lists".into()]);
            prop_assert_eq!(url.query_pairs().next().unwrap().1, value);
        }
    }
}
