//! Internet gateways, route tables and who uses them.

use serde_json::{Value, json};
use test_support::TestApi;

use super::{assert_refused, ec2, refused, subnet, text, vpc};

async fn gateway(api: &TestApi) -> String {
    text(&api.ok("CreateInternetGateway", json!({})).await["InternetGateway"]["InternetGatewayId"])
}

async fn table(api: &TestApi, vpc: &str) -> String {
    text(&api.ok("CreateRouteTable", json!({"VpcId": vpc})).await["RouteTable"]["RouteTableId"])
}

async fn shown(api: &TestApi, table: &str) -> Value {
    api.ok("DescribeRouteTables", json!({"RouteTableIds": [table]}))
        .await["RouteTables"][0]
        .clone()
}

#[tokio::test]
async fn a_gateway_is_attached_to_one_vpc_and_a_vpc_has_one() {
    let api = ec2().await;
    let (a, b) = (vpc(&api, "10.0.0.0/16").await, vpc(&api, "10.1.0.0/16").await);
    let (first, second) = (gateway(&api).await, gateway(&api).await);
    let pair = |gateway: &str, vpc: &str| json!({"InternetGatewayId": gateway, "VpcId": vpc});
    api.ok("AttachInternetGateway", pair(&first, &a)).await;
    let message = format!("resource {first} is already attached to network {a}");
    assert_refused(
        &api,
        "AttachInternetGateway",
        pair(&first, &b),
        "Resource.AlreadyAssociated",
        &message,
    )
    .await;
    let message = format!("Network {a} already has an internet gateway attached");
    assert_refused(
        &api,
        "AttachInternetGateway",
        pair(&second, &a),
        "InvalidParameterValue",
        &message,
    )
    .await;
    let message = format!("resource {second} is not attached to network {a}");
    assert_refused(
        &api,
        "DetachInternetGateway",
        pair(&second, &a),
        "Gateway.NotAttached",
        &message,
    )
    .await;
    let delete = json!({"InternetGatewayId": first});
    let message = format!("The internetGateway '{first}' has dependencies and cannot be deleted.");
    assert_refused(
        &api,
        "DeleteInternetGateway",
        delete.clone(),
        "DependencyViolation",
        &message,
    )
    .await;
    api.ok("DetachInternetGateway", pair(&first, &a)).await;
    api.ok("DeleteInternetGateway", delete.clone()).await;
    let message = format!("The internetGateway ID '{first}' does not exist");
    assert_refused(
        &api,
        "DeleteInternetGateway",
        delete,
        "InvalidInternetGatewayID.NotFound",
        &message,
    )
    .await;
    api.ok("AttachInternetGateway", pair(&second, &a)).await;
}

