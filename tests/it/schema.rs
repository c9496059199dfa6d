//! Compares our part of Vendure's schema (`src/vendure/schema.graphql`) with a real shop's: every type,
//! field, argument and input field that we use exists and is compatible.

use std::collections::BTreeMap;

use graphql_parser::schema::{
    Definition, Document, InputValue, Type, TypeDefinition, parse_schema,
};
use serde_json::{Value, json};

use crate::harness::World;

const OURS: &str = include_str!("../../src/vendure/schema.graphql");

const INTROSPECTION: &str = "{ __schema { types {
    kind name
    fields(includeDeprecated: true) { name type { ...ref } args { name type { ...ref } defaultValue } }
    inputFields { name type { ...ref } defaultValue }
    enumValues(includeDeprecated: true) { name }
    possibleTypes { name }
} } }
fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The shop's types, by name.
struct Theirs(BTreeMap<String, Value>);

#[derive(Default)]
struct Report(Vec<String>);

impl Report {
    fn add(&mut self, problem: String) {
        self.0.push(problem);
    }
}

#[tokio::test]
async fn our_part_of_the_schema_matches_the_shops() {
    let world = World::named("schema").build().await;
    let mut answer = world.shop.admin.run(INTROSPECTION, &json!({})).await;
    let types = answer["__schema"]["types"].take();
    let types = types.as_array().unwrap().iter();
    let theirs = Theirs(
        types
            .map(|t| (word(&t["name"]).to_owned(), t.clone()))
            .collect(),
    );
    let ours: Document<'_, String> = parse_schema(OURS).unwrap();
    let mut report = Report::default();
    for definition in &ours.definitions {
        if let Definition::TypeDefinition(ours) = definition {
            compare(ours, &theirs, &mut report);
        }
    }
    assert!(report.0.is_empty(), "{}", report.0.join("\n"));
    world.assert_settled().await;
}

fn compare(ours: &TypeDefinition<'_, String>, theirs: &Theirs, report: &mut Report) {
    match ours {
        // Shops extend enums: a new value must not make a response unreadable.
        TypeDefinition::Scalar(scalar) => {
            theirs.of_kind(&scalar.name, &["SCALAR", "ENUM"], report);
        }
        TypeDefinition::Enum(ours) => {
            let Some(there) = theirs.of_kind(&ours.name, &["ENUM"], report) else {
                return;
            };
            for value in &ours.values {
                if named(&there["enumValues"], &value.name).is_none() {
                    report.add(format!("{} has no value {}", ours.name, value.name));
                }
            }
        }
        TypeDefinition::Union(ours) => {
            let Some(there) = theirs.of_kind(&ours.name, &["UNION"], report) else {
                return;
            };
            for member in &ours.types {
                if named(&there["possibleTypes"], member).is_none() {
                    report.add(format!("{} has no member {member}", ours.name));
                }
            }
        }
        TypeDefinition::Object(ours) => {
            let Some(there) = theirs.of_kind(&ours.name, &["OBJECT"], report) else {
                return;
            };
            for field in &ours.fields {
                let place = format!("{}.{}", ours.name, field.name);
                let Some(real) = named(&there["fields"], &field.name) else {
                    report.add(format!("there is no {place}"));
                    continue;
                };
                // A field may guarantee more than we rely on, never less.
                if !output_fits(&real["type"], &field.field_type) {
                    report.add(format!(
                        "{place} is {}, not {}",
                        shown(&real["type"]),
                        field.field_type
                    ));
                }
                inputs(&place, &field.arguments, &real["args"], report);
            }
        }
        TypeDefinition::InputObject(ours) => {
            let Some(there) = theirs.of_kind(&ours.name, &["INPUT_OBJECT"], report) else {
                return;
            };
            inputs(&ours.name, &ours.fields, &there["inputFields"], report);
        }
        TypeDefinition::Interface(ours) => {
            report.add(format!(
                "{}: interfaces are not compared by this test",
                ours.name
            ));
        }
    }
}

/// Compares arguments or input fields: the shop accepts ours, and we pass all required ones.
fn inputs(place: &str, ours: &[InputValue<'_, String>], theirs: &Value, report: &mut Report) {
    for input in ours {
        match named(theirs, &input.name) {
            None => report.add(format!("{place} takes no {}", input.name)),
            Some(real) if !input_fits(&real["type"], &input.value_type) => report.add(format!(
                "{place}: {} is {}, not {}",
                input.name,
                shown(&real["type"]),
                input.value_type
            )),
            Some(_) => {}
        }
    }
    for real in theirs.as_array().unwrap() {
        let name = word(&real["name"]);
        let needed = real["type"]["kind"] == "NON_NULL" && real["defaultValue"].is_null();
        if needed && !ours.iter().any(|input| input.name == name) {
            report.add(format!("{place} needs {name}, which we never give"));
        }
    }
}

impl Theirs {
    fn of_kind(&self, name: &str, kinds: &[&str], report: &mut Report) -> Option<&Value> {
        let Some(found) = self.0.get(name) else {
            report.add(format!("there is no type {name}"));
            return None;
        };
        if !kinds.contains(&word(&found["kind"])) {
            report.add(format!("{name} is of the kind {}", found["kind"]));
            return None;
        }
        Some(found)
    }
}

/// Whether every value of their type is valid for ours: they may be non-null where we allow null, not
/// the reverse.
fn output_fits(theirs: &Value, ours: &Type<'_, String>) -> bool {
    match (word(&theirs["kind"]), ours) {
        ("NON_NULL", Type::NonNullType(ours)) => output_fits(&theirs["ofType"], ours),
        ("NON_NULL", ours) => output_fits(&theirs["ofType"], ours),
        ("LIST", Type::ListType(ours)) => output_fits(&theirs["ofType"], ours),
        (_, Type::NamedType(name)) => theirs["name"] == *name,
        _ => false,
    }
}

/// Whether their type accepts every value of ours: we may be non-null where they allow null.
fn input_fits(theirs: &Value, ours: &Type<'_, String>) -> bool {
    match (word(&theirs["kind"]), ours) {
        ("NON_NULL", Type::NonNullType(ours)) => input_fits(&theirs["ofType"], ours),
        ("NON_NULL", _) => false,
        (_, Type::NonNullType(ours)) => input_fits(theirs, ours),
        ("LIST", Type::ListType(ours)) => input_fits(&theirs["ofType"], ours),
        (_, Type::NamedType(name)) => theirs["name"] == *name,
        _ => false,
    }
}

fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| item["name"] == name)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// Their type in schema notation.
fn shown(theirs: &Value) -> String {
    match word(&theirs["kind"]) {
        "NON_NULL" => format!("{}!", shown(&theirs["ofType"])),
        "LIST" => format!("[{}]", shown(&theirs["ofType"])),
        _ => word(&theirs["name"]).to_owned(),
    }
}
