//! The resolver against the stand-in, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use mailchannels_sandbox::{DnsFault, Options, Sandbox, Seed};
use mx::{LookupError, Record, Resolver};
use std::time::Instant;
use tokio::net::UdpSocket;

async fn sandbox() -> Sandbox {
    Sandbox::start(Options { seed: Seed::Demo, domains: 20, ..Options::default() }).await.unwrap()
}

fn record(priority: u16, host: &str) -> Record {
    Record { priority, host: host.into() }
}

#[tokio::test]
async fn records_come_lowest_priority_first_and_without_the_dot() {
    let sandbox = sandbox().await;
    let resolver = Resolver::new(Some(sandbox.dns_address())).unwrap();
    let here = [record(10, "mx1.mailchannels.net"), record(20, "mx2.mailchannels.net")];
    assert_eq!(resolver.mx("bikeshop-northgate.example").await.unwrap(), here);
    assert_eq!(resolver.mx("BikeShop-Northgate.EXAMPLE").await.unwrap(), here);
    let set = vec![(30, "MX.b.example".to_owned()), (5, "mx.a.example.".to_owned())];
    sandbox.control().set_mx("moved.example", Some(set));
    let found = resolver.mx("moved.example").await.unwrap();
    assert_eq!(found.iter().map(|record| record.priority).collect::<Vec<_>>(), [5, 30]);
    assert!(found.iter().all(|record| !record.host.ends_with('.')), "{found:?}");
}

#[tokio::test]
async fn no_name_and_no_record_are_both_an_empty_answer_and_a_null_mx_is_a_dot() {
    let sandbox = sandbox().await;
    let resolver = Resolver::new(Some(sandbox.dns_address())).unwrap();
    assert_eq!(resolver.mx("nowhere.example").await, Ok(vec![]));
    sandbox.control().set_mx("bare.example", Some(vec![]));
    assert_eq!(resolver.mx("bare.example").await, Ok(vec![]));
    sandbox.control().set_mx("null.example", Some(vec![(0, ".".into())]));
    assert_eq!(resolver.mx("null.example").await, Ok(vec![record(0, ".")]));
}

#[tokio::test]
async fn an_answer_is_kept_unless_asked_afresh() {
    let sandbox = sandbox().await;
    let resolver = Resolver::new(Some(sandbox.dns_address())).unwrap();
    let name = "bikeshop-northgate.example";
    let first = resolver.mx(name).await.unwrap();
    let queries = sandbox.control().dns_queries();
    sandbox.control().set_mx(name, Some(vec![(10, "mx.elsewhere.example".into())]));
    assert_eq!(resolver.mx(name).await.unwrap(), first);
    assert_eq!(sandbox.control().dns_queries(), queries, "from the cache");
    assert_eq!(resolver.mx_afresh(name).await.unwrap(), [record(10, "mx.elsewhere.example")]);
}

#[tokio::test]
async fn failures_are_told_from_answers_and_do_not_stay() {
    let sandbox = sandbox().await;
    let resolver = Resolver::new(Some(sandbox.dns_address())).unwrap();
    let name = "bikeshop-northgate.example";
    sandbox.control().set_dns_fault(Some(DnsFault::ServFail));
    assert!(matches!(resolver.mx(name).await, Err(LookupError::Failed(_))));
    sandbox.control().set_dns_fault(None);
    assert_eq!(resolver.mx(name).await.unwrap().len(), 2);
    assert_eq!(resolver.mx("a..example").await, Err(LookupError::BadName));
}

#[tokio::test]
async fn silence_ends_after_two_attempts_of_two_seconds() {
    // Bound, so that nobody else answers; never read.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = Resolver::new(Some(silent.local_addr().unwrap())).unwrap();
    let begun = Instant::now();
    assert_eq!(resolver.mx("bikeshop-northgate.example").await, Err(LookupError::NoAnswer));
    let took = begun.elapsed().as_secs_f64();
    assert!((3.5..6.0).contains(&took), "{took}");
}
