//! Each commit: rows can be read again, keys are new, `channel_ready` is earned before it is promised.

use crate::simulation::rows::{Durable, keys_id};
use crate::simulation::world::{Violation, World};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::opcodes::all::{OP_CHECKMULTISIG, OP_PUSHNUM_2};
use bitcoin::script::{Builder, PushBytes};
use bitcoin::{ScriptBuf, WScriptHash};
use funding::FundedChannel;
use node::{JournalRow, Table, Write};
use transactions::KeysId;

impl World {
    /// A commit is durable.
    pub fn committed(&mut self, index: usize, writes: &[Write]) -> Result<(), Violation> {
        self.hosts[index].rows.apply(writes);
        for write in writes {
            match (write.table, &write.value) {
                (Table::Channels, Some(row)) => {
                    let keys_id = keys_id(&write.key)?;
                    let durable = Durable::read(row)?;
                    self.check_keys(index, keys_id, &durable)?;
                    self.check_earned(index, keys_id, &durable)?;
                    self.checkers.durable[index].insert(keys_id, durable);
                    self.checkers.fresh[index].insert(keys_id);
                }
                (Table::Channels, None) => {
                    self.checkers.durable[index].remove(&keys_id(&write.key)?);
                }
                (Table::Journal, Some(row)) => check_journal(row)?,
                (_, _) => {}
            }
        }
        Ok(())
    }

    /// A name of keys is drawn once and belongs to one open for ever.
    fn check_keys(
        &mut self,
        index: usize,
        keys_id: KeysId,
        durable: &Durable,
    ) -> Result<(), Violation> {
        let Some(channel) = &durable.channel else { return Ok(()) };
        if channel.keys_id != keys_id {
            return Err(format!(
                "n{index} keeps the channel of {:?} under {keys_id:?}",
                channel.keys_id
            ));
        }
        let id = channel.agreed.open.temporary_channel_id;
        let known = self.checkers.keys.entry((index, keys_id)).or_insert(id);
        if *known == id {
            Ok(())
        } else {
            Err(format!("n{index} uses the keys {keys_id:?} for two opens: {known} and {id}"))
        }
    }

    /// Who writes that `channel_ready` was sent has seen the exact output deep enough.
    fn check_earned(
        &mut self,
        index: usize,
        keys_id: KeysId,
        durable: &Durable,
    ) -> Result<(), Violation> {
        let Some(channel) = durable.channel.as_ref().filter(|channel| channel.channel_ready_sent)
        else {
            return Ok(());
        };
        if self.checkers.earned.contains(&(index, keys_id)) {
            return Ok(());
        }
        let Some(process) = &self.hosts[index].process else { return Ok(()) };
        let found = process.view.transaction(&channel.outpoint.txid);
        let wanted = channel.agreed.accept.minimum_depth.max(1);
        let is_exact = found.is_some_and(|(transaction, depth)| {
            let vout = usize::try_from(channel.outpoint.vout).unwrap_or(usize::MAX);
            depth >= wanted
                && transaction.output.get(vout).is_some_and(|output| {
                    output.value == channel.agreed.open.funding_satoshis
                        && output.script_pubkey == funding_script_pubkey(channel)
                })
        });
        if !is_exact {
            let depth = found.map(|(_, depth)| depth);
            return Err(format!(
                "n{index} promises channel_ready for {} at depth {depth:?}, {wanted} is needed",
                channel.outpoint
            ));
        }
        self.checkers.earned.insert((index, keys_id));
        Ok(())
    }
}

/// BOLT 3, in our own words: two of two, the lesser key first.
fn funding_script_pubkey(channel: &FundedChannel) -> ScriptBuf {
    let mut keys = [
        channel.agreed.open.funding_pubkey.serialize(),
        channel.agreed.accept.funding_pubkey.serialize(),
    ];
    keys.sort_unstable();
    let script = Builder::new()
        .push_opcode(OP_PUSHNUM_2)
        .push_slice(<&PushBytes>::from(&keys[0]))
        .push_slice(<&PushBytes>::from(&keys[1]))
        .push_opcode(OP_PUSHNUM_2)
        .push_opcode(OP_CHECKMULTISIG)
        .into_script();
    let hash = sha256::Hash::hash(script.as_bytes());
    ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array(hash.to_byte_array()))
}

/// Every change of a durable record can be read again and says why.
fn check_journal(row: &[u8]) -> Result<(), Violation> {
    let entry = JournalRow::read(row)
        .map_err(|error| format!("a journal row cannot be read: {error}"))?
        .entry;
    if entry.cause.is_empty() {
        return Err(format!("the change from {:?} to {:?} has no cause", entry.from, entry.to));
    }
    Ok(())
}
