//! Form parameters in, XML out: examples as AWS's clients have them, and every operation there and back.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use aws_model::ec2::ops::{CreateVpc, DeleteVpc, DescribeSubnets, ModifyVpcAttribute};
use aws_model::elbv2::ops::{
    CreateListener, CreateLoadBalancer, CreateTargetGroup, DescribeLoadBalancers, ModifyTargetGroup,
    RegisterTargets,
};
use aws_model::query::{self, Failure, Form, MalformedForm};
use aws_model::{
    DecodeError, Operation, OperationInfo, OperationVisitor, Protocol, Shape, Timestamp, ec2, elbv2,
    malformed, sample,
};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};

fn read<Op: Operation>(form: &str) -> Result<Value, DecodeError> {
    let form = Form::parse(form.as_bytes()).unwrap();
    query::decode::<Op>(&form).map(|input| serde_json::to_value(input).unwrap())
}

fn serialization<Op: Operation>(form: &str) -> String {
    match read::<Op>(form) {
        Err(DecodeError::Serialization(text)) => text,
        other => panic!("not Serialization: {other:?}"),
    }
}

#[test]
fn w03_lists_structures_maps_and_booleans_are_read_from_their_parameters() {
    let form = "Action=CreateListener&Version=2015-12-01&LoadBalancerArn=arn%3Aaws%3Ax&Protocol=HTTPS&Port=443\
        &Certificates.member.1.CertificateArn=arn%3Acert&DefaultActions.member.1.Type=authenticate-oidc\
        &DefaultActions.member.1.AuthenticateOidcConfig.Issuer=i&DefaultActions.member.1.AuthenticateOidcConfig.ClientId=c\
        &DefaultActions.member.1.AuthenticateOidcConfig.AuthorizationEndpoint=a\
        &DefaultActions.member.1.AuthenticateOidcConfig.TokenEndpoint=t\
        &DefaultActions.member.1.AuthenticateOidcConfig.UserInfoEndpoint=u\
        &DefaultActions.member.1.AuthenticateOidcConfig.UseExistingClientSecret=true\
        &DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.key=display\
        &DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.value=page\
        &DefaultActions.member.2.Type=forward&DefaultActions.member.2.ForwardConfig.TargetGroups.member.1.Weight=7&Tags=";
    let oidc = json!({"Issuer": "i", "ClientId": "c", "AuthorizationEndpoint": "a", "TokenEndpoint": "t",
        "UserInfoEndpoint": "u", "UseExistingClientSecret": true, "AuthenticationRequestExtraParams": {"display": "page"}});
    let expected = json!({
        "LoadBalancerArn": "arn:aws:x",
        "Protocol": "HTTPS",
        "Port": 443,
        "Certificates": [{"CertificateArn": "arn:cert"}],
        "DefaultActions": [
            {"Type": "authenticate-oidc", "AuthenticateOidcConfig": oidc},
            {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"Weight": 7}]}},
        ],
        "Tags": [],
    });
    // An empty list has too few members here, which is said as of any other request.
    assert!(matches!(
        read::<CreateListener>(form),
        Err(DecodeError::Invalid(_))
    ));
    let mut without = expected;
    without.as_object_mut().unwrap().remove("Tags");
    assert_eq!(
        read::<CreateListener>(form.strip_suffix("&Tags=").unwrap()).unwrap(),
        without
    );
    assert_eq!(
        read::<DescribeLoadBalancers>("Names=").unwrap(),
        json!({"Names": []})
    );
    assert_eq!(
        read::<ModifyTargetGroup>("TargetGroupArn=x&HealthCheckEnabled=false").unwrap()["HealthCheckEnabled"],
        false
    );
}

