//! Configuration: by environment variables (or the same flags), checked whole before anything starts.

mod auth;

pub use auth::{AuthConfig, AuthMode, StepUp};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use url::Url;

/// Every setting of the server.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Address and port to listen on.
    #[arg(long, env = "SLUICE_LISTEN", default_value = "127.0.0.1:3000", global = true)]
    pub listen: SocketAddr,
    /// The address people type, scheme included; anything else in a Host or Origin header is refused.
    #[arg(long, env = "SLUICE_PUBLIC_URL", global = true)]
    pub public_url: Option<Url>,
    /// How people sign in.
    #[command(flatten)]
    pub auth: AuthConfig,
    /// The database file.
    #[arg(long, env = "SLUICE_DATABASE", default_value = "sluice.sqlite3", global = true)]
    pub database: PathBuf,
    /// The key-encryption key: 32 bytes in base64 or hex. Prefer `SLUICE_KEK_FILE`.
    #[arg(env = "SLUICE_KEK", hide_env_values = true, hide = true, long, global = true)]
    pub kek: Option<SecretString>,
    /// A file that holds the key-encryption key.
    #[arg(long, env = "SLUICE_KEK_FILE", global = true)]
    pub kek_file: Option<PathBuf>,
    /// Files that hold earlier key-encryption keys, comma-separated; needed until rotation is complete.
    #[arg(long, env = "SLUICE_KEK_PREVIOUS_FILES", value_delimiter = ',', global = true)]
    pub kek_previous_files: Vec<PathBuf>,
    /// Folder for backups; without it none are made.
    #[arg(long, env = "SLUICE_BACKUP_DIR", global = true)]
    pub backup_dir: Option<PathBuf>,
    /// Hours between two backups; 0 makes none by itself.
    #[arg(long, env = "SLUICE_BACKUP_HOURS", default_value_t = 24, global = true)]
    pub backup_hours: u32,
    /// How many backups stay, of so many stretches of the hours between two; and so many of the newest stretch.
    #[arg(long, env = "SLUICE_BACKUP_KEEP", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..), global = true)]
    pub backup_keep: u32,
    /// Base URL of the Inbound API.
    #[arg(long, env = "SLUICE_UPSTREAM", default_value = "https://api.mailchannels.net/inbound/v1", global = true)]
    pub upstream: Url,
    /// Requests a second that Sluice allows itself for one customer; MailChannels allows 100 in all.
    #[arg(long, env = "SLUICE_RATE", default_value_t = 80, value_parser = clap::value_parser!(u32).range(1..=100), global = true)]
    pub rate: u32,
    /// Seconds between two looks at each key's domains.
    #[arg(long, env = "SLUICE_SYNC_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub sync_seconds: u64,
    /// Address and port of the DNS resolver that is asked for MX records; without it, those of the system.
    #[arg(long, env = "SLUICE_MX_RESOLVER", global = true)]
    pub mx_resolver: Option<SocketAddr>,
    /// Hosts that MX records of filtered domains point at, comma-separated. Compared by name.
    #[arg(
        long,
        env = "SLUICE_MX_EXPECTED",
        value_delimiter = ',',
        default_value = "mx1.mailchannels.net,mx2.mailchannels.net",
        global = true
    )]
    pub mx_expected: Vec<String>,
    /// Seconds between two looks for domains whose MX records are due (daily, hourly when the last look-up
    /// failed, new domains at once). 0 switches all MX look-ups off.
    #[arg(long, env = "SLUICE_MX_SECONDS", default_value_t = 60, global = true)]
    pub mx_seconds: u64,
    /// Milliseconds that one try of a request to MailChannels may take.
    #[arg(long, env = "SLUICE_ATTEMPT_MS", default_value_t = 15_000, global = true, hide = true)]
    pub attempt_ms: u64,
    /// Milliseconds that a client may take to send the head of a request, and between two pieces of its body.
    #[arg(long, env = "SLUICE_READ_MS", default_value_t = 30_000, global = true, hide = true)]
    pub read_ms: u64,
    /// Address and port of `/metrics` for Prometheus, such as 127.0.0.1:9464; without it there is none. No sign-in is
    /// asked for there: not for the world.
    #[arg(long, env = "SLUICE_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<SocketAddr>,
    /// How log lines look; auto is text on a terminal and JSON elsewhere.
    #[arg(long, env = "SLUICE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto, global = true)]
    pub log_format: LogFormat,
    /// Log filter, as `tracing` reads it.
    #[arg(long, env = "SLUICE_LOG", default_value = "info", global = true)]
    pub log: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// A JSON object a line, for machines.
    Json,
    /// Lines for people.
    Text,
}

