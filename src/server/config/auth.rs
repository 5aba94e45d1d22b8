//! Settings of sign-in: read, checked against each other, and turned into what the server asks.

use super::{ConfigError, Origin, secret};
use crate::server::auth::{Auth, Gate};
use clap::{Args, ValueEnum};
use http::HeaderName;
use identity::{
    Algorithm, RoleMap,
    claims::Expected,
    fetch,
    jwks::KeySet,
    oidc::{self, Provider},
    proxy,
};
use secrecy::SecretString;
use std::{net::SocketAddr, path::PathBuf, str::FromStr};
use url::Url;

/// How people sign in. There is no default: a console that holds keys must not open by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Pick one of four made-up people; only on a loopback address.
    Demo,
    /// At an `OpenID` provider.
    Oidc,
    /// By an access proxy's signed token on every request.
    SignedHeader,
    /// By a proxy's headers: a last resort.
    TrustedHeader,
}

/// How dangerous actions are confirmed where a proxy signs people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StepUp {
    /// A sign-in of the last ten minutes, as the token's `auth_time` says.
    Required,
    /// The word of the proxy that they are signed in; of a provider that never sends `auth_time`, that they just were.
    #[value(alias = "provider")]
    Proxy,
}

/// Settings of sign-in.
#[derive(Args, Clone, Debug)]
pub struct AuthConfig {
    /// How people sign in; has no default.
    #[arg(long, env = "SLUICE_AUTH", global = true)]
    pub auth: Option<AuthMode>,
    /// Groups whose members are administrators, comma-separated; user:<e-mail address> names one person.
    #[arg(long, env = "SLUICE_ROLE_ADMINS", value_delimiter = ',', global = true)]
    pub role_admins: Vec<String>,
    /// Groups whose members are leads. * is everybody that the provider lets through.
    #[arg(long, env = "SLUICE_ROLE_LEADS", value_delimiter = ',', global = true)]
    pub role_leads: Vec<String>,
    /// Groups whose members are agents. * is everybody that the provider lets through.
    #[arg(long, env = "SLUICE_ROLE_AGENTS", value_delimiter = ',', global = true)]
    pub role_agents: Vec<String>,
    /// Groups whose members are viewers. * is everybody that the provider lets through.
    #[arg(long, env = "SLUICE_ROLE_VIEWERS", value_delimiter = ',', global = true)]
    pub role_viewers: Vec<String>,
    /// E-mail domains, comma-separated; with it, only people with a verified address of one of them are let in.
    #[arg(long, env = "SLUICE_ALLOWED_DOMAINS", value_delimiter = ',', global = true)]
    pub allowed_domains: Vec<String>,

    /// oidc and signed-header: tokens of this issuer never say whether an e-mail address is verified, and it always is.
    #[arg(long, env = "SLUICE_EMAIL_TRUSTED", global = true)]
    pub email_trusted: bool,

    /// oidc: exact issuer of the provider.
    #[arg(long, env = "SLUICE_OIDC_ISSUER", global = true)]
    pub oidc_issuer: Option<String>,
    /// oidc: our client id there.
    #[arg(long, env = "SLUICE_OIDC_CLIENT_ID", global = true)]
    pub oidc_client_id: Option<String>,
    /// oidc: our client secret there. Prefer `SLUICE_OIDC_CLIENT_SECRET_FILE`.
    #[arg(long, env = "SLUICE_OIDC_CLIENT_SECRET", hide_env_values = true, hide = true, global = true)]
    pub oidc_client_secret: Option<SecretString>,
    /// oidc: a file that holds the client secret.
    #[arg(long, env = "SLUICE_OIDC_CLIENT_SECRET_FILE", global = true)]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// oidc: scopes to ask for, space-separated.
    #[arg(long, env = "SLUICE_OIDC_SCOPES", default_value = "openid profile email", global = true)]
    pub oidc_scopes: String,
    /// oidc: claim of the ID token that holds the groups; dots descend into objects.
    #[arg(long, env = "SLUICE_OIDC_GROUPS_CLAIM", default_value = "groups", global = true)]
    pub oidc_groups_claim: String,
    /// oidc: algorithms that ID tokens may be signed with, comma-separated.
    #[arg(long, env = "SLUICE_OIDC_ALGORITHMS", value_delimiter = ',', default_value = "RS256,ES256", global = true)]
    pub oidc_algorithms: Vec<String>,
    /// oidc and signed-header: certificate (PEM) of a private authority that signed the provider's.
    #[arg(long, env = "SLUICE_OIDC_CA_FILE", global = true)]
    pub oidc_ca_file: Option<PathBuf>,

