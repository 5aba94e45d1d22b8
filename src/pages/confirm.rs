//! Step-up: confirm that it is you, before what could do harm in another's hands.

use crate::{
    components::{Cx, Icon, alert, icon, page, page::Page},
    server::{
        actor::{Need, local_path},
        auth::{Gate, routes::Why},
        state::AppState,
    },
};
use desk::Mode;
use leptos::prelude::*;
use std::sync::Arc;

/// The page.
#[component]
pub fn Confirm() -> impl IntoView {
    let state = expect_context::<AppState>();
    page("/confirm", Need::Read, async move |cx: Arc<Cx>| Ok(Page::new("Confirm that it is you", body(&cx, &state))))
}

fn body(cx: &Cx, state: &AppState) -> impl IntoView + use<> {
    let back = cx.query("return").and_then(local_path).unwrap_or("/domains").to_owned();
    let failed = cx.query("why").is_some().then(|| {
        let (title, next) = Why::StepUp.words();
        alert("bad", title, next, None)
    });
    let again = |words: &'static str| {
        view! {
            <p>{words}</p>
            <form class="row" method="post" action="/auth/step-up">
                <input type="hidden" name="return" value=back.clone()/>
                <button class="btn btn-primary">{icon(Icon::Lock)}"Confirm that it is me"</button>
                <a class="btn" href=back.clone()>"Back"</a>
            </form>
        }
        .into_any()
    };
    let way = if cx.actor.is_fresh {
        view! {
            <p>"It is confirmed for the next ten minutes. Go back and repeat what you were about to do."</p>
            <p><a class="btn btn-primary" href=back.clone()>"Go back"</a></p>
        }
        .into_any()
    } else if cx.actor.mode == Mode::Link.as_str() {
        view! { <p>"You signed in by a link, more than ten minutes ago. Ask whoever runs Sluice for another one, and sign in by it."</p> }
            .into_any()
    } else {
        match &state.auth.gate {
            Gate::Oidc(_) => {
                again("You are asked for your password, or whatever you sign in with, and come back here.")
            }
            Gate::Demo => again("In demo mode, a button is enough."),
            _ => {
                let out = state.auth.sign_out.as_ref().map(|url| {
                    view! { <p><a class="btn" href=url.to_string()>"Sign out there"</a></p> }
                });
                view! {
                    <p>"Your company’s sign-in page says who you are, and not when you signed in, or it was more than ten minutes ago. Sign out there and in again, then repeat it. If that does not help, it can’t be done in this installation: tell your administrator (SLUICE_STEP_UP)."</p>
                    {out}
                }
                .into_any()
            }
        }
    };
    view! {
        <div class="page-head">
            <h1>"Confirm that it is you"</h1>
            <p>"Nothing was done yet. Storing keys, deprovisioning or overwriting many domains, changing people, and exporting the audit log take a sign-in of the last ten minutes, so that a screen left open can’t do them."</p>
        </div>
        {failed}
        <section class="card gap"><div class="body stack">{way}</div></section>
    }
}
