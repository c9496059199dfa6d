//! The imports between the files of `src`, from the syntax tree: which file uses a name that another
//! file defines. Re-exports are followed to the defining file; `mod` declarations and re-exports
//! do not count as uses. Code under `#[cfg(test)]` and inside macro calls is ignored.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, UseTree,
    visit::{self, Visit},
};

/// A module's path from the crate root, without `crate`.
type Module = Vec<String>;

/// File → the files whose names it uses. Paths are relative to `src`.
pub type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// A name of a `use` declaration, and its path.
struct Alias {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

struct File {
    path: PathBuf,
    syntax: syn::File,
    aliases: Vec<Alias>,
    defined: BTreeSet<String>,
}

/// The crate's modules, by path.
struct Crate(BTreeMap<Module, File>);

/// Reads the imports between `sources`: pairs of a path relative to `src` and the code.
pub fn imports_of(sources: impl IntoIterator<Item = (PathBuf, String)>) -> Imports {
    let mut modules = BTreeMap::new();
    for (path, code) in sources {
        let syntax = syn::parse_file(&code).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let module = module_of(&path);
        let (aliases, defined) = names_of(&syntax);
        let file = File {
            path,
            syntax,
            aliases,
            defined,
        };
        modules.insert(module, file);
    }
    let modules = Crate(modules);
    let mut imports = Imports::new();
    for (module, file) in &modules.0 {
        let mut uses = Uses::default();
        uses.visit_file(&file.syntax);
        let targets = uses.paths.iter().filter_map(|path| {
            let target = modules.definition(module, path, 0)?;
            (target != &file.path).then(|| target.clone())
        });
        imports.insert(file.path.clone(), targets.collect());
    }
    imports
}

/// Reads the program's sources, without those that `skip` matches.
pub fn read_sources(src: &Path, skip: impl Fn(&Path) -> bool) -> Vec<(PathBuf, String)> {
    let files = super::files(src).into_iter().filter(|path| !skip(path));
    let read = |path: PathBuf| {
        let code = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(src).unwrap().to_owned(), code)
    };
    files.map(read).collect()
}

/// The groups of files with circular imports.
pub fn circles(imports: &Imports) -> Vec<BTreeSet<PathBuf>> {
    let reaches = |from: &PathBuf| {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for next in imports.get(file).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = imports.keys().map(|file| (file, reaches(file))).collect();
    let mut found: Vec<BTreeSet<PathBuf>> = Vec::new();
    for (file, others) in &reached {
        if others.contains(*file) && !found.iter().any(|circle| circle.contains(*file)) {
            let circle = others
                .iter()
                .filter(|other| reached.get(other).is_some_and(|back| back.contains(*file)));
            found.push(circle.cloned().collect());
        }
    }
    found
}

fn module_of(path: &Path) -> Module {
    let mut module: Module = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|name| name == "test")
    })
}

/// The aliases that a file's top-level `use` declarations create, and the names that it defines.
fn names_of(file: &syn::File) -> (Vec<Alias>, BTreeSet<String>) {
    let mut aliases = Vec::new();
    let mut defined = BTreeSet::new();
    for item in &file.items {
        let name = match item {
            Item::Use(item) if !is_test(&item.attrs) => {
                let is_public = !matches!(item.vis, syn::Visibility::Inherited);
                flatten(&item.tree, &mut Vec::new(), is_public, &mut aliases);
                continue;
            }
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Macro(syn::ItemMacro {
                ident: Some(name), ..
            }) => name,
            _ => continue,
        };
        defined.insert(name.to_string());
    }
    (aliases, defined)
}

fn flatten(tree: &UseTree, path: &mut Vec<String>, is_public: bool, into: &mut Vec<Alias>) {
    let mut add = |name: String, path: Vec<String>| {
        into.push(Alias {
            name,
            path,
            is_public,
        });
    };
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            flatten(&tree.tree, path, is_public, into);
            path.pop();
        }
        UseTree::Name(tree) if tree.ident == "self" => {
            add(path.last().cloned().unwrap_or_default(), path.clone());
        }
        UseTree::Name(tree) => {
            let name = tree.ident.to_string();
            add(name.clone(), [path.as_slice(), &[name]].concat());
        }
        UseTree::Rename(tree) => {
            let target = tree.ident.to_string();
            add(
                tree.rename.to_string(),
                [path.as_slice(), &[target]].concat(),
            );
        }
        UseTree::Glob(_) => add("*".into(), path.clone()),
        UseTree::Group(tree) => {
            for item in &tree.items {
                flatten(item, path, is_public, into);
            }
        }
    }
}

/// Every path used in a file: private imports, and paths in types and expressions.
#[derive(Default)]
struct Uses {
    paths: BTreeSet<Vec<String>>,
}

impl<'a> Visit<'a> for Uses {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if matches!(item.vis, syn::Visibility::Inherited) {
            let mut aliases = Vec::new();
            flatten(&item.tree, &mut Vec::new(), false, &mut aliases);
            self.paths
                .extend(aliases.into_iter().map(|alias| alias.path));
        }
    }

    /// `pub(super)` and `pub(in …)` name a module without using it.
    fn visit_vis_restricted(&mut self, _: &'a syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        let names = path.segments.iter().map(|part| part.ident.to_string());
        self.paths.insert(names.collect());
        visit::visit_path(self, path);
    }
}

impl Crate {
    /// The file that defines `path` as seen from `module`; `None` if it is not in this crate.
    fn definition(&self, module: &Module, path: &[String], depth: usize) -> Option<&PathBuf> {
        if depth > 20 {
            return None;
        }
        let file = self.0.get(module)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return self.lookup(&Vec::new(), rest, depth + 1),
            "self" => return self.lookup(module, rest, depth + 1),
            "super" => {
                let (_, parent) = module.split_last()?;
                let parent = parent.to_vec();
                return if rest.first().is_some_and(|next| next == "super") {
                    self.definition(&parent, rest, depth + 1)
                } else {
                    self.lookup(&parent, rest, depth + 1)
                };
            }
            _ => {}
        }
        // A name imported or defined in this file.
        let alias = file.aliases.iter().find(|alias| &alias.name == first);
        if let Some(alias) = alias {
            if alias.path.first() == Some(first) && alias.path.len() == 1 {
                return None;
            }
            let whole = [alias.path.as_slice(), rest].concat();
            return self.definition(module, &whole, depth + 1);
        }
        let is_ours = file.defined.contains(first) || self.0.contains_key(&child(module, first));
        is_ours.then(|| self.lookup(module, path, depth + 1))?
    }

    /// The file that defines a path inside `module`.
    fn lookup(&self, module: &Module, path: &[String], depth: usize) -> Option<&PathBuf> {
        if depth > 20 {
            return None;
        }
        let file = self.0.get(module)?;
        let Some((first, rest)) = path.split_first() else {
            return Some(&file.path);
        };
        if self.0.contains_key(&child(module, first)) {
            return self.lookup(&child(module, first), rest, depth + 1);
        }
        if file.defined.contains(first) {
            return Some(&file.path);
        }
        for alias in &file.aliases {
            if &alias.name == first {
                let whole = [alias.path.as_slice(), rest].concat();
                return self.definition(module, &whole, depth + 1);
            }
        }
        file.aliases
            .iter()
            .filter(|alias| alias.name == "*" && alias.is_public)
            .find_map(|alias| {
                let whole = [alias.path.as_slice(), path].concat();
                self.definition(module, &whole, depth + 1)
            })
    }
}

fn child(module: &Module, name: &str) -> Module {
    let mut child = module.clone();
    child.push(name.to_owned());
    child
}
