//! Members that this version does not carry out: refused unless they ask for nothing.

use aws_model::ecs::types::{
    AvailabilityZoneRebalancing, CapacityProviderStrategyItem, DeploymentController,
    DeploymentControllerType, NetworkConfiguration, ServiceConnectConfiguration, ServiceRegistry,
    ServiceVolumeConfiguration, VpcLatticeConfiguration,
};

use super::unsupported;
use crate::{Error, Result};

/// The members that CreateService and UpdateService have in common.
pub struct Shared<'a> {
    pub service_registries: Option<&'a Vec<ServiceRegistry>>,
    pub capacity_provider_strategy: Option<&'a Vec<CapacityProviderStrategyItem>>,
    pub volume_configurations: Option<&'a Vec<ServiceVolumeConfiguration>>,
    pub vpc_lattice_configurations: Option<&'a Vec<VpcLatticeConfiguration>>,
    pub service_connect_configuration: Option<&'a ServiceConnectConfiguration>,
    pub network_configuration: Option<&'a NetworkConfiguration>,
    pub deployment_controller: Option<&'a DeploymentController>,
    pub availability_zone_rebalancing: Option<AvailabilityZoneRebalancing>,
    pub platform_version: Option<&'a str>,
    pub enable_execute_command: Option<bool>,
}

impl Shared<'_> {
    /// # Errors
    /// UnsupportedFeatureException or InvalidParameterException that names the member.
    pub fn refuse(&self) -> Result<()> {
        refuse_items(self.service_registries, "serviceRegistries")?;
        refuse_items(self.capacity_provider_strategy, "capacityProviderStrategy")?;
        refuse_items(self.volume_configurations, "volumeConfigurations")?;
        refuse_items(self.vpc_lattice_configurations, "vpcLatticeConfigurations")?;
        if self
            .service_connect_configuration
            .is_some_and(|connect| connect.enabled)
        {
            return Err(unsupported("serviceConnectConfiguration"));
        }
        if let Some(controller) = self
            .deployment_controller
            .filter(|it| it.r#type != DeploymentControllerType::Ecs)
        {
            return Err(unsupported(&format!(
                "deploymentController {}",
                controller.r#type
            )));
        }
        if self.availability_zone_rebalancing == Some(AvailabilityZoneRebalancing::Enabled) {
            return Err(unsupported("availabilityZoneRebalancing ENABLED"));
        }
        if self.enable_execute_command == Some(true) {
            return Err(unsupported("enableExecuteCommand"));
        }
        if self.platform_version.is_some_and(|version| !version.is_empty()) {
            return Err(Error::invalid_parameter(
                "The platform version must be null when specifying an EC2 launch type.",
            ));
        }
        self.refuse_network()
    }

    /// without awsvpc there is no network to configure.
    fn refuse_network(&self) -> Result<()> {
        match self.network_configuration {
            Some(configuration) if configuration.awsvpc_configuration.is_some() => {
                Err(Error::invalid_parameter(
                    "Network Configuration is not valid for the given networkMode of this task definition.",
                ))
            }
            _ => Ok(()),
        }
    }
}

fn refuse_items<T>(list: Option<&Vec<T>>, member: &str) -> Result<()> {
    match list {
        Some(items) if !items.is_empty() => Err(unsupported(member)),
        _ => Ok(()),
    }
}
