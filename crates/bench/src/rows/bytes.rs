//! Browser code of each kind of page: what it loads besides itself, compressed.

use super::Ready;
use crate::{
    Step, Tools,
    browser::Browser,
    rig::How,
    table::{Row, Unit, as_f64},
};

/// JS, WASM and style of any page, kilobytes.
const BUDGET: f64 = 120.0;
/// Style alone, of a page without islands, kilobytes: no code at all is loaded there.
const STYLE: f64 = 16.0;

/// A kind of page, and one of it.
const PAGES: [(&str, &str); 6] = [
    ("list", "/domains"),
    ("domain", "/domains/bikeshop-northgate.example"),
    ("explainer", "/explain"),
    ("lists", "/lists"),
    ("provision many", "/bulk/provision"),
    ("keys", "/keys"),
];

pub(super) async fn rows(tools: &Tools, ready: &Ready) -> Step<Vec<Row>> {
    let sluice = ready.home.start(tools, How::default())?;
    let lead = sluice.lead().await?;
    let mut rows = vec![row("sign-in", "/sign-in", &sluice.visitor()?, STYLE).await?];
    for (kind, path) in PAGES {
        rows.push(row(kind, path, &lead, BUDGET).await?);
    }
    Ok(rows)
}

async fn row(kind: &str, path: &str, browser: &Browser, budget: f64) -> Step<Row> {
    let page = browser.get(path).await?;
    let mut words = Vec::new();
    let mut sum = 0;
    for file in files(&page) {
        let bytes = browser.weigh(&file).await?;
        sum += bytes;
        words.push(format!("{:.1} KB {}", as_f64(bytes) / 1024.0, file.rsplit('.').next().unwrap_or_default()));
    }
    if sum == 0 {
        return Err(format!("{path} loads nothing: the browser files are not built in"));
    }
    Ok(Row::figure(format!("Browser code of a page: {kind}"), as_f64(sum) / 1024.0, Unit::Kilobytes)
        .measured(words.join(" + "))
        .reference("brotli")
        .at_most(budget))
}

/// The files that a page loads: its style, and the code where it has islands that wait for it.
fn files(page: &str) -> Vec<String> {
    let Some(base) = page.split("\"/pkg/").nth(1).and_then(|rest| rest.split(".css\"").next()) else {
        return Vec::new();
    };
    let mut endings = vec!["css"];
    if page.contains("<leptos-island") && page.contains("islands.length") {
        endings.extend(["js", "wasm"]);
    }
    endings.into_iter().map(|ending| format!("/pkg/{base}.{ending}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_islands_loads_no_code() {
        let style = r#"<link rel="stylesheet" href="/pkg/sluice.0123.css">"#;
        assert_eq!(files(style), ["/pkg/sluice.0123.css"]);
        let page = format!("{style}<script>if (islands.length) {{}}</script><leptos-island></leptos-island>");
        assert_eq!(files(&page), ["css", "js", "wasm"].map(|ending| format!("/pkg/sluice.0123.{ending}")));
        assert!(files("<p>bare</p>").is_empty());
    }
}