#[test]
fn ec2_has_names_of_its_own_and_lists_without_a_word() {
    assert_eq!(
        read::<DescribeSubnets>("Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.1.Value.2=vpc-2&SubnetId.1=subnet-1&MaxResults=5")
            .unwrap(),
        json!({"Filters": [{"Name": "vpc-id", "Values": ["vpc-1", "vpc-2"]}], "SubnetIds": ["subnet-1"], "MaxResults": 5})
    );
    assert_eq!(
        read::<ModifyVpcAttribute>("VpcId=vpc-1&EnableDnsSupport.Value=false").unwrap(),
        json!({"VpcId": "vpc-1", "EnableDnsSupport": {"Value": false}})
    );
    let tagged = "CidrBlock=10.0.0.0%2F16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Name\
        &TagSpecification.1.Tag.1.Value=a+b&DryRun=true";
    assert_eq!(
        read::<CreateVpc>(tagged).unwrap(),
        json!({"CidrBlock": "10.0.0.0/16", "DryRun": true,
            "TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "a b"}]}]})
    );
}

#[test]
fn indexes_may_have_gaps_and_come_in_any_order() {
    let form = "TargetGroupArn=x&Targets.member.7.Id=c&Targets.member.10.Id=d&Targets.member.0.Id=a&Targets.member.2.Id=b";
    let ids: Vec<Value> = read::<RegisterTargets>(form).unwrap()["Targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["Id"].clone())
        .collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
}

#[test]
fn parameters_that_make_no_request_are_named() {
    for (form, text) in [
        (
            "Names.member.4294967296=a",
            "The parameter Names.member.4294967296 must have a number of at most nine digits at its end.",
        ),
        ("Names.1=a", "The parameter Names.1 must be Names.member.N."),
        ("Names=a", "The parameter Names must be a list."),
        ("Names=a&Names.member.1=b", "The parameter Names must be a list."),
        (
            "Names.member=a&Names.member.1=b",
            "The parameter Names.member must be a list.",
        ),
        (
            "Names.member.1=a&Names.member.01=b",
            "The parameter Names.member.1 is given more than once.",
        ),
        (
            "Names.member.1=a&Names.member.1=b",
            "The parameter Names.member.1 is given more than once.",
        ),
        (
            "Names.member.1.x=a",
            "The parameter Names.member.1 must be a string.",
        ),
        ("PageSize=ten", "The parameter PageSize must be an integer."),
        ("PageSize=", "The parameter PageSize must be an integer."),
        (
            "PageSize.member.1=1",
            "The parameter PageSize must be an integer.",
        ),
    ] {
        assert_eq!(serialization::<DescribeLoadBalancers>(form), text, "{form}");
    }
    let deep = "a.".repeat(1_000_000);
    assert!(serialization::<DescribeLoadBalancers>(&deep).ends_with("… has too many parts."));
}

#[test]
fn broken_forms_are_refused() {
    for (text, why) in [
        (&b"a=%"[..], MalformedForm::Escape),
        (b"a=%4", MalformedForm::Escape),
        (b"%zz=1", MalformedForm::Escape),
        (b"a=\xff", MalformedForm::Utf8),
        (b"a=%ff", MalformedForm::Utf8),
        (&b"a&".repeat(20_001), MalformedForm::TooMany),
    ] {
        assert_eq!(Form::parse(text), Err(why));
    }
    let form = Form::parse(b"&&a=b=c&d&=e&%41+=%2B").unwrap();
    let parameters: Vec<_> = form.iter().collect();
    assert_eq!(parameters, [("a", "b=c"), ("d", ""), ("", "e"), ("A ", "+")]);
    assert_eq!(form.to_string(), "a=b%3Dc&d=&=e&A%20=%2B");
}

/// The sentence of most services, the parameter's name, and the value.
fn violation<Op: Operation>(form: &str) -> (String, String, Option<String>) {
    match read::<Op>(form) {
        Err(DecodeError::Invalid(violation)) => {
            (violation.sentence(), violation.parameter(), violation.value)
        }
        other => panic!("not Invalid: {other:?}"),
    }
}

#[test]
fn w08_values_that_are_not_allowed_are_named_as_services_do() {
    let failed = |value: &str, place: &str, rule: &str| {
        format!(
            "1 validation error detected: Value {value} at '{place}' failed to satisfy constraint: Member must {rule}"
        )
    };
    let (sentence, parameter, value) = violation::<CreateLoadBalancer>("Subnets.member.1=a");
    assert_eq!(sentence, failed("null", "name", "not be null"));
    assert_eq!((parameter.as_str(), value), ("Name", None));
    assert_eq!(
        violation::<CreateLoadBalancer>("Name=a&Scheme=x").0,
        failed(
            "'x'",
            "scheme",
            "satisfy enum value set: [internet-facing, internal]"
        )
    );
    assert_eq!(
        violation::<CreateTargetGroup>("Name=a&Port=0").0,
        failed("'0'", "port", "have value greater than or equal to 1")
    );
    assert_eq!(
        violation::<CreateTargetGroup>("Name=a&Tags.member.1.Key=").0,
        failed(
            "''",
            "tags.1.member.key",
            "have length greater than or equal to 1"
        )
    );
    let (_, parameter, value) = violation::<DescribeSubnets>("Filter.1.Value.1=a%00b");
    assert_eq!(
        (parameter.as_str(), value.as_deref()),
        ("Filter.1.Value.1", Some("a\0b"))
    );
}

fn answer<Op: Operation>(output: &Op::Output) -> String {
    String::from_utf8(query::encode::<Op>(output, "an-id")).unwrap()
}

#[test]
fn w03_answers_stand_in_their_envelopes() {
    let balancer = elbv2::types::LoadBalancer {
        load_balancer_name: Some("a<b>&\"c\"\u{1}\r\n".to_owned()),
        created_time: Some(Timestamp::from_millis(1_700_000_000_123)),
        security_groups: Some(vec![]),
        state: Some(elbv2::types::LoadBalancerState {
            code: Some(elbv2::types::LoadBalancerStateEnum::Provisioning),
            reason: None,
        }),
        ..Default::default()
    };
    let output = elbv2::types::CreateLoadBalancerOutput {
        load_balancers: Some(vec![balancer]),
    };
    assert_eq!(
        answer::<CreateLoadBalancer>(&output),
        "<CreateLoadBalancerResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <CreateLoadBalancerResult><LoadBalancers><member>\
         <CreatedTime>2023-11-14T22:13:20.123Z</CreatedTime>\
         <LoadBalancerName>a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}&#13;\n</LoadBalancerName>\
         <State><Code>provisioning</Code></State><SecurityGroups></SecurityGroups>\
         </member></LoadBalancers></CreateLoadBalancerResult>\
         <ResponseMetadata><RequestId>an-id</RequestId></ResponseMetadata></CreateLoadBalancerResponse>"
    );
    let output = ec2::types::CreateVpcResult {
        vpc: Some(ec2::types::Vpc {
            vpc_id: Some("vpc-1".to_owned()),
            is_default: Some(false),
            tags: Some(vec![ec2::types::Tag {
                key: Some("Name".to_owned()),
                value: Some(String::new()),
            }]),
            ..Default::default()
        }),
    };
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    assert_eq!(
        answer::<CreateVpc>(&output),
        format!(
            "{declaration}<CreateVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>an-id</requestId>\
             <vpc><isDefault>false</isDefault><tagSet><item><key>Name</key><value></value></item></tagSet>\
             <vpcId>vpc-1</vpcId></vpc></CreateVpcResponse>"
        )
    );
    assert_eq!(
        answer::<DeleteVpc>(&aws_model::Nothing {}),
        format!(
            "{declaration}<DeleteVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>an-id</requestId>\
             <return>true</return></DeleteVpcResponse>"
        )
    );
}

#[test]
fn w03_errors_stand_in_their_envelopes() {
    let failure = Failure {
        code: "LoadBalancerNotFound",
        message: "Not <there>",
        of_sender: true,
    };
    let told = |service, failure| String::from_utf8(query::failure(service, failure, "an-id")).unwrap();
    assert_eq!(
        told(Some(&elbv2::SERVICE), failure),
        "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error><Type>Sender</Type>\
         <Code>LoadBalancerNotFound</Code><Message>Not &lt;there&gt;</Message></Error><RequestId>an-id</RequestId></ErrorResponse>"
    );
    let ours = Failure {
        of_sender: false,
        ..failure
    };
    assert!(told(None, ours).starts_with("<ErrorResponse><Error><Type>Receiver</Type><Code>"));
    assert_eq!(
        told(Some(&ec2::SERVICE), failure),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>LoadBalancerNotFound</Code>\
         <Message>Not &lt;there&gt;</Message></Error></Errors><RequestID>an-id</RequestID></Response>"
    );
}

/// Every operation of the services that speak a Query protocol.
fn visit_each(mut visit: impl OperationVisitor) {
    ec2::ops::visit(&mut visit);
    elbv2::ops::visit(&mut visit);
}

#[test]
fn requests_of_every_operation_survive_their_parameters() {
    struct RoundTrip;
    impl OperationVisitor for RoundTrip {
        fn visit<Op: Operation>(&mut self) {
            for request in [sample::full(Op::INPUT), sample::minimal(Op::INPUT)] {
                let empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
                let lists = request.as_object().unwrap().values().any(empty);
                if lists && Op::SERVICE.protocol == Protocol::Ec2 {
                    // EC2's parameters have no empty lists.
                    continue;
                }
                let form = query::request(Op::SERVICE, &OperationInfo::of::<Op>(), &request);
                let form = Form::parse(form.to_string().as_bytes()).unwrap();
                let input =
                    query::decode::<Op>(&form).unwrap_or_else(|error| panic!("{}: {error}", Op::NAME));
                assert_eq!(serde_json::to_value(input).unwrap(), request, "{}", Op::NAME);
            }
        }
    }
    visit_each(RoundTrip);
}

/// An element: its text, or what is inside.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    inside: Vec<Element>,
}

fn parsed(xml: &[u8]) -> Element {
    let mut reader = Reader::from_reader(xml);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(Element {
                name: start.name().as_ref().to_owned(),
                ..Default::default()
            }),
            Event::End(_) => {
                let element = open.pop().unwrap();
                open.last_mut().unwrap().inside.push(element);
            }
            Event::Text(text) => open.last_mut().unwrap().text += &text,
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("{other:?}"),
        }
    }
    open.remove(0).inside.remove(0)
}