    /// signed-header: name of the header that carries the token.
    #[arg(long, env = "SLUICE_JWT_HEADER", global = true)]
    pub jwt_header: Option<String>,
    /// signed-header: address of the keys that tokens are signed with.
    #[arg(long, env = "SLUICE_JWT_JWKS_URL", global = true)]
    pub jwt_jwks_url: Option<Url>,
    /// signed-header: exact issuer of the tokens.
    #[arg(long, env = "SLUICE_JWT_ISSUER", global = true)]
    pub jwt_issuer: Option<String>,
    /// signed-header: exact audience of the tokens.
    #[arg(long, env = "SLUICE_JWT_AUDIENCE", global = true)]
    pub jwt_audience: Option<String>,
    /// signed-header: claim that holds the groups; dots descend into objects.
    #[arg(long, env = "SLUICE_JWT_GROUPS_CLAIM", default_value = "groups", global = true)]
    pub jwt_groups_claim: String,
    /// signed-header: RS256, ES256 or both.
    #[arg(long, env = "SLUICE_JWT_ALGORITHMS", value_delimiter = ',', default_value = "RS256,ES256", global = true)]
    pub jwt_algorithms: Vec<String>,

    /// trusted-header: addresses and networks of the proxy, comma-separated. In every mode, X-Forwarded-For of these
    /// is believed.
    #[arg(long, env = "SLUICE_PROXY_CIDRS", value_delimiter = ',', global = true)]
    pub proxy_cidrs: Vec<String>,
    /// trusted-header: header with the person's stable id.
    #[arg(long, env = "SLUICE_PROXY_USER_HEADER", default_value = "X-Forwarded-User", global = true)]
    pub proxy_user_header: String,
    /// trusted-header: header with their e-mail address.
    #[arg(long, env = "SLUICE_PROXY_EMAIL_HEADER", default_value = "X-Forwarded-Email", global = true)]
    pub proxy_email_header: String,
    /// trusted-header: header with their name.
    #[arg(long, env = "SLUICE_PROXY_NAME_HEADER", global = true)]
    pub proxy_name_header: Option<String>,
    /// trusted-header: header with their groups, parted by commas or |.
    #[arg(long, env = "SLUICE_PROXY_GROUPS_HEADER", default_value = "X-Forwarded-Groups", global = true)]
    pub proxy_groups_header: String,
    /// trusted-header: a secret that every request must carry as X-Sluice-Proxy-Secret. Prefer `SLUICE_PROXY_SECRET_FILE`.
    #[arg(long, env = "SLUICE_PROXY_SECRET", hide_env_values = true, hide = true, global = true)]
    pub proxy_secret: Option<SecretString>,
    /// trusted-header: a file that holds that secret.
    #[arg(long, env = "SLUICE_PROXY_SECRET_FILE", global = true)]
    pub proxy_secret_file: Option<PathBuf>,

    /// signed-header and trusted-header: where signing out leads, the proxy's own page for it.
    #[arg(long, env = "SLUICE_SIGN_OUT_URL", global = true)]
    pub sign_out_url: Option<Url>,
    /// Whether dangerous actions need an `auth_time` of the last ten minutes (required), or the word of the proxy or
    /// provider is enough (proxy).
    #[arg(long, env = "SLUICE_STEP_UP", global = true)]
    pub step_up: Option<StepUp>,
}

/// Algorithms by name; those with a shared secret are never among them.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

type Problems = Vec<ConfigError>;

