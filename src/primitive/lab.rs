//! What a script can say about its lab: `lab::list()`, `lab::show("name")`, `lab::bundle("artifact.zip", [...])`.

use std::path::Path;
use std::sync::Arc;

use rhai::plugin::*;
use rhai::{Array, Dynamic, Engine, Map};

use super::cross::{Answer, Cross};
use super::host::Host;
use super::lab_views::{compare_studies, everything_of, kind_of, listed, used, write_item};
use super::options::Options;
use super::values::words;
use crate::base::{Fault, Result};
use crate::device::ort::processor;
use crate::frame::Table;
use crate::lab::{Detail, Item, Lab, Prune};

fn lab_of(context: &NativeCallContext) -> Answer<Arc<Lab>> {
    Host::of(context)?.lab().cross()
}

#[export_module]
mod lab_functions {
    /// What the lab holds: studies, measurements (one row a device), what was trained, tables.
    ///
    /// Columns: `kind`, `name`, `bytes`, `when` (UTC), `tags`, `script` that made it, `label`: in words what it is.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab list example", table(#{ a: [1, 2] }));
    /// lab::list()["name"].contains("lab list example") //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn list(context: NativeCallContext) -> Answer<Table> {
        lab_of(&context)?.items().and_then(|items| listed(&items)).cross()
    }

    /// What the lab holds of one kind: "studies", "measurements", "trained" or "tables".
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab list example", table(#{ a: [1, 2] }));
    /// lab::list("tables")["kind"].contains("study") //> false
    /// lab::list("tabels") //> fails lab::kind
    /// ```
    #[rhai_fn(name = "list", return_raw)]
    pub fn list_of(context: NativeCallContext, kind: &str) -> Answer<Table> {
        let kind = kind_of(kind).cross()?;
        let mut items = lab_of(&context)?.items().cross()?;
        items.retain(|item| item.kind == kind);
        listed(&items).cross()
    }

    /// Everything that is known of one thing in the lab, as a map; where it comes from included.
    ///
    /// Keys: `kind`, `name`, `bytes`, `when`, `tags`, `label`; `script` (its name), `script_text`, `sha256`, `args`, `imports`, `files`, `seed`,
    /// `versions`, `inputs` (hashes), `device`. Of a study also `evaluations`, `best`, `direction`, `stopped`; of something trained `result`;
    /// of a table `rows`. Where two kinds share a name, say `"study/NAME"`. Fails with `lab::no_item`, `lab::ambiguous`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20, seed: 3, name: "lab show example" });
    /// lab::show("lab show example").seed        //> 3
    /// lab::show("lab show example").evaluations //> 20
    /// lab::show("lab show exmaple")             //> fails lab::no_item
    /// ```
    #[rhai_fn(return_raw)]
    pub fn show(context: NativeCallContext, name: &str) -> Answer<Map> {
        let lab = lab_of(&context)?;
        lab.item(name).and_then(|item| everything_of(&lab, &item)).cross()
    }

    /// Gives something in the lab a word to find it by.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab tag example", table(#{ a: [1] }));
    /// lab::tag("lab tag example", "paper");
    /// lab::show("lab tag example").tags //> ["paper"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn tag(context: NativeCallContext, name: &str, word: &str) -> Answer<()> {
        let lab = lab_of(&context)?;
        lab.item(name).and_then(|item| lab.tag(&item, word)).cross()
    }

    /// Takes a word away from something in the lab; whether it had it.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab untag example", table(#{ a: [1] }));
    /// lab::untag("lab untag example", "never given") //> false
    /// ```
    #[rhai_fn(return_raw)]
    pub fn untag(context: NativeCallContext, name: &str, word: &str) -> Answer<bool> {
        let lab = lab_of(&context)?;
        lab.item(name).and_then(|item| lab.untag(&item, word)).cross()
    }

    /// Two studies side by side: `summary`, `curve` and `differs`, a table each.
    ///
    /// `summary` has the figures of both; `curve` the best score after so many evaluations; `differs` what they depend on and do not share:
    /// script, seed, inputs, versions.
    ///
    /// # Example
    ///
    /// ```rhai
    /// let run = |seed| evolve(hyperspace("pocket"), #{ minimize: |space| space.largest.mflops, evaluations: 20, seed: seed, name: "lab compare " + seed });
    /// run.call(1);
    /// run.call(2);
    /// lab::compare("lab compare 1", "lab compare 2").differs["what"] //> ["seed"]
    /// ```
    #[rhai_fn(return_raw)]
    pub fn compare(context: NativeCallContext, first: &str, second: &str) -> Answer<Map> {
        compare_studies(&*lab_of(&context)?, first, second).cross()
    }

    /// Keeps a table in the lab under a name, in place of an earlier one.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab save example", table(#{ a: [1, 2] }));
    /// lab::load("lab save example").height //> 2
    /// ```
    #[rhai_fn(return_raw)]
    pub fn save(context: NativeCallContext, name: &str, table: Table) -> Answer<()> {
        save_table(&*lab_of(&context)?, name, &table).cross()
    }

    /// The table that `lab::save` kept under a name.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::load("never saved") //> fails lab::no_item
    /// ```
    #[rhai_fn(return_raw)]
    pub fn load(context: NativeCallContext, name: &str) -> Answer<Table> {
        let lab = lab_of(&context)?;
        match lab.load_table(name).cross()? {
            Some(bytes) => Table::of_parquet(name, bytes).cross(),
            None => {
                let kind = lab.item(name).cross()?.kind.word();
                let message = format!("`{name}` is no table but {kind}");
                Err(Fault::new("lab::kind", message, "`lab::list(\"tables\")` shows the tables")).cross()
            }
        }
    }

    /// Deletes something in the lab, with its tags.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab delete example", table(#{ a: [1] }));
    /// lab::delete("lab delete example");
    /// lab::show("lab delete example") //> fails lab::no_item
    /// ```
    #[rhai_fn(return_raw)]
    pub fn delete(context: NativeCallContext, name: &str) -> Answer<()> {
        let lab = lab_of(&context)?;
        lab.item(name).and_then(|item| lab.delete(&[item])).cross()
    }

    /// Writes something in the lab to a file.
    ///
    /// A table, a study's history or a device's latencies as `.parquet`, `.csv` or `.json`; the files of something trained as `.zip`.
    /// (`export` is a word of the language itself.)
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::write("never kept", "history.csv") //> fails lab::no_item
    /// ```
    #[rhai_fn(return_raw)]
    pub fn write(context: NativeCallContext, name: &str, path: &str) -> Answer<()> {
        let lab = lab_of(&context)?;
        lab.item(name).and_then(|item| write_item(&lab, &item, Path::new(path))).cross()
    }

    /// Deletes what fits every condition, and returns it as a table like that of `lab::list`.
    ///
    /// Something is as old as its last change; measurements go a device at a time.
    ///
    /// Options, of which one of the first three is needed: `older_than_days` (none): not changed for so long; `larger_than_mb` (none);
    /// `kind` (none): as for `lab::list`; `dry` (false): delete nothing, only say what would go.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::save("lab prune example", table(#{ a: [1] }));
    /// lab::prune(#{ kind: "tables", larger_than_mb: 1000, dry: true }).height //> 0
    /// lab::prune(#{ older_than_dasy: 3 }) //> fails options::unknown
    /// ```
    #[rhai_fn(return_raw)]
    pub fn prune(context: NativeCallContext, options: Map) -> Answer<Table> {
        let what = prune_of(options).cross()?;
        lab_of(&context)?.prune(&what).and_then(|items| listed(&items)).cross()
    }

    /// What the lab's folder takes on disk, by kind: columns `kind`, `count`, `bytes`.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::usage()["kind"].contains("lab.db") //> true
    /// ```
    #[rhai_fn(return_raw)]
    pub fn usage(context: NativeCallContext) -> Answer<Table> {
        used(&*lab_of(&context)?).cross()
    }

    /// Puts results into a zip file, with the scripts that made them.
    ///
    /// `spaceevo replay FILE` then runs the scripts again, in a lab of their own, and says which results agree.
    /// It holds `manifest.json`, each result, the script with its `ARGS`, what it imported and the data files it read (those given by a path
    /// relative to the folder it ran in), and the versions. Fails with `lab::no_script` for something that an earlier version kept.
    ///
    /// # Example
    ///
    /// ```rhai
    /// lab::bundle("artifact.zip", ["never kept"]) //> fails lab::no_item
    /// ```
    #[rhai_fn(return_raw)]
    pub fn bundle(context: NativeCallContext, path: &str, names: Array) -> Answer<()> {
        let lab = lab_of(&context)?;
        let items = items_of(&lab, &names).cross()?;
        lab.bundle(Path::new(path), &items, &processor()).cross()
    }
}

