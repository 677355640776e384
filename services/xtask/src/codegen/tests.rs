//! Generation from a small made-up service.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::layout::Layout;
use super::model::Model;
use super::output::Tree;
use super::render;
use super::services::ServiceSpec;

const SPEC: ServiceSpec = ServiceSpec {
    module: "toy",
    directory: "toy",
    api_version: "2026-01-01",
    operations: None,
    additions: &[],
    patterns: &[],
    values: &[],
};

/// A query service with a recursive shape, a shape that two operations share, and an operation without output.
fn toy() -> Value {
    json!({
        "metadata": {"apiVersion": "2026-01-01", "endpointPrefix": "toy", "protocol": "query", "serviceId": "Toy"},
        "operations": {
            "BuildToy": {"input": {"shape": "BuildToyInput"}, "output": {"shape": "Toy"}, "errors": [{"shape": "ToyBroken"}]},
            "BreakToy": {"input": {"shape": "BreakToyInput"}},
            "PaintToy": {"input": {"shape": "Paint"}, "output": {"shape": "Paint"}},
        },
        "shapes": {
            "BuildToyInput": {"type": "structure", "members": {"ToyARNs": {"shape": "Names"}, "Toy": {"shape": "Toy"}}},
            "BreakToyInput": {"type": "structure", "members": {"Toy": {"shape": "Toy"}}, "required": ["Toy"]},
            "Toy": {"type": "structure", "members": {"type": {"shape": "ToyType"}, "inside": {"shape": "Toy"},
                "parts": {"shape": "Toys"}, "weight": {"shape": "Weight"}, "made": {"shape": "Time"}, "labels": {"shape": "Labels"}}},
            "Paint": {"type": "structure", "members": {"Colours": {"shape": "Colours", "locationName": "colourSet"},
                "coats": {"shape": "Coats", "locationName": "coat", "queryName": "Layers"}}},
            "Colours": {"type": "list", "member": {"shape": "Colour", "locationName": "colour"}},
            "Coats": {"type": "list", "member": {"shape": "Colour"}},
            "Colour": {"type": "string", "enum": ["red"]},
            "Toys": {"type": "list", "member": {"shape": "Toy"}, "max": 9},
            "ToyType": {"type": "string", "enum": ["WOODEN_BLOCK", "json-file"]},
            "Names": {"type": "list", "member": {"shape": "Name"}},
            "Name": {"type": "string"},
            "Labels": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Name"}},
            "Weight": {"type": "double", "min": 0, "max": 99.5},
            "Time": {"type": "timestamp"},
            "ToyBroken": {"type": "structure", "members": {}, "exception": true,
                "error": {"code": "Toy.Broken", "httpStatusCode": 409}},
        },
    })
}

fn generate(model: Value) -> anyhow::Result<Tree> {
    let model = Model::parse(&model.to_string())?;
    let layout = Layout::of(&model)?;
    let mut tree = Tree::new("1.2.3");
    render::service(&SPEC, &model, &layout, &mut tree)?;
    Ok(tree)
}

fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
}

#[test]
fn shapes_stand_beside_the_one_operation_that_uses_them_or_in_their_group() {
    let tree = generate(toy()).unwrap();
    assert_has(
        tree.text("generated/toy/ops/build_toy.rs"),
        &["pub struct BuildToyInput {", "static NAMES: Shape"],
    );
    assert_has(
        tree.text("generated/toy/types/toy.rs"),
        &["pub struct Toy {", "pub enum ToyType {", "static TOYS: Shape"],
    );
    assert_has(tree.text("generated/toy/errors.rs"), &["pub struct ToyBroken {"]);
}

#[test]
fn members_get_their_types_and_only_needed_serde_attributes() {
    let tree = generate(toy()).unwrap();
    let optional = "skip_serializing_if = \"Option::is_none\"";
    assert_has(
        tree.text("generated/toy/types/toy.rs"),
        &[
            &format!("#[serde({optional})]\npub r#type: Option<ToyType>,"),
            &format!("#[serde({optional})]\npub inside: Option<Box<Toy>>,"),
            "pub parts: Option<Vec<Toy>>,",
            "pub weight: Option<f64>,",
            "pub made: Option<Timestamp>,",
            "pub labels: Option<BTreeMap<String, String>>,",
        ],
    );
    assert_has(
        tree.text("generated/toy/ops/build_toy.rs"),
        &[&format!(
            "#[serde(rename = \"ToyARNs\", {optional})]\npub toy_arns: Option<Vec<String>>,"
        )],
    );
    assert_has(
        tree.text("generated/toy/ops/break_toy.rs"),
        &[
            "#[serde(rename_all = \"PascalCase\")]\npub struct BreakToyInput {\n#[serde(default)]\npub toy: Toy,",
        ],
    );
}