/// Keeps what went wrong, and goes on, so that everything that is wrong is said at once.
fn kept<T, E: Into<ConfigError>>(problems: &mut Problems, result: Result<T, E>) -> Option<T> {
    result.map_err(|error| problems.push(error.into())).ok()
}

fn wanted<T: Clone>(problems: &mut Problems, name: &'static str, value: Option<&T>) -> Option<T> {
    kept(problems, value.cloned().ok_or(ConfigError::Missing(name)))
}

fn algorithms(name: &'static str, names: &[String], allowed: &[Algorithm]) -> Result<Vec<Algorithm>, ConfigError> {
    let read = |text: &String| {
        let text = text.trim();
        Algorithm::from_str(text)
            .ok()
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or_else(|| ConfigError::Algorithm { name, said: text.to_owned() })
    };
    let read = names.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if read.is_empty() { Err(ConfigError::Missing(name)) } else { Ok(read) }
}

fn header(name: &'static str, text: &str) -> Result<HeaderName, ConfigError> {
    HeaderName::try_from(text.trim()).map_err(|_| ConfigError::Header { name, said: text.to_owned() })
}

fn safe_url(name: &'static str, url: &Url) -> Result<Url, ConfigError> {
    if oidc::is_safe(url) { Ok(url.clone()) } else { Err(ConfigError::NotHttps { name }) }
}

impl AuthConfig {
    /// What the server asks at sign-in, by these settings; or everything that is wrong with them.
    pub fn resolve(&self, listen: SocketAddr, origin: &Origin) -> Result<Auth, Problems> {
        let mut problems = Vec::new();
        let Some(mode) = self.auth else { return Err(vec![ConfigError::NoAuth]) };
        let peers = if self.proxy_cidrs.iter().all(|text| text.trim().is_empty()) {
            Vec::new()
        } else {
            kept(&mut problems, proxy::peers(&self.proxy_cidrs)).unwrap_or_default()
        };
        let mut auth = Auth::new(peers);
        if mode == AuthMode::Demo {
            if !listen.ip().is_loopback() {
                problems.push(ConfigError::DemoNotLoopback(listen));
            }
            return if problems.is_empty() { Ok(auth) } else { Err(problems) };
        }
        let groups = [&self.role_viewers, &self.role_agents, &self.role_leads, &self.role_admins].map(Vec::as_slice);
        auth.map = kept(&mut problems, RoleMap::new(groups, &self.allowed_domains)).unwrap_or_default();
        let public = Url::parse(&origin.origin).ok();
        if !public.as_ref().is_some_and(oidc::is_safe) {
            problems.push(ConfigError::PublicNotHttps(origin.origin.clone()));
        }
        auth.by_proxy = self.step_up == Some(StepUp::Proxy);
        let gate = match mode {
            AuthMode::Oidc => self.oidc(origin, &mut problems).map(Gate::Oidc),
            AuthMode::SignedHeader => self.signed(&mut problems),
            _ => self.trusted(&auth.peers, &mut problems),
        };
        if mode != AuthMode::Oidc {
            auth.sign_out =
                self.sign_out_url.as_ref().and_then(|url| kept(&mut problems, safe_url("SLUICE_SIGN_OUT_URL", url)));
            if mode == AuthMode::TrustedHeader && self.step_up.is_none() {
                problems.push(ConfigError::StepUp);
            }
        }
        match gate {
            Some(gate) if problems.is_empty() => {
                auth.gate = gate;
                Ok(auth)
            }
            _ => Err(problems),
        }
    }

