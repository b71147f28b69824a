//! DebugLevel, StopDaemon.

use crate::host::Host;
use crate::proto::lnrpc::{DebugLevelRequest, DebugLevelResponse, StopResponse};
use crate::refusal::malformed;
use tonic::Status;

pub(crate) fn debug_level(
    host: &Host,
    request: &DebugLevelRequest,
) -> Result<DebugLevelResponse, Status> {
    let parts = host.controls.log_parts().join(" ");
    let answer = |sub_systems: String| Ok(DebugLevelResponse { sub_systems });
    match (request.show, request.level_spec.trim()) {
        (true, "") => {
            answer(format!("Supported subsystems [{parts}], now: {}", host.controls.levels()))
        }
        (true, _) => Err(malformed("show", "either show or level_spec can be set, but not both")),
        (false, "") => {
            Err(malformed("level_spec", "say a level, such as debug, or info,FNDG=debug"))
        }
        (false, levels) => {
            host.controls.set_levels(levels).map_err(|text| malformed("level_spec", text))?;
            answer(host.controls.levels())
        }
    }
}

pub(crate) fn stop(host: &Host) -> StopResponse {
    tracing::info!("a client asked the daemon to stop");
    host.controls.stop();
    StopResponse { status: "shutdown initiated, check logs for progress".to_owned() }
}
