//! What is known of opening the server to other machines, and the way back from a run that was killed while it restarted it.

use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::{Installation, MachineFacts};
use crate::apply::{self, Made, Outcome, Server};
use crate::error::Result;
use crate::facts::network::{self, NetworkFacts, Recorded};
use crate::host::processes_with_arguments;
use crate::plan::{self, Step};
use crate::settings::Target;

/// Longest that the restart of a run that was killed is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

impl Installation<'_> {
    /// Without a server.
    pub(super) fn network_facts(&self) -> Option<NetworkFacts> {
        network::gather(self.host, self.settings)
    }

    pub(super) async fn network_facts_at(
        &self,
        server: &Server,
        connection: &mut PgConnection,
    ) -> Result<Option<NetworkFacts>> {
        let Some(service) = server
            .service
            .as_ref()
            .filter(|_| self.settings.network.is_asked())
        else {
            return Ok(self.network_facts());
        };
        let recorded = recorded(&self.made()?);
        network::gather_from(self.host, self.settings, service, recorded, connection).await
    }

    /// Waits for the restart that a run which was killed, an `up` or a `rollback`, has left under way: until it ended, the server
    /// is neither up nor down.
    pub(super) async fn settle_restart(&self) -> Result<()> {
        if self.settings.target != Target::System {
            return Ok(());
        }
        let made = self.made()?;
        let newest = made.iter().find_map(|entry| match &entry.step {
            Step::Listen { restart, .. } => Some(restart),
            _ => None,
        });
        let words = newest.and_then(|restart| restart.windows(2).find(|pair| pair[0] == "restart"));
        let Some([first, second]) = words else {
            return Ok(());
        };
        let began = Instant::now();
        while !processes_with_arguments([first.as_ref(), second.as_ref()]).is_empty()
            && began.elapsed() < PATIENCE
        {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// A run that was killed while it restarted the server may have left it down, and our file may be why. So what was there
    /// before comes back, the server is started on that, and the plan tries again.
    pub(super) async fn recover_network(&self, made: &[Made]) -> Result<()> {
        let newest = made
            .iter()
            .find(|entry| matches!(entry.step, Step::Listen { .. }));
        let Some(cut_off) = newest.filter(|entry| entry.outcome.is_none()) else {
            return Ok(());
        };
        if self.settings.target != Target::System {
            return Ok(());
        }
        let MachineFacts::System(facts) = self.machine_facts().await? else {
            return Ok(());
        };
        let Step::Listen {
            cluster,
            file,
            content,
            previous,
            ..
        } = &cut_off.step
        else {
            return Ok(());
        };
        // It is as it was where the run was killed after it had taken it back; what somebody else wrote stays.
        let there = self.host.read_text(file)?;
        if there.as_ref() != Some(content) && there != *previous {
            return Ok(());
        }
        let is_down =
            |found: &crate::facts::clusters::Cluster| found.identity() == *cluster && !found.is_online();
        if facts.clusters.iter().any(is_down) {
            apply::recover_network(self.host, &cut_off.step).await?;
        }
        Ok(())
    }
}

/// What the receipt says of our file: the newest entry that is not undone.
fn recorded(made: &[Made]) -> Recorded {
    let mut entries = made.iter().filter_map(|entry| match &entry.step {
        Step::Listen { file, .. } => Some((file, &entry.outcome)),
        _ => None,
    });
    let Some((file, outcome)) = entries.next() else {
        return Recorded::default();
    };
    Recorded {
        contents: plan::network::contents_of(made, file),
        is_owed: !matches!(outcome, Some(Outcome::Changed { .. })),
    }
}