    fn oidc(&self, origin: &Origin, problems: &mut Problems) -> Option<Box<Provider>> {
        let issuer = wanted(problems, "SLUICE_OIDC_ISSUER", self.oidc_issuer.as_ref());
        if let Some(issuer) = &issuer {
            let safe = Url::parse(issuer).is_ok_and(|url| oidc::is_safe(&url) && url.query().is_none());
            if !safe {
                problems.push(ConfigError::NotHttps { name: "SLUICE_OIDC_ISSUER" });
            }
        }
        let client_id = wanted(problems, "SLUICE_OIDC_CLIENT_ID", self.oidc_client_id.as_ref());
        let secret = secret(
            "SLUICE_OIDC_CLIENT_SECRET",
            self.oidc_client_secret.as_ref(),
            self.oidc_client_secret_file.as_deref(),
        );
        let secret = kept(
            problems,
            secret.and_then(|secret| secret.ok_or(ConfigError::Missing("SLUICE_OIDC_CLIENT_SECRET_FILE"))),
        );
        if !self.oidc_scopes.split(' ').any(|scope| scope == "openid") {
            problems.push(ConfigError::Scopes);
        }
        let algorithms = kept(problems, algorithms("SLUICE_OIDC_ALGORITHMS", &self.oidc_algorithms, &ALGORITHMS));
        let settings = oidc::Settings {
            issuer: issuer?,
            client_id: client_id?,
            client_secret: secret?,
            scopes: self.oidc_scopes.clone(),
            groups: self.oidc_groups_claim.clone(),
            email_trusted: self.email_trusted,
            algorithms: algorithms?,
            ca: self.oidc_ca_file.clone(),
            redirect: format!("{}/auth/callback", origin.origin),
        };
        kept(problems, Provider::new(settings).map_err(|source| self.ca_error(source))).map(Box::new)
    }

    fn ca_error(&self, source: std::io::Error) -> ConfigError {
        ConfigError::File { path: self.oidc_ca_file.clone().unwrap_or_default(), source }
    }

    fn signed(&self, problems: &mut Problems) -> Option<Gate> {
        let name = wanted(problems, "SLUICE_JWT_HEADER", self.jwt_header.as_ref());
        let name = name.and_then(|name| kept(problems, header("SLUICE_JWT_HEADER", &name)));
        let url = wanted(problems, "SLUICE_JWT_JWKS_URL", self.jwt_jwks_url.as_ref());
        let url = url.and_then(|url| kept(problems, safe_url("SLUICE_JWT_JWKS_URL", &url)));
        let issuer = wanted(problems, "SLUICE_JWT_ISSUER", self.jwt_issuer.as_ref());
        let audience = wanted(problems, "SLUICE_JWT_AUDIENCE", self.jwt_audience.as_ref());
        let two = [Algorithm::RS256, Algorithm::ES256];
        let algorithms = kept(problems, algorithms("SLUICE_JWT_ALGORITHMS", &self.jwt_algorithms, &two));
        let client =
            kept(problems, fetch::client(self.oidc_ca_file.as_deref()).map_err(|source| self.ca_error(source)));
        Some(Gate::Signed {
            header: name?,
            keys: Box::new(KeySet::new(client?, url?)),
            expected: Expected {
                issuer: issuer?,
                audience: audience?,
                groups: self.jwt_groups_claim.clone(),
                email_trusted: self.email_trusted,
            },
            algorithms: algorithms?,
        })
    }

    fn trusted(&self, peers: &[ipnet::IpNet], problems: &mut Problems) -> Option<Gate> {
        if peers.is_empty() && self.proxy_cidrs.iter().all(|text| text.trim().is_empty()) {
            problems.push(proxy::BadPeers::None.into());
        }
        let user = kept(problems, header("SLUICE_PROXY_USER_HEADER", &self.proxy_user_header));
        let email = kept(problems, header("SLUICE_PROXY_EMAIL_HEADER", &self.proxy_email_header));
        let groups = kept(problems, header("SLUICE_PROXY_GROUPS_HEADER", &self.proxy_groups_header));
        let name =
            self.proxy_name_header.as_ref().and_then(|name| kept(problems, header("SLUICE_PROXY_NAME_HEADER", name)));
        let secret = secret("SLUICE_PROXY_SECRET", self.proxy_secret.as_ref(), self.proxy_secret_file.as_deref());
        let secret = kept(problems, secret).flatten();
        Some(Gate::Trusted(proxy::Rules {
            peers: peers.to_vec(),
            user: user?,
            email: email?,
            name,
            groups: groups?,
            secret,
        }))
    }
}

#[cfg(test)]
mod tests;