#[tokio::test]
async fn routes_lead_to_the_vpcs_own_gateway_and_can_be_replaced_and_deleted() {
    let api = ec2().await;
    let (a, b) = (vpc(&api, "10.0.0.0/16").await, vpc(&api, "10.1.0.0/16").await);
    let (here, there, routes) = (gateway(&api).await, gateway(&api).await, table(&api, &a).await);
    for (gateway, vpc) in [(&here, &a), (&there, &b)] {
        api.ok(
            "AttachInternetGateway",
            json!({"InternetGatewayId": gateway, "VpcId": vpc}),
        )
        .await;
    }
    let route = |block: &str, gateway: &str| json!({"RouteTableId": routes, "DestinationCidrBlock": block, "GatewayId": gateway});
    let made = api.ok("CreateRoute", route("0.0.0.0/0", &here)).await;
    assert_eq!(made["Return"], true);
    let ipv6 = json!({"RouteTableId": routes, "DestinationIpv6CidrBlock": "::/0", "GatewayId": here});
    api.ok("CreateRoute", ipv6.clone()).await;
    let now = shown(&api, &routes).await["Routes"].clone();
    let local = json!({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    assert_eq!(now[0], local);
    let out = json!({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": here, "Origin": "CreateRoute", "State": "active"});
    assert_eq!(now[1], out);
    assert_eq!(now[2]["DestinationIpv6CidrBlock"], "::/0");

    for block in ["0.0.0.0/0", "10.0.0.0/16"] {
        let message = format!("The route identified by {block} already exists.");
        assert_refused(
            &api,
            "CreateRoute",
            route(block, &here),
            "RouteAlreadyExists",
            &message,
        )
        .await;
    }
    let message = format!("route table {routes} and network gateway {there} belong to different networks");
    assert_refused(
        &api,
        "CreateRoute",
        route("8.0.0.0/8", &there),
        "InvalidParameterValue",
        &message,
    )
    .await;
    assert_refused(
        &api,
        "ReplaceRoute",
        route("0.0.0.0/0", &there),
        "InvalidParameterValue",
        &message,
    )
    .await;
    assert_eq!(
        refused(&api, "CreateRoute", route("10.0.1.0/24", &here)).await.0,
        "InvalidParameterValue"
    );
    let nat = json!({"RouteTableId": routes, "DestinationCidrBlock": "8.0.0.0/8", "NatGatewayId": "nat-0a1b2c3d4e5f60718"});
    let message = "The parameter NatGatewayId is not supported by this version of Berth yet.";
    assert_refused(&api, "CreateRoute", nat, "UnsupportedOperation", message).await;
    api.ok("ReplaceRoute", route("0.0.0.0/0", &here)).await;
    let message = "There is no route defined for '9.0.0.0/8' in the route table. Use CreateRoute instead.";
    assert_refused(
        &api,
        "ReplaceRoute",
        route("9.0.0.0/8", &here),
        "InvalidParameterValue",
        message,
    )
    .await;

    let delete = json!({"RouteTableId": routes, "DestinationCidrBlock": "0.0.0.0/0"});
    api.ok("DeleteRoute", delete.clone()).await;
    let message = format!("no route with destination-cidr-block 0.0.0.0/0 in route table {routes}");
    assert_refused(&api, "DeleteRoute", delete, "InvalidRoute.NotFound", &message).await;
    let local = json!({"RouteTableId": routes, "DestinationCidrBlock": "10.0.0.0/16"});
    let message = format!("cannot remove local route 10.0.0.0/16 in route table {routes}");
    assert_refused(&api, "DeleteRoute", local, "InvalidParameterValue", &message).await;
    let message = format!("The routeTable ID '{}' does not exist", "rtb-00000000000000000");
    let none = json!({"RouteTableId": "rtb-00000000000000000", "DestinationCidrBlock": "0.0.0.0/0"});
    assert_refused(
        &api,
        "DeleteRoute",
        none,
        "InvalidRouteTableID.NotFound",
        &message,
    )
    .await;
}

#[tokio::test]
async fn a_subnet_uses_the_table_that_it_is_associated_with_and_tables_in_use_stay() {
    let api = ec2().await;
    let (a, b) = (vpc(&api, "10.0.0.0/16").await, vpc(&api, "10.1.0.0/16").await);
    let inside = subnet(&api, &a, "10.0.0.0/24").await;
    let (first, second, elsewhere) = (
        table(&api, &a).await,
        table(&api, &a).await,
        table(&api, &b).await,
    );
    let associate = |table: &str| json!({"RouteTableId": table, "SubnetId": inside});
    let made = api.ok("AssociateRouteTable", associate(&first)).await;
    assert_eq!(made["AssociationState"]["State"], "associated");
    assert_eq!(api.ok("AssociateRouteTable", associate(&first)).await, made);
    let message =
        format!("the specified association for route table {second} conflicts with an existing association");
    assert_refused(
        &api,
        "AssociateRouteTable",
        associate(&second),
        "Resource.AlreadyAssociated",
        &message,
    )
    .await;
    let message = format!("route table {elsewhere} and subnet {inside} belong to different networks");
    assert_refused(
        &api,
        "AssociateRouteTable",
        associate(&elsewhere),
        "InvalidParameterValue",
        &message,
    )
    .await;
    let of_subnet = super::filtered(
        &api,
        "DescribeRouteTables",
        "RouteTables",
        "association.subnet-id",
        &inside,
    )
    .await;
    assert_eq!(of_subnet[0]["RouteTableId"], first);

    let message = format!("The routeTable '{first}' has dependencies and cannot be deleted.");
    assert_refused(
        &api,
        "DeleteRouteTable",
        json!({"RouteTableId": first}),
        "DependencyViolation",
        &message,
    )
    .await;
    let replace = json!({"AssociationId": made["AssociationId"], "RouteTableId": second});
    let replaced = api.ok("ReplaceRouteTableAssociation", replace.clone()).await;
    assert_ne!(replaced["NewAssociationId"], made["AssociationId"]);
    assert_eq!(
        refused(&api, "ReplaceRouteTableAssociation", replace).await.0,
        "InvalidAssociationID.NotFound"
    );
    api.ok("DeleteRouteTable", json!({"RouteTableId": first})).await;
    api.ok(
        "DisassociateRouteTable",
        json!({"AssociationId": replaced["NewAssociationId"]}),
    )
    .await;
    assert_eq!(shown(&api, &second).await["Associations"], json!([]));

    // The subnet takes its association with it.
    api.ok("AssociateRouteTable", associate(&second)).await;
    api.ok("DeleteSubnet", json!({"SubnetId": inside})).await;
    api.ok("DeleteRouteTable", json!({"RouteTableId": second})).await;
}

#[tokio::test]
async fn another_table_can_become_the_main_one() {
    let api = ec2().await;
    let vpc = vpc(&api, "10.0.0.0/16").await;
    let new = table(&api, &vpc).await;
    let main = super::filtered(&api, "DescribeRouteTables", "RouteTables", "vpc-id", &vpc).await;
    let main = main
        .iter()
        .find(|table| table["Associations"][0]["Main"] == true)
        .unwrap();
    let association = &main["Associations"][0]["RouteTableAssociationId"];
    let message = format!(
        "cannot disassociate the main route table association {}",
        text(association)
    );
    let input = json!({"AssociationId": association});
    assert_refused(
        &api,
        "DisassociateRouteTable",
        input,
        "InvalidParameterValue",
        &message,
    )
    .await;
    let replace = json!({"AssociationId": association, "RouteTableId": new});
    api.ok("ReplaceRouteTableAssociation", replace).await;
    assert_eq!(shown(&api, &new).await["Associations"][0]["Main"], true);
    let message = format!("The routeTable '{new}' has dependencies and cannot be deleted.");
    assert_refused(
        &api,
        "DeleteRouteTable",
        json!({"RouteTableId": new}),
        "DependencyViolation",
        &message,
    )
    .await;
    api.ok("DeleteRouteTable", json!({"RouteTableId": main["RouteTableId"]}))
        .await;
    api.ok("DeleteVpc", json!({"VpcId": vpc})).await;
}

#[tokio::test]
async fn the_same_client_token_makes_one_route_table() {
    let api = ec2().await;
    let (a, b) = (vpc(&api, "10.0.0.0/16").await, vpc(&api, "10.1.0.0/16").await);
    let input = json!({"VpcId": a, "ClientToken": "once"});
    let made = api.ok("CreateRouteTable", input.clone()).await;
    assert_eq!(made["ClientToken"], "once");
    assert_eq!(api.ok("CreateRouteTable", input).await, made);
    let other = json!({"VpcId": b, "ClientToken": "once"});
    assert_eq!(
        refused(&api, "CreateRouteTable", other).await.0,
        "IdempotentParameterMismatch"
    );
}
