use super::*;
use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: AuthConfig,
}

fn resolve(args: &[&str], listen: &str) -> Result<Auth, Vec<String>> {
    let config = Cli::parse_from(std::iter::once("sluice").chain(args.iter().copied())).config;
    let origin = Origin { origin: "https://sluice.example".into(), authority: "sluice.example".into() };
    let words = |problems: Problems| problems.iter().map(ToString::to_string).collect();
    config.resolve(listen.parse().unwrap(), &origin).map_err(words)
}

const OIDC: [&str; 10] = [
    "--auth",
    "oidc",
    "--oidc-issuer",
    "https://id.example",
    "--oidc-client-id",
    "sluice",
    "--oidc-client-secret",
    "a-secret",
    "--role-agents",
    "support",
];

const TRUSTED: [&str; 8] =
    ["--auth", "trusted-header", "--proxy-cidrs", "192.0.2.1", "--role-agents", "support", "--step-up", "proxy"];

fn with(base: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    // A later value of the same flag replaces the earlier.
    let mut args = base.to_vec();
    for pair in more.chunks(2) {
        if let Some(place) = args.iter().position(|arg| *arg == pair[0]) {
            args.drain(place..=place + 1);
        }
        if pair[1] != "-" {
            args.extend(pair);
        }
    }
    args
}

#[test]
fn demo_is_refused_beyond_loopback_and_nothing_is_the_default() {
    assert!(resolve(&[], "127.0.0.1:1").err().unwrap()[0].contains("no default"));
    for (listen, allowed) in [
        ("127.0.0.1:1", true),
        ("127.9.9.9:1", true),
        ("[::1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("192.0.2.1:1", false),
    ] {
        assert_eq!(resolve(&["--auth", "demo"], listen).is_ok(), allowed, "{listen}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let problems = resolve(&["--auth", "oidc", "--oidc-scopes", "profile"], "0.0.0.0:1").err().unwrap();
    for name in [
        "SLUICE_ROLE_ADMINS",
        "SLUICE_OIDC_ISSUER",
        "SLUICE_OIDC_CLIENT_ID",
        "CLIENT_SECRET_FILE",
        "SLUICE_OIDC_SCOPES",
    ] {
        assert!(problems.iter().any(|problem| problem.contains(name)), "{name} in {problems:?}");
    }
}

#[test]
fn a_provider_is_asked_over_tls_only_and_by_safe_algorithms() {
    assert!(resolve(&OIDC, "0.0.0.0:1").is_ok());
    for more in [
        ["--oidc-issuer", "http://id.example"],
        ["--oidc-issuer", "https://user:pass@id.example"],
        ["--oidc-issuer", "https://id.example?x"],
        ["--oidc-algorithms", "HS256"],
        ["--oidc-algorithms", "RS256,none"],
        ["--oidc-client-secret", "-"],
        ["--role-agents", "-"],
        ["--role-admins", "*"],
        ["--oidc-ca-file", "/nowhere/ca.pem"],
    ] {
        assert!(resolve(&with(&OIDC, &more), "0.0.0.0:1").is_err(), "{more:?}");
    }
    assert!(resolve(&with(&OIDC, &["--oidc-issuer", "http://127.0.0.1:4000"]), "0.0.0.0:1").is_ok());
}

#[test]
fn a_proxy_is_trusted_by_its_address_only() {
    assert!(resolve(&TRUSTED, "0.0.0.0:1").is_ok());
    for more in [
        ["--proxy-cidrs", "-"],
        ["--proxy-cidrs", "0.0.0.0/0"],
        ["--proxy-cidrs", "*"],
        ["--proxy-cidrs", "192.0.2.1,::/0"],
        ["--proxy-user-header", "X Forwarded"],
        ["--step-up", "-"],
        ["--sign-out-url", "http://proxy.example/out"],
    ] {
        assert!(resolve(&with(&TRUSTED, &more), "0.0.0.0:1").is_err(), "{more:?}");
    }
}

#[test]
fn an_access_proxy_s_tokens_are_signed_with_rs256_or_es256() {
    let signed = [
        "--auth",
        "signed-header",
        "--jwt-header",
        "Cf-Access-Jwt-Assertion",
        "--jwt-jwks-url",
        "https://team.example/certs",
        "--jwt-issuer",
        "https://team.example",
        "--jwt-audience",
        "aud",
        "--role-viewers",
        "*",
    ];
    assert!(resolve(&signed, "0.0.0.0:1").is_ok());
    for more in [
        ["--jwt-algorithms", "PS256"],
        ["--jwt-algorithms", "HS256"],
        ["--jwt-header", "-"],
        ["--jwt-jwks-url", "http://team.example/certs"],
        ["--jwt-issuer", "-"],
        ["--jwt-audience", "-"],
    ] {
        assert!(resolve(&with(&signed, &more), "0.0.0.0:1").is_err(), "{more:?}");
    }
}

#[test]
fn no_secret_is_ever_printed() {
    let secret = "s3cret-of-the-client";
    let args = with(&OIDC, &["--oidc-client-secret", secret, "--proxy-secret", secret]);
    let config = Cli::parse_from(std::iter::once("sluice").chain(args.iter().copied())).config;
    assert!(!format!("{config:?}").contains(secret));
    let auth = resolve(&args, "0.0.0.0:1").unwrap_or_else(|_| panic!("it is fine"));
    assert!(!auth.lines().join("\n").contains(secret));
    let problems = resolve(&with(&args, &["--oidc-issuer", "-"]), "0.0.0.0:1").err().unwrap();
    assert!(!problems.join("\n").contains(secret));
}
