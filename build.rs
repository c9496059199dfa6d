//! Registers the part of Vendure's Admin API schema that the client uses, so that its operations
//! are checked against it when they are compiled.

fn main() {
    println!("cargo:rerun-if-changed=src/vendure/schema.graphql");
    println!("cargo:rerun-if-changed=migrations");
    if let Err(error) = cynic_codegen::register_schema("vendure")
        .from_sdl_file("src/vendure/schema.graphql")
        .and_then(cynic_codegen::registration::SchemaRegistration::as_default)
    {
        println!("cargo::error=src/vendure/schema.graphql: {error}");
    }
}
