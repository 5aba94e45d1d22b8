//! `sluice audit verify` and `sluice audit export`: over the database file, also beside a running server.

use crate::server::{
    config::Config,
    run::{RunError, is_there},
};
use desk::audit_cells;
use inbound::{audit, words};
use std::io::Write;
use store::{AuditHead, Store, StoreError};

async fn open(config: &Config) -> Result<Store, RunError> {
    is_there(config)?;
    Store::open_to_read(&config.database).await.map_err(|source| failed(config, source))
}

fn failed(config: &Config, source: StoreError) -> RunError {
    RunError::Store { path: config.database.display().to_string(), source }
}

/// Checks the whole log, and that the heads given are in it.
pub async fn verify(config: &Config, heads: &[AuditHead], out: &mut impl Write) -> Result<(), RunError> {
    let ring = config.key_ring()?;
    let store = open(config).await?;
    let key = store.unlock_to_read(&ring).await?.audit_key();
    let verified = store.verify_audit(&key, heads).await.map_err(|source| failed(config, source))??;
    store.close().await;
    let mut lines = vec![format!("The audit log is whole: {}.", words::count(verified.rows, "row", "rows"))];
    if verified.adopted.up_to > 0 {
        lines.push(format!(
            "Rows up to {} were written before the chain and adopted at {} UTC.",
            verified.adopted.up_to,
            desk::utc(verified.adopted.at)
        ));
    }
    lines.extend(verified.head.map(|head| head.line()));
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(RunError::Output)
}

/// Writes all rows, intents and outcomes alike, as CSV. It does not check them.
pub async fn export(config: &Config, out: &mut impl Write) -> Result<(), RunError> {
    let store = open(config).await?;
    let mut write = |text: &str| out.write_all(text.as_bytes()).map_err(RunError::Output);
    let mut heading = audit::COLUMNS.map(str::to_owned).to_vec();
    heading.extend(["concludes".to_owned(), "mac".to_owned()]);
    write(&lines(vec![heading]))?;
    let (mut after, mut head) = (i64::MIN, None);
    loop {
        let rows = store.audit_rows(after).await.map_err(|source| failed(config, source))?;
        let Some(last) = rows.last() else { break };
        after = last.row.id;
        head = last.mac.as_deref().and_then(|mac| mac.try_into().ok()).map(|mac| AuditHead { id: after, mac });
        let cells = rows.iter().map(|chained| {
            let mut cells = audit_cells(&chained.row, chained.row.outcome.as_deref()).to_vec();
            cells.push(chained.row.intent_id.map(|id| id.to_string()).unwrap_or_default());
            cells.push(chained.hex());
            cells
        });
        write(&lines(cells.collect()))?;
    }
    store.close().await;
    let end = head.map_or_else(|| "audit head: none".to_owned(), |head| head.line());
    write(&format!("# {end}\n"))
}

/// All columns of a row of the chain: those of the page's export, and two more.
const COLUMNS: usize = audit::COLUMNS.len() + 2;

fn lines(rows: Vec<Vec<String>>) -> String {
    audit::csv(rows.into_iter().filter_map(|row| <[String; COLUMNS]>::try_from(row).ok()))
}
