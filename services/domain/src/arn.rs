//! ARNs of ECS resources (section 2 of the behaviour rules).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{ContainerInstanceId, DeploymentId, Region, Scope, TaskId};

/// Why a text is not an ARN.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("'{0}' is not an ARN")]
pub struct ArnError(pub String);

/// `arn:<partition>:<service>:<region>:<account>:<resource>`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    /// Everything after the fifth colon, e.g. `task/default/0123…`.
    pub resource: String,
}

impl FromStr for Arn {
    type Err = ArnError;
    fn from_str(text: &str) -> Result<Self, ArnError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, service, region, account, resource]
                if !partition.is_empty() && !service.is_empty() && !resource.is_empty() =>
            {
                Ok(Self {
                    partition: (*partition).to_owned(),
                    service: (*service).to_owned(),
                    region: (*region).to_owned(),
                    account: (*account).to_owned(),
                    resource: (*resource).to_owned(),
                })
            }
            _ => Err(ArnError(text.to_owned())),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl Arn {
    /// True if the ARN names something of ECS in this account and region.
    pub fn is_in(&self, scope: &Scope) -> bool {
        self.service == "ecs"
            && self.region == scope.region.as_str()
            && self.account == scope.account.as_str()
    }

    /// The kind of the resource: the part before the first slash (`task`, `cluster`, …).
    pub fn kind(&self) -> &str {
        self.resource.split('/').next().unwrap_or_default()
    }

    /// The parts after the kind: `task/default/0123` gives `["default", "0123"]`.
    pub fn path(&self) -> Vec<&str> {
        self.resource.split('/').skip(1).collect()
    }
}

/// The partition that AWS uses for a region: needed because tools compare ARNs as text.
pub fn partition(region: &Region) -> &'static str {
    match region.as_str() {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

impl Scope {
    fn ecs_arn(&self, resource: fmt::Arguments<'_>) -> String {
        let Scope { account, region } = self;
        format!("arn:{}:ecs:{region}:{account}:{resource}", partition(region))
    }

    pub fn cluster_arn(&self, cluster: &str) -> String {
        self.ecs_arn(format_args!("cluster/{cluster}"))
    }

    pub fn task_arn(&self, cluster: &str, task: TaskId) -> String {
        self.ecs_arn(format_args!("task/{cluster}/{task}"))
    }

    /// `container/<cluster>/<task id>/<uuid>`.
    pub fn container_arn(&self, cluster: &str, task: TaskId, container: uuid::Uuid) -> String {
        self.ecs_arn(format_args!("container/{cluster}/{task}/{container}"))
    }

    pub fn container_instance_arn(&self, cluster: &str, instance: ContainerInstanceId) -> String {
        self.ecs_arn(format_args!("container-instance/{cluster}/{instance}"))
    }

    pub fn service_arn(&self, cluster: &str, service: &str) -> String {
        self.ecs_arn(format_args!("service/{cluster}/{service}"))
    }

    /// `service-deployment/<cluster>/<service>/<id>` (SD-02).
    pub fn service_deployment_arn(&self, cluster: &str, service: &str, id: &str) -> String {
        self.ecs_arn(format_args!("service-deployment/{cluster}/{service}/{id}"))
    }

    /// `service-revision/<cluster>/<service>/<number>` (SD-01).
    pub fn service_revision_arn(&self, cluster: &str, service: &str, revision: i64) -> String {
        self.ecs_arn(format_args!("service-revision/{cluster}/{service}/{revision}"))
    }

    pub fn task_definition_arn(&self, family: &str, revision: i32) -> String {
        self.ecs_arn(format_args!("task-definition/{family}:{revision}"))
    }

    /// `task-set/<cluster>/<service>/ecs-svc/<19 digits>`.
    pub fn task_set_arn(&self, cluster: &str, service: &str, deployment: DeploymentId) -> String {
        self.ecs_arn(format_args!("task-set/{cluster}/{service}/{deployment}"))
    }

    /// The root principal of the account.
    pub fn root_arn(&self) -> String {
        format!("arn:{}:iam::{}:root", partition(&self.region), self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new("000000000000".parse().unwrap(), "us-east-1".parse().unwrap())
    }

    #[test]
    fn a01_arns_have_the_long_form() {
        let task: TaskId = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_eq!(
            scope().task_arn("demo", task),
            "arn:aws:ecs:us-east-1:000000000000:task/demo/0123456789abcdef0123456789abcdef"
        );
        assert_eq!(
            scope().task_definition_arn("web", 3),
            "arn:aws:ecs:us-east-1:000000000000:task-definition/web:3"
        );
    }

    #[test]
    fn an_arn_survives_parsing_and_printing() {
        let text = "arn:aws:ecs:us-east-1:000000000000:service/default/web:odd";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.to_string(), text);
        assert_eq!((arn.kind(), arn.path()), ("service", vec!["default", "web:odd"]));
        assert!(arn.is_in(&scope()));
        assert!("arn:aws:ecs".parse::<Arn>().is_err());
    }

    #[test]
    fn partitions_follow_the_region() {
        assert_eq!(partition(&"cn-north-1".parse().unwrap()), "aws-cn");
        assert_eq!(partition(&"home-lab-1".parse().unwrap()), "aws");
    }
}
