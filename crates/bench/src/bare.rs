//! What the list page is measured against: an axum handler that makes the same query and writes the same
//! bytes, with no session, no templates and no middleware.

use crate::{Step, page::Template};
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clap::Args;
use serde::Deserialize;
use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};
use store::{DomainQuery, Store};
use tokio::net::TcpListener;

/// Flags of the bare server.
#[derive(Args)]
pub(crate) struct Bare {
    /// Address to listen on.
    #[arg(long)]
    listen: SocketAddr,
    /// Sluice's database.
    #[arg(long)]
    database: PathBuf,
    /// What is searched for, and a file with the page that Sluice made for it.
    #[arg(long, num_args = 2, value_names = ["TEXT", "FILE"])]
    page: Vec<String>,
}

struct Served {
    store: Store,
    keys: Vec<String>,
    /// By what is searched for.
    templates: Vec<(String, Template)>,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

impl Bare {
    /// Serves until it is ended.
    pub(crate) async fn serve(self) -> Step {
        let store = Store::open(&self.database).await.map_err(|error| format!("the database: {error}"))?;
        let keys = store.distinct_fingerprints().await.map_err(|error| error.to_string())?;
        let mut templates = Vec::new();
        for pair in self.page.chunks(2) {
            let [text, file] = pair else { return Err("--page takes a text and a file".into()) };
            let page = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            let found = store.list_domains(&query(&keys, text)).await.map_err(|error| error.to_string())?;
            let template = Template::cut(&page, &found.rows)
                .ok_or_else(|| format!("{file} is not the page of what the database has for “{text}”"))?;
            templates.push((text.clone(), template));
        }
        let app = Router::new()
            .route("/domains", get(domains))
            .route("/healthz", get(|| async { "ok\n" }))
            .with_state(Arc::new(Served { store, keys, templates }));
        let listener = TcpListener::bind(self.listen).await.map_err(|error| error.to_string())?;
        axum::serve(listener, app).await.map_err(|error| error.to_string())
    }
}

fn query(keys: &[String], text: &str) -> DomainQuery {
    DomainQuery {
        keys: keys.to_vec(),
        text: (!text.is_empty()).then(|| text.to_owned()),
        limit: 50,
        ..DomainQuery::default()
    }
}

async fn domains(State(served): State<Arc<Served>>, Query(asked): Query<Asked>) -> Response {
    let Ok(found) = served.store.list_domains(&query(&served.keys, &asked.q)).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let page = match served.templates.iter().find(|(text, _)| *text == asked.q) {
        Some((_, template)) => template.write(&found.rows),
        // Of a page that was not captured, the names: enough to have asked for.
        None => found.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join("\n"),
    };
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}