/// What is wrong with the configuration, in words for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `SLUICE_AUTH` is missing.
    #[error(
        "SLUICE_AUTH is not set, and it has no default: whoever can sign in can change where mail goes.\n  \
         oidc            people sign in at your OpenID provider (recommended)\n  \
         signed-header   an access proxy in front sends a signed token with every request\n  \
         trusted-header  a proxy in front says who is asking: a last resort\n  \
         demo            anybody is anybody: to try Sluice on this machine, on a loopback address only\n\
         docs/sso.md has settings for each; `sluice check-config` says what is missing."
    )]
    NoAuth,
    /// Demo mode on an address that others can reach.
    #[error("SLUICE_AUTH=demo lets anybody in, so it is refused on {0}. Listen on 127.0.0.1 or [::1].")]
    DemoNotLoopback(SocketAddr),
    /// A setting that the mode needs is missing.
    #[error("{0} is not set, and this mode needs it.")]
    Missing(&'static str),
    /// An algorithm that is not allowed.
    #[error("{name} has “{said}”, which is not allowed here.")]
    Algorithm {
        /// The setting.
        name: &'static str,
        /// As configured.
        said: String,
    },
    /// A header's name that is none.
    #[error("{name} has “{said}”, which is no name of a header.")]
    Header {
        /// The setting.
        name: &'static str,
        /// As configured.
        said: String,
    },
    /// An address that is asked without TLS.
    #[error("{name} must be an https:// address (http:// only on this machine), without user and password.")]
    NotHttps {
        /// The setting.
        name: &'static str,
    },
    /// People reach Sluice without TLS.
    #[error(
        "SLUICE_PUBLIC_URL must be https:// in this mode (http:// only on this machine), not {0}: cookies and tokens travel to it."
    )]
    PublicNotHttps(String),
    /// The scopes lack `openid`.
    #[error("SLUICE_OIDC_SCOPES must have openid among them.")]
    Scopes,
    /// Nothing says how dangerous actions are confirmed.
    #[error(
        "SLUICE_STEP_UP is not set: a proxy's headers don't say when somebody signed in. Set it to proxy, if being \
         signed in at the proxy is enough to store keys and to deprovision many domains, or to required, and these \
         are refused."
    )]
    StepUp,
    /// The mapping of roles is wrong.
    #[error("{0}")]
    Roles(#[from] identity::role::BadMap),
    /// The list of proxies is wrong.
    #[error("{0}")]
    Peers(#[from] identity::proxy::BadPeers),
    /// The same secret twice.
    #[error("both {0} and {0}_FILE are set; keep one.")]
    TwoSecrets(&'static str),
    /// The public URL is not an origin.
    #[error("SLUICE_PUBLIC_URL must be http:// or https:// with a host and no path, not {0}.")]
    PublicUrl(Url),
    /// The upstream address cannot be used.
    #[error("SLUICE_UPSTREAM must be an http:// or https:// address without user, query or fragment.")]
    Upstream,
    /// An expected host is no host name.
    #[error("SLUICE_MX_EXPECTED has “{host}”, which is no host name: {why}")]
    MxExpected {
        /// As configured.
        host: String,
        /// Why.
        why: inbound::name::NameError,
    },
    /// No KEK was given.
    #[error(
        "no key-encryption key: write 32 random bytes in base64 to a file only Sluice can read \
         (openssl rand -base64 32) and set SLUICE_KEK_FILE to its path."
    )]
    NoKek,
    /// Two sources for the KEK.
    #[error("both SLUICE_KEK and SLUICE_KEK_FILE are set; keep one.")]
    TwoKeks,
    /// A file could not be read.
    #[error("{path} could not be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Backups can't be written.
    #[error("SLUICE_BACKUP_DIR is {folder}, which can't be written to: {source}")]
    Backups {
        /// As configured.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A KEK is not 32 bytes in base64 or hex.
    #[error("{0} does not hold 32 bytes in base64 or hex.")]
    BadKek(String),
}

/// An origin as browsers send it: scheme, host, port when it isn't the scheme's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// `https://sluice.example`
    pub origin: String,
    /// `sluice.example`, as the Host header has it.
    pub authority: String,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl Config {
    /// The public origin; by default the address listened on.
    pub fn origin(&self, bound: SocketAddr) -> Result<Origin, ConfigError> {
        let Some(url) = &self.public_url else {
            return Ok(Origin { origin: format!("http://{bound}"), authority: bound.to_string() });
        };
        let bad = || ConfigError::PublicUrl(url.clone());
        let host = url.host_str().ok_or_else(bad)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if !plain {
            return Err(bad());
        }
        Ok(Origin {
            origin: url.origin().ascii_serialization(),
            authority: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        })
    }

    /// Where backups go, how often, and how many stay.
    pub fn backups(&self) -> super::backup::Backups {
        super::backup::Backups {
            folder: self.backup_dir.clone(),
            hours: self.backup_hours,
            keep: usize::try_from(self.backup_keep).unwrap_or(usize::MAX),
        }
    }

    /// Checks the upstream address: it gets every key, so nothing odd may hide in it.
    pub fn upstream(&self) -> Result<&Url, ConfigError> {
        let url = &self.upstream;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        plain.then_some(url).ok_or(ConfigError::Upstream)
    }

    /// The hosts that MX records are expected to point at.
    pub fn mx_expected(&self) -> Result<Vec<String>, ConfigError> {
        self.mx_expected
            .iter()
            .map(|host| match inbound::name::HostName::parse(host) {
                Ok(host) => Ok(host.as_str().to_owned()),
                Err(why) => Err(ConfigError::MxExpected { host: host.clone(), why }),
            })
            .collect()
    }

    /// The ring of key-encryption keys.
    pub fn key_ring(&self) -> Result<vault::KeyRing, ConfigError> {
        let current = match (&self.kek, &self.kek_file) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoKeks),
            (None, None) => return Err(ConfigError::NoKek),
            (Some(text), None) => {
                vault::Kek::parse(text.expose_secret()).map_err(|_| ConfigError::BadKek("SLUICE_KEK".into()))?
            }
            (None, Some(path)) => kek_from(path)?,
        };
        let previous = self.kek_previous_files.iter().map(kek_from).collect::<Result<Vec<_>, _>>()?;
        Ok(vault::KeyRing::new(current, previous))
    }
}