/// The JSON value that an element stands for, read by the schema's names.
fn value_of(shape: &Shape, element: &Element) -> Value {
    match shape {
        Shape::Structure { members, .. } => {
            let mut object = Map::new();
            for member in *members {
                if let Some(inside) = element.inside.iter().find(|inside| inside.name == member.xml) {
                    object.insert(member.name.to_owned(), value_of(member.shape, inside));
                }
            }
            Value::Object(object)
        }
        Shape::List { member, item, .. } => {
            assert!(
                element.inside.iter().all(|inside| inside.name == *item),
                "{element:?}"
            );
            element
                .inside
                .iter()
                .map(|inside| value_of(member, inside))
                .collect()
        }
        Shape::Map { value, .. } => element
            .inside
            .iter()
            .map(|entry| (entry.inside[0].text.clone(), value_of(value, &entry.inside[1])))
            .collect(),
        Shape::String { .. } | Shape::Blob { .. } => json!(element.text),
        Shape::Timestamp => serde_json::to_value(Timestamp::parse_iso(&element.text).unwrap()).unwrap(),
        _ => element.text.parse().unwrap(),
    }
}

#[test]
fn answers_of_every_operation_survive_their_xml() {
    struct RoundTrip;
    impl OperationVisitor for RoundTrip {
        fn visit<Op: Operation>(&mut self) {
            for sample in [sample::full(Op::OUTPUT), sample::minimal(Op::OUTPUT)] {
                let output: Op::Output = serde_json::from_value(sample.clone()).unwrap();
                let root = parsed(&query::encode::<Op>(&output, "an-id"));
                assert_eq!(root.name, format!("{}Response", Op::NAME));
                let within = match Op::SERVICE.protocol {
                    Protocol::Ec2 => &root,
                    _ => &root.inside[0],
                };
                assert_eq!(value_of(Op::OUTPUT, within), sample, "{}", Op::NAME);
            }
        }
    }
    visit_each(RoundTrip);
}

