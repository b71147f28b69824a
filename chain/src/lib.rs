//! Following the block chain: headers, reorganisations, watches; and its backends
