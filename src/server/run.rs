//! Starting and stopping.

use crate::server::{
    assets,
    backup::{self, DatabaseLock},
    clock,
    config::{Config, ConfigError, LogFormat},
    host::Host,
    listen,
    metrics::{self, Metrics},
    ready::Readiness,
    report,
    router::router,
    state::AppState,
};
use desk::{Desk, MxWatch, system_clock};
use leptos::config::LeptosOptions;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::Store;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Why the server did not start or did not stop well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The settings of sign-in are wrong: all that is.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Auth(Vec<ConfigError>),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be used.
    #[error("the database {path} cannot be used: {source}{}", why(.source))]
    Store {
        /// The file.
        path: String,
        /// Why.
        source: store::StoreError,
    },
    /// The encryption keys don't fit the database.
    #[error("{0}")]
    Unlock(#[from] store::UnlockError),
    /// The client of the API could not be built.
    #[error("the API client could not be built: {0}")]
    Client(#[from] mailchannels::BuildError),
    /// The DNS resolver for MX records could not be set up.
    #[error("MX records cannot be looked up: {0}. Set SLUICE_MX_RESOLVER, or SLUICE_MX_SECONDS=0 to do without.")]
    Resolver(#[from] mx::LookupError),
    /// Accepting connections failed.
    #[error("serving failed: {0}")]
    Serve(#[source] std::io::Error),
    /// Another program serves the database.
    #[error("the database {0} is in use by another Sluice: stop that one first")]
    InUse(PathBuf),
    /// The lock file could not be made.
    #[error("{path} can't be used to lock the database: {source}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of backups could not be made.
    #[error("the folder {path} can't be made: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no database where a command is to use one.
    #[error("there is no database at {0}: start the server once, which makes it, or look at SLUICE_DATABASE")]
    NoDatabase(PathBuf),
    /// A backup can't be put back.
    #[error("{before}{0}", before = so_far(.0))]
    Restore(#[from] store::NotRestorable),
    /// A use case failed; the log has the reason.
    #[error(transparent)]
    Desk(#[from] desk::DeskError),
    /// A command was asked for something that isn't there.
    #[error("{0}")]
    Command(String),
    /// The audit log is not what was written.
    #[error("the audit log is broken: {0}")]
    Audit(#[from] store::Broken),
    /// The output could not be written.
    #[error("the output could not be written: {0}")]
    Output(#[source] std::io::Error),
    /// A health check found the server unwell.
    #[error("{0}")]
    Unhealthy(String),
}

/// What the system said, where that helps whoever starts the program.
fn why(error: &store::StoreError) -> String {
    match error {
        store::StoreError::Io(error) => format!(": {error}"),
        store::StoreError::Unwritable(error) => format!(": {error}"),
        _ => String::new(),
    }
}

/// What a restore that failed has done.
fn so_far(error: &store::NotRestorable) -> &'static str {
    if error.is_halfway() { "" } else { "nothing was changed: " }
}

/// A server that listens.
pub struct Running {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The address of `/metrics`, if there is one.
    pub metrics_address: Option<SocketAddr>,
    /// The use cases behind it.
    pub desk: Desk,
    stop: CancellationToken,
    tasks: TaskTracker,
    _lock: DatabaseLock,
}

impl Running {
    /// Is not ready any more; lets requests end, and jobs come to the end of their steps; then tells the audit head
    /// and brings what waits in the database's log into the database. All within 25 s.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(Duration::from_secs(20), self.tasks.wait()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        let ending = async {
            self.desk.refusals_written().await;
            self.desk.tell_audit_head().await;
            match self.desk.store().checkpoint().await {
                Ok(true) => tracing::info!("the database is whole without its log"),
                Ok(false) => tracing::info!("the database's log stays: somebody else reads it"),
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the database's log stays"),
            }
        };
        if timeout(Duration::from_secs(4), ending).await.is_err() {
            tracing::warn!("the last words took too long; the next start mends what is missing");
        }
    }
}

/// Opens the database, which is made or upgraded where need be, and puts the use cases over it together. For whoever
/// holds the lock.
pub async fn open(config: &Config, ring: vault::KeyRing) -> Result<(Store, Desk), RunError> {
    desk_over(Store::open(&config.database).await, config, ring).await
}

/// The same with a database that is there and of this program's schema: for commands, which make and upgrade none.
pub async fn open_present(config: &Config, ring: vault::KeyRing) -> Result<(Store, Desk), RunError> {
    is_there(config)?;
    desk_over(Store::open_present(&config.database).await, config, ring).await
}

/// Refuses to go on without a database, with words that name it.
pub fn is_there(config: &Config) -> Result<(), RunError> {
    match config.database.try_exists() {
        Ok(false) => Err(RunError::NoDatabase(config.database.clone())),
        // What else is wrong with it, opening it says.
        _ => Ok(()),
    }
}

async fn desk_over(
    store: store::Result<Store>,
    config: &Config,
    ring: vault::KeyRing,
) -> Result<(Store, Desk), RunError> {
    let store = store.map_err(|source| RunError::Store { path: config.database.display().to_string(), source })?;
    let master = store.unlock(&ring, system_clock()).await?;
    let mut client = mailchannels::Config::new(config.upstream()?.clone());
    client.rate_per_second = config.rate;
    client.attempt_timeout = Duration::from_millis(config.attempt_ms);
    let desk = Desk::new(store.clone(), ring, master, mailchannels::Client::new(client)?, system_clock);
    Ok((store, desk))
}

/// Starts a server and returns when it listens.
pub async fn start(config: Config) -> Result<Running, RunError> {
    if config.auth.auth.is_none() {
        return Err(ConfigError::NoAuth.into());
    }
    let ring = config.key_ring()?;
    config.upstream()?;
    let watch = mx_watch(&config)?;
    let listener =
        TcpListener::bind(config.listen).await.map_err(|source| RunError::Listen { address: config.listen, source })?;
    let address = listener.local_addr().map_err(RunError::Serve)?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })?),
        None => None,
    };
    let origin = Arc::new(config.origin(address)?);
    let auth = Arc::new(config.auth.resolve(config.listen, &origin).map_err(RunError::Auth)?);

    let lock = backup::lock(&config.database)?;
    let (store, desk) = open(&config, ring).await?;
    let desk = match watch {
        Some(watch) => desk.with_mx(watch),
        None => desk,
    };
    if let Err(error) = desk.settle_reports().await {
        tracing::error!(%error, "unfinished reports could not be settled");
    }
    if let Err(error) = desk.settle_unfinished().await {
        tracing::error!(%error, "unfinished changes could not be settled");
    }

    let backups = Arc::new(config.backups());
    let leptos = LeptosOptions::builder().output_name("sluice").site_addr(address).build();
    let spool_dir: Arc<Path> =
        config.database.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")).into();
    let stop = CancellationToken::new();
    let ready = Arc::new(Readiness::new(desk.clone(), Arc::clone(&spool_dir), stop.clone()));
    let metrics = Arc::new(Metrics::new());
    desk.observe(metrics.clone());
    let state = AppState {
        desk: desk.clone(),
        leptos,
        origin: origin.clone(),
        auth: auth.clone(),
        backups: backups.clone(),
        reports: Arc::new(Semaphore::new(report::AT_ONCE)),
        spool_dir: Arc::clone(&spool_dir),
        ready,
        metrics: metrics.clone(),
        host: Arc::new(Host::new(spool_dir, system_clock())),
        finds: Arc::default(),
    };
    let read = Duration::from_millis(config.read_ms);
    let tasks = TaskTracker::new();
    let mut metrics_address = None;
    if let Some(listener) = metrics_listener {
        let at = listener.local_addr().map_err(RunError::Serve)?;
        tracing::info!(address = %at, "metrics");
        metrics_address = Some(at);
        tasks.spawn(listen::serve(listener, metrics::router(state.clone()), read, stop.clone()));
    }
    let app = router(state, read);
    tasks.spawn(listen::serve(listener, app, read, stop.clone()));
    // These go on until the server stops.
    let of = (&tasks, &stop);
    goes_on(of, clock::keep_watched(system_clock));
    goes_on(of, async move { metrics.keep_summed_up().await });
    // What the provider says of itself is known before the first page, if it answers; nothing waits for it.
    goes_on(of, async move { auth.keep_known(system_clock).await });
    let (sync_every, mx_every) = (Duration::from_secs(config.sync_seconds), Duration::from_secs(config.mx_seconds));
    let (syncs, tells, backs_up, checks) = (desk.clone(), desk.clone(), desk.clone(), desk.clone());
    goes_on(of, async move { syncs.keep_synced(sync_every).await });
    goes_on(of, async move { tells.keep_audit_head_told().await });
    goes_on(of, async move { backups.keep(&backs_up).await });
    if desk.checks_mx() {
        goes_on(of, async move { checks.keep_mx_checked(mx_every).await });
    }
    goes_on(of, sweep(store, desk.clone()));
    // Jobs know themselves how to stop.
    tasks.spawn({
        let (desk, stop) = (desk.clone(), stop.clone());
        async move {
            desk.keep_jobs(stop.cancelled()).await;
            tracing::info!("all jobs are in the journal");
        }
    });
    if assets::hash().is_empty() {
        tracing::warn!("no browser files: run `cargo xtask build` (pages work, without style and islands)");
    }
    tracing::info!(%address, origin = %origin.origin, "listening");
    Ok(Running { address, metrics_address, desk, stop, tasks, _lock: lock })
}

