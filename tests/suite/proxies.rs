//! Networks ranked without training, by the program with its trainer beside it.

use std::process::Command;

#[test]
fn subnets_networks_and_spaces_have_figures_that_their_seed_alone_decides() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
let space = hyperspace("pocket").space("012-210");
let small = define_network("plain", #{ resolution: 32, classes: 12, activation: "relu", build: |net, c| {
    net.conv("stem", 8, 3, 2).bn().act().global_pool("pool").linear("logits", c.classes)
} });
let how = #{ data: dataset("shapes", #{ train: 16, valid: 4, test: 4 }), batch: 8, seed: 3 };
let all = proxies([space.smallest, space.largest, small], how);
let alone = proxies(space.largest, how);
let row = all.row(1);
print(all.columns.reduce(|text, name| text + " " + name, ""));
print(all.row(0).synflow_log < row.synflow_log && all.row(0).naswot < row.naswot && all.row(2).name == "plain");
print(["synflow_log", "naswot", "grad_norm", "snip"].all(|figure| row[figure] == alone.row(0)[figure]));
print(proxies(space.largest, how + #{ seed: 4 }).row(0).naswot != row.naswot);
print(proxies(space, how + #{ draws: 3 }).height);
try { proxies(small, how + #{ batch: 1 }); } catch (fault) { print(fault.code); }
try { proxies(network("resnet18", #{ resolution: 32, classes: 7 }), how); } catch (fault) { print(fault.code); }
"#;
    std::fs::write(folder.path().join("script.rhai"), script).unwrap();
    let mut spaceevo = Command::new(env!("CARGO_BIN_EXE_spaceevo"));
    let out = spaceevo.current_dir(folder.path()).args(["run", "--lab", "lab", "script.rhai"]).output().unwrap();
    let (printed, said) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(out.status.success(), "{said}");
    let lines: Vec<&str> = printed.lines().map(str::trim).collect();
    let columns = "name synflow_log naswot grad_norm snip";
    assert_eq!(lines, [columns, "true", "true", "true", "3", "options::type", "train::job"]);
}
