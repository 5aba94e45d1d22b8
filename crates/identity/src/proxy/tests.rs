use super::*;
use proptest::prelude::*;

fn rules(secret: Option<&str>) -> Rules {
    Rules {
        peers: peers(&["192.0.2.0/24".into(), "2001:db8::1".into()]).unwrap(),
        user: HeaderName::from_static("x-forwarded-user"),
        email: HeaderName::from_static("x-forwarded-email"),
        name: Some(HeaderName::from_static("x-forwarded-name")),
        groups: HeaderName::from_static("x-forwarded-groups"),
        secret: secret.map(|secret| SecretString::from(secret.to_owned())),
    }
}

fn headers(pairs: &[(&str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

fn peer() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

fn read(pairs: &[(&str, &[u8])]) -> Result<Vouched, Untrusted> {
    rules(None).read(&headers(pairs), peer())
}

type Pairs<'a> = Vec<(&'a str, &'a [u8])>;

const USER: (&str, &[u8]) = ("x-forwarded-user", b"maya");

#[test]
fn a_proxy_says_who_it_is() {
    let person = read(&[
        USER,
        ("x-forwarded-email", b"maya@host.example"),
        ("x-forwarded-groups", b"support, all|staff"),
        ("x-forwarded-name", "Maya Ökafor".as_bytes()),
    ])
    .unwrap();
    assert_eq!(
        (person.issuer.as_str(), person.subject.as_str(), person.name.as_str()),
        ("proxy", "maya", "Maya Ökafor")
    );
    assert_eq!(person.groups, ["support", "all", "staff"]);
    assert!(person.email_verified);
}

#[test]
fn spoofs_are_refused() {
    let long = [b'x'; VALUE_MAX + 1];
    let header = Err(Untrusted::Header);
    let cases: [(Pairs<'_>, _); 14] = [
        (vec![], &header),
        (vec![("x-forwarded-user", b"")], &header),
        (vec![USER, ("X-Forwarded-User", b"ines")], &header),
        (vec![USER, USER], &header),
        (vec![("x-forwarded-user", b" ")], &header),
        (vec![("x-forwarded-user", &long)], &header),
        (vec![("x-forwarded-user", "mäya".as_bytes())], &header),
        (vec![("x-forwarded-user", b"maya\xff")], &header),
        (vec![USER, ("x-forwarded-email", b"a@b.example"), ("x-forwarded-email", b"c@d.example")], &header),
        (vec![USER, ("x-forwarded-groups", b"all"), ("x-forwarded-groups", b"root")], &header),
        (vec![USER, ("x_forwarded_user", b"ines")], &Err(Untrusted::Alias)),
        (vec![USER, ("x.forwarded.groups", b"root")], &Err(Untrusted::Alias)),
        (vec![USER, ("x-forwarded_email", b"root")], &Err(Untrusted::Alias)),
        (vec![USER, ("x_sluice-proxy-secret", b"x")], &Err(Untrusted::Alias)),
    ];
    for (pairs, error) in cases {
        assert_eq!(&read(&pairs), error, "{pairs:?}");
    }
}

#[test]
fn only_the_proxy_s_address_counts() {
    for (address, fine) in [
        ("192.0.2.255", true),
        ("::ffff:192.0.2.1", true),
        ("2001:db8::1", true),
        ("2001:db8::2", false),
        ("127.0.0.1", false),
        ("198.51.100.1", false),
    ] {
        let said = rules(None).read(&headers(&[USER]), address.parse().unwrap());
        assert_eq!(said.is_ok(), fine, "{address}");
    }
}

#[test]
fn the_shared_secret_must_be_right() {
    let rules = rules(Some("s3cret"));
    let read = |pairs: &[(&str, &[u8])]| rules.read(&headers(pairs), peer());
    assert!(read(&[USER, (SECRET_HEADER, b"s3cret")]).is_ok());
    for wrong in [&b"s3cre"[..], b"s3cret ", b"", b"S3CRET"] {
        assert_eq!(read(&[USER, (SECRET_HEADER, wrong)]), Err(Untrusted::Secret));
    }
    assert_eq!(read(&[USER]), Err(Untrusted::Secret));
    assert_eq!(read(&[USER, (SECRET_HEADER, b"s3cret"), (SECRET_HEADER, b"s3cret")]), Err(Untrusted::Header));
}

#[test]
fn everybody_is_no_proxy() {
    for (list, error) in [
        (vec![], BadPeers::None),
        (vec![" "], BadPeers::None),
        (vec!["*"], BadPeers::Everybody("*".into())),
        (vec!["192.0.2.1", "0.0.0.0/0"], BadPeers::Everybody("0.0.0.0/0".into())),
        (vec!["::/0"], BadPeers::Everybody("::/0".into())),
        (vec!["proxy.example"], BadPeers::NoNetwork("proxy.example".into())),
    ] {
        let list: Vec<_> = list.into_iter().map(str::to_owned).collect();
        assert_eq!(peers(&list), Err(error));
    }
}

proptest! {
    #[test]
    fn whatever_is_in_the_headers_the_person_is_the_one_of_the_one_header(
        name in "[a-zA-Z._-]{1,20}", value in proptest::collection::vec(0x20_u8..=0xff, 0..20)
    ) {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        let mut all = headers(&[USER]);
        all.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        if let Ok(person) = rules(None).read(&all, peer()) {
            prop_assert_eq!(person.subject, "maya");
        }
    }
}