/// Does something beside all else until the server stops.
fn goes_on((tasks, stop): (&TaskTracker, &CancellationToken), work: impl Future<Output = ()> + Send + 'static) {
    tasks.spawn(stop.clone().run_until_cancelled_owned(work));
}

/// How MX records are checked, unless that is switched off.
fn mx_watch(config: &Config) -> Result<Option<MxWatch>, RunError> {
    let expected = config.mx_expected()?;
    if config.mx_seconds == 0 {
        return Ok(None);
    }
    Ok(Some(MxWatch::new(mx::Resolver::new(config.mx_resolver)?, expected)))
}

/// Deletes what has expired, every ten minutes.
async fn sweep(store: Store, desk: Desk) {
    loop {
        if let Err(error) = desk.purge_jobs().await {
            tracing::warn!(%error, "old plans and jobs could not be dropped");
        }
        if let Err(error) = store.delete_expired(system_clock()).await {
            tracing::warn!(%error, "expired sessions could not be deleted");
        }
        if let Err(error) = desk.forget_seen().await {
            tracing::warn!(%error, "recipients seen long ago could not be forgotten");
        }
        tokio::time::sleep(Duration::from_mins(10)).await;
    }
}

/// Serves until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> Result<(), RunError> {
    log(&config.log, config.log_format);
    // Before anybody is told that it listens: who is told may want it to stop.
    let mut term = signal(SignalKind::terminate()).map_err(RunError::Serve)?;
    let mut int = signal(SignalKind::interrupt()).map_err(RunError::Serve)?;
    let told = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    tokio::pin!(told);
    let running = tokio::select! {
        running = start(config) => running?,
        () = &mut told => return Ok(()),
    };
    told.await;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}