#[test]
fn w08_malformed_parameters_of_every_operation_are_refused() {
    struct Malformed(usize);
    impl OperationVisitor for &mut Malformed {
        fn visit<Op: Operation>(&mut self) {
            let info = OperationInfo::of::<Op>();
            let cases = |valid| malformed::query_cases(Op::SERVICE, &info, &valid);
            let mut all = cases(sample::minimal(Op::INPUT));
            let known: BTreeSet<String> = all.iter().map(|(name, _)| name.clone()).collect();
            let full = cases(sample::full(Op::INPUT));
            all.extend(full.into_iter().filter(|(name, _)| !known.contains(name)));
            for (name, body) in all {
                self.0 += 1;
                let Ok(form) = Form::parse(&body) else { continue };
                let answer = query::decode::<Op>(&form);
                let without_limit = name.ends_with("huge string") || name.ends_with("huge list");
                assert!(answer.is_err() || without_limit, "{} accepts {name}", Op::NAME);
                if let Err(error) = answer {
                    assert!(error.to_string().len() < 4000, "{} {name}: {error}", Op::NAME);
                }
            }
        }
    }
    let mut malformed = Malformed(0);
    visit_each(&mut malformed);
    assert!(malformed.0 > 9_000, "{}", malformed.0);
}

proptest! {
    #[test]
    fn no_bytes_make_the_form_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Form::parse(&bytes);
    }

    #[test]
    fn no_parameters_make_the_decoder_panic(
        parameters in proptest::collection::vec(("(Actions|Conditions|RuleArn|member|entry|key|value|Type|1|2|00|Values|\\.){1,9}", "[a-z0-9]{0,3}"), 0..8)
    ) {
        let form: Form = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let _ = query::decode::<elbv2::ops::CreateRule>(&form);
        let _ = query::decode::<DescribeSubnets>(&form);
    }

    #[test]
    fn forms_survive_their_text(parameters in proptest::collection::vec((".{0,9}", ".{0,9}"), 0..9)) {
        let form: Form = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        prop_assert_eq!(Form::parse(form.to_string().as_bytes()).unwrap(), form);
    }
}
