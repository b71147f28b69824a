//! Children that pay for their parents.

use crate::wallet::Wallet;
use bitcoin::{OutPoint, Script, ScriptBuf};
use std::collections::BTreeSet;
use transactions::{BumpRequest, FundRequest, Funded, Funds, FundsError};

impl Funds for Wallet {
    fn fund(
        &mut self,
        request: &FundRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        self.pay(request, leased)
    }

    fn fresh_script(&mut self) -> ScriptBuf {
        self.fresh_internal()
    }

    fn bump(
        &mut self,
        request: &BumpRequest,
        leased: &BTreeSet<OutPoint>,
    ) -> Result<Funded, FundsError> {
        let _ = leased;
        Err(FundsError::CoinNotAvailable(request.anchor))
    }

    fn owns(&self, script: &Script) -> bool {
        self.is_own(script)
    }
}
