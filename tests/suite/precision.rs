//! Training in bfloat16, as scripts ask for it.

use std::path::Path;

use spaceevo::runtime::HostSettings;

use crate::bench;

/// The lines that `source` prints, with a lab in `folder`.
fn printed(folder: &Path, dry: bool, source: &str) -> Vec<String> {
    let (session, lines) =
        bench::session(HostSettings { lab: folder.join("lab"), workers: 1, threads: 1, dry, ..HostSettings::default() });
    if let Some(trouble) = &session.eval(source, "test").trouble {
        panic!("{}", trouble.text(false));
    }
    lines.take()
}

#[test]
fn a_stage_learns_in_bfloat16_as_well_as_in_float32() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        false,
        r#"let data = dataset("shapes", #{ train: 64, valid: 64, test: 8, seed: 1 });
let t = teacher("shapes_resnet", #{ data: data, steps: 5, batch: 16, lr: 0.05 });
let train = |given| {
    let how = #{ teacher: t, steps: 12, int8_steps: 12, int8_lr: 0.01, batch: 16, random: 0, seed: 3 };
    how += given;
    train_block(hyperspace("pocket"), "stage2", "fused_residual", how)
};
let plain = train.call(#{});
let mixed = train.call(#{ precision: "bfloat16" });
print(mixed.reused);
print(train.call(#{ precision: "float32" }).reused);
for phase in ["fp32", "int8"] {
    let losses = curve(mixed).filter(|row| row.phase == phase)["loss"];
    print(losses[0]);
    print(losses[losses.len() - 1]);
}
for quantized in [false, true] {
    for block in [plain, mixed] {
        print(stats::mean(block.sample(4, rng(1), #{ quantized: quantized })["loss"]));
    }
}"#,
    );
    assert_eq!(lines[..2], ["false", "true"], "float32 is the default, and bfloat16 another job");
    let [first, last, first8, last8, plain, mixed, plain8, mixed8] =
        <[f64; 8]>::try_from(lines[2..].iter().map(|line| line.parse().unwrap()).collect::<Vec<_>>()).unwrap();
    println!("{lines:?}");
    assert!(last < 0.8 * first && last8 < 0.95 * first8, "the loss does not fall: {lines:?}");
    assert!(mixed < 1.05 * plain && mixed8 < 1.05 * plain8, "it is worse than in float32: {lines:?}");
}

#[test]
fn whatever_trains_may_do_so_in_bfloat16() {
    let folder = tempfile::tempdir().unwrap();
    let lines = printed(
        folder.path(),
        true,
        r#"let how = #{ precision: "bfloat16" };
print(teacher("shapes_resnet", how).name);
let space = hyperspace("pocket").plain("fused_residual");
let net = train_supernet(space, how);
print(curve(net)["loss"] != curve(train_supernet(space, #{}))["loss"]);
print(curve(net.fine_tune(space.smallest, how))["loss"] != curve(net.fine_tune(space.smallest, #{}))["loss"]);
for word in ["float16", "bfloat"] {
    try { train_supernet(space, #{ precision: word }); } catch (e) { print(e.code + ": " + e.help); }
}"#,
    );
    assert_eq!(lines[..3], ["shapes_resnet", "true", "true"]);
    for line in &lines[3..] {
        assert!(line.starts_with("options::value: ") && line.contains("bfloat16"), "{line}");
    }
    assert_eq!(lines.len(), 5);
}