#[test]
fn schemas_keep_limits_and_refer_to_each_other() {
    let tree = generate(toy()).unwrap();
    assert_has(
        tree.text("generated/toy/types/toy.rs"),
        &[
            "Member::optional(\"inside\", &TOY),",
            "TOYS: Shape = Shape::List { member: &TOY, min: None, max: Some(9), item: \"member\", flattened: false };",
            "WoodenBlock = \"WOODEN_BLOCK\",",
            "enumeration: ToyType::NAMES",
        ],
    );
    let weight = "WEIGHT: Shape = Shape::Double { min: Some(0.0), max: Some(99.5) };";
    assert_has(tree.text("generated/toy/types/weight.rs"), &[weight]);
    assert_has(
        tree.text("generated/toy/ops/break_toy.rs"),
        &["Member::required(\"Toy\", &TOY),"],
    );
}

#[test]
fn query_services_say_their_own_error_codes_and_protocol() {
    let tree = generate(toy()).unwrap();
    assert_has(
        tree.text("generated/toy/errors.rs"),
        &["ToyBroken = \"Toy.Broken\", 409;"],
    );
    assert_has(
        tree.text("generated/toy.rs"),
        &[
            "protocol: Protocol::Query",
            "target_prefix: None",
            "signing_name: \"toy\"",
        ],
    );
    assert_has(
        tree.text("generated/toy/ops/build_toy.rs"),
        &["&[\"Toy.Broken\"];", "type Output = Toy;"],
    );
    assert_has(
        tree.text("generated/toy/ops/break_toy.rs"),
        &["type Output = crate::operation::Nothing;"],
    );
}

#[test]
fn names_that_can_not_be_generated_are_refused() {
    let mut model = toy();
    model["shapes"]["ToyType"]["enum"] = json!(["a-b", "A_B"]);
    assert!(generate(model).is_err());
    let mut model = toy();
    model["metadata"]["protocol"] = json!("smoke-signals");
    assert!(generate(model).is_err());
}

#[test]
fn names_on_the_wire_are_those_of_the_protocol() {
    let mut model = toy();
    let query = generate(model.clone()).unwrap();
    let paint = "generated/toy/ops/paint_toy.rs";
    assert_has(
        query.text(paint),
        &[
            "Member::optional(\"Colours\", &COLOURS).on_wire(\"colourSet\", \"colourSet\"),",
            "item: \"colour\", flattened: false }",
            "const OUTPUT: &'static Shape = &PAINT;",
        ],
    );
    model["metadata"]["protocol"] = json!("ec2");
    let ec2 = generate(model).unwrap();
    assert_has(
        ec2.text(paint),
        &[
            "Member::optional(\"Colours\", &COLOURS).on_wire(\"ColourSet\", \"colourSet\"),",
            "Member::optional(\"coats\", &COATS).on_wire(\"Layers\", \"coat\"),",
        ],
    );
    assert_has(ec2.text(paint), &["item: \"item\", flattened: false }"]);
}

#[test]
fn only_selected_operations_and_what_they_reach_are_generated() {
    let mut model = Model::parse(&toy().to_string()).unwrap();
    model.select(&["PaintToy"]).unwrap();
    assert_eq!(model.operations.keys().collect::<Vec<_>>(), ["PaintToy"]);
    let shapes: Vec<_> = model.shapes.keys().map(String::as_str).collect();
    assert_eq!(shapes, ["Coats", "Colour", "Colours", "Paint", "ToyBroken"]);
    assert!(model.select(&["SellToy"]).is_err());
}

#[test]
fn a_value_is_added_to_an_enum_that_has_it_not() {
    let mut model = Model::parse(&toy().to_string()).unwrap();
    model.add_value("ToyType", "paper").unwrap();
    assert_eq!(
        model.shape("ToyType").unwrap().enumeration.last().unwrap(),
        "paper"
    );
    assert!(model.add_value("ToyType", "paper").is_err());
    assert!(model.add_value("Toy", "paper").is_err());
}
