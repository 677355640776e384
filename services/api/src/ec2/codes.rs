//! EC2's error codes, none of which its model has.

use crate::error::Code;

/// Something stands in another thing's way: it can not be deleted yet.
pub const DEPENDENCY_VIOLATION: Code = Code::client("DependencyViolation");
pub const INTERNAL_ERROR: Code = Code::with_status("InternalError", 500);
pub const INVALID_PARAMETER_VALUE: Code = Code::client("InvalidParameterValue");
pub const MISSING_PARAMETER: Code = Code::client("MissingParameter");
/// The operation of the model is not there yet.
pub const UNSUPPORTED_OPERATION: Code = Code::client("UnsupportedOperation");
/// What `DryRun=true` answers when nothing stands against the request.
pub const DRY_RUN_OPERATION: Code = Code::with_status("DryRunOperation", 412);