/// A secret from a setting or from a file, whose last line break doesn't count.
fn secret(
    name: &'static str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, ConfigError> {
    match (value, file) {
        (Some(_), Some(_)) => Err(ConfigError::TwoSecrets(name)),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let text = fs::read_to_string(path)
                .map(SecretString::from)
                .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
            let text = text.expose_secret().trim_end_matches(['\r', '\n']);
            if text.is_empty() { Err(ConfigError::Missing(name)) } else { Ok(Some(SecretString::from(text))) }
        }
    }
}

fn kek_from(path: &PathBuf) -> Result<vault::Kek, ConfigError> {
    let text = fs::read_to_string(path)
        .map(SecretString::from)
        .map_err(|source| ConfigError::File { path: path.clone(), source })?;
    vault::Kek::parse(text.expose_secret()).map_err(|_| ConfigError::BadKek(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn config(args: &[&str]) -> Config {
        Cli::parse_from(std::iter::once("sluice").chain(args.iter().copied())).config
    }

    #[test]
    fn origins_are_origins() {
        let bound = "127.0.0.1:3000".parse().unwrap();
        let origin = |url: &str| config(&["--public-url", url]).origin(bound);
        assert_eq!(config(&[]).origin(bound).unwrap().origin, "http://127.0.0.1:3000");
        assert_eq!(origin("https://sluice.example").unwrap().authority, "sluice.example");
        assert_eq!(origin("https://sluice.example:8443").unwrap().authority, "sluice.example:8443");
        for bad in [
            "https://sluice.example/x",
            "ftp://sluice.example",
            "https://a@sluice.example",
            "https://sluice.example/?q",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn expected_hosts_are_host_names() {
        let expected = |hosts: &str| config(&["--mx-expected", hosts]).mx_expected();
        assert_eq!(config(&[]).mx_expected().unwrap(), ["mx1.mailchannels.net", "mx2.mailchannels.net"]);
        assert_eq!(
            expected("MX1.filter.example., mx2.filter.example").unwrap(),
            ["mx1.filter.example", "mx2.filter.example"]
        );
        let error = expected("mx1.filter.example,192.0.2.1").unwrap_err().to_string();
        assert!(error.contains("“192.0.2.1”"), "{error}");
        assert!(expected("mx1.filter.example,").is_err());
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = "x".repeat(40);
        let config = config(&["--kek", &key]);
        assert!(!format!("{config:?}").contains(&key));
        let error = config.key_ring().err().unwrap();
        assert!(!format!("{error} {error:?}").contains(&key));
    }
}
