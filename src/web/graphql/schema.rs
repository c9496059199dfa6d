//! The schema and its limits.

use async_graphql::{EmptySubscription, Schema, SchemaBuilder};

use super::{mutation::Mutation, query::Query};

/// The standard introspection query is 13 deep.
const MAX_DEPTH: usize = 16;

const MAX_COMPLEXITY: usize = 4000;

type ApiSchema = Schema<Query, Mutation, EmptySubscription>;

fn schema() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription)
}

/// The schema in GraphQL's schema language.
pub fn sdl() -> String {
    schema().finish().sdl()
}

/// The schema with its limits. Cheap to clone.
#[derive(Clone)]
pub(in crate::web) struct Api(pub(super) ApiSchema);

impl Default for Api {
    fn default() -> Self {
        Self(
            schema()
                .limit_depth(MAX_DEPTH)
                .limit_complexity(MAX_COMPLEXITY)
                .limit_directives(8)
                .finish(),
        )
    }
}
