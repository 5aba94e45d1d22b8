use super::*;

fn auth(peers: &[&str]) -> Auth {
    let peers: Vec<_> = peers.iter().map(ToString::to_string).collect();
    Auth::new(if peers.is_empty() { Vec::new() } else { proxy::peers(&peers).unwrap() })
}

fn forwarded(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("x-forwarded-for", value.parse().unwrap());
    }
    headers
}

#[test]
fn an_address_is_what_the_nearest_of_our_proxies_saw() {
    let proxied = auth(&["192.0.2.0/28"]);
    for (values, peer, address) in [
        (&[][..], "192.0.2.1", "192.0.2.1"),
        (&["198.51.100.7"], "192.0.2.1", "198.51.100.7"),
        (&["203.0.113.1, 198.51.100.7"], "192.0.2.1", "198.51.100.7"),
        (&["203.0.113.1", "198.51.100.7, 192.0.2.2"], "192.0.2.1", "198.51.100.7"),
        (&["198.51.100.7"], "198.51.100.1", "198.51.100.1"),
        (&["nonsense"], "192.0.2.1", "192.0.2.1"),
        (&["198.51.100.7, "], "192.0.2.1", "192.0.2.1"),
        (&["::ffff:198.51.100.7"], "::ffff:192.0.2.1", "198.51.100.7"),
    ] {
        let found = proxied.address(&forwarded(values), peer.parse().unwrap());
        assert_eq!(found.to_string(), address, "{values:?} from {peer}");
    }
    assert_eq!(auth(&[]).address(&forwarded(&["198.51.100.7"]), "192.0.2.1".parse().unwrap()).to_string(), "192.0.2.1");
}

#[test]
fn ten_tries_a_minute_for_an_address() {
    let mut auth = auth(&[]);
    auth.gate = Gate::Trusted(Rules {
        peers: Vec::new(),
        user: HeaderName::from_static("x-user"),
        email: HeaderName::from_static("x-email"),
        name: None,
        groups: HeaderName::from_static("x-groups"),
        secret: None,
    });
    let tries = |address: &str| (0..20).filter(|_| auth.may_try(address)).count();
    assert_eq!(tries("192.0.2.1"), 10);
    assert_eq!(tries("192.0.2.2"), 10);
    assert_eq!(tries("2001:db8::1"), 10);
    assert_eq!(tries("2001:db8::2"), 0, "the same /64");
    assert_eq!(tries("2001:db8:0:1::1"), 10);
    assert_eq!(tries("nonsense"), 0);
}

#[test]
fn a_cookie_counts_once() {
    let of = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::COOKIE, value.parse().unwrap());
        }
        token(&headers, SESSION).map(|token| token.expose().to_owned())
    };
    assert_eq!(of(&["a=b; __Host-sluice=t; c=d"]).as_deref(), Some("t"));
    assert_eq!(of(&["a=b", "__Host-sluice=t"]).as_deref(), Some("t"));
    assert_eq!(of(&["__Host-sluice=t; __Host-sluice=u"]), None);
    assert_eq!(of(&["__Host-sluice="]), None);
    assert_eq!(of(&["__host-sluice=t; sluice=u; __Host-sluice-sign-in=v"]), None);
    assert_eq!(of(&[&format!("__Host-sluice={}", "x".repeat(65))]), None);
}

#[test]
fn cookies_are_for_this_host_over_tls_and_not_for_scripts() {
    let set = cookie(SESSION, Some(&Token::new("t")));
    assert_eq!(set.to_str().unwrap(), "__Host-sluice=t; Path=/; Secure; HttpOnly; SameSite=Lax");
    assert!(set.is_sensitive());
    assert!(cookie(BEGUN, None).to_str().unwrap().contains("Max-Age=0"));
}
