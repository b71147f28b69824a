//! An opener and an accepter, as far as they get.

use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint, Transaction, TxOut};
use funding::{AgreedParameters, Effect, Event, OpenWish, Verdict};
use transactions::Height;
use wire::{AcceptChannel, FundingCreated, FundingSigned, Message, OpenChannel};

use crate::side::{Side, wish};

pub struct Pair {
    pub opener: Side,
    pub accepter: Side,
    pub open: OpenChannel,
    pub accept: AcceptChannel,
    pub transaction: Option<Transaction>,
}

impl Pair {
    /// Up to `accept_channel`, which nobody has received yet.
    pub fn new(wish: &OpenWish) -> Self {
        let (mut opener, mut accepter) = (Side::new(1), Side::new(2));
        let open = opener.open(wish).expect("the terms are good");
        accepter.receive_open(open.clone());
        accepter.step(Event::Decided(Ok(())));
        let accept = match accepter.sent().as_slice() {
            [Message::AcceptChannel(accept)] => (**accept).clone(),
            other => panic!("{other:?}"),
        };
        Self { opener, accepter, open, accept, transaction: None }
    }

    pub fn agreed(&self) -> AgreedParameters {
        AgreedParameters { open: self.open.clone(), accept: self.accept.clone() }
    }

    pub fn outpoint(&self) -> OutPoint {
        let transaction = self.transaction.as_ref().expect("it was built");
        OutPoint { txid: transaction.compute_txid(), vout: 1 }
    }

    /// Up to the test of the funding transaction.
    pub fn reach_tests(&mut self) {
        self.opener.receive(Message::AcceptChannel(Box::new(self.accept.clone())));
        let tested = self.opener.effects.iter().find_map(|effect| {
            if let Effect::TestAccept(transaction) = effect {
                Some(transaction.clone())
            } else {
                None
            }
        });
        self.transaction = Some(tested.expect("accept_channel fits"));
    }

    /// Up to `funding_created`, which nobody has received yet.
    pub fn reach_funding_created(&mut self) -> FundingCreated {
        self.reach_tests();
        self.opener.step(Event::Tested(Verdict::Accepted));
        self.opener.step(Event::Alive);
        match self.opener.sent().as_slice() {
            [Message::FundingCreated(created)] => created.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Up to `funding_signed`, which nobody has received yet.
    pub fn reach_funding_signed(&mut self) -> FundingSigned {
        let created = self.reach_funding_created();
        self.accepter.receive(Message::FundingCreated(created));
        match self.accepter.sent().as_slice() {
            [Message::FundingSigned(signed)] => signed.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Both wait for `channel_ready`.
    pub fn funded() -> Self {
        Self::funded_of(&wish())
    }

    pub fn funded_of(wish: &OpenWish) -> Self {
        let mut pair = Self::new(wish);
        let signed = pair.reach_funding_signed();
        pair.opener.receive(Message::FundingSigned(signed));
        pair
    }

    /// Both are open.
    pub fn normal() -> Self {
        Self::normal_of(&wish())
    }

    pub fn normal_of(wish: &OpenWish) -> Self {
        let mut pair = Self::funded_of(wish);
        let ours = pair.mine(Which::Opener, 101, 103);
        let theirs = pair.mine(Which::Accepter, 101, 103);
        pair.opener.receive(theirs.last().expect("channel_ready").clone());
        pair.accepter.receive(ours.last().expect("channel_ready").clone());
        pair
    }

    pub fn side(&mut self, which: Which) -> &mut Side {
        match which {
            Which::Opener => &mut self.opener,
            Which::Accepter => &mut self.accepter,
        }
    }

    /// The funding transaction is in the block at `height`, and the chain grows to `tip`. What one
    /// side sends after all that.
    pub fn mine(&mut self, which: Which, height: u32, tip: u32) -> Vec<Message> {
        let output = self.agreed().funding_output(self.outpoint()).txout();
        self.mine_output(which, height, tip, Some(output))
    }

    pub fn mine_output(
        &mut self,
        which: Which,
        height: u32,
        tip: u32,
        output: Option<TxOut>,
    ) -> Vec<Message> {
        let side = self.side(which);
        let block = BlockHash::all_zeros();
        side.tip = Height(height);
        side.step(Event::Confirmed { block, height: Height(height), tx_index: 5, output });
        let mut sent = side.sent();
        for height in height..=tip {
            if side.state.is_some() {
                side.tip = Height(height);
                side.step(Event::Block);
                sent.extend(side.sent());
            }
        }
        sent
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Which {
    Opener,
    Accepter,
}

pub const BOTH: [Which; 2] = [Which::Opener, Which::Accepter];