fn save_table(lab: &Lab, name: &str, table: &Table) -> Result<()> {
    let detail = Detail { label: format!("{} rows", table.height()), ..Detail::default() };
    lab.keep_table(name, table.height(), &table.to_parquet()?, &detail)
}

fn items_of(lab: &Lab, names: &Array) -> Result<Vec<Item>> {
    if names.is_empty() {
        return Err(Fault::new("lab::no_item", "a bundle of nothing", "name what `lab::list()` shows: [\"my study\"]"));
    }
    let named = |name: &Dynamic| {
        let text = name.clone().into_string().map_err(|_| {
            Fault::new("script::type", format!("`bundle` takes names, not {}", words(name)), "give an array of texts")
        })?;
        lab.item(&text)
    };
    names.iter().map(named).collect()
}

fn prune_of(given: Map) -> Result<Prune> {
    let options = Options::new("prune", given, &["older_than_days", "larger_than_mb", "kind", "dry"])?;
    let amount = |key: &str| match options.float(key)? {
        Some(amount) if amount.is_nan() || amount < 0.0 => Err(options.refuse(key, "it cannot be below 0", "0 takes all")),
        amount => Ok(amount),
    };
    let what = Prune {
        older_than_days: amount("older_than_days")?,
        larger_than_mb: amount("larger_than_mb")?,
        kind: options.text("kind")?.map(|word| kind_of(&word)).transpose()?,
        dry: options.flag("dry")?.unwrap_or(false),
    };
    if what.older_than_days.is_none() && what.larger_than_mb.is_none() && what.kind.is_none() {
        let help = "add `older_than_days: 30`, `larger_than_mb: 100` or `kind: \"studies\"`";
        return Err(Fault::new("options::missing", "prune without a condition would empty the lab", help));
    }
    Ok(what)
}

/// Declares the namespace `lab`.
pub(super) fn register(engine: &mut Engine) {
    engine.register_static_module("lab", exported_module!(lab_functions).into());
}
