//! From an operation's name to its file.

use aws_model::ecs::ErrorCode;
use aws_model::{Operation, Violation};

use crate::Error;
use crate::edge::{Conventions, json, operations};
use crate::error::Code;

// One line per operation, in the order of the API reference.
operations! {
    ecs as Ecs {
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
        ListServiceDeployments => list_service_deployments,
        DescribeServiceDeployments => describe_service_deployments,
        DescribeServiceRevisions => describe_service_revisions,
        StopServiceDeployment => stop_service_deployment,
        ContinueServiceDeployment => continue_service_deployment,
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
}

/// How ECS says things.
struct Ecs;

impl Conventions for Ecs {
    const FAULT: Code = Code::FAULT;

    fn unreadable(text: String) -> Error {
        json::serialization(text)
    }

    fn invalid(violation: &Violation) -> Error {
        Error::invalid_parameter(violation.to_string())
    }

    fn unknown(operation: &str) -> Error {
        json::unknown_operation(operation)
    }

    fn not_implemented(operation: &str) -> Error {
        let text = format!("{operation} is not implemented by this version of Berth yet.");
        Error::new(ErrorCode::UnsupportedFeatureException, text)
    }

    /// An operation throws nothing outside its own list: SDKs know no other errors of it.
    fn settle<Op: Operation>(mut error: Error) -> Error {
        let listed = |code: Code| Op::ERRORS.contains(&code.name());
        let instead = [ErrorCode::InvalidParameterException, ErrorCode::ClientException];
        if error.code.status() < 500
            && !listed(error.code)
            && let Some(code) = instead.map(Code::from).into_iter().find(|code| listed(*code))
        {
            error.code = code;
        }
        error
    }
}
