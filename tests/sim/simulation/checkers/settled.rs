//! Whether all is settled: every request decided, every channel open on both sides or over on both sides.

use crate::simulation::world::World;
use bitcoin::OutPoint;
use funding::FundingPosition;
use node::ChannelState;
use std::collections::BTreeMap;

/// How a channel stands at one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Open,
    Over,
    Dead,
}

impl World {
    /// What is still waited for, if something is.
    pub fn unsettled(&self) -> Option<String> {
        let best = self.chain.regtest.best();
        if let Some(transaction) = self.chain.regtest.mempool().first() {
            return Some(format!("{} is unconfirmed", transaction.compute_txid()));
        }
        for host in &self.hosts {
            let index = host.index;
            let Some(process) = &host.process else { return Some(format!("n{index} is down")) };
            for (id, request) in process.node.requests() {
                if !request.status.is_final() {
                    return Some(format!("n{index}'s request {id} is {:?}", request.status));
                }
            }
            if let Some(coin) = process.node.wallet().coins().find(|coin| coin.is_unconfirmed()) {
                return Some(format!("n{index}'s coin {} is unconfirmed", coin.outpoint));
            }
        }
        self.unsettled_channel().or_else(|| {
            let is_behind = |process: &super::super::host::Process| {
                !process.lanes.is_empty() || process.view.tip() != Some(best.hash)
            };
            let behind =
                self.hosts.iter().find(|host| host.process.as_ref().is_some_and(is_behind))?;
            Some(format!("n{} has not heard everything", behind.index))
        })
    }

    fn unsettled_channel(&self) -> Option<String> {
        let mut all: BTreeMap<OutPoint, Vec<(usize, Standing)>> = BTreeMap::new();
        for host in &self.hosts {
            let index = host.index;
            for channel in host.node().into_iter().flat_map(|node| node.channels().values()) {
                let name = channel.state.name();
                let (Some(standing), Some(funded)) =
                    (standing(&channel.state), channel.state.channel())
                else {
                    let id = channel.state.channel_ids();
                    return Some(format!("n{index} has a channel in {name} ({id:?})"));
                };
                // The mempool is empty when all is settled.
                if matches!(funded.position, FundingPosition::Mempool { .. }) {
                    return Some(format!(
                        "n{index} says that {} is in the mempool",
                        funded.outpoint
                    ));
                }
                all.entry(funded.outpoint).or_default().push((index, standing));
            }
        }
        all.into_iter().find_map(|(outpoint, standings)| self.misfit(outpoint, &standings))
    }

    /// What the chain says against how a channel stands.
    fn misfit(&self, outpoint: OutPoint, standings: &[(usize, Standing)]) -> Option<String> {
        let is_funded = self.chain.height_of(&outpoint.txid).is_some();
        let is_spent = self.is_spent(outpoint);
        let fits = |standing: Standing| match standing {
            Standing::Open => is_funded && !is_spent,
            Standing::Over => is_funded && is_spent,
            Standing::Dead => !is_funded,
        };
        let wrong = standings.iter().find(|(_, standing)| !fits(*standing));
        if let Some((index, standing)) = wrong {
            return Some(format!(
                "n{index} holds {outpoint} for {standing:?}: funded {is_funded}, spent {is_spent}"
            ));
        }
        let is_lonely = standings.len() != 2 && is_funded;
        is_lonely.then(|| format!("{outpoint} is in the chain and known to {standings:?} only"))
    }

    fn is_spent(&self, outpoint: OutPoint) -> bool {
        self.chain.best_blocks().iter().any(|block| {
            let mut inputs = block.txdata.iter().flat_map(|transaction| &transaction.input);
            inputs.any(|input| input.previous_output == outpoint)
        })
    }
}

fn standing(state: &ChannelState) -> Option<Standing> {
    match state {
        ChannelState::Funding(funding::State::Normal(_)) => Some(Standing::Open),
        ChannelState::Funding(funding::State::Tombstone(_)) => Some(Standing::Dead),
        ChannelState::Closing(closing::State::Closed(_)) => Some(Standing::Over),
        // A close of what never came to be, and that we cannot bring about: it ends with its time.
        ChannelState::Closing(closing::State::Closing(closing)) => {
            let channel = &closing.channel;
            let is_ours = channel.funding_transaction.is_some();
            (!channel.position.is_confirmed() && !is_ours).then_some(Standing::Dead)
        }
        ChannelState::Funding(_) | ChannelState::Closing(_) => None,
    }
}
