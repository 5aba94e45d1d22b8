//! Memory of a server that has mirrored everything, shown some pages, and rests.

use super::{MANY, USUAL, thousands};
use crate::{
    Step, Tools,
    rig::{Home, How, KEYS, StandIn},
    table::{Row, Unit},
};

/// Domains, whether one key reaches all of them, and megabytes.
const CASES: [(usize, bool, f64); 3] = [(USUAL, false, 64.0), (MANY, false, 150.0), (MANY, true, 150.0)];

pub(super) async fn rows(tools: &Tools) -> Step<Vec<Row>> {
    let mut rows = Vec::new();
    for (domains, one_key, budget) in CASES.into_iter().filter(|(domains, ..)| !tools.quick || *domains < MANY) {
        let stand_in = StandIn::start(tools, domains)?;
        if one_key {
            stand_in.leave_one_key().await?;
        }
        let home = Home::new(stand_in.base())?;
        let sluice = home.start(tools, How::default())?;
        let mut lead = sluice.lead().await?;
        let first_sync = sluice.mirror(&mut lead, 1..=if one_key { 1 } else { KEYS }).await?;
        // As the minutes after: synced again, and looked at.
        lead.submit("/do/keys/sync", &[("back", "/domains")]).await?;
        for path in ["/domains", "/domains?q=shop", "/domains?sort=-servers", "/keys", "/bulk/provision"] {
            for _ in 0..20 {
                lead.get(path).await?;
            }
        }
        sluice.beside.settle().await?;
        let (rss, pss, peak) =
            (sluice.beside.memory("Rss")?, sluice.beside.memory("Pss")?, sluice.beside.memory_peak()?);
        let keys = if one_key { "one key".to_owned() } else { format!("{KEYS} keys") };
        rows.push(
            Row::figure(format!("Memory at rest, {} domains of {keys}", thousands(domains)), rss, Unit::Megabytes)
                .measured(format!("resident; proportional {pss:.0} MB, most ever {peak:.0} MB"))
                .reference(format!("first sync {:.1} s", first_sync.as_secs_f64()))
                .at_most(budget),
        );
    }
    Ok(rows)
}
