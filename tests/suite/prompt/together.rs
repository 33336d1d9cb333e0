//! Two prompts that share a lab folder, and work at the same time.

use super::terminal::{Home, Key, stored};

/// Measures blocks of `from` to `to` times 8 channels, and searches and saves `studies`, then says so.
fn work(from: usize, to: usize, studies: &str) -> String {
    format!(
        "let clock = device(\"flops\"); \
         for w in {from}..{to} {{ measure(block(\"inverted_residual\", #{{ cin: 8 * w, cout: 8 * w, hw: 8 }}), clock); }} \
         for i in 0..10 {{ evolve(hyperspace(\"pocket\"), #{{ minimize: |space| space.largest.mflops, \
         strategy: aging_evolution(#{{ population: 4, sample: 2 }}), evaluations: 12, seed: i, name: `{studies}${{i}}` }}); }} \
         print(\"{studies} \" + \"done\")"
    )
}

#[test]
fn two_prompts_lose_and_double_nothing() {
    let (both, alone) = (Home::new(), Home::new());
    let (left, right) = (both.prompt(), both.prompt());
    // Blocks in common, blocks of one's own, and studies that both write.
    for (terminal, from, to, names) in [(&left, 1, 41, "left"), (&right, 21, 61, "right")] {
        let input = format!("{}; {}", work(from, to, names), work(from, to, "shared"));
        terminal.paste(&input);
        terminal.wait_for_typed(&input);
    }
    left.key(Key::Enter);
    right.key(Key::Enter);
    for (terminal, names) in [(&left, "left"), (&right, "right")] {
        terminal.wait_for(&format!("\n{names} done"));
        terminal.wait_for("\nshared done");
        terminal.wait_for_prompt();
        let shown = terminal.everything();
        assert!(!shown.contains("error[") && !shown.contains("locked") && !shown.contains("busy"), "{shown}");
    }
    let (keys, studies) = stored(&both.work().join(".spaceevo"));
    let mut once = keys.clone();
    once.dedup();
    assert_eq!(once, keys);
    let script = format!("{};\n{};\n{}", work(1, 61, "left"), work(1, 2, "right"), work(1, 2, "shared"));
    let out = alone.command(&["--quiet", "--eval", &script]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let (wanted_keys, wanted_studies) = stored(&alone.work().join(".spaceevo"));
    assert_eq!(keys, wanted_keys);
    assert_eq!(studies, wanted_studies);
}
