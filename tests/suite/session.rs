//! A session: what stays between inputs, script libraries, closures across files, completion, interruption.

use std::sync::Arc;

use spaceevo::runtime::{Readiness, Session, Settings};

use crate::bench::Lines;

fn session() -> Session {
    with_library(&[])
}

/// A session whose script library holds `files` besides the embedded ones. The folder outlives it.
fn with_library(files: &[(&str, &str)]) -> Session {
    let folder = tempfile::tempdir().unwrap().keep();
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Session::new(Settings { stdlib: Some(folder), ..Settings::default() }, Arc::new(Lines::default())).unwrap()
}

fn value(session: &Session, source: &str) -> String {
    let outcome = session.eval(source, "test");
    match (outcome.value, outcome.trouble) {
        (_, Some(trouble)) => trouble.text(false),
        (value, None) => value.map(|bundle| bundle.text().to_owned()).unwrap_or_default(),
    }
}

#[test]
fn variables_functions_and_imports_stay() {
    let session = with_library(&[("tools/double.rhai", "fn twice(x) { once(x) + once(x) } private fn once(x) { x }")]);
    assert_eq!(value(&session, "let x = 20; fn f(a) { a + 1 }"), "");
    assert_eq!(value(&session, "import \"tools/double\" as d;"), "");
    assert_eq!(value(&session, "f(x) + d::twice(1)"), "23");
    assert_eq!(value(&session, "fn f(a) { a + 2 } f(x)"), "22");
    assert!(value(&session, "let kept = 5; nonsense(1)").contains("script::unknown_function"));
    assert_eq!(value(&session, "kept"), "5");
    assert_eq!(value(&session, "let g = |a| a + x; g.call(2)"), "22");
    assert_eq!(value(&session, "g.call(3)"), "23");
}

#[test]
fn a_fault_points_into_the_input_that_defined_the_function() {
    let session = session();
    session.eval("// a comment\nfn broken(x) {\n    undefined_thing\n}", "[1]");
    let trouble = session.eval("1 + broken(2)", "[2]").trouble.unwrap();
    insta::assert_snapshot!(trouble.text(false), @"
    error[script::unknown_variable]: there is no variable `undefined_thing`
     --> [1]:3:5
    3 |     undefined_thing
      |     ^^^^^^^^^^^^^^^
      in `broken`, called at [2]:1:5
      help: set it first: `let undefined_thing = ...`
    ");
}

#[test]
fn closures_of_library_functions_keep_their_file() {
    let strategy = "/// A strategy.\nfn counting(step) { #{ tell: || this.count += bump(step), ask: |n| bump(n) } }\n\
                    private fn bump(x) { x + 1 }\n";
    let other = "fn other() { |x| bump(x) }\nprivate fn bump(x) { x + 100 }\n";
    let session = with_library(&[("strategies/counting.rhai", strategy), ("studies/other.rhai", other)]);
    // `for_each` binds `this` and `map` does not: both call the closure from native code.
    let source = "let s = counting(4); let states = [#{ count: 1 }]; states.for_each(s.tell);\n\
                  [states[0].count, [1, 2].map(s.ask), [1].map(other())]";
    assert_eq!(value(&session, source), "[6, [2, 3], [101]]");
    // Another input later, after the evaluation that made the closure has ended.
    assert_eq!(value(&session, "states.for_each(s.tell); states[0].count"), "11");
}

#[test]
fn a_fault_inside_the_library_names_its_file_and_the_caller() {
    let session = with_library(&[("studies/fails.rhai", "fn fails() {\n    deeper([1])\n}\nprivate fn deeper(x) { x.foo }\n")]);
    let trouble = session.eval("fails()", "mine.rhai").trouble.unwrap();
    assert!(trouble.at.as_ref().unwrap().source.ends_with("studies/fails.rhai"), "{trouble}");
    assert_eq!(trouble.at.as_ref().unwrap().line, 4);
    assert_eq!(trouble.steps.len(), 2, "{trouble}");
    assert_eq!(trouble.steps[1].place.to_string(), "mine.rhai:1:1");
}

#[test]
fn a_script_that_imports_itself_is_refused() {
    let session = with_library(&[("a/x.rhai", "import \"a/y\" as y;"), ("a/y.rhai", "import \"a/x\" as x;")]);
    let text = value(&session, "import \"a/x\" as x;");
    assert!(text.contains("error[script::import_cycle]"), "{text}");
}

#[test]
fn a_broken_library_script_is_reported_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("studies")).unwrap();
    std::fs::write(folder.path().join("studies/bad.rhai"), "fn f() {\n  let = 3\n}").unwrap();
    let settings = Settings { stdlib: Some(folder.path().into()), ..Settings::default() };
    let trouble = Session::new(settings, Arc::new(Lines::default())).unwrap_err();
    assert_eq!(trouble.fault.code, "script::syntax");
    assert!(trouble.to_string().contains("studies/bad.rhai:2:7"), "{trouble}");
}

#[test]
fn an_interrupt_ends_a_loop_and_the_session_goes_on() {
    let session = Arc::new(session());
    let other = session.clone();
    let stopper = std::thread::spawn(move || {
        while other.history().is_empty() {
            std::thread::yield_now();
        }
        other.interrupt();
    });
    let trouble = session.eval("try { loop {} } catch {} 1", "test").trouble.unwrap();
    stopper.join().unwrap();
    assert_eq!(trouble.fault.code, "session::interrupted");
    assert_eq!(value(&session, "1 + 1"), "2");
}

#[test]
fn completion_knows_variables_members_and_functions() {
    let session = session();
    session.eval("let alphabet = #{ beta: 1 }; fn alpine(x) { x }", "test");
    let texts = |source: &str| -> Vec<String> {
        session.complete(source, source.len()).candidates.into_iter().map(|candidate| candidate.text).collect()
    };
    let found = texts("1 + alp");
    assert!(found.contains(&"alphabet".into()) && found.contains(&"alpine".into()), "{found:?}");
    let members = texts("alphabet.");
    assert!(members.contains(&"beta".into()) && members.contains(&"keys".into()), "{members:?}");
    assert!(!members.contains(&"to_upper".into()), "{members:?}");
    assert_eq!(session.complete("let x = alp", 11).start, 8);
    assert!(session.inspect("help").unwrap().text().contains("Lists what the lab can do"));
    assert_eq!(session.is_complete("1 +"), Readiness::Incomplete { indent: String::new() });
}
