//! No such page.

use crate::components::{Icon, empty, icon, icon::sprite};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page for an address that leads nowhere.
pub fn view() -> impl IntoView {
    let action = view! { <a class="btn btn-primary" href="/domains">{icon(Icon::Globe)}"Domains"</a> }.into_any();
    view! {
        <Title text="No such page · Sluice"/>
        <main id="main" class="alone">
            <h1 class="vh">"No such page"</h1>
            {empty(Icon::CircleHelp, "No such page", "The address is not one of Sluice's. Look for the domain instead.", Some(action))}
        </main>
        {sprite()}
    }
}
