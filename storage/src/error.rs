//! redb's errors in the words of the store.

use node::StoreError;
use std::io;

/// Maps any error of redb. The path or medium is the caller's to name.
pub(crate) fn store_error(error: impl Into<redb::Error>) -> StoreError {
    let error = error.into();
    // redb's enum is open to new variants, which are failures of the medium until known better.
    #[allow(clippy::wildcard_enum_match_arm)]
    match error {
        redb::Error::Corrupted(text) => StoreError::Corrupt(text),
        redb::Error::UpgradeRequired(version) => {
            StoreError::Corrupt(format!("redb file format {version} is too old for this build"))
        }
        redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. } => StoreError::Corrupt(error.to_string()),
        redb::Error::DatabaseAlreadyOpen => {
            StoreError::InUse("another process has it open".to_owned())
        }
        redb::Error::Io(error) => io_error(&error),
        redb::Error::PreviousIo => {
            StoreError::Failed("an earlier access failed: the process has to restart".to_owned())
        }
        other => StoreError::Failed(other.to_string()),
    }
}

/// Maps an error of the operating system.
pub(crate) fn io_error(error: &io::Error) -> StoreError {
    let text = error.to_string();
    // The kinds that do not mean "no room" are one case; std adds to them.
    #[allow(clippy::wildcard_enum_match_arm)]
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(text),
        // redb says so when the first bytes are not a redb file's.
        io::ErrorKind::InvalidData => StoreError::Corrupt(text),
        _ => StoreError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_room_is_told_apart() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(io_error(&full), StoreError::Full(_)));
        let quota = io::Error::from(io::ErrorKind::QuotaExceeded);
        assert!(matches!(io_error(&quota), StoreError::Full(_)));
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(matches!(io_error(&denied), StoreError::Failed(_)));
        let in_use = store_error(redb::Error::DatabaseAlreadyOpen);
        assert!(matches!(in_use, StoreError::InUse(_)));
    }
}