fn log(filter: &str, format: LogFormat) {
    use std::io::IsTerminal;
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // JSON also encodes line breaks in values; text has colours only on a terminal.
    let terminal = std::io::stderr().is_terminal();
    let text = match format {
        LogFormat::Auto => terminal,
        LogFormat::Json => false,
        LogFormat::Text => true,
    };
    if text {
        builder.with_ansi(terminal).init();
    } else {
        builder.json().init();
    }
}

/// Asks the server at the configured address for `/healthz`.
pub async fn healthcheck(config: &Config) -> Result<(), RunError> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let unwell = |error: std::io::Error| RunError::Unhealthy(format!("no answer from {}: {error}", config.listen));
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(config.listen).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = [0_u8; 12];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = timeout(Duration::from_secs(5), ask)
        .await
        .map_err(|_| RunError::Unhealthy(format!("no answer from {} in 5 s", config.listen)))?
        .map_err(unwell)?;
    if &answer[9..] == b"200" {
        Ok(())
    } else {
        Err(RunError::Unhealthy("the server answers, but not with 200".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_was_changed_is_said_where_it_is_so() {
        let failed = || std::io::Error::other("no room");
        let refused = store::NotRestorable::File { path: "x".into(), source: failed() };
        assert_eq!(RunError::from(refused).to_string(), "nothing was changed: x: no room");
        let halfway = store::NotRestorable::Halfway { path: "x".into(), source: failed(), kept: "y".into() };
        let words = RunError::from(halfway).to_string();
        assert!(!words.contains("nothing") && words.contains("put the backup back again"), "{words}");
    }
}
