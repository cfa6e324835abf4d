//! `portcullis keys update`.

use anyhow::Result;
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{self, check_fixed};
use serde_json::{Map, Value};

use super::answer::changed;
use crate::args::{self, By};
use crate::exit::Exit;
use crate::output::Out;

/// Update a key's title, metadata or sales channels
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis keys update apk_0123456789abcdefghijkl --title 'Billing, new' \
                  --metadata '{\"team\":\"payments\",\"old\":null}'"
)]
pub(crate) struct Update {
    /// The key's id, apk_…
    id: String,
    /// The new title
    #[arg(long)]
    title: Option<String>,
    /// Members of the metadata to set, as a JSON object; null removes a member
    #[arg(long, value_name = "JSON", value_parser = args::object)]
    metadata: Option<Map<String, Value>>,
    /// The new sales channels, which replace all previous ones; repeatable
    #[arg(long = "sales-channel", value_name = "CHANNEL")]
    sales_channels: Vec<String>,
    /// Remove all sales channels
    #[arg(long, conflicts_with = "sales_channels")]
    no_sales_channels: bool,
    #[command(flatten)]
    by: By,
    // Fields that can't be changed are parsed, so that the error can name the command to use
    // instead.
    #[arg(long, hide = true)]
    owner: Option<String>,
    #[arg(long, hide = true)]
    policy: Option<String>,
    #[arg(long, hide = true)]
    kind: Option<String>,
    #[arg(long, hide = true)]
    environment: Option<String>,
    #[arg(long, hide = true)]
    algorithm: Option<String>,
    #[arg(long, hide = true)]
    expires_at: Option<String>,
    #[arg(long, hide = true)]
    expires_in: Option<String>,
}

impl Update {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let fixed = [
            ("owner", &self.owner),
            ("policy", &self.policy),
            ("kind", &self.kind),
            ("environment", &self.environment),
            ("algorithm", &self.algorithm),
            ("expires_at", &self.expires_at),
            ("expires_at", &self.expires_in),
        ];
        for (name, _) in fixed.into_iter().filter(|(_, value)| value.is_some()) {
            check_fixed(name)?;
        }
        let named = !self.sales_channels.is_empty() || self.no_sales_channels;
        let update = actions::Update {
            title: self.title.clone(),
            metadata: self.metadata.clone(),
            sales_channels: named.then(|| self.sales_channels.clone()),
        };
        let by = self.by.name();
        changed(issuer, issuer.keys().update(&self.id, &update, by).await?, out).await
    }
}
