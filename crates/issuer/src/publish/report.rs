//! Failures of publications: in the log, and the first of a series as an event.

use serde_json::json;

use crate::context::Context;
use crate::error::Error;
use crate::store::events::EventType;

/// Logs a failure, and records the first of a series. `what` names the publication and `is` the
/// same with its verb, for the messages.
pub(super) async fn report(
    context: &Context,
    published: Result<(), Error>,
    (what, is): (&str, &str),
    failing: &mut bool,
) {
    match &published {
        Ok(()) if *failing => tracing::info!("{is} published again"),
        Ok(()) => {}
        Err(error) => {
            tracing::error!(code = error.code(), what, "not published: {}", error.chain());
            if !*failing {
                note_failure(context, None, error).await;
            }
        }
    }
    *failing = published.is_err();
}

/// Writes `list.failed`. If that fails too, only the log has it.
pub(super) async fn note_failure(context: &Context, target: Option<&str>, error: &Error) {
    let data = json!({ "target": target, "code": error.code(), "problem": error.chain() });
    let noted: Result<(), Error> = async {
        let mut change = context.change(None).await?;
        change.event(EventType::ListFailed, None, data).await?;
        Ok(change.save().await?)
    }
    .await;
    if let Err(error) = noted {
        tracing::warn!("the failure could not be noted: {}", error.chain());
    }
}
