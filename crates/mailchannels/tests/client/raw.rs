//! A server that answers in bytes and hangs up, for what a well-behaved one cannot do.

use crate::{KEY, config};
use mailchannels::{Account, AccountId, ApiKey, Client, Lane};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Each connection takes one request, gets the next answer (the last one again when they are used up)
/// and is closed. An empty answer is a hang-up.
pub(crate) struct Raw {
    asked: Arc<AtomicUsize>,
    account: Account,
    key: ApiKey,
}

impl Raw {
    pub(crate) async fn new(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/inbound/v1", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                let mut got = Vec::new();
                while !whole(&got) {
                    if peer.read_buf(&mut got).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                if whole(&got) {
                    let index = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                    peer.write_all(answers[index].as_bytes()).await.ok();
                }
            }
        });
        let account = Client::new(config(&base)).unwrap().account(&AccountId("test".into()));
        Self { asked, account, key: ApiKey::new(KEY.to_owned()).unwrap() }
    }

    pub(crate) fn session(&self) -> mailchannels::Session<'_> {
        self.account.with_key(&self.key, Lane::Interactive)
    }

    /// Whole requests that arrived.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Whether a request is here with all of its body.
fn whole(got: &[u8]) -> bool {
    let text = String::from_utf8_lossy(got).to_lowercase();
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.map_or(0, |length| length.parse().unwrap())
    })
}
