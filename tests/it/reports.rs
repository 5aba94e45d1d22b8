//! Reports: byte for byte, streamed, never stored; and what is said when the service refuses.

use crate::{
    app::{Answer, Browser, TestApp},
    crash::Server,
    provision::ended,
};
use mailchannels_sandbox::{Fault, FaultKind, Options, Sandbox, Seed};
use reqwest::{Method, StatusCode};
use std::{fmt::Write, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const NAME: &str = "bikeshop-northgate.example";
const HEAD: &str = "Return-Path: <bounce@shop-news.example>\r\nReceived: from mail.shop-news.example (out.shop-news.example [203.0.113.7])\r\n by mx1.mailchannels.net for <reception@bikeshop-northgate.example>; Tue, 24 Nov 2026 09:00:00 +0000\r\nFrom: News <news@shop-news.example>\r\nTo: reception@bikeshop-northgate.example\r\nSubject: A subject to be hashed\r\n\r\n";
const BOUNDARY: &str = "----a-boundary";

/// The parts of a form before and after its file.
fn around(fields: &[(&str, &str)]) -> (String, String) {
    let mut before = String::new();
    for (name, value) in fields {
        let _ = write!(before, "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let _ = write!(
        before,
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.eml\"\r\nContent-Type: message/rfc822\r\n\r\n"
    );
    (before, format!("\r\n--{BOUNDARY}--\r\n"))
}

/// Sends a message through the form, as a browser does; does not follow the redirect.
async fn send(browser: &Browser, base: &str, fields: &[(&str, &str)], message: &[u8]) -> Answer {
    let (before, after) = around(fields);
    let body = [before.as_bytes(), message, after.as_bytes()].concat();
    browser
        .send(
            browser
                .request(Method::POST, "/reports")
                .header("origin", base)
                .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
                .timeout(Duration::from_mins(3))
                .body(body),
        )
        .await
}

async fn submit(browser: &Browser, base: &str, fields: &[(&str, &str)], message: &[u8]) -> String {
    let answer = send(browser, base, fields, message).await;
    let location = answer.location.unwrap_or_else(|| panic!("no redirect: {} {}", answer.status, answer.text));
    browser.get(&location).await.text
}

async fn start() -> (TestApp, Browser) {
    let app = TestApp::start(50).await;
    let agent = app.signed_in("maya").await;
    agent.add_key("web07", "sandbox-key-07").await;
    (app, agent)
}

fn reports(app: &TestApp) -> usize {
    app.sandbox.control().ledger().iter().filter(|row| row.operation == "report").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_byte_for_byte_and_leaves_nothing_behind() {
    let (app, agent) = start().await;
    for (kind, body) in [
        ("false_positive", "CRLF\r\nbare\nfeeds\rand \0 \u{7f} \"quotes\" \\ tabs\t é 🦀\r\n.\r\n"),
        ("false_negative", ""),
    ] {
        let message = format!("{HEAD}{body}");
        app.sandbox.control().saw_message(NAME, &message);
        let page = submit(&agent, &app.base, &[("kind", kind), ("then", "send")], message.as_bytes()).await;
        // The stand-in compares the whole text with what it saw.
        assert!(page.contains("Reported. MailChannels learns from it."), "{page}");
        assert_eq!(page.contains("the sender must send it again"), kind == "false_positive");
        let stopgap = "/explain?from=bounce@shop-news.example&amp;to=reception@bikeshop-northgate.example";
        assert_eq!(page.contains(stopgap), kind == "false_positive", "{page}");
        assert!(page.contains("Maya Okafor") && page.contains(NAME), "the log has it");
    }
    assert_eq!(reports(&app), 2);
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for word in ["A subject to be hashed", "bare\nfeeds", "203.0.113.7"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is stored");
        }
    }
    // Of an alias, through the key that holds its domain.
    let message = HEAD.replace("reception@bikeshop-northgate.example", "ann@northgatebikes.example");
    app.sandbox.control().saw_message(NAME, &message);
    let page = submit(&agent, &app.base, &[("kind", "false_positive"), ("then", "send")], message.as_bytes()).await;
    assert!(page.contains("Reported."), "{page}");
}

/// After a report of good mail a safelist entry is offered, for whoever sent it.
#[tokio::test(flavor = "multi_thread")]
async fn the_stopgap_falls_back_to_from_and_is_left_out_without_a_sender() {
    let (app, agent) = start().await;
    let fields = [("kind", "false_positive"), ("then", "send")];
    let rest = HEAD.split_once("\r\n").unwrap().1;
    let no_from = rest.replace("From: News <news@shop-news.example>\r\n", "");
    for (message, link) in [
        (rest.to_owned(), Some("/explain?from=news@shop-news.example&amp;to=reception@bikeshop-northgate.example")),
        (format!("Return-Path: <>\r\n{rest}"), Some("/explain?from=news@shop-news.example&amp;to=")),
        (no_from, None),
    ] {
        app.sandbox.control().saw_message(NAME, &message);
        let page = submit(&agent, &app.base, &fields, message.as_bytes()).await;
        assert!(page.contains("Reported."), "{page}");
        match link {
            Some(link) => assert!(page.contains(link), "{page}"),
            None => assert!(!page.contains("/explain?from=") && !page.contains("Choose the entry"), "{page}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_says_what_to_do() {
    let (app, agent) = start().await;
    let fields = [("kind", "false_positive"), ("then", "send"), ("ehlo", "typed.example")];
    for (code, said) in [
        (400, "Send the original with all its headers"),
        (401, "was not for this customer"),
        (403, "it is locked to another key"),
        (404, "MailChannels does not know this message"),
        (418, "answered 418"),
    ] {
        let fault = Fault::new("report", FaultKind::Status { code, body: None });
        app.sandbox.control().add_fault(fault);
        let answer = send(&agent, &app.base, &fields, HEAD.as_bytes()).await;
        let page = answer.text;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{code}");
        assert!(page.contains(said), "{code}: {page}");
        assert!(page.contains("value=\"typed.example\""), "{code}: what was typed is kept");
        assert!(!page.contains("may or may not") && !page.contains("only looked at"), "{code}: {page}");
        assert!(page.contains("Choose the file again to report it again."), "{code}: {page}");
        assert!(ended(&app, "report").await.starts_with("failed: "), "{code}");
        app.sandbox.control().clear_faults();
    }
    // What stands behind a proxy may have taken it.
    for code in [500, 502, 503, 504] {
        app.sandbox.control().add_fault(Fault::new("report", FaultKind::Status { code, body: None }).times(1));
        let page = send(&agent, &app.base, &fields, HEAD.as_bytes()).await.text;
        assert!(
            page.contains("may or may not have been reported") && page.contains("the same message twice"),
            "{page}"
        );
        assert!(!page.contains("only looked at") && !page.contains("heck below"), "{code}: {page}");
        assert!(page.contains("Choose the file again to report it again."), "{code}: {page}");
        assert!(ended(&app, "report").await.starts_with("unknown: "), "{code}");
    }
    assert!(agent.get("/keys").await.text.contains("Working"), "a 401 here says nothing of the key");
    app.sandbox.control().saw_message(NAME, HEAD);
    app.sandbox.control().add_fault(Fault::new("report", FaultKind::ResetAfterChange).times(1));
    let before = reports(&app);
    let page = send(&agent, &app.base, &fields, HEAD.as_bytes()).await.text;
    assert!(page.contains("may or may not have been reported"), "{page}");
    assert_eq!(reports(&app) - before, 1, "not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_is_said_and_not_sent() {
    let (app, agent) = start().await;
    let fields = [("kind", "false_positive"), ("then", "send")];
    let latin = [HEAD.as_bytes(), b"caf\xe9\r\n"].concat();
    let long = format!("Subject: {}\r\n\r\nx", "x".repeat(200_000));
    let large = [HEAD.as_bytes(), &vec![b'a'; 40 << 20]].concat();
    let nobody = HEAD.replace(NAME, "nowhere.example");
    for (message, said) in [
        (&latin[..], format!("Byte {} (line 8) is not UTF-8", HEAD.len() + 3)),
        (b"", "Choose the message".to_owned()),
        (b"no headers at all", "does not begin with header fields".to_owned()),
        (long.as_bytes(), "longer than 64 KB".to_owned()),
        (&large, "larger than 40 MB".to_owned()),
        (b"Subject: for nobody\r\n\r\n", "does not say for whom".to_owned()),
        (nobody.as_bytes(), "None of your keys reaches nowhere.example".to_owned()),
    ] {
        let answer = send(&agent, &app.base, &fields, message).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.text.contains(&said), "{said}: {}", answer.text);
    }
    let kept = [("rcpt_to", "typed@bikeshop-northgate.example"), fields[0], fields[1]];
    let page = send(&agent, &app.base, &kept, &latin).await.text;
    assert!(page.contains("value=\"typed@bikeshop-northgate.example\""), "what was typed is kept: {page}");
    let both = [("text", HEAD), fields[0], fields[1]];
    let page = send(&agent, &app.base, &both, HEAD.as_bytes()).await.text;
    assert!(page.contains("Send one of the two.") && page.contains("Subject: A subject to be hashed"), "{page}");
    let answer = send(&agent, &app.base, &[("kind", "odd"), ("then", "send")], HEAD.as_bytes()).await;
    assert!(answer.text.contains("Choose what was wrong."), "{}", answer.text);
    assert_eq!(reports(&app), 0);
    let viewer = app.signed_in("vera").await;
    assert_eq!(send(&viewer, &app.base, &fields, HEAD.as_bytes()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_shows_text_only_and_sends_nothing() {
    let (app, agent) = start().await;
    let message = format!("{HEAD}<script>alert(1)</script> and <img src=x>");
    let answer = send(&agent, &app.base, &[("kind", "false_negative"), ("then", "look")], message.as_bytes()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let page = answer.text;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script>alert"), "{page}");
    assert!(page.contains("A subject to be hashed") && page.contains("value=\"bounce@shop-news.example\""), "{page}");
    assert!(page.contains("value=\"out.shop-news.example\"") && page.contains("Choose it again"), "{page}");
    assert!(page.contains("The file was only looked at"), "{page}");
    assert!(
        answer.headers["content-security-policy"].to_str().unwrap().contains("script-src 'nonce-"),
        "its own policy"
    );
    assert_eq!(reports(&app), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_has_begun_ends_and_is_noted_though_the_browser_leaves() {
    let (app, agent) = start().await;
    app.sandbox.control().saw_message(NAME, HEAD);
    app.sandbox.control().add_fault(Fault::new("report", FaultKind::LatencyMs(1_500)));
    let (before, after) = around(&[("kind", "false_positive"), ("then", "send")]);
    let request = agent
        .request(Method::POST, "/reports")
        .header("origin", &app.base)
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body([before.as_bytes(), HEAD.as_bytes(), after.as_bytes()].concat());
    let sending = tokio::spawn(request.send());
    let log = async |said: &str| {
        while !agent.get("/reports").await.text.contains(said) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), log("under way")).await.expect("it is noted before it is sent");
    sending.abort();
    tokio::time::timeout(Duration::from_secs(10), log("done</span>")).await.expect("it ends, and that is noted");
    assert_eq!(reports(&app), 1);
}

/// The start of an upload: the request's head and half of its body.
async fn half_an_upload(browser: &Browser, base: &str) -> (TcpStream, Vec<u8>) {
    let (before, after) = around(&[("kind", "false_positive"), ("then", "send")]);
    let body = [before.as_bytes(), HEAD.as_bytes(), after.as_bytes()].concat();
    let built = browser.request(Method::POST, "/reports").build().unwrap();
    let cookie = built.headers()["cookie"].to_str().unwrap();
    let host = base.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /reports HTTP/1.1\r\nHost: {host}\r\nOrigin: {base}\r\nCookie: {cookie}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (now, later) = body.split_at(body.len() / 2);
    stream.write_all(now).await.unwrap();
    (stream, later.to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_sends_nothing() {
    let (app, agent) = start().await;
    app.sandbox.control().saw_message(NAME, HEAD);
    let (mut stream, _) = half_an_upload(&agent, &app.base).await;
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Either words or just the end: in both cases the server is done with it.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 3"), "not taken for whole");
    assert_eq!(reports(&app), 0);
    let (mut stream, later) = half_an_upload(&agent, &app.base).await;
    stream.write_all(&later).await.unwrap();
    let mut answer = [0_u8; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 303");
    assert_eq!(reports(&app), 1, "the same upload, whole, is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_pass_at_once_and_the_fifth_is_told() {
    let (app, agent) = start().await;
    app.sandbox.control().saw_message(NAME, HEAD);
    let mut halves = Vec::new();
    for _ in 0..4 {
        halves.push(half_an_upload(&agent, &app.base).await);
    }
    let fields = [("kind", "false_positive"), ("then", "send")];
    // All four hold their places before the fifth comes: none is left to take.
    let fifth = async {
        loop {
            let answer = send(&agent, &app.base, &fields, HEAD.as_bytes()).await;
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                break answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), fifth).await.unwrap();
    assert!(answer.text.contains("4 messages are being sent just now"), "{}", answer.text);
    let before = reports(&app);
    for (mut stream, later) in halves {
        stream.write_all(&later).await.unwrap();
        let mut answer = [0_u8; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 303");
    }
    assert_eq!(reports(&app) - before, 4, "the four are served");
    assert!(submit(&agent, &app.base, &fields, HEAD.as_bytes()).await.contains("Reported."));
}

/// A figure of a process, in KB.
fn memory(pid: u32, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(which)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_megabytes_pass_in_little_memory() {
    let sandbox =
        Sandbox::start(Options { seed: Seed::Demo, domains: 50, rate: 10_000, ..Options::default() }).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &sandbox.base_url());
    let agent = Browser::new(&server.base);
    agent.post("/sign-in", &[("person", "maya")]).await;
    assert!(agent.add_key("web07", "sandbox-key-07").await.text.contains("is stored"));
    let fields = [("kind", "false_positive"), ("then", "send")];
    let of = |size: usize| format!("{HEAD}{}", "0123456789abcde\n".repeat((size - HEAD.len()) / 16));
    let (small, large) = (of(2 << 20), of(40 << 20));
    for message in [&small, &large] {
        sandbox.control().saw_message(NAME, message);
    }
    let page = submit(&agent, &server.base, &fields, small.as_bytes()).await;
    assert!(page.contains("Reported."), "{page}");
    let pid = server.child.id();
    let before = memory(pid, "VmRSS");
    // Sets the high-water mark back to what is used now (proc(5)).
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    let page = submit(&agent, &server.base, &fields, large.as_bytes()).await;
    assert!(page.contains("Reported."), "{page}");
    let grown = memory(pid, "VmHWM").saturating_sub(before);
    println!("{} KB more for {} MB", grown, large.len() >> 20);
    assert!(grown <= 16 * 1024, "{grown} KB");
    // Four at once, each as large.
    let before = memory(pid, "VmRSS");
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    let send = || submit(&agent, &server.base, &fields, large.as_bytes());
    let pages = futures::join!(send(), send(), send(), send());
    for page in [pages.0, pages.1, pages.2, pages.3] {
        assert!(page.contains("Reported."), "{page}");
    }
    let grown = memory(pid, "VmHWM").saturating_sub(before);
    println!("{grown} KB more for four of them");
    assert!(grown <= 4 * 16 * 1024, "{grown} KB");
}
