//! From an operation's name to its file.

use aws_model::ecs::{self, ErrorCode, ops as model};
use aws_model::{DecodeError, Operation};

use crate::ecs::ops;
use crate::{Context, Error, Result};

/// What an operation came to: the body of the reply, or an error that stands in the operation's own list.
pub enum Answer {
    Done(Vec<u8>),
    /// The body is no request of this protocol (W-08).
    Unreadable(String),
    /// The model has no such operation (W-08).
    Unknown,
    Failed(Error),
}

macro_rules! operations {
    ($($operation:ident => $file:ident),* $(,)?) => {
        /// Operations that are carried out; all others of the model answer that they are not, yet.
        pub const IMPLEMENTED: &[&str] = &[$(stringify!($operation)),*];

        /// Decodes, carries out and encodes one operation.
        pub async fn dispatch(cx: &Context, operation: &str, body: &[u8]) -> Answer {
            match operation {
                $(stringify!($operation) => match aws_model::decode::<model::$operation>(body) {
                    Ok(input) => answer::<model::$operation>(Box::pin(ops::$file::$file(cx, input)).await),
                    Err(error) => refuse::<model::$operation>(error),
                },)*
                other if ecs::OPERATIONS.iter().any(|known| known.name == other) => Answer::Failed(Error::new(
                    ErrorCode::UnsupportedFeatureException,
                    format!("{other} is not implemented by this version of Berth yet."),
                )),
                _ => Answer::Unknown,
            }
        }
    };
}

// One line per operation, in the order of the API reference.
operations! {
    CreateCluster => create_cluster,
    DeleteCluster => delete_cluster,
    DescribeClusters => describe_clusters,
    ListClusters => list_clusters,
    UpdateCluster => update_cluster,
    UpdateClusterSettings => update_cluster_settings,
    RegisterTaskDefinition => register_task_definition,
    DeregisterTaskDefinition => deregister_task_definition,
    DescribeTaskDefinition => describe_task_definition,
    ListTaskDefinitions => list_task_definitions,
    ListTaskDefinitionFamilies => list_task_definition_families,
    DeleteTaskDefinitions => delete_task_definitions,
    TagResource => tag_resource,
    UntagResource => untag_resource,
    ListTagsForResource => list_tags_for_resource,
    PutAccountSetting => put_account_setting,
    PutAccountSettingDefault => put_account_setting_default,
    ListAccountSettings => list_account_settings,
    DeleteAccountSetting => delete_account_setting,
    CreateService => create_service,
    UpdateService => update_service,
    DeleteService => delete_service,
    DescribeServices => describe_services,
    ListServices => list_services,
    ListTasks => list_tasks,
    DescribeTasks => describe_tasks,
    StopTask => stop_task,
    StartTask => start_task,
    RunTask => run_task,
    RegisterContainerInstance => register_container_instance,
    DeregisterContainerInstance => deregister_container_instance,
    DescribeContainerInstances => describe_container_instances,
    ListContainerInstances => list_container_instances,
    UpdateContainerInstancesState => update_container_instances_state,
    UpdateContainerAgent => update_container_agent,
    PutAttributes => put_attributes,
    DeleteAttributes => delete_attributes,
    ListAttributes => list_attributes,
    DiscoverPollEndpoint => discover_poll_endpoint,
    SubmitTaskStateChange => submit_task_state_change,
    SubmitContainerStateChange => submit_container_state_change,
    SubmitAttachmentStateChanges => submit_attachment_state_changes,
}

fn answer<Op: Operation>(result: Result<Op::Output>) -> Answer {
    match result {
        Ok(output) => Answer::Done(aws_model::encode(&output)),
        Err(error) => Answer::Failed(within_list::<Op>(error)),
    }
}

fn refuse<Op: Operation>(error: DecodeError) -> Answer {
    match error {
        DecodeError::Serialization(text) => Answer::Unreadable(text),
        DecodeError::Invalid { reason, .. } => {
            Answer::Failed(within_list::<Op>(Error::invalid_parameter(reason)))
        }
    }
}

/// An operation throws nothing outside its own list: SDKs know no other errors of it.
fn within_list<Op: Operation>(mut error: Error) -> Error {
    let listed = |code: ErrorCode| Op::ERRORS.contains(&code.name());
    let instead = [ErrorCode::InvalidParameterException, ErrorCode::ClientException];
    if error.code.status() < 500
        && !listed(error.code)
        && let Some(code) = instead.into_iter().find(|code| listed(*code))
    {
        error.code = code;
    }
    error
}
